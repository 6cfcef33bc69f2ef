"""What a program can be asked: gradients with respect to anything, Jacobians, and Hessians times vectors.

Each question is a graph and a `Signature`, for which a `Choice` finds what runs it: a backend knows no question, only
which gradients its signature asks for. The graph of another question than the value and its gradient is recorded when
it is first asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_core.compiler.choice import Backend, Choice
from autograd_core.compiler.derivatives import directional, weighted
from autograd_core.compiler.lowering import Lowered, lower
from autograd_core.compiler.names import Names
from autograd_core.compiler.signature import Signature
from autograd_core.graph import collector_paused
from autograd_core.value import Value

if TYPE_CHECKING:
    from autograd_core.compiler.program import Program


class Questions:
    """A recorded graph, and a choice of runners for each question that was asked of it."""

    def __init__(self, lowered: Lowered, given: Signature, outputs: Sequence[Value], backend: Backend) -> None:
        self.lowered, self.given, self.outputs = lowered, given, outputs
        self.backend: Backend = backend
        self.leaves = {lowered.order[node]: place for node, place in lowered.leaves.items() if place[0] < self.sources}
        self.constants = {
            node: node.data
            for node in lowered.order
            if node.op is None and not node.is_constant and node not in self.leaves
        }
        """Leaves that the program does not take, and what they were when it was compiled."""
        self._choices = {("value_and_grad", "parameters"): Choice(lowered, given, backend)}

    @property
    def sources(self) -> int:
        """How many sources are given: the parameters and the inputs."""
        return len(self.given.names)

    def choice(self, of: str = "value_and_grad", wrt: str = "parameters") -> Choice:
        """What runs a question; raises ValueError for what is none, or a `wrt` that names no input."""
        asked = of, wrt
        if asked not in self._choices:
            if of not in _GRAPHS:
                raise ValueError(f"a program has value_and_grad, jacobian and hvp, no {of!r}")
            with collector_paused():
                self._choices[asked] = _GRAPHS[of](self, self._wrt(wrt))
        return self._choices[asked]

    def jacobian(self, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None, wrt: str) -> list[Any]:
        """The Jacobians with respect to each source that `wrt` names."""
        choice, count = self.choice("jacobian", wrt), len(self.outputs)
        if self.given.single:
            return [*choice.runner(batch).value_and_grad(parameters, inputs, batch)[1:]]
        if self.lowered.masks:
            return self._row_by_row(choice, parameters, inputs, batch)
        rows = [
            np.repeat(array, count, axis=0) if array.ndim > len(shape) else array
            for array, shape in zip(inputs, self.given.shapes[1:], strict=True)
        ]
        weights, length = np.tile(np.eye(count), (batch or 1, 1)), count * (batch or 1)
        gradients = choice.runner(length).value_and_grad(parameters, [*rows, weights], length)[1:]
        axes = (count,) if batch is None else (batch, count)
        return [gradient.reshape((*axes, *gradient.shape[1:])) for gradient in gradients]

    def _row_by_row(
        self, choice: Choice, parameters: np.ndarray, inputs: list[np.ndarray], batch: int | None
    ) -> list[Any]:
        """The Jacobians, an output at a time, for each is to see the same random masks."""
        generators = [generator.bit_generator for generator, _ in self.lowered.masks]
        states, results = [generator.state for generator in generators], []
        for weights in np.eye(len(self.outputs)):
            for generator, state in zip(generators, states, strict=True):
                generator.state = state
            results.append(choice.runner(batch).value_and_grad(parameters, [*inputs, weights], batch)[1:])
        return [np.stack(column, axis=int(batch is not None)) for column in zip(*results, strict=True)]

    def _wrt(self, wrt: str) -> tuple[int, ...]:
        """The sources that `wrt` names."""
        names = self.given.names
        if wrt == "inputs" and len(names) > 1:
            return tuple(range(1, len(names)))
        if wrt not in names:
            inputs = f", 'inputs' or one of {', '.join(map(repr, names[1:]))}" if names[1:] else "; there are no inputs"
            raise ValueError(f"wrt is 'parameters'{inputs}, not {wrt!r}")
        return (names.index(wrt),)

    def _gradient(self, wrt: tuple[int, ...]) -> Choice:
        return Choice(self.lowered, self.given._replace(wrt=wrt), self.backend)

    def _jacobian(self, wrt: tuple[int, ...]) -> Choice:
        """The gradients of each sample, of its one output or of a sum of its outputs with weights."""
        given = self.given
        batched = tuple(one or source in wrt for source, one in enumerate(given.batched))
        given = given._replace(wrt=wrt, batched=batched)
        if self.given.single:
            return Choice(self.lowered, given, self.backend)
        given = given._replace(single=True, value="The sum of the outputs, each times its weight")
        weights = [Value(0.0) for _ in self.outputs]
        return self._recorded(weighted(self.outputs, weights), given, weights, "weights", (len(weights),), True)

    def _hvp(self, wrt: tuple[int, ...]) -> Choice:
        """The gradient of the derivative in a direction, in which each leaf of one source has an element."""
        if len(wrt) != 1:
            raise ValueError(f"a Hessian is with respect to one input: wrt is one of {self.given.names}")
        source = wrt[0]
        leaves = {leaf: position for leaf, (of, position) in self.leaves.items() if of == source}
        shape, given = self.given.shapes[source], self.given._replace(wrt=wrt, value=_ALONG)
        vector = [Value(0.0) for _ in range(int(np.prod(shape)))]
        output = directional(self.outputs[0], {leaf: vector[position] for leaf, position in leaves.items()})
        return self._recorded(output, given, vector, "vector", shape, given.batched[source])

    def _recorded(
        self, output: Value, given: Signature, leaves: list[Value], name: str, shape: tuple[int, ...], batched: bool
    ) -> Choice:
        """A graph that takes one source more, which comes last."""
        for node, data in self.constants.items():
            if node.data != data and (node.data == node.data or data == data):
                raise ValueError(
                    f"a constant of the program, {node.label or 'a leaf'}, was {data:g} when it was compiled and is "
                    f"{node.data:g} now; compile again, or name it among the inputs or parameters"
                )
        places = self.leaves | {leaf: (self.sources, position) for position, leaf in enumerate(leaves)}
        names = [*given.names, Names(given.names).fresh(name)]
        given = given._replace(names=names, shapes=[*given.shapes, shape], batched=(*given.batched, batched))
        return Choice(lower([output], places, len(names)), given, self.backend)


_ALONG = "The derivative of the value in the direction of the vector"

_GRAPHS: dict[str, Callable[[Questions, tuple[int, ...]], Choice]] = {
    "value_and_grad": Questions._gradient,
    "jacobian": Questions._jacobian,
    "hvp": Questions._hvp,
}


def one_or_all(results: Sequence[Any]) -> Any:
    """The result if there is one, or a tuple of several."""
    return results[0] if len(results) == 1 else tuple(results)


def transformed(program: Program, transform: str, argnums: int | tuple[int, ...], arguments: tuple[Any, ...]) -> Any:
    """What a transform of the program gives for its arguments, as for a function of the parameters and inputs."""
    positions = argnums if isinstance(argnums, tuple) else (argnums,)
    _, batch = program._given.checked(arguments)
    if transform == "hessian" and isinstance(argnums, tuple):
        raise TypeError("hessian of a program takes one position as argnums")
    if transform != "jacobian" and not program._given.single:
        raise TypeError(f"{transform} takes a function with a scalar result; jacobian takes a program of several")
    derivatives = []
    for position in positions:
        if not -len(arguments) <= position < len(arguments):
            raise TypeError(f"argnums is {argnums}, but the program takes {len(arguments)} argument(s)")
        source = position % len(arguments)
        derivatives.append(_derivative(program, transform, source, arguments, batch))
    found = tuple(derivatives) if isinstance(argnums, tuple) else derivatives[0]
    return (program(*arguments), found) if transform == "value_and_grad" else found


def _derivative(program: Program, transform: str, source: int, arguments: Sequence[Any], batch: int | None) -> Any:
    """The derivative of the value, or the values, with respect to one argument.

    What a batch has for each sample becomes the derivative of the mean, or of all rows, by an input.
    """
    given, wrt = program._given, program._given.names[source]
    shape = given.shapes[source]
    has_rows = source > 0 and np.ndim(arguments[source]) > len(shape)
    if transform == "hessian":
        size = int(np.prod(shape))
        columns = [program.hvp(arguments[0], vector.reshape(shape), *arguments[1:], wrt=wrt) for vector in np.eye(size)]
        axes = () if batch is None or source == 0 else (batch,)
        found = np.stack(columns, axis=-1) if columns else np.zeros((*axes, *shape, 0))
        found = found.reshape((*found.shape[:-1], *shape))
    elif given.single:
        found = program.value_and_grad(arguments[0], *arguments[1:], wrt=wrt)[1]
    else:
        found = program.jacobian(arguments[0], *arguments[1:], wrt=wrt)
    if source == 0 or batch is None:
        return found
    if given.single and not has_rows:
        return found.mean(axis=0)
    if given.single and transform != "hessian":
        return found / batch
    if not has_rows:
        return found
    # Each sample depends on its own row alone.
    axis = 1 + len(shape) if given.single else 2
    rows = np.zeros((*found.shape[:axis], batch, *found.shape[axis:]))
    for sample in range(batch):
        rows[(sample, *[slice(None)] * (axis - 1), sample)] = found[sample]
    return rows / batch if given.single else rows
