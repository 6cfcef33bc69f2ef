"""The array form as text, to be read."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_core.compiler.ir import Form, Operation
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
from autograd_core.compiler.names import Names
from autograd_core.compiler.printing import ARITHMETIC, COMPARISON, Helper, Printer, Sign, Text, range_text
from autograd_core.compiler.steps import Step, Subscript, Transpose
from autograd_core.primitives import ATOM, PRODUCT, SIGN, SUM, Primitive


class FormPrinter(Printer):
    """The form itself, to be read."""

    target, table = "the printed form", ""

    def __init__(self, form: Form) -> None:
        roots = [place for place, one in enumerate(form.operations) if one.name or place in form.results]
        super().__init__(form, roots or range(len(form.operations))[-1:], Names([]))

    def listing(self) -> str:
        """All lines: name, shape, origin and expression."""
        rows = []
        for place in self.used:
            one = self.form[place]
            sizes = ", ".join(["batch"] * one.batched + [str(size) for size in one.shape])
            if isinstance(one.kind, Input):
                rows.append((one.kind.name, f"[{sizes}]", "input", ""))
            elif place in self.name or place in self.form.results:
                text = f"= {self.expression(place).text}"
                rows.append((self.name.get(place, "result"), f"[{sizes}]", self.about.get(place, ""), text))
        widths = [max((len(row[k]) for row in rows), default=0) for k in range(3)]
        return "\n".join(
            f"{name:{widths[0]}} : {shape:{widths[1]}}  {about:{widths[2]}}  {text}".rstrip()
            for name, shape, about, text in rows
        )

    def form_of(self, primitive: Primitive, arguments: Sequence[Place]) -> str | Sign | Helper:
        """The sign of an arithmetic operation, or the name of any other."""
        return ARITHMETIC.get(primitive.name, primitive.name)

    def _constant(self, kind: Constant, one: Operation) -> Text:
        return Text(f"constant {one.shape}", ATOM)

    def _uniform(self, kind: Uniform, one: Operation) -> Text:
        return Text(f"uniform({kind.generator})", ATOM)

    def _share(self, kind: Share, one: Operation) -> Text:
        return Text("1.0 / batch", PRODUCT)

    def _view(self, kind: View, one: Operation) -> Text:
        return Text(self.atom(kind.source) + "".join(map(_step_text, kind.steps)), ATOM)

    def _broadcast(self, kind: Broadcast, one: Operation) -> Text:
        return Text(f"broadcast({self.text(kind.source)})", ATOM)

    def _copy(self, kind: Copy, one: Operation) -> Text:
        return Text(f"copy({self.text(kind.source)})", ATOM)

    def _positions(self, kind: Positions, one: Operation) -> Text:
        return Text(f"{self.text(kind.start)} + {kind.step} * ids({self.text(kind.ids)}, {kind.size})", SUM)

    def _gather(self, kind: Gather, one: Operation) -> Text:
        return Text(f"{self.atom(kind.source)}[{self.text(kind.at)}]", ATOM)

    def _scatteradd(self, kind: ScatterAdd, one: Operation) -> Text:
        return Text(f"scatter_add({self.text(kind.part)}, {self.text(kind.at)})", ATOM)

    def _scatter(self, kind: Scatter, one: Operation) -> Text:
        at = "".join(map(_step_text, kind.at)) if isinstance(kind.at, tuple) else f"[{self.text(kind.at)}]"
        sign = "+=" if kind.add else "="
        return Text(f"{self.atom(kind.into)} with {at or '[...]'} {sign} {self.text(kind.part)}", COMPARISON)

    def _not(self, kind: Not, one: Operation) -> Text:
        return Text(f"~{self.atom(kind.source)}", SIGN)

    def _matmul(self, kind: MatMul, one: Operation) -> Text:
        return Text(f"{self.enclosed(kind.left, PRODUCT)} @ {self.enclosed(kind.right, PRODUCT + 1)}", PRODUCT)

    def _sampleproduct(self, kind: SampleProduct, one: Operation) -> Text:
        left = f"{self.atom(kind.left)}.T" if one.shape else self.atom(kind.left)
        return Text(f"{left} @ {self.enclosed(kind.right, PRODUCT + 1)}", PRODUCT)

    def _vecdot(self, kind: VecDot, one: Operation) -> Text:
        return Text(f"vecdot({self.text(kind.left)}, {self.text(kind.right)})", ATOM)

    def _reduce(self, kind: Reduce, one: Operation) -> Text:
        axis = "batch" if kind.axis is None else str(kind.axis)
        return Text(f"{self.atom(kind.source)}.{kind.how}({axis})", ATOM)

    def _segments(self, kind: Segments, one: Operation) -> Text:
        return Text(f"{kind.how}_segments({self.text(kind.source)}, {self.text(kind.starts)})", ATOM)


def _step_text(step: Step) -> str:
    if isinstance(step, Subscript):
        return f"[{', '.join(map(range_text, step.parts))}]"
    if isinstance(step, Transpose):
        return ".T" if step.axes == (1, 0) else f".transpose{step.axes}"
    return f".reshape({', '.join(map(str, step.sizes))})"
