"""The source of a program, put together from its parts, and the functions that it defines."""

from __future__ import annotations

import builtins
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_core.compiler.literals import array_text
from autograd_core.compiler.printing import plain_source

if TYPE_CHECKING:
    from autograd_core.compiler.array_program import ArrayProgram
    from autograd_core.compiler.float_program import FloatProgram


@dataclass
class Body:
    """What a function does, printed."""

    forward: list[str]
    backward: list[str]
    value: str
    gradient: str
    helpers: Mapping[str, str]
    """The source of the functions that it calls, by name, those that others call first."""
    modules: set[str]
    """The modules and numbers that it refers to."""
    table: list[tuple[str, str, str]]
    """Name, shape and origin of the arguments and of what is worked out."""
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Source:
    """A program as source, on arrays or on floats."""

    arguments: list[str]
    generators: dict[str, Any]
    program: ArrayProgram | FloatProgram

    def __post_init__(self) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Compiled functions cannot be pickled, and are soon compiled again.
        return {**self.__dict__, "_functions": {}}

    def function(self, name: str) -> Callable[..., Any]:
        """The function `value` or `value_and_grad`, compiled when it is first asked for."""
        if name not in self._functions:
            body = self.program.body(name)
            namespace: dict[str, Any] = {**body.constants, **self.generators}
            # One by one, for what CPython needs to compile is given back after each.
            for source in (_imports(body.modules), *body.helpers.values(), self._definition(name, body)):
                exec(builtins.compile(source, f"<compiled {name}>", "exec"), namespace)
            self._functions[name] = namespace[name]
        return self._functions[name]

    def operations(self) -> int:
        """How many operations, of arrays; of floats, how many lines."""
        return self.program.operations()

    def _definition(self, name: str, body: Body) -> str:
        """The function as source."""
        lines = [f"def {name}({', '.join(self.arguments)}):", textwrap.indent(self._docstring(name, body), "    ")]
        lines += [f"    {line}" for line in body.forward]
        if name == "value":
            lines.append(f"    return {body.value}")
        else:
            lines += ["    # backward"] * bool(body.backward) + [f"    {line}" for line in body.backward]
            lines.append(f"    return {body.value}, {body.gradient}")
        return "\n".join([self.program.decorator] * bool(self.program.decorator) + lines)

    def text(self, name: str) -> str:
        """A module that defines the function."""
        body = self.program.body(name)
        modules, helpers = set(body.modules), dict(body.helpers)
        lines = [f"{generator} = np.random.default_rng()" for generator in self.generators]
        for constant, array in body.constants.items():
            text, helper = array_text(array)
            lines.append(f"{constant} = {text}")
            if helper:
                helpers[helper.__name__] = plain_source(helper)
            modules |= {"nan"} if np.isnan(array).any() else set()
            modules |= {"inf"} if np.isinf(array).any() else set()
        modules |= {"np"} if self.generators else set()
        parts = [_imports(modules), *helpers.values(), "\n".join(lines), self._definition(name, body)]
        return "\n\n\n".join(part for part in parts if part) + "\n"

    def _docstring(self, name: str, body: Body) -> str:
        given, mean = self.program.given, self.program.is_mean
        wrt = " and ".join("the parameters" if source == 0 else given.names[source] for source in given.wrt)
        title = f"{given.value}, and its gradient with respect to {wrt}" if name == "value_and_grad" else given.value
        if name == "value_and_grad" and mean and given.per_sample:
            title = f"{given.value}, a mean over the batch, and the gradient of each sample with respect to {wrt}."
        else:
            title += ": means over the batch." if mean else "."
        widths = [max(len(row[k]) for row in body.table) for k in (0, 1)]
        rows = [f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in body.table]
        return "\n".join([f'"""{title}', "", *rows, '"""'])


def _imports(modules: set[str]) -> str:
    """The import statements for modules and numbers."""
    needed = [number for number in ("inf", "nan") if number in modules]
    imports = ["import math"] * ("math" in modules) + [f"from math import {', '.join(needed)}"] * bool(needed)
    packages = {"jax": "import jax", "jnp": "import jax.numpy as jnp", "np": "import numpy as np"}
    others = [statement for name, statement in packages.items() if name in modules]
    return "\n".join(imports + [""] * bool(imports and others) + others)
