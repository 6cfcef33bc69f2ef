"""The base of everything with parameters: finding them by path, naming them, saving and restoring them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from autograd_core import Value
from autograd_core.floats import as_float, is_array
from autograd_core.modes import switch, thread


class Module:
    """A part of a network: subclass it, set its parameters and parts as attributes, write `forward`.

    Parameters are the leaf Values, and parts the Modules, found in attributes, also in lists, tuples, dicts and
    object arrays; an attribute whose name starts with an underscore is left out. Each parameter is labelled with its
    path (``layers.0.neurons.3.w.1``) when it is assigned, or found by `parameters`; calls of a part are recorded in
    its scope, so that drawings cluster by it.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def forward(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(3.0)
    Value(7.0, grad=0.0)
    >>> line.state_dict()
    {'slope': 2.0, 'offset': 1.0}
    """

    training: bool = True
    """Whether the module is being trained; Dropout looks at it. Set by `train` and `eval`."""
    _path: str = ""
    """The path from the outermost module, which labels parameters."""
    _scope: str = ""
    """The path from the module around this one, which scopes calls."""

    forward: Callable[..., Any]
    """What the module computes, to be written by each kind; call the module itself, which records the scope too."""

    def __call__(self, *inputs: Any) -> Any:
        """Compute the output for one sample."""
        # What named_scope does, without the cost of a with-block: a network makes thousands of these calls.
        before = thread.mode
        switch(before.within(self._scope, type(self).__name__))
        try:
            return self.forward(*inputs)
        finally:
            switch(before)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if not name.startswith("_") and next(_members(value, name), None):
            self.parameters()  # names what is new

    def _own_members(self) -> Iterator[tuple[str, Value | Module]]:
        for name, value in vars(self).items():
            if not name.startswith("_"):
                yield from _members(value, name)

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """This module by the path '', and every part by its path, each once.

        On the way each part gets its scope, and each parameter its label and scope.
        """
        seen: set[Module] = set()
        pending: list[tuple[str, str, Module]] = [("", "", self)]
        while pending:
            path, name, module = pending.pop()
            if module in seen:
                continue
            seen.add(module)
            if path:
                module._scope, module._path = name, _joined(self._path, path)
            parts = [(name, member) for name, member in module._own_members() if isinstance(member, Module)]
            pending += [(_joined(path, name), name, part) for name, part in reversed(parts)]
            yield path, module

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Every parameter by its path, in order of definition; one that is shared comes once.

        Raises ValueError for two parameters with the same path.
        """
        seen: set[Value] = set()
        paths: set[str] = set()
        for path, module in self.named_modules():
            for name, member in module._own_members():
                if isinstance(member, Value) and member.op is None and member not in seen:
                    seen.add(member)
                    member.label, member.scope = _joined(module._path, name), module._path
                    full = _joined(path, name)
                    if full in paths:
                        raise ValueError(
                            f"two parameters have the path {full!r}, as from the keys 0 and '0' of a dict; rename one"
                        )
                    paths.add(full)
                    yield full, member

    def parameters(self) -> list[Value]:
        """The parameters, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0.0."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def train(self, mode: bool = True) -> Self:
        """Put the module and its parts into training mode, in which Dropout drops; returns the module."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Put the module and its parts into evaluation mode; returns the module."""
        return self.train(False)

    def state_dict(self) -> dict[str, float]:
        """The number of every parameter by its path."""
        return {name: float(parameter.data) for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set every parameter from a `state_dict`.

        Raises ValueError, and changes nothing, unless the paths are exactly those of this module.
        """
        parameters = dict(self.named_parameters())
        problems = [
            f"{what} {_listed(names)}"
            for what, names in (
                ("lacks", [name for name in parameters if name not in state]),
                ("has besides", [name for name in state if name not in parameters]),
            )
            if names
        ]
        if problems:
            raise ValueError(f"the state does not fit the {type(self).__name__}: it {' and '.join(problems)}")
        numbers = {name: as_float(number, name) for name, number in state.items()}
        for name, parameter in parameters.items():
            parameter.data = numbers[name]

    def __repr__(self) -> str:
        parts = [(name, part) for name, part in self._own_members() if isinstance(part, Module)]
        lines = [f"  {name}: {part!r}".replace("\n", "\n  ") for name, part in parts if part is not self]
        return "\n".join([f"{type(self).__name__}({parameter_count(self)}", *lines]) + ("\n)" if lines else ")")


def parameter_count(module: Module) -> str:
    """How many parameters a module has, in words: ``337 parameters``."""
    count = len(module.parameters())
    return f"{count:,} parameter{'' if count == 1 else 's'}"


def _members(value: Any, path: str) -> Iterator[tuple[str, Value | Module]]:
    """The Values and Modules in an attribute, with their paths."""
    if isinstance(value, (Value, Module)):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _members(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)) or (is_array(value) and value.dtype == object and value.ndim):
        for index, item in enumerate(value):
            yield from _members(item, f"{path}.{index}")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def generators(model: Module) -> list[np.random.Generator]:
    """The generators that a model and its parts have as attributes, each once: what a Dropout draws from."""
    members = [value for _, module in model.named_modules() for value in vars(module).values()]
    return list(dict.fromkeys(value for value in members if isinstance(value, np.random.Generator)))


def options(module: Module) -> dict[str, Any]:
    """The public attributes of a module that hold no parameters or parts, such as widths, an activation or a rate."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and name != "training" and not any(_members(value, name))
    }
