"""From arrays to the array form: views, constants, and the sum of the sections of one linear array."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_core.compiler import rewrites
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import (
    Broadcast,
    Constant,
    Copy,
    Input,
    MatMul,
    Numbers,
    Place,
    SampleProduct,
    Scatter,
)
from autograd_core.compiler.names import Names, pattern
from autograd_core.compiler.sections import Array
from autograd_core.compiler.steps import Range, Shape, Subscript, Transpose
from autograd_core.compiler.views import view
from autograd_core.value import Value


class Term(NamedTuple):
    """A summand of an array: an operation, and the flat positions that its elements add to."""

    value: Place
    place: np.ndarray
    """Of the shape of the operation, which may have axes of length 1 in its stead."""


class Builder:
    """The form so far, and which operation each array is."""

    def __init__(self, arrays: Sequence[Array], names: Names, order: Sequence[Value]) -> None:
        self.form, self.names = Form(), names
        self.parameters, self.order = arrays[0], order
        self.value: dict[Array, Place] = {}
        """The operation that works out each array; it may have axes of length 1 where the array has longer ones."""
        self._views: dict[Any, tuple[Place, Shape]] = {}
        self._groups: dict[str, int] = {}
        self._gathers: dict[Array, list[np.ndarray]] = {}
        """The positions that were gathered from each array."""

    def label(self, place: Place) -> str:
        """The name by which an operation is known, or ''."""
        one = self.form[place]
        return one.kind.name if isinstance(one.kind, Input) else one.name

    def constant(self, numbers: np.ndarray, stem: str) -> Place:
        """A constant array, or the transpose of one that is there; `stem` is what a new one is called."""
        kind = Constant(Numbers(numbers))
        if self.form.find(kind) is None and numbers.ndim == 2:
            other = self.form.find(Constant(Numbers(numbers.T)))
            if other is not None:
                return rewrites.transposed(self.form, other)
        place = self.form.add(kind)
        if numbers.ndim and not self.form[place].name:
            self.form.name(place, self.names.fresh(stem, numbered=True), "constants")
        return place

    def numbers(self, numbers: Any) -> Place:
        """Constant factors, with axes of length 1 along which they are the same; a plain number if all are."""
        numbers = np.asarray(numbers, dtype=float)
        if is_uniform(numbers.ravel()):
            return rewrites.number(self.form, numbers.flat[0])
        for axis in range(numbers.ndim):
            first = numbers.take([0], axis)
            numbers = first if _same(np.broadcast_to(first, numbers.shape), numbers) else numbers
        return self.constant(numbers, "c")

    def whole(self, array: Array) -> Place:
        """The operation of an array, with all axes in their full length."""
        place = self.value[array]
        full = rewrites.broadcast_to(self.form, place, array.shape, array.batched)
        if full != place and not self.form[full].name:
            self.form.name(full, self.names.fresh(self.label(place) or "t"))
        self.value[array] = full
        return full

    def view(self, array: Array, index: np.ndarray, thin: bool = False) -> tuple[Place, Shape]:
        """The elements at flat positions `index`, and their shape.

        An axis has length 1 where nothing changes along it by position, or, if `thin` is all right, by value.
        """
        place = self.value[array]
        if self.form[place].shape != array.shape:
            if thin and index.shape == array.shape and (index.ravel() == np.arange(array.size)).all():
                return place, self.form[place].shape
            place = self.whole(array)
        key = (place, index.shape, index.tobytes())
        if key not in self._views:
            self._views[key] = self._seen(array, place, index)
        return self._views[key]

    def _seen(self, array: Array, place: Place, index: np.ndarray) -> tuple[Place, Shape]:
        if array is self.parameters and not array.batched:
            same = [axis for axis in range(index.ndim) if (index == index.take([0], axis)).all()]
            if same:  # the name is for what is left without these axes
                one, shape = self.view(array, index[tuple(0 if k in same else slice(None) for k in range(index.ndim))])
                kept = [None if axis in same else Range(0, None, 1) for axis in range(index.ndim)]
                while kept and kept[0] is None:
                    kept.pop(0)  # broadcasting puts axes of length 1 in front by itself
                if None in kept:
                    one = rewrites.view(self.form, one, [Subscript(tuple(kept))])
                sizes = iter(shape)
                return one, tuple(1 if axis in same else next(sizes) for axis in range(index.ndim))
        if index.ndim == 2 and not array.batched:
            turned = self._views.get((place, index.shape[::-1], index.T.tobytes()))
            if turned and self.label(turned[0]) and 1 not in turned[1]:
                return rewrites.transposed(self.form, turned[0]), turned[1][::-1]
        seen = view(array.shape, index, array.batched)
        if seen is None:
            self._gathers.setdefault(array, []).append(index)
            one = rewrites.gathered(self.form, place, self.constant(index, "at"))
            self.name(one, self.names.fresh(f"{self.label(place) or 't'}_at", numbered=True))
            return one, index.shape
        one = rewrites.view(self.form, place, seen.steps)
        if array is self.parameters and one != place and not self.form[one].name:
            self.form.name(one, self._parameters_name(index))
        return one, seen.shape

    def known_order(self, array: Array, rows: np.ndarray) -> np.ndarray:
        """The order of these rows of positions in which their columns were gathered before, else the one they have."""
        for known in self._gathers.get(array, ()):
            if known.T.shape == rows.shape:
                order, other = np.lexsort(rows.T), np.lexsort(known)
                if (known.T[other] == rows[order]).all():
                    return order[np.argsort(other)]
        return np.arange(len(rows))

    def spread(self, array: Array, index: np.ndarray) -> Place:
        """The elements at flat positions `index`, and 0 where it is negative."""
        if (index >= 0).all():
            return self.view(array, index)[0]
        place, turned = self.whole(array), index.swapaxes(-1, -2)
        known = self._views.get((place, turned.shape, turned.tobytes()))
        if known:
            axes = (*range(index.ndim - 2), index.ndim - 1, index.ndim - 2)
            return rewrites.view(self.form, known[0], [Transpose(axes)])
        key = place, index.shape, index.tobytes()
        if key not in self._views:
            one = rewrites.gathered(self.form, place, self.constant(index, "at"))
            self.name(one, self.names.fresh(f"{self.label(place) or 't'}_at", numbered=True))
            self._views[key] = one, index.shape
        return self._views[key][0]

    def operand(self, call: Array, position: int, at: np.ndarray | None = None) -> Place:
        """An operand of a call in the layout of the call; of some elements only, those `at` flat positions."""
        source, given = call.operands[position]
        given = given.reshape(call.shape) if at is None else given[at]
        if source is None:
            return self.numbers(given)
        return self.view(source, given, thin=True)[0]

    def full(self, place: Place, array: Array) -> Place:
        """The operation for an array, which may lack the length of axes, but no axis unless it is a plain number."""
        one = self.form[place]
        if not array.batched and rewrites.number_at(self.form, place) is not None:
            return place
        if len(one.shape) == len(array.shape) and one.batched >= array.batched:
            return place
        return rewrites.broadcast_to(self.form, place, array.shape, array.batched)

    def linear(self, name: str, array: Array, terms: Iterable[Term], about: str = "") -> Place:
        """Add up the terms of an array: those that cover it, and then, each in its place, the others."""
        form, terms = self.form, list(terms)
        sums = [self._in_place(term, array) for term in terms if term.place.size == array.size]
        parts = [term for term in terms if term.place.size != array.size]
        if array.offset is not None and array.offset.any():
            sums.append(self.numbers(array.offset.reshape(array.shape)))
        if array.how == "sum":
            sums.sort(key=lambda place: (not self._has_product(place), rewrites.is_negative(form, place)))
        for other in sums[1:]:
            both = sums[0], other
            sums[0] = rewrites.plus(form, *both) if array.how == "sum" else rewrites.largest(form, *both)
        if not sums:
            return self.assembled(name, array, parts, about)
        if not parts:
            place = self.full(sums[0], array)
            self.name(place, name, about)
            return place
        whole = rewrites.broadcast_to(form, sums[0], array.shape, array.batched)
        return self.assembled(name, array, parts, about, form.add(Copy(whole), own=True))

    def assembled(
        self,
        name: str,
        array: Array,
        terms: Iterable[Term],
        about: str = "",
        into: Place | None = None,
        like: Array | None = None,
    ) -> Place:
        """Write each term to its place in an array of zeros, or add it to what is there.

        Terms for elements of which there is a view of the array that this one is `like` are named after that view.
        """
        covered = np.full(array.size, into is not None)
        if into is None:
            zeros = rewrites.number(self.form, 0.0)
            into = self.form.add(Broadcast(zeros, array.shape, array.batched), own=True)
        self.form.name(into, name, about)
        for term in terms:
            add = bool(covered[term.place].any()) or len(np.unique(term.place)) < term.place.size
            covered[term.place] = True
            if like is not None:
                known = self._views.get((self.value[like], term.place.shape, term.place.tobytes()))
                label = f"d_{self.label(known[0])}" if known and self.label(known[0]) else ""
                if label and label not in self.names.taken:
                    self.name(term.value, self.names.fresh(label))
            into = self._written(into, term, array, add)
        return into

    def _written(self, into: Place, term: Term, array: Array, add: bool) -> Place:
        """The array with one term written to its place, or added."""
        target = view(array.shape, term.place, array.batched)
        if target is None or target.shape != term.place.shape:
            at = self.constant(term.place, "at")
            return self.form.add(Scatter(into, term.value, at, add))
        return self.form.add(Scatter(into, term.value, target.steps, add))

    def _in_place(self, term: Term, array: Array) -> Place:
        """A term that covers the array, in the layout of the array."""
        form, place = self.form, term.place
        in_order = bool((place.ravel() == np.arange(array.size)).all())
        if place.shape == array.shape and in_order:
            return term.value
        value = rewrites.broadcast_to(form, term.value, place.shape, form[term.value].batched)
        if not in_order:
            if place.ndim == 2 and place.T.shape == array.shape and (place.T.ravel() == np.arange(array.size)).all():
                return rewrites.transposed(form, value)
            back = self.constant(np.argsort(place.ravel()), "at")
            value = rewrites.gathered(form, rewrites.flat(form, value), back)
        return rewrites.reshaped(form, value, array.shape)

    def _has_product(self, place: Place) -> bool:
        """Whether a matrix product stands in an expression."""
        one = self.form[place]
        if one.name:
            return False
        return isinstance(one.kind, (MatMul, SampleProduct)) or any(map(self._has_product, one.operands))

    def name(self, place: Place, name: str, about: str = "") -> None:
        """Give an operation a name unless it has one, or is a number."""
        if not self.label(place) and rewrites.number_at(self.form, place) is None:
            self.form.name(place, name, about)

    def _parameters_name(self, index: np.ndarray) -> str:
        """W1, b1, ... for parameters labelled layers.0.neurons.0.w.0 and so on."""
        nodes = self.parameters.nodes
        first, last = (self.order[nodes[i]].label if nodes[i] >= 0 else "" for i in (index.flat[0], index.flat[-1]))
        words = [word for word in re.split(r"[.\[\]]+", first) if word]
        kinds = [word for word in words if not word.isdigit()]
        if not kinds or not last:
            return self.names.fresh("P" if index.ndim == 2 else "p", numbered=True)
        kind = kinds[-1] if pattern([first, last]) else "p"
        kind = kind.upper() if len(kind) == 1 and index.ndim == 2 else kind
        if len(kinds) == 1:
            return self.names.fresh(kind, numbered=kind != kinds[-1] and kind.lower() == "p")
        number = self._groups.setdefault(".".join(words[:2]), len(self._groups) + 1)
        return self.names.fresh(f"{kind}{number}")


def is_uniform(numbers: np.ndarray) -> bool:
    """Whether a list of numbers is the same one all along."""
    return _same(np.broadcast_to(numbers[:1], numbers.shape), numbers)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the numbers are the same, with 0 other than -0, by which one may divide."""
    return np.array_equal(one, other, True) and np.array_equal(np.signbit(one), np.signbit(other))
