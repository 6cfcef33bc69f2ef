"""Statements in C: a loop nest for each operation with an array of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from autograd_core.compiler.c_access import index_text, stepped_positions
from autograd_core.compiler.c_functions import EACH
from autograd_core.compiler.c_memory import whole
from autograd_core.compiler.c_nests import TERMS, Access, Finder, Nest, Variable, twin_of
from autograd_core.compiler.c_printer import CPrinter
from autograd_core.compiler.kinds import (
    Call,
    Kind,
    MatMul,
    Place,
    Reduce,
    SampleProduct,
    Scatter,
    ScatterAdd,
    Segments,
    VecDot,
)
from autograd_core.compiler.printing import COMPARISON

JAM = 4
"""How many sums are worked out side by side, each number that they have in common being read once."""
WIDTH = 8
"""How many elements of an axis, or terms of a sum, are taken together where there are no lanes."""

Lines = list[str]


@dataclass
class Inner:
    """What stands inside the loops of a nest: an expression, and how it is worked out."""

    place: Place
    how: str
    """What is done with the element: "=", "+=", or "sample" for a sum over the samples."""
    on_lanes: bool
    at: Place | None = None
    """Positions that are worked out at each call, which the element is added at."""
    bounded: bool = False
    """Whether only samples that there are may be added."""
    width: int = 0
    """How many elements are worked out together, or terms added; 0 for one."""
    vector: int | None = None
    """The group of axes along which that is, or TERMS."""
    jam: int | None = None
    """The group of axes along which several sums are worked out side by side."""


class Loops:
    """Writes the statements of a form, with the expressions of a printer inside."""

    def __init__(self, printer: CPrinter) -> None:
        self.printer, self.form, self.memory, self.lanes = printer, printer.form, printer.memory, printer.lanes
        self.nest: Nest
        """The loops that are being written."""
        self.in_lanes: dict[Place, str] = {}
        """The arrays in which sums over the samples are added up lane by lane."""

    def statement(self, place: Place) -> Lines:
        """The lines that fill the array of an operation, or add to it."""
        one = self.form[place]
        kind, everywhere = one.kind, whole(one.shape)
        if isinstance(kind, Scatter):
            at = kind.at
            at = stepped_positions(everywhere, at) if isinstance(at, tuple) else self.memory.numbers_at(at)
            return self._filled(kind.part, one.batched, at, self.memory.root[place], "+=" if kind.add else "=")
        if isinstance(kind, ScatterAdd):
            return self._added(place, kind)
        if isinstance(kind, SampleProduct):
            return self._filled(place, True, everywhere, place, "sample")
        if isinstance(kind, Reduce) and kind.axis is None:
            return self._filled(kind.source, True, everywhere, place, "sample")
        if isinstance(kind, Call) and kind.primitive.name in EACH:
            return self._each(place, kind, one.batched, everywhere)
        return self._filled(place, one.batched, everywhere, place, "=")

    def _added(self, place: Place, kind: ScatterAdd) -> Lines:
        """Zeros, and a nest that adds each element at its position."""
        part, batched = self.form[kind.part], self.form[place].batched
        printer, name = self.printer, self.printer.array_text(place)
        finder = Finder(self.memory, printer.array_text, printer.table_of)
        nest = finder.nest(kind.part, whole(part.shape), place, [kind.at])
        lines, on_lanes = Lines(), part.batched and self.lanes > 1
        if batched or not part.batched:
            size = prod(kind.shape) * (self.lanes if batched else 1)
            lines.append(f"memset({name}, 0, {size} * sizeof(double));")
        lane = "[l]" if batched and self.lanes > 1 else ""
        inner = Inner(kind.part, f"{name}[(int)%s]{lane} +=", on_lanes, at=kind.at, bounded=on_lanes and not batched)
        return lines + self._printed(nest, inner)

    def _each(self, place: Place, kind: Call, batched: bool, at: np.ndarray) -> Lines:
        """A function of all elements of an array."""
        operand, target, lines = kind.arguments[0], self.printer.array_text(place), Lines()
        given = target
        if self.memory.is_in_memory(operand) and self.memory.is_whole(operand, place):
            given = self.printer.array_text(self.memory.positions(operand)[0])
        else:
            lines = self._filled(operand, batched, at, place, "=")
        on_lanes = batched and self.lanes > 1
        given, target = (f"(double *){name}" if on_lanes else name for name in (given, target))
        count = at.size * (self.lanes if on_lanes else 1)
        return [*lines, f"{self.printer.function_for_each(kind.primitive)}({count}, {given}, {target});"]

    def _filled(self, place: Place, batched: bool, at: np.ndarray, target: Place, how: str) -> Lines:
        """A nest over an expression whose elements go to positions of the array of `target`."""
        if not at.size:
            return []
        printer = self.printer
        nest = Finder(self.memory, printer.array_text, printer.table_of).nest(place, at, target)
        if how == "sample" and self.lanes > 1:
            nest.target.name, nest.target.batched = f"w->{self.in_lanes[target]}", True
        return self._printed(nest, Inner(place, how, batched and self.lanes > 1))

    def _printed(self, nest: Nest, inner: Inner) -> Lines:
        """The loops over an expression."""
        self.nest = self.printer.nest = nest
        self.printer.where = {}
        groups = list(range(len(nest.sizes)))
        steps = dict.fromkeys(groups, 1)
        inner.width = self.lanes if inner.on_lanes else 0
        if nest.terms:
            if not inner.on_lanes:
                inner.width, inner.vector = self._vector(nest)
            inner.jam = self._jammed(nest, inner.vector)
            if inner.jam is not None:
                steps[inner.jam] = JAM
            if inner.vector is not None:
                steps[inner.vector] = inner.width
        last = inner.jam if nest.terms else self._fastest(nest, inner.on_lanes)
        groups.sort(key=lambda group: group == last)
        return self._loops([(group, steps[group]) for group in groups], {}, inner)

    def _fastest(self, nest: Nest, on_lanes: bool) -> int | None:
        """The group of axes along which most elements are next to each other."""
        every = [nest.target, nest.target, *nest.access.values()]
        if on_lanes or not nest.sizes:
            return None
        return max(range(len(nest.sizes)), key=lambda group: (sum(one.strides[group] == 1 for one in every), group))

    def _factors_of(self, nest: Nest) -> list[Access]:
        """What the terms of sums read."""
        return [access for (within, _), access in nest.access.items() if within is not None]

    def _vector(self, nest: Nest) -> tuple[int, int | None]:
        """How many elements, or terms, are taken together without lanes, and along which group of axes, or TERMS."""
        factors = self._factors_of(nest)
        if any(access.table for access in factors) or 0 in nest.terms.values():
            return 0, None
        for group in reversed(range(len(nest.sizes))):
            strides = {access.strides[group] for access in factors}
            if strides <= {0, 1} and 1 in strides and nest.sizes[group] >= JAM:
                return min(WIDTH, nest.sizes[group]), group
        adds = all(getattr(self.form[place].kind, "how", "sum") == "sum" for place in nest.terms)
        if adds and min(nest.terms.values()) >= 2 * WIDTH and {access.along for access in factors} <= {0, 1}:
            return WIDTH, TERMS
        return 0, None

    def _jammed(self, nest: Nest, vector: int | None) -> int | None:
        """The group of axes along which sums are worked out side by side: where most factors stay the same."""
        factors = self._factors_of(nest)

        def saved(group: int) -> tuple[int, int, int]:
            still = [access for access in factors if access.strides[group] == 0]
            return sum(access.batched for access in still), len(still), nest.sizes[group]

        groups = [group for group in range(len(nest.sizes)) if group != vector]
        return max(groups, key=saved) if groups and 0 not in nest.terms.values() else None

    def _loops(self, order: Sequence[tuple[int, int]], counts: dict[int, int], inner: Inner) -> Lines:
        """Loops around the innermost lines; `counts` says how many elements of each group those take at once."""
        if not order:
            return self._innermost(inner, counts)
        (group, step), *rest = order
        name, size = "ijmopqr"[group] if group < 7 else f"i{group}", self.nest.sizes[group]
        full, lines = size - size % step, Lines()
        if full > step:
            self.printer.where[group] = Variable((name,))
            advance = f"{name}++" if step == 1 else f"{name} += {step}"
            lines += [f"for (int {name} = 0; {name} < {full}; {advance}) {{"]
            lines += [*indented(self._loops(rest, {**counts, group: step}, inner)), "}"]
        elif full:
            self.printer.where[group] = Variable()
            lines += self._loops(rest, {**counts, group: step}, inner)
        if size > full:
            self.printer.where[group] = Variable((), full)
            lines += self._loops(rest, {**counts, group: size - full}, inner)
        return lines

    def _innermost(self, inner: Inner, counts: dict[int, int]) -> Lines:
        """Sums, and then the elements that are made of them."""
        if not self.nest.terms:
            return _in_lanes(inner.width, [self._assigned(inner)])
        copies = 1 if inner.jam is None else counts[inner.jam]
        width = inner.width
        lines, outside = Lines(), dict(self.printer.where)
        if inner.vector is not None and inner.vector != TERMS:
            at, width = self.printer.where[inner.vector], counts[inner.vector]
            self.printer.where[inner.vector] = Variable((*at.names, "l"), at.offset)
        for total in self.nest.terms:
            lines += self._sum(total, inner, copies, width)

        def element(copy: str) -> str:
            self.printer.slot = (
                f"_{copy or 0}" if inner.vector == TERMS else f"{copy and f'[{copy}]'}{'[l]' * bool(width)}"
            )
            return self._assigned(inner)

        made = self._copies(inner, copies, element)
        lines += _in_lanes(0 if inner.vector == TERMS else width, made)
        self.printer.slot, self.printer.where = "", outside
        return ["{", *indented(lines), "}"]

    def _copies(self, inner: Inner, copies: int, line: Callable[[str], str]) -> Lines:
        """A line for each of the sums that are worked out side by side."""
        if inner.jam is None or copies == 1:
            return [line("")]
        at, lines = self.printer.where[inner.jam], Lines()
        for copy in range(copies):
            self.printer.where[inner.jam] = Variable(at.names, at.offset + copy)
            lines.append(line(str(copy)))
        self.printer.where[inner.jam] = at
        return lines

    def _sum(self, total: Place, inner: Inner, copies: int, width: int) -> Lines:
        """The lines of one sum, or of several side by side."""
        kind, terms, name = self.form[total].kind, self.nest.terms[total], self.printer.sum_name(total)
        lines = self._start(kind, name, copies, width)

        def updates(some: int) -> Lines:
            subscript = "[l]" * bool(width)
            made = self._copies(
                inner, copies, lambda copy: self._update(f"{name}{copy and f'[{copy}]'}{subscript}", total, kind)
            )
            return _in_lanes(some, made)

        self.printer.within = total
        if isinstance(kind, Segments):
            lines += self._stretch(kind, lambda: updates(width))
        elif inner.vector == TERMS:
            full = terms - terms % width
            self.printer.where[TERMS] = Variable(("k", "l"))
            lines += [f"for (int k = 0; k < {full}; k += {width}) {{", *indented(updates(width)), "}"]
            if terms > full:
                self.printer.where[TERMS] = Variable(("l",), full)
                lines += updates(terms - full)
        elif terms == 1:
            self.printer.where[TERMS] = Variable()
            lines += updates(width)
        else:
            self.printer.where[TERMS] = Variable(("k",))
            lines += [f"for (int k = 0; k < {terms}; k++) {{", *indented(updates(width)), "}"]
        self.printer.within = None
        if inner.vector == TERMS:
            for copy in range(copies):
                parts = [f"{name}{f'[{copy}]' * (copies > 1)}[{k}]" for k in range(width)]
                lines.append(f"const double {name}_{copy} = {_pairwise(parts)};")
        return lines

    def _start(self, kind: Kind, name: str, copies: int, width: int) -> Lines:
        """The lines that make the variables of a sum; the sum of nothing is -0, for -0 + x is x even if x is -0."""
        first = "-INFINITY" if is_largest(kind) else "0.0" if isinstance(kind, (MatMul, SampleProduct)) else "-0.0"
        axes = (copies > 1) + bool(width)
        declared = f"double {name}{f'[{copies}]' * (copies > 1)}{f'[{width}]' * bool(width)}"
        if not axes or first == "0.0":
            return [f"{declared} = {'{' * axes}{first}{'}' * axes};"]
        each = [f"{name}{f'[{copy}]' * (copies > 1)}{'[l]' * bool(width)}" for copy in range(copies)]
        return [f"{declared};", *_in_lanes(width, [f"{' = '.join(each)} = {first};"])]

    def _stretch(self, kind: Segments, updates: Callable[[], Lines]) -> Lines:
        """The loop over the terms of one of several sums of different lengths."""
        table = self.printer.table_of(np.append(self.memory.numbers_at(kind.starts), self.form[kind.source].shape[0]))
        at = self.printer.where[0] if self.nest.sizes else Variable()
        first, last = (index_text(at.offset + more, [(1, name) for name in at.names]) for more in (0, 1))
        self.printer.where[TERMS] = Variable(("k",))
        return [f"for (int k = {table}[{first}]; k < {table}[{last}]; k++) {{", *indented(updates()), "}"]

    def _update(self, slot: str, total: Place, kind: Kind) -> str:
        """The line that adds a term to a sum."""
        if isinstance(kind, (MatMul, SampleProduct, VecDot)):
            twin = self.nest.access.get((total, twin_of(kind.right)))
            right = self.printer.element_at(twin).text if twin else self.printer.text(kind.right)
            return f"{slot} = MULTIPLY_ADD({self.printer.text(kind.left)}, {right}, {slot});"
        assert isinstance(kind, (Reduce, Segments))
        if is_largest(kind):
            return f"{slot} = {self.printer.function('maximum')}({slot}, {self.printer.text(kind.source)});"
        return f"{slot} += {self.printer.text(kind.source)};"

    def _assigned(self, inner: Inner) -> str:
        """The element that the loops have come to, put into its place."""
        target = self.printer.element_at(self.nest.target).text
        value = self.printer.operand(inner.place)
        if inner.at is not None:
            at = self.printer.operand(inner.at).text
            bound = f"{at} >= 0.0" + " && l < lanes" * inner.bounded
            return f"if ({bound}) {inner.how % at} {value.text};"
        if inner.how != "sample":
            return f"{target} {inner.how} {value.text};"
        if not inner.on_lanes:
            return f"{target} += {value.text};"
        text = value.text if value.binding > COMPARISON else f"({value.text})"
        return f"{target} += l < lanes ? {text} : 0.0;"


def is_largest(kind: Kind) -> bool:
    """Whether a sum is no sum, but the largest."""
    return getattr(kind, "how", "sum") == "max"


def _pairwise(parts: Lines) -> str:
    """A sum of two halves, each of two halves, and so on."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_pairwise(parts[:half])} + {_pairwise(parts[half:])})"


def _in_lanes(width: int, lines: Lines) -> Lines:
    """Lines for each lane, or as they are without lanes."""
    if not width:
        return lines
    loop = f"for (int l = 0; l < {width}; l++)"
    return [f"{loop} {{", *indented(lines), "}"] if len(lines) > 1 else [loop, *indented(lines)]


def indented(lines: Lines) -> Lines:
    """Lines as the body of a loop."""
    return [f"  {line}" for line in lines]
