"""The array form: what a program computes, as one flat list of typed, frozen operations, forward and backward.

An operation names its operands by their places in the list, which are always earlier ones. Its shape is that for one
sample: an operation that is `batched` has one such array for each sample, and how a batch is laid out is the business
of a printer. An operation with a name gets a line of its own when the form is printed; the others stand inside the
lines that use them. The kinds of operation are the classes of `kinds`, and no others.

>>> from autograd_core.compiler.kinds import Input, MatMul, View
>>> from autograd_core.compiler.steps import Transpose
>>> form = Form()
>>> x = form.add(Input("x", (2,), batched=True))
>>> W = form.add(Input("W", (3, 2)))
>>> z = form.add(MatMul(x, form.add(View(W, (Transpose((1, 0)),)))), name="z", about="linear")
>>> print(form)
x : [batch, 2]  input
W : [3, 2]      input
z : [batch, 3]  linear  = x @ W.T
>>> form.add(MatMul(W, x)) == form.add(MatMul(W, x))
True
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from autograd_core.compiler.kinds import OPERANDS, Kind, Place, Scatter
from autograd_core.compiler.steps import FormError, Shape


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of operation with the type of its result, its name if it has one, and where it comes from, in words."""

    kind: Kind
    shape: Shape
    batched: bool
    boolean: bool
    name: str = ""
    about: str = ""

    @property
    def operands(self) -> tuple[Place, ...]:
        """The places of the operands."""
        return OPERANDS[type(self.kind)](self.kind)


@dataclass
class Form:
    """A list of operations, in which equal ones are one, and which of them are the results."""

    operations: list[Operation] = field(default_factory=list)
    results: list[Place] = field(default_factory=list)
    """The value, or the values; then the gradient, if there is one."""
    forward: int | None = None
    """How many operations belong to the forward pass, if others follow."""

    def __post_init__(self) -> None:
        written = {one.kind.into for one in self.operations if isinstance(one.kind, Scatter)}
        self._place: dict[Kind, Place] = {
            one.kind: place for place, one in enumerate(self.operations) if place not in written
        }

    def __getitem__(self, place: Place) -> Operation:
        return self.operations[place]

    def add(self, kind: Kind, name: str = "", about: str = "", own: bool = False) -> Place:
        """The place of an operation, which joins the list unless an equal one is there; raises FormError.

        One of its `own` joins in any case, to be written into.
        """
        place = None if own else self._place.get(kind)
        if place is None:
            place = len(self.operations)
            if not own:
                self._place[kind] = place
            given = [self.operations[operand] for operand in OPERANDS[type(kind)](kind)]
            self.operations.append(Operation(kind, *kind.infer(*given)))
        if name:
            self.name(place, name, about)
        return place

    def find(self, kind: Kind) -> Place | None:
        """The place of an operation if it is there."""
        return self._place.get(kind)

    def name(self, place: Place, name: str, about: str = "") -> None:
        """Give an operation a line of its own."""
        self.operations[place] = replace(self.operations[place], name=name, about=about)

    def check(self) -> None:
        """Raise FormError unless operands come before their operations, and types are what the operands say."""
        written: set[Place] = set()
        for place, one in enumerate(self.operations):
            if any(not 0 <= operand < place for operand in one.operands):
                raise FormError(f"operation {place} uses what comes after it: {one.kind}")
            if written.intersection(one.operands):
                raise FormError(f"operation {place} uses an array that was written into: {one.kind}")
            if isinstance(one.kind, Scatter):
                written.add(one.kind.into)
            given = [self.operations[operand] for operand in one.operands]
            if one.kind.infer(*given) != (one.shape, one.batched, one.boolean):
                raise FormError(f"operation {place} has another type than its operands say: {one}")

    def __str__(self) -> str:
        from autograd_core.compiler.form_printer import FormPrinter

        return FormPrinter(self).listing()
