"""Sums over the samples in C: added up block by block, and after the last put together."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from autograd_core.compiler.c_access import even, index_text
from autograd_core.compiler.c_loops import JAM, WIDTH, Lines, Loops, indented
from autograd_core.compiler.c_nests import TERMS, Access, Variable
from autograd_core.compiler.kinds import Place, SampleProduct, ScatterAdd
from autograd_core.compiler.names import Names


class Outer(NamedTuple):
    """A sum of products of rows and columns, whose columns are copied so that those of a sample stand side by side."""

    rows: Access
    columns: Access
    shape: tuple[int, int]
    terms: int
    turned: bool
    """Whether the rows of this sum are the columns of the result."""

    @property
    def wide(self) -> int:
        """How long the rows of the sum are, with what fills the last vector."""
        return -(-self.shape[1] // WIDTH) * WIDTH


class Sums:
    """Writes the statements of the sums over the samples of a form, and what is before and after them."""

    def __init__(self, loops: Loops, names: Names) -> None:
        self.loops, self.printer, self.form, self.lanes = loops, loops.printer, loops.form, loops.lanes
        form, used = self.form, self.printer.used
        self.places = [
            place
            for place in used
            if not form[place].batched and any(form[operand].batched for operand in form[place].operands)
        ]
        """The sums over the samples."""
        if self.lanes > 1:
            added = [one for one in self.places if not isinstance(form[one].kind, ScatterAdd)]
            loops.in_lanes = {place: names.fresh(f"{self.printer.c_name[place]}_sum") for place in added}
        self.in_lanes = loops.in_lanes
        self.outer = {place: outer for place in self.in_lanes if (outer := self._outer(place))}
        self.columns = names.fresh("columns")

    def members(self) -> Lines:
        """The arrays that the sums are added up in."""
        lines = Lines()
        for place, name in self.in_lanes.items():
            outer = self.outer.get(place)
            size = outer.shape[0] * outer.wide if outer else max(1, prod(self.form[place].shape))
            lines.append(f"double {name}[{size}]{'' if outer else f'[{self.lanes}]'};")
        if self.outer:
            size = max(outer.terms * outer.wide for outer in self.outer.values())
            lines.append(f"double {self.columns}[{self.lanes}][{size}];")
        return lines

    def start(self, place: Place) -> Lines:
        """The lines before the first block."""
        if place in self.in_lanes:
            name = self.in_lanes[place]
            return [f"memset(w->{name}, 0, sizeof w->{name});"]
        return [f"memset({self.printer.array_text(place)}, 0, {prod(self.form[place].shape)} * sizeof(double));"]

    def end(self, place: Place) -> Lines:
        """The lines after the last block."""
        if place not in self.in_lanes:
            return []
        total, name, outer = self.printer.array_text(place), f"w->{self.in_lanes[place]}", self.outer.get(place)
        if outer:
            rows, columns = outer.shape
            at = index_text(0, [(1, "i"), (rows, "j")] if outer.turned else [(columns, "i"), (1, "j")])
            return [
                f"for (int i = 0; i < {rows}; i++)",
                f"  for (int j = 0; j < {columns}; j++) {total}[{at}] = {name}[{outer.wide} * i + j];",
            ]
        return [
            f"for (int i = 0; i < {prod(self.form[place].shape)}; i++) {{",
            f"  double sum = {name}[i][0];",
            f"  for (int l = 1; l < {self.lanes}; l++) sum += {name}[i][l];",
            f"  {total}[i] = sum;",
            "}",
        ]

    def statement(self, place: Place) -> Lines:
        """The lines that fill the array of an operation, or add to it."""
        outer = self.outer.get(place)
        return self._products(place, outer) if outer else self.loops.statement(place)

    def _outer(self, place: Place) -> Outer | None:
        """The rows and columns of a sum of products that has enough of them."""
        kind = self.form[place].kind
        if not isinstance(kind, SampleProduct):
            return None
        sides = [self._side(operand, kind.terms) for operand in (kind.left, kind.right)]
        sizes = [prod(self.form[operand].shape[kind.terms :]) for operand in (kind.left, kind.right)]
        turned = sizes[1] < min(WIDTH, sizes[0])
        if turned:
            sides, sizes = sides[::-1], sizes[::-1]
        rows, columns = sides
        if rows is None or columns is None or sizes[1] < WIDTH:
            return None
        terms = self.form[kind.left].shape[0] if kind.terms else 1
        return Outer(rows, columns, (sizes[0], sizes[1]), terms, turned)

    def _side(self, operand: Place, terms: bool) -> Access | None:
        """The elements of a factor, with one stride along its rows or columns and one along its terms."""
        base, at = self.printer.memory.positions(operand)
        at = np.moveaxis(at, 0, -1) if terms else at[..., None]
        one = even(at.reshape(-1, at.shape[-1]))
        if one is None:
            return None
        return Access(self.printer.array_text(base), True, one.start, [one.strides[0]], one.strides[1])

    def _products(self, place: Place, outer: Outer) -> Lines:
        """Copy the columns, and add the products of a block to the sum."""
        (rows, columns), terms, wide = outer.shape, outer.terms, outer.wide
        stored = f"w->{self.columns}[l][{index_text(0, [(wide, 'k'), (1, 'j')])}]"
        self.printer.where = {0: Variable(("j",)), TERMS: Variable(("k",))}
        given = self.printer.element_at(outer.columns).text
        copied = [
            f"for (int k = 0; k < {terms}; k++)",
            f"  for (int j = 0; j < {wide}; j++)",
            f"    for (int l = 0; l < {self.lanes}; l++)",
            f"      {stored} = {f'j < {columns} ? {given} : 0.0' if columns < wide else given};",
        ]
        lines = Lines()
        full = rows - rows % JAM
        if full:
            lines += [
                f"for (int i = 0; i < {full}; i += {JAM}) {{",
                *indented(self._tile(place, outer, "i", 0, JAM)),
                "}",
            ]
        if rows > full:
            lines += self._tile(place, outer, "", full, rows - full)
        return [*copied, *lines]

    def _tile(self, place: Place, outer: Outer, row: str, offset: int, copies: int) -> Lines:
        """A few rows of the sum, as many columns at a time as make a vector."""
        name, wide = f"w->{self.in_lanes[place]}", outer.wide
        column = f"w->{self.columns}[m][{index_text(0, [(wide, 'k'), (1, 'j'), (1, 'l')])}]"
        self.printer.where[TERMS] = Variable(("k",))
        added, kept = Lines(), Lines()
        for copy in range(copies):
            self.printer.where[0] = Variable((row,) if row else (), offset + copy)
            self.printer.lane = "m"
            factor = self.printer.element_at(outer.rows).text
            self.printer.lane = "l"
            added.append(f"s1[{copy}][l] = MULTIPLY_ADD({factor}, {column}, s1[{copy}][l]);")
            at = index_text((offset + copy) * wide, [*([(wide, row)] if row else []), (1, "j"), (1, "l")])
            kept.append(f"{name}[{at}] += s1[{copy}][l];")
        return [
            f"for (int j = 0; j < {wide}; j += {WIDTH}) {{",
            f"  double s1[{copies}][{WIDTH}] = {{{{0.0}}}};",
            f"  for (int k = 0; k < {outer.terms}; k++)",
            "    for (int m = 0; m < lanes; m++)",
            f"      for (int l = 0; l < {WIDTH}; l++) {{",
            *(f"        {line}" for line in added),
            "      }",
            f"  for (int l = 0; l < {WIDTH}; l++) {{",
            *(f"    {line}" for line in kept),
            "  }",
            "}",
        ]
