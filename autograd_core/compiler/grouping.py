"""Second pass: scalars that are computed alike are packed into arrays, laid out so that few indices are needed.

This is superword-level packing (S. Larsen and S. Amarasinghe, Exploiting superword level parallelism with multimedia
instruction sets, PLDI 2000), with packs as large as they get. Nodes of one level belong together if they are made by
the same operation from the same arrays; how many terms a linear node has does not matter. An array takes its layout as
it is born: a grid of rows and columns if its terms say so, else the shape of the array that it is made from element by
element. From then on everything is an array and flat positions in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from autograd_core.compiler.grids import grid_of
from autograd_core.compiler.kinds import How
from autograd_core.compiler.lookups import laid_out
from autograd_core.compiler.lowered import Lowered, MaxReduce, Pick
from autograd_core.compiler.sections import Array, Chosen, Section
from autograd_core.compiler.signature import Signature


def group(lowered: Lowered, given: Signature, patient: bool) -> list[Array] | None:
    """The arrays of a program in the order of computation: the sources first, the outputs last, in one array.

    The array of a single output has no axis. None where the nodes are too different from each other for arrays to
    pay, unless it is to be `patient`.
    """
    sources = [
        Array(shape, [-1] * prod(shape), batched=batched, requires_grad=number in given.wrt)
        for number, (shape, batched) in enumerate(zip(given.shapes, given.batched, strict=True))
    ]
    sources += [Array((len(chances),), [-1] * len(chances), batched=given.has_batch) for _, chances in lowered.masks]
    for node, (source, position) in lowered.leaves.items():
        sources[source].nodes[position] = node
    arrays = _Grouping(lowered, sources).run(patient)
    if arrays is not None and given.single:
        arrays[-1].shape = ()
    return arrays


class _Grouping:
    """Which array each node belongs to, and where in it, filled in level by level."""

    def __init__(self, lowered: Lowered, sources: list[Array]) -> None:
        self.lowered, self.arrays = lowered, list(sources)
        count = len(lowered.order) + len(lowered.outputs)
        self.array_of, self.position = np.full(count, -1), np.zeros(count, int)
        for node, (source, place) in lowered.leaves.items():
            self.array_of[node], self.position[node] = source, place

        self.depth = np.zeros(count, int)
        self.depth[list(lowered.level)] = list(lowered.level.values())
        self.levels = int(self.depth.max()) + 1  # the outputs come after all
        self.depth[lowered.outputs] = self.levels
        owner = np.array(lowered.owner, int)
        by_level = np.lexsort((owner, self.depth[owner]))
        self.owner, self.coefficient = owner[by_level], np.array(lowered.coefficient, float)[by_level]
        self.weighted = np.array(lowered.weighted, bool)[by_level]
        self.left, self.right = np.array(lowered.left, int)[by_level], np.array(lowered.right, int)[by_level]
        self.bounds = np.searchsorted(self.depth[self.owner], np.arange(1, self.levels + 2))
        self.calls: dict[int, list[int]] = {}
        for node in sorted(lowered.calls):
            self.calls.setdefault(int(self.depth[node]), []).append(node)

    def run(self, patient: bool) -> list[Array] | None:
        done = sum(array.size for array in self.arrays)
        for level in range(1, self.levels + 1):
            for array in [*self._call_arrays(level), *self._linear_arrays(level)]:
                _lay_out(array, free=level < self.levels)
                nodes = array.nodes
                self.array_of[nodes], self.position[nodes] = len(self.arrays), np.arange(len(nodes))
                self.arrays.append(array)
                done += len(nodes)
            if not patient and len(self.arrays) > 64 + done // 8:
                return None
        return self.arrays

    def _call_arrays(self, level: int) -> Iterator[Array]:
        alike: dict[Any, list[int]] = {}
        for node in self.calls.get(level, ()):
            call = self.lowered.calls[node]
            where = tuple([int(self.array_of[operand]) for operand in call.operands])
            if isinstance(call, Pick):
                key = Pick, where[0], frozenset(where[1:]), len(where)
            else:
                key = frozenset(where) if isinstance(call, MaxReduce) else (call.primitive, where)
            alike.setdefault(key, []).append(node)
        for key, nodes in alike.items():
            operands = [self.lowered.calls[node].operands for node in nodes]
            if isinstance(key, frozenset):
                owner = np.repeat(np.arange(len(nodes)), [len(some) for some in operands])
                every = np.concatenate([np.array(some) for some in operands])
                none = np.full(len(owner), -1)
                yield self._with_sections(nodes, owner, np.ones(len(owner)), every, none, none == 0, "max")
                continue
            if key[0] is Pick:
                yield self._choosing(nodes, np.array(operands))
                continue
            primitive, where = key
            array = Array((len(nodes),), nodes, primitive=primitive)
            for place, column in zip(where, np.array(operands).T, strict=True):
                if place < 0:
                    array.operands.append((None, np.array([self.lowered.numbers[node] for node in column.tolist()])))
                else:
                    array.operands.append((self.arrays[place], self.position[column]))
            yield array

    def _choosing(self, nodes: list[int], operands: np.ndarray) -> Array:
        """An array of which each element is the one of its other operands that the first chooses."""
        token = self.arrays[int(self.array_of[operands[0, 0]])]
        columns, which = np.unique(operands[:, 1:], axis=0, return_inverse=True)
        home, position = self.array_of[columns], self.position[columns]
        entries: list[tuple[Array | None, np.ndarray]] = [
            (self.arrays[place], np.where(home == place, position, -1)) for place in np.unique(home) if place >= 0
        ]
        if (home < 0).any():
            numbers = [[self.lowered.numbers.get(node, 0.0) for node in column] for column in columns.tolist()]
            entries.append((None, np.where(home < 0, numbers, 0.0)))
        chosen = Chosen(token, self.position[operands[:, 0]], which.reshape(-1), entries)
        return Array((len(nodes),), nodes, chosen=chosen)

    def _linear_arrays(self, level: int) -> Iterator[Array]:
        terms = slice(self.bounds[level - 1], self.bounds[level])
        owner, a, b, c = self.owner[terms], self.left[terms], self.right[terms], self.coefficient[terms]
        weighted = self.weighted[terms]
        if level == self.levels:
            yield self._with_sections(self.lowered.outputs, owner - self.lowered.outputs[0], c, a, b, weighted)
            return
        if not len(owner):
            return
        # The set of arrays that a node draws on, as a sum of one large random number for each of them.
        _, pair = np.unique(self._pairs(a, b, weighted), return_inverse=True)
        nodes, local = np.unique(owner, return_inverse=True)
        marks = np.random.default_rng(0).integers(2**62, size=pair.max() + 1)
        distinct = np.unique(local * len(marks) + pair)
        marks_of = np.zeros(len(nodes), int)
        np.add.at(marks_of, distinct // len(marks), marks[distinct % len(marks)])
        _, first, kind = np.unique(marks_of, return_index=True, return_inverse=True)
        for k in np.argsort(first):
            members, mine = np.flatnonzero(kind == k), kind[local] == k
            owners = np.searchsorted(members, local[mine])
            yield self._with_sections(nodes[members].tolist(), owners, c[mine], a[mine], b[mine], weighted[mine])

    def _pairs(self, a: np.ndarray, b: np.ndarray, weighted: np.ndarray) -> np.ndarray:
        """For each term the arrays that its factors are in, and whether it is weighted, as one number."""
        arrays = self.array_of[a] * (len(self.arrays) + 1) + np.where(b < 0, -1, self.array_of[b]) + 1
        return 2 * arrays + weighted

    def _with_sections(
        self,
        nodes: list[int],
        owner: np.ndarray,
        coefficient: np.ndarray,
        a: np.ndarray,
        b: np.ndarray,
        weighted: np.ndarray,
        how: How = "sum",
    ) -> Array:
        swap = (b >= 0) & (self.array_of[b] < self.array_of[a])
        a, b = np.where(swap, b, a), np.where(swap, a, b)
        array = Array((len(nodes),), nodes, how=how)
        pairs = self._pairs(a, b, weighted)
        for pair in np.unique(pairs):
            mine = pairs == pair
            left, right = divmod(int(pair) // 2, len(self.arrays) + 1)
            array.sections.append(
                Section(
                    owner[mine],
                    coefficient[mine],
                    self.arrays[left],
                    self.position[a[mine]],
                    self.arrays[right - 1] if right else None,
                    self.position[b[mine]] if right else None,
                    bool(pair % 2),
                )
            )
        offset = np.array([self.lowered.offset.get(node, 0.0) for node in nodes])
        array.offset = offset if offset.any() else None
        return array


def _lay_out(array: Array, free: bool) -> None:
    """Settle of an array that is just born if it is batched, if it requires a gradient and, if `free`, its layout."""
    made_of = [operand for operand, _ in array.operands if operand]
    if array.chosen:
        made_of += [source for source, _ in array.chosen.entries if source]
    for section in array.sections:
        made_of += [factor for factor, _ in section.factors]
    array.batched = any(source.batched for source in made_of)
    array.requires_grad = array.how == "sum" and any(source.requires_grad for source in made_of)
    if array.chosen:
        array.batched |= array.chosen.token.batched
        array.shape, order = laid_out(array.chosen)
        array.nodes = np.array(array.nodes)[order].tolist()
        return

    array.sections = [section.sorted() for section in array.sections]
    if not free:
        return
    array.shape, order = _layout(array)
    if order is None:
        return
    array.nodes = np.array(array.nodes)[order].tolist()
    array.operands = [(operand, positions[order]) for operand, positions in array.operands]
    array.offset = None if array.offset is None else array.offset[order]
    place = np.argsort(order)
    array.sections = [replace(section, owner=place[section.owner]).sorted() for section in array.sections]


def _layout(array: Array) -> tuple[tuple[int, ...], np.ndarray | None]:
    """The shape of an array, and the order of its elements in it (None for the order they are in)."""
    count = len(array.nodes)
    if count == 1:
        return (), None
    alike = [(operand, positions) for operand, positions in array.operands if operand]
    outer = None
    for section in array.sections:
        if len(section.owners) < count or not section.terms:
            continue
        grid = grid_of(section)
        if grid and section.terms > 1:
            return tuple(size for size in grid.place.shape if size > 1), grid.place.ravel()
        if section.terms == 1:
            alike += section.factors
            if grid and min(grid.place.shape) > 1:
                outer = outer or (grid.place.shape, grid.place.ravel())
    if outer:
        return outer
    for source, positions in alike:
        if source.size == count and (np.bincount(positions, minlength=count) == 1).all():
            return source.shape, np.argsort(positions)
    return (count,), None
