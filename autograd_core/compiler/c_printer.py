"""The array form as C99.

A batch is worked through in blocks of `LANES` samples. Every number of a sample is then a short array over the block,
its lanes, and every statement a loop over the lanes, which any compiler turns into vector instructions without being
allowed to reorder a sum. Without a batch there is one lane, and the inner loop runs along an axis instead.

Each operation with an array of its own becomes a loop nest; the others stand inside the nests that read them. What does
not depend on a sample is worked out before the blocks, and what depends on a sum over samples after them. Should a
later block need what an earlier one worked out for each sample, it works that out again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd_core.compiler.c_access import index_text
from autograd_core.compiler.c_functions import FORMS, HELPERS, NEEDS, each
from autograd_core.compiler.c_memory import Memory
from autograd_core.compiler.c_nests import TERMS, Access, Nest, Variable
from autograd_core.compiler.ir import Form, Operation
from autograd_core.compiler.kinds import (
    Broadcast,
    Call,
    Constant,
    Copy,
    Gather,
    Input,
    Not,
    Place,
    Positions,
    Share,
    Uniform,
)
from autograd_core.compiler.names import Names
from autograd_core.compiler.printing import COMPARISON, Printer, Sign, Text, literal
from autograd_core.primitives import ATOM, Primitive

LANES = 8
"""How many samples make a block: as many numbers as fit the widest vector registers there are."""


class CPrinter(Printer):
    """Expressions in C for single elements of the operations of a form."""

    target, table, forms = "C", "FORMS of autograd_core/compiler/c_functions.py", FORMS
    nest: Nest
    """The loops that are being written."""
    where: dict[int, Variable]
    """Where the loop over each group of axes is."""
    within: Place | None = None
    """The sum whose terms are being written."""
    lane = "l"
    """The variable of the loop over the lanes."""
    slot = ""
    """Which of several sums that are worked out side by side, as a subscript."""

    def __init__(
        self, form: Form, roots: Sequence[Place], names: Names, lanes: int, outputs: dict[Place, str], prefix: str
    ) -> None:
        super().__init__(form, roots, Names(names.taken))
        self.lanes, self.outputs, self._prefix, self._names = lanes, outputs, prefix, names
        self.memory = Memory(form, self.used, self.name, roots)
        self.constants: dict[str, np.ndarray] = {}
        """The constant tables by name."""
        self._tables: dict[bytes, str] = {}
        self.c_name: dict[Place, str] = {}
        """What the arrays are called, and the arguments."""
        for place in self.used:
            kind = form[place].kind
            if isinstance(kind, (Input, Uniform)):
                self.c_name[place] = names.fresh(kind.name if isinstance(kind, Input) else kind.generator)
            elif place in self.memory.arrays and self.memory.root.get(place, place) == place:
                self.c_name[place] = names.fresh(self.name.get(place, "") or self.stem(kind))

    def array_text(self, base: Place) -> str:
        """How an array is called."""
        kind = self.form[base].kind
        if isinstance(kind, (Input, Uniform)):
            name = self.c_name[base]
            return name if not kind.batched else f"w->{name}" if self.lanes > 1 else f"{name}_n"
        if isinstance(kind, Constant):
            return self.table_of(kind.numbers.array)
        return self.outputs.get(base) or f"w->{self.c_name[base]}"

    def operand(self, place: Place) -> Text:
        """The element of an operation where the loops are: from memory, or a sum, or worked out."""
        if self.within is None and place in self.nest.terms:
            return Text(self.sum_name(place) + self.slot, ATOM)
        access = self.nest.access.get((self.within, place))
        return self.expression(place) if access is None else self.element_at(access)

    def element_at(self, access: Access) -> Text:
        """The element where the loops are."""
        start, terms = access.start, []
        for group, stride in enumerate(access.strides):
            at = self.where[group]
            start += stride * at.offset
            terms += [(stride, name) for name in at.names]
        terms += [(access.along, name) for name in self.where[TERMS].names] if access.along else []
        start += access.along * self.where[TERMS].offset if access.along else 0
        index, name = index_text(start, terms), access.name
        lane = f"[{self.lane}]" if access.batched and self.lanes > 1 else ""
        if not access.table:
            return Text(f"{name}[{index}]{lane}", ATOM)
        looked_up = f"{access.table}[{index}]"
        if access.negative:
            return Text(f"({looked_up} < 0 ? 0.0 : {name}[{looked_up}]{lane})", ATOM)
        return Text(f"{name}[{looked_up}]{lane}", ATOM)

    def sum_name(self, place: Place) -> str:
        """The variable of a sum."""
        return f"s{[*self.nest.terms].index(place) + 1}"

    def number(self, value: float) -> str:
        """A number as source."""
        return {"inf": "INFINITY", "-inf": "-INFINITY", "nan": "NAN"}.get(literal(value), literal(value))

    def enclosed(self, place: Place, binding: int) -> str:
        """An operand, in parentheses if it binds less tightly; a comparison as 1.0 or 0.0."""
        if self.form[place].boolean and not self.memory.is_in_memory(place):
            return f"({self.condition(place)} ? 1.0 : 0.0)"
        return super().enclosed(place, binding)

    def text(self, place: Place) -> str:
        """An operand that stands by itself."""
        return self.enclosed(place, 0) if self.form[place].boolean else super().text(place)

    def condition(self, place: Place) -> str:
        """An operation as what is true or false."""
        one = self.form[place]
        if one.boolean and not self.memory.is_in_memory(place):
            if isinstance(one.kind, Not):
                return f"!{self.condition(one.kind.source)}"
            assert isinstance(one.kind, Call)
            return f"({self.comparison(one.kind.primitive.name, one.kind.arguments).text})"
        return f"({self.enclosed(place, COMPARISON + 1)} != 0.0)"

    def expression(self, place: Place) -> Text:
        """An operation written out; a comparison as 1.0 or 0.0."""
        if self.form[place].boolean:
            kind = self.form[place].kind
            if isinstance(kind, Not):
                return Text(f"{self.condition(kind.source)} ? 0.0 : 1.0", COMPARISON)
            assert isinstance(kind, Call)
            return Text(f"{self.comparison(kind.primitive.name, kind.arguments).text} ? 1.0 : 0.0", COMPARISON)
        return super().expression(place)

    def _call(self, kind: Call, one: Operation) -> Text:
        form = self.form_of(kind.primitive, kind.arguments)
        if form == "?":
            condition, x, y = kind.arguments
            return Text(f"{self.condition(condition)} ? {self.atom(x)} : {self.atom(y)}", COMPARISON - 1)
        return super()._call(kind, one)

    def form_of(self, primitive: Primitive, arguments: Sequence[Place]) -> str | Sign:
        """How C writes a primitive."""
        form = super().form_of(primitive, arguments)
        assert isinstance(form, (str, Sign))
        return form

    def function(self, form: object) -> str:
        """The name of a function, whose source comes along if it is a helper."""
        assert isinstance(form, str)
        for needed in NEEDS.get(form, ()):
            self.function(needed)
        if form in HELPERS:
            self.helpers[form] = HELPERS[form]
        return form

    def function_for_each(self, primitive: Primitive) -> str:
        """The name of the loop that applies a primitive to an array."""
        form = self.form_of(primitive, ())
        name = self.function(form)
        self.helpers[f"each_{name}"] = each(name)
        return f"each_{name}"

    def _positions(self, kind: Positions, one: Operation) -> Text:
        given = f"{self.text(kind.ids)}, {kind.size}.0, {kind.step}.0, {self.text(kind.start)}"
        return Text(f"{self.function('position')}({given})", ATOM)

    def _gather(self, kind: Gather, one: Operation) -> Text:
        base, at = self.memory.positions(kind.source)[0], self.text(kind.at)
        lane = f"[{self.lane}]" if self.form[base].batched and self.lanes > 1 else ""
        return Text(f"{at} < 0.0 ? NAN : {self.array_text(base)}[(int){at}]{lane}", COMPARISON - 1)

    def _share(self, kind: Share, one: Operation) -> Text:
        return Text("share", ATOM)

    def _broadcast(self, kind: Broadcast, one: Operation) -> Text:
        return self.operand(kind.source)

    def _copy(self, kind: Copy, one: Operation) -> Text:
        return self.operand(kind.source)

    def table_of(self, numbers: np.ndarray) -> str:
        """The name of a constant table."""
        key = numbers.dtype.str.encode() + numbers.tobytes()
        if key not in self._tables:
            stem = self._prefix + ("at" if numbers.dtype.kind == "i" else "c")
            self._tables[key] = self._names.fresh(stem, numbered=True)
            self.constants[self._tables[key]] = numbers
        return self._tables[key]
