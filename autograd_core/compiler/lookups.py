"""Looking up by a token: the table as one array, the entries gathered from it, and their gradients added back."""

from __future__ import annotations

import numpy as np

from autograd_core.compiler import rewrites
from autograd_core.compiler.builder import Builder
from autograd_core.compiler.kinds import Constant, Gather, Numbers, Place, Positions, ScatterAdd
from autograd_core.compiler.sections import Array, Chosen, Section
from autograd_core.compiler.steps import Shape


def laid_out(chosen: Chosen) -> tuple[Shape, np.ndarray]:
    """The shape of an array that looks up, and the order of its elements, in which `chosen` is put.

    Where each token chooses from each column, it has an axis for tokens and one for columns.
    """
    tokens, columns = len(np.unique(chosen.at)), len(np.unique(chosen.which))
    order = np.lexsort((chosen.which, chosen.at))
    chosen.at, chosen.which = chosen.at[order], chosen.which[order]
    pairs = np.unique(np.stack([chosen.at, chosen.which]), axis=1).shape[1]
    if pairs == len(order) == tokens * columns:
        return tuple(size for size in (tokens, columns) if size > 1), order
    return (len(order),), order


class Table:
    """The entries among which an array chooses, as one operation, and the positions that are chosen."""

    def __init__(self, builder: Builder, chosen: Chosen, shape: Shape) -> None:
        form, some = builder.form, chosen.entries[0][1]
        columns, size = some.shape
        # As it lies in memory: a row for each entry or, where the entries of a column are neighbours, for each column.
        self.turned = columns == 1 or size == 1 or some[0, 1] - some[0, 0] > some[1, 0] - some[0, 0]
        self.chosen = chosen
        parts = [self._part(builder, source, entries) for source, entries in chosen.entries]
        self.place = parts[0]
        for part in parts[1:]:
            self.place = rewrites.plus(form, self.place, part)
        step, start = (columns, chosen.which) if self.turned else (1, chosen.which * size)
        ids, _ = builder.view(chosen.token, chosen.at.reshape(shape), thin=True)
        self.at = form.add(Positions(ids, size, step, self._start(builder, start.reshape(shape))))

    def looked_up(self, builder: Builder) -> Place:
        """The chosen entries."""
        return builder.form.add(Gather(self.place, self.at))

    def handed_back(self, builder: Builder, array: Array, upstream: Place) -> list[Section]:
        """What the gradient of the chosen entries hands back to one of the arrays that the table is made of."""
        form = builder.form
        one, shape = form[self.at], form[self.place].shape
        upstream = rewrites.broadcast_to(form, upstream, one.shape, form[upstream].batched or one.batched)
        batched = form[self.place].batched and form[upstream].batched
        handed = Array(shape, [], batched)
        builder.value[handed] = form.add(ScatterAdd(upstream, self.at, shape, batched))
        sections = []
        for source, entries in self.chosen.entries:
            if source is array:
                owner = self._arranged(entries).ravel()
                cells = np.flatnonzero(owner >= 0)
                sections.append(Section(owner[cells], np.ones(len(cells)), handed, cells))
        return sections

    def _arranged(self, entries: np.ndarray) -> np.ndarray:
        return entries.T if self.turned else entries

    def _part(self, builder: Builder, source: Array | None, entries: np.ndarray) -> Place:
        """The entries that are of one array, and 0 for the others."""
        arranged = self._arranged(entries)
        if source is None:
            return builder.constant(arranged, "c")
        return rewrites.broadcast_to(builder.form, builder.spread(source, arranged), arranged.shape, source.batched)

    def _start(self, builder: Builder, start: np.ndarray) -> Place:
        """Where the positions of each column start."""
        if not start.any() and (start.ndim == 0 or len(np.unique(self.chosen.at)) == start.size):
            return builder.form.add(Constant(Numbers(0)))
        if start.ndim == 2:
            start = start[:1]
        return builder.constant(start, "at")
