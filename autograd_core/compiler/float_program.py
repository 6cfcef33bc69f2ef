"""Programs on floats: the lines of straight-line code, in one function or in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from autograd_core.compiler.cost import FLOAT_BATCH, FLOAT_CALL, FLOAT_NUMBER, FLOAT_SAMPLE
from autograd_core.compiler.lowering import Lowered
from autograd_core.compiler.pieces import Line, cut
from autograd_core.compiler.signature import Signature, generators_of, shape_text, table
from autograd_core.compiler.source import Body, Source
from autograd_core.compiler.straight import Straight


@dataclass
class FloatProgram:
    """The lines of a program on floats, in which no input has a batch axis."""

    given: Signature
    head: list[str]
    """The lines that take the arguments apart."""
    forward: list[Line]
    backward: list[Line]
    outputs: list[str]
    gradients: list[list[str]]
    """The numbers of each gradient, as text."""
    helpers: dict[str, str]
    modules: set[str]
    forward_helpers: list[str]
    """The names of the helpers that the forward pass calls."""
    taken: set[str]
    """The names that mean something in the lines."""
    sample: float
    """What the arithmetic of one sample takes, in nanoseconds."""

    decorator = ""
    is_mean = False

    def operations(self) -> int:
        """How many lines there are."""
        return len(self.head) + len(self.forward) + len(self.backward)

    def cost(self, batch: int | None) -> float:
        """What a call takes, in nanoseconds, with a batch of that length or without one."""
        if batch is None or batch == 1:
            return FLOAT_CALL + self.sample
        return FLOAT_BATCH + batch * (FLOAT_SAMPLE + self.sample)

    def body(self, name: str) -> Body:
        """The lines of `value` or `value_and_grad`."""
        rows = table(self.given, [shape_text(shape) for shape in self.given.shapes])
        value = self.outputs[0] if self.given.single else f"({', '.join(self.outputs)},)"
        if name == "value":
            pieces = cut({"forward": self.forward}, set(self.outputs), self.taken)
            helpers = {helper: self.helpers[helper] for helper in self.forward_helpers} | pieces.functions
            return Body([*self.head, *pieces.lines[0]], [], value, "", helpers, self.modules, rows)
        kept = {*self.outputs, *(number for gradient in self.gradients for number in gradient)}
        pieces = cut({"forward": self.forward, "backward": self.backward}, kept, self.taken)
        forward, backward = pieces.lines
        shapes = [self.given.shapes[source] for source in self.given.wrt]
        gradient = ", ".join(map(_listed, self.gradients, shapes))
        helpers = {**self.helpers, **pieces.functions}
        return Body([*self.head, *forward], backward, value, gradient, helpers, self.modules, rows)


def float_source(lowered: Lowered, given: Signature) -> Source:
    """The source on floats, in which no input has a batch axis."""
    generators, masks = generators_of(lowered, given)
    straight = Straight(lowered, [*given.names, *masks], generators)
    head = []
    for name, shape, used in zip(given.names, given.shapes, straight.leaves, strict=False):
        if used:
            head.append(f"{_nested([used.get(k, '_') for k in range(prod(shape))], shape)} = {name}")
    for generator, used, (_, chances) in zip(
        generators, straight.leaves[len(given.names) :], lowered.masks, strict=True
    ):
        head += [f"{used[k]} = float({generator}.random() < {chance!r})" for k, chance in enumerate(chances)]
    outputs = straight.forward()
    lines, helpers = straight.lines, list(straight.helpers)
    straight.lines, gradients = [], list[list[str]]()
    if given.single:
        gradients = straight.backward({source: prod(given.shapes[source]) for source in given.wrt})
    program = FloatProgram(
        given,
        head,
        lines,
        straight.lines,
        outputs,
        gradients,
        straight.helpers,
        straight.modules,
        helpers,
        straight.names.taken,
        straight.cost + FLOAT_NUMBER * (sum(map(prod, given.shapes)) + sum(map(len, gradients))),
    )
    return Source(given.names, generators, program)


def _listed(numbers: Sequence[str], shape: tuple[int, ...]) -> str:
    """Numbers in the arrangement of a shape, as (nested) lists."""
    if not shape:
        return numbers[0]
    step = prod(shape[1:])
    return f"[{', '.join(_listed(numbers[k * step : (k + 1) * step], shape[1:]) for k in range(shape[0]))}]"


def _nested(names: list[str], shape: tuple[int, ...]) -> str:
    """Names in the arrangement of a shape, as the target of an assignment."""
    if not shape:
        return names[0]
    step = len(names) // shape[0]
    inner = [_nested(names[k : k + step], shape[1:]) for k in range(0, len(names), step)]
    return f"({', '.join(inner)}{',' * (len(inner) == 1)})"
