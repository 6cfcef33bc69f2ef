"""The array form as NumPy: the layout of batches, matrix products that BLAS is fast at, and writing in place.

A batch is the first axis of an array.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from autograd_core.compiler import arrays
from autograd_core.compiler.ir import Operation
from autograd_core.compiler.kinds import (
    Broadcast,
    Constant,
    Copy,
    Gather,
    Input,
    MatMul,
    Not,
    Place,
    Positions,
    Reduce,
    SampleProduct,
    Scatter,
    ScatterAdd,
    Segments,
    Share,
    Uniform,
    VecDot,
    View,
)
from autograd_core.compiler.printing import ARITHMETIC, Forms, Helper, Printer, Sign, Text, range_text
from autograd_core.compiler.rewrites import number_at
from autograd_core.compiler.steps import Reshape, Shape, Step, Subscript
from autograd_core.primitives import ATOM, POWER, PRIMITIVES, PRODUCT, SIGN, SUM, Primitive

_OF_NUMPY = (
    "abs", "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh",
    "tanh", "maximum", "minimum", "where", "arcsinh", "arccosh", "arctanh", "arctan2", "hypot", "cbrt", "exp2", "log2",
    "log10", "logaddexp", "floor_divide", "remainder", "degrees", "radians", "floor", "ceil", "sign",
)  # fmt: skip

FORMS: Forms = {
    **ARITHMETIC,
    "neg": "np.negative",
    "pow": Sign("**", POWER),
    **{name: f"np.{name}" for name in _OF_NUMPY},
    **{name: Helper(function) for name, function in vars(arrays).items() if name in PRIMITIVES},
}
"""How NumPy writes each primitive: by a sign, its own function, or one of `arrays`."""
_CHECKED_IDS = Helper(arrays.checked_ids)


class NumpyPrinter(Printer):
    """NumPy source for the operations of a form."""

    target, table, forms = "NumPy", "FORMS of autograd_core/compiler/numpy_printer.py", FORMS
    module = "np"

    def lines(self) -> Iterator[tuple[Place, str]]:
        """The lines, each with the place of its operation."""
        for place in self.used:
            one = self.form[place]
            if place not in self.name or isinstance(one.kind, Constant):
                continue
            if isinstance(one.kind, Scatter):
                yield place, self._assignment(one.kind)
            else:
                yield place, f"{self.name[place]} = {self.expression(place).text}"

    def constants(self) -> dict[str, np.ndarray]:
        """The constant arrays by name."""
        found = [(place, self.form[place].kind) for place in self.used if place in self.name]
        return {self.name[place]: kind.numbers.array for place, kind in found if isinstance(kind, Constant)}

    def cost(self) -> int:
        """How many operations on arrays there are."""
        free = (Input, Constant, View)
        return sum(not isinstance(self.form[place].kind, free) for place in self.used)

    def form_of(self, primitive: Primitive, arguments: Sequence[Place]) -> str | Sign | Helper:
        """How NumPy writes a primitive; the power 1/2 not by **, which takes the square root and differs at -inf."""
        if primitive.name == "pow" and number_at(self.form, arguments[1]) == 0.5:
            return "np.float_power"
        return super().form_of(primitive, arguments)

    def _uniform(self, kind: Uniform, one: Operation) -> Text:
        size = self._sizes(one) if one.batched else ", ".join(map(str, one.shape))
        return Text(f"{kind.generator}.random({size})", ATOM)

    def _share(self, kind: Share, one: Operation) -> Text:
        return Text("np.full(batch, 1.0 / batch)", ATOM)

    def _view(self, kind: View, one: Operation) -> Text:
        return Text(self._viewed(kind.source, kind.steps), ATOM)

    def _broadcast(self, kind: Broadcast, one: Operation) -> Text:
        if number_at(self.form, kind.source) == 0.0:
            return Text(f"{self.module}.zeros({self._sizes(one)})", ATOM)
        return Text(f"{self.module}.broadcast_to({self.text(kind.source)}, {self._sizes(one)})", ATOM)

    def _copy(self, kind: Copy, one: Operation) -> Text:
        # In order, such that a reshape of it is a view that can be written into.
        return Text(f"np.array({self.text(kind.source)}, order='C')", ATOM)

    def _positions(self, kind: Positions, one: Operation) -> Text:
        text, start = f"{self.function(_CHECKED_IDS)}({self.text(kind.ids)}, {kind.size})", self.form[kind.start].kind
        text = f"{kind.step} * {text}" if kind.step > 1 else text
        is_zero = isinstance(start, Constant) and not start.numbers.array.any()
        if is_zero and self.form[kind.ids].shape == one.shape:
            return Text(text, PRODUCT if kind.step > 1 else ATOM)
        return Text(f"{text} + {self.text(kind.start)}", SUM)

    def _gather(self, kind: Gather, one: Operation) -> Text:
        if isinstance(self.form[kind.at].kind, Positions):
            return Text(self._looked_up(kind, self.form[kind.source], self.form[kind.at]), ATOM)
        at = self.form[kind.at].kind
        at = self.form[at.source].kind if isinstance(at, View) else at
        assert isinstance(at, Constant)
        source = self.form[kind.source]
        array = self._flat(kind.source) if source.batched and len(source.shape) != 1 else self.atom(kind.source)
        text = f"{array}.take({self.text(kind.at)}{', 1' * one.batched})"
        if (at.numbers.array < 0).any():
            return Text(f"np.where({self.text(kind.at)} >= 0, {text}, 0.0)", ATOM)
        return Text(text, ATOM)

    def _looked_up(self, kind: Gather, source: Operation, at: Operation) -> str:
        """The elements at positions of a call, each sample's in its own array where the source has one for each."""
        if source.batched and at.batched:
            return f"{self.atom(kind.source)}.take({self._in_batch(kind.at, prod(source.shape))})"
        if source.batched:
            return f"{self._flat(kind.source)}.take({self.text(kind.at)}, 1)"
        return f"{self.atom(kind.source)}.take({self.text(kind.at)})"

    def _in_batch(self, at: Place, size: int) -> str:
        """Positions in an array of one sample as positions in that of a batch."""
        axes = "".join([", None"] * len(self.form[at].shape))
        return f"{self.enclosed(at, SUM)} + {size} * np.arange(batch){f'[:{axes}]' if axes else ''}"

    def _scatteradd(self, kind: ScatterAdd, one: Operation) -> Text:
        part, at, size = self.form[kind.part], self.form[kind.at], prod(one.shape)
        positions = f"({self._in_batch(kind.at, size)})" if one.batched else self.atom(kind.at)
        if part.batched and not (at.batched or one.batched):
            positions = f"np.broadcast_to({self.text(kind.at)}, {self._sizes(part)})"
        # NumPy counts weighted positions several times as fast as it adds at them.
        length = f"{size} * batch" if one.batched else str(size)
        counted = f"np.bincount({positions}.ravel(), {self.atom(kind.part)}.ravel(), {length})"
        return Text(f"{counted}.reshape({self._axes(one.shape, one.batched)})", ATOM)

    def _not(self, kind: Not, one: Operation) -> Text:
        return Text(f"~{self.atom(kind.source)}", SIGN)

    def _matmul(self, kind: MatMul, one: Operation) -> Text:
        right, joined = self.form[kind.right], self._joined_product(kind)
        if joined:
            return Text(f"{joined}.reshape({self._axes(one.shape, one.batched)})", ATOM)
        if len(right.shape) == 1 and right.batched:
            column = f"{self.atom(kind.right)}[:, :, None]"
            return Text(f"({self.enclosed(kind.left, PRODUCT)} @ {column})[:, :, 0]", ATOM)
        return Text(f"{self.enclosed(kind.left, PRODUCT)} @ {self.enclosed(kind.right, PRODUCT + 1)}", PRODUCT)

    def _sampleproduct(self, kind: SampleProduct, one: Operation) -> Text:
        left, right = ([*map(str, self.form[place].shape[kind.terms :])] for place in (kind.left, kind.right))
        if kind.terms:  # they and the batch make one long axis
            rows = self._reshaped(kind.left, ", ".join(["-1", *left]))
            columns = self._reshaped(kind.right, ", ".join(["-1", *right]))
        else:
            rows, columns = self.atom(kind.left), self.enclosed(kind.right, PRODUCT + 1)
        return Text(f"{rows}{'.T' * bool(left)} @ {columns}", PRODUCT)

    def _vecdot(self, kind: VecDot, one: Operation) -> Text:
        return Text(f"{self.module}.vecdot({self.text(kind.left)}, {self.text(kind.right)})", ATOM)

    def _reduce(self, kind: Reduce, one: Operation) -> Text:
        source, array = self.form[kind.source], self.atom(kind.source)
        if kind.axis is None:
            return Text(f"{array}.sum(0)", ATOM)
        axis = -1 if kind.axis == len(source.shape) - 1 else kind.axis + source.batched
        return Text(f"{array}.{kind.how}({axis})", ATOM)

    def _segments(self, kind: Segments, one: Operation) -> Text:
        ufunc = "np.maximum" if kind.how == "max" else "np.add"
        axis = int(one.batched)
        return Text(f"{ufunc}.reduceat({self.text(kind.source)}, {self.text(kind.starts)}, {axis})", ATOM)

    def _assignment(self, kind: Scatter) -> str:
        into, name = self.form[kind.into], self.name[kind.into]
        if isinstance(kind.at, tuple):
            target = self._stepped(name, kind.at, into.batched)
            target = target if kind.at and isinstance(kind.at[-1], Subscript) else f"{target}[...]"
        else:
            flat = name if len(into.shape) == 1 else f"{name}.reshape({'batch, ' * into.batched}-1)"
            target = f"{flat}[{':, ' * into.batched}{self.text(kind.at)}]"
        return f"{target} {'+=' if kind.add else '='} {self.text(kind.part)}"

    def _viewed(self, source: Place, steps: Sequence[Step]) -> str:
        batched = self.form[source].batched
        if source not in self.name and steps and isinstance(steps[0], Reshape):
            # What the source itself is reshaped to at its end is no matter then.
            return self._stepped(self._reshaped(source, self._axes(steps[0].sizes, batched)), steps[1:], batched)
        return self._stepped(self.atom(source), steps, batched)

    def _reshaped(self, place: Place, lengths: str) -> str:
        """An array with axes of these lengths, without a reshape before."""
        kind = self.form[place].kind
        if place in self.name:
            return f"{self.name[place]}.reshape({lengths})"
        if isinstance(kind, View) and isinstance(kind.steps[-1], Reshape):
            array = self._stepped(self.atom(kind.source), kind.steps[:-1], self.form[place].batched)
        else:
            array = (self._joined_product(kind) if isinstance(kind, MatMul) else None) or self.atom(place)
        return f"{array}.reshape({lengths})"

    def _joined_product(self, kind: MatMul) -> str | None:
        """A product of which the batch axis joins the rows, for NumPy takes a stack of products one by one."""
        left, right = self.form[kind.left], self.form[kind.right]
        if len(left.shape) == 2 and left.batched and not right.batched and len(right.shape) < 3:
            rows = self._reshaped(kind.left, f"-1, {left.shape[1]}")
            return f"({rows} @ {self.enclosed(kind.right, PRODUCT + 1)})"
        return None

    def _flat(self, place: Place) -> str:
        """A batch of vectors."""
        return self._reshaped(place, "batch, -1")

    def _stepped(self, text: str, steps: Sequence[Step], batched: bool) -> str:
        for step in steps:
            if isinstance(step, Subscript):
                text += f"[{', '.join([':'] * batched + [range_text(part) for part in step.parts])}]"
            elif isinstance(step, Reshape):
                text += f".reshape({self._axes(step.sizes, batched)})"
            elif step.axes == (1, 0):
                text += ".swapaxes(1, 2)" if batched else ".T"
            else:
                axes = [0, *(axis + 1 for axis in step.axes)] if batched else step.axes
                text += f".transpose({', '.join(map(str, axes))})"
        return text

    def _axes(self, shape: Shape, batched: bool) -> str:
        return ", ".join(["batch"] * batched + [str(size) for size in shape]) or "()"

    def _sizes(self, one: Operation) -> str:
        """The shape of an operation as a tuple."""
        comma = "," * (one.batched + len(one.shape) == 1)
        return f"({self._axes(one.shape, one.batched)}{comma})" if one.batched or one.shape else "()"
