"""Writing arrays as source: names, constants, views, and the lines that work out one linear array."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_core import primitives
from autograd_core.compiler import arrays as forms
from autograd_core.compiler.indexing import view
from autograd_core.compiler.names import Names, pattern
from autograd_core.compiler.products import Term, atom, term_of
from autograd_core.compiler.rules import literal
from autograd_core.compiler.sections import Array
from autograd_core.value import Value


class Writer:
    """The lines of a program so far, and what the names in them stand for."""

    def __init__(self, arrays: Sequence[Array], sources: Sequence[str], order: Sequence[Value]) -> None:
        self.parameters, self.order = arrays[0], order
        self.names = Names([*vars(forms), *sources])
        self.lines: list[str] = []
        self.constants: dict[str, np.ndarray] = {}
        self.name = dict(zip(arrays, sources, strict=False))
        """The name of each array that is written."""
        self.thin: dict[str, tuple[int, ...]] = {}
        """The shapes of arrays that have an axis of length 1 where their layout has a longer one."""
        self._views: dict[Any, tuple[str, tuple[int, ...]]] = {}
        self._groups: dict[str, int] = {}

    def line(self, name: str, text: str) -> str:
        """Write the line that gives a name to an expression; the name."""
        self.lines.append(f"{name} = {_tidy(text)}")
        return name

    def constant(self, numbers: np.ndarray, name: str) -> str:
        """The name of a constant array, or the transpose of one that is there; `name` is what a new one is called."""
        for known, other in self.constants.items():
            if other.dtype == numbers.dtype and _same(other, numbers):
                return known
            if other.ndim == 2 and _same(other.T, numbers):
                return f"{known}.T"
        name = self.names.fresh(name, numbered=True)
        self.constants[name] = numbers
        return name

    def coefficients(self, numbers: np.ndarray) -> tuple[str, tuple[int, ...]]:
        """Constant factors as source, with axes of length 1 along which they are the same; and their shape."""
        for axis in range(numbers.ndim):
            first = numbers.take([0], axis)
            numbers = first if _same(np.broadcast_to(first, numbers.shape), numbers) else numbers
        return self.constant(numbers, "c"), numbers.shape

    def numbers(self, numbers: Sequence[float]) -> str:
        """Numbers as source: one if they are all the same, else a constant."""
        array = np.array(numbers)
        return literal(array[0]) if _uniform(array) else self.constant(array, "c")

    def whole(self, array: Array) -> str:
        """The name of an array, which from here on lacks no length of an axis."""
        name = self.name[array]
        if self.thin.pop(name, None) is not None:
            self.line(name, f"np.broadcast_to({name}, {_sizes(array)})")
        return name

    def view(self, array: Array, index: np.ndarray, thin: bool = False) -> tuple[str, tuple[int, ...]]:
        """The elements at flat positions `index` as an atomic expression, and its shape after the batch axis.

        An axis has length 1 where nothing changes along it by position, or, if `thin` is all right, by value.
        """
        name = self.name[array]
        if name in self.thin:
            if thin and index.shape == array.shape and (index.ravel() == np.arange(array.size)).all():
                return name, self.thin[name]
            self.whole(array)
        key = (name, index.shape, index.tobytes())
        if key in self._views:
            return self._views[key]
        if array is self.parameters:
            same = [axis for axis in range(index.ndim) if (index == index.take([0], axis)).all()]
            if same:  # the name is for what is left without these axes
                text, shape = self.view(array, index[tuple(0 if k in same else slice(None) for k in range(index.ndim))])
                kept = ["None" if axis in same else ":" for axis in range(index.ndim)]
                while kept and kept[0] == "None":
                    kept.pop(0)
                sizes = iter(shape)
                self._views[key] = (
                    f"{text}[{', '.join(kept)}]" if "None" in kept else text,
                    tuple(1 if axis in same else next(sizes) for axis in range(index.ndim)),
                )
                return self._views[key]
        turned = (name, index.shape[::-1], index.T.tobytes())
        if index.ndim == 2 and not array.batched and turned in self._views:
            text, shape = self._views[turned]
            if text.isidentifier() and 1 not in shape:  # an axis of length 1 in front is there only by broadcasting
                return f"{text}.T", shape[::-1]
        seen = view(name, array.shape, index, array.batched)
        if seen is None:
            place = self.constant(index, "at")
            text = self.line(self.names.fresh(f"{name}_at", numbered=True), _taken(name, array, place))
            shape = index.shape
        else:
            text, shape = seen
            if array is self.parameters and text != name:
                text = self.line(self._parameters_name(index), text)
        self._views[key] = text, shape
        return text, shape

    def spread(self, array: Array, index: np.ndarray) -> str:
        """The elements at flat positions `index`, and 0 where it is negative, as an atomic expression."""
        if (index >= 0).all():
            return self.view(array, index)[0]
        name, turned = self.whole(array), index.swapaxes(-1, -2)
        key = name, index.shape, index.tobytes()
        if (name, turned.shape, turned.tobytes()) in self._views:
            return f"{self._views[name, turned.shape, turned.tobytes()][0]}.swapaxes(-1, -2)"
        if key not in self._views:
            place = self.constant(index, "at")
            text = f"np.where({place} >= 0, {_taken(name, array, place)}, 0.0)"
            self._views[key] = self.line(self.names.fresh(f"{name}_at", numbered=True), text), index.shape
        return self._views[key][0]

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

    def operand(self, call: Array, position: int) -> tuple[str | float, tuple[int, ...], bool]:
        """An operand of a call in the layout of the call: text, or the number of a constant; shape, whether batched."""
        source, positions = call.operands[position]
        if source is None:
            if _uniform(positions):
                return float(positions[0]), (), False
            return self.constant(positions.reshape(call.shape), "c"), call.shape, False
        return *self.view(source, positions.reshape(call.shape), thin=True), source.batched

    def full(self, name: str, text: str, shape: tuple[int, ...], batched: bool, array: Array) -> str:
        """The expression for an array, which may lack the length of axes, but no axis."""
        if len(shape) == len(array.shape) and batched >= array.batched:
            if shape != array.shape:
                self.thin[name] = shape
            return text
        return f"np.broadcast_to({text}, {_sizes(array)})"

    def linear(self, name: str, array: Array, flat: bool = False) -> str:
        """Write the lines that work out a linear array; its name, which is another's if it is the same thing."""
        largest = array.primitive is primitives.detach
        terms = [term_of(self, section, array) for section in array.sections]
        whole = [term for term in terms if term.place.size == array.size and not flat]
        parts = [term for term in terms if not any(term is other for other in whole)]
        texts: list[str] = []
        shapes: list[tuple[int, ...]] = [()]
        batched = False
        for term in whole:
            text, shape = self._in_place(term, array)
            texts.append(text)
            shapes.append(shape)
            batched = batched or term.batched
        if array.offset is not None and len(array.offset):
            uniform = _uniform(array.offset)
            constant = array.offset.reshape(array.shape)
            texts.append(literal(array.offset[0]) if uniform else self.constant(constant, "c"))
            shapes.append(() if uniform else array.shape)
        shape = np.broadcast_shapes(*shapes)
        if not texts:
            text, shape, batched = f"np.zeros({_sizes(array)})", array.shape, True
        elif largest:
            text = texts[0]
            for other in texts[1:]:
                text = f"np.maximum({text}, {other})"
        else:
            texts.sort(key=lambda text: (" @ " not in text, text.startswith("-")))
            text = " + ".join(texts).replace("+ -", "- ")
        same = shape == array.shape or self.thin.get(text) == shape
        if text.isidentifier() and not parts and same and batched >= array.batched:
            return text
        text = self.full(name, text, shape, batched, array)
        if parts and name in self.thin:
            del self.thin[name]
            text = f"np.broadcast_to({text}, {_sizes(array)})"
        if parts and not text.startswith("np.zeros"):
            text = f"np.array({text}, order='C')"  # its own, and such that a reshape of it is a view
        self.line(name, text)
        covered = np.full(array.size, bool(texts))
        for term in parts:
            fresh = not covered[term.place].any() and len(np.unique(term.place)) == term.place.size
            covered[term.place] = True
            target = view(name, array.shape, term.place, array.batched)
            text = term.text
            if target and target.shape == term.place.shape:
                where = target.text if target.text.endswith("]") else f"{target.text}[...]"
                key = (self.name[self.parameters], term.place.shape, term.place.tobytes())
                gradient = f"d_{self._views[key][0]}" if flat and key in self._views else ""
                if gradient.isidentifier() and gradient not in self.names.taken:
                    text = self.line(self.names.fresh(gradient), text)
                self.lines.append(f"{where} {'=' if fresh else '+='} {_tidy(text)}")
            else:
                place = self.constant(term.place, "at")
                where = f"{name}.reshape({'batch, ' * array.batched}-1)[{':, ' * array.batched}{place}]"
                self.lines.append(f"{where} {'=' if fresh else '+='} {_tidy(text)}")
        return name

    def _in_place(self, term: Term, array: Array) -> tuple[str, tuple[int, ...]]:
        """The text of a term that covers the array, in the layout of the array, and its shape."""
        text, place, shape, batched = term
        if place.shape == array.shape and (place.ravel() == np.arange(array.size)).all():
            return text, shape
        ahead = "batch, " * batched
        if shape != place.shape:
            whole = ", ".join(["batch"] * batched + [str(n) for n in place.shape])
            text = f"np.broadcast_to({text}, ({whole},))"
        text = atom(text)
        if not (place.ravel() == np.arange(array.size)).all():
            if place.ndim == 2 and place.T.shape == array.shape and (place.T.ravel() == np.arange(array.size)).all():
                return (f"{text}.swapaxes(1, 2)" if batched else f"{text}.T"), array.shape
            back = self.constant(np.argsort(place.ravel()), "at")
            text = f"{text}.reshape({ahead}-1)[{':, ' * batched}{back}]"
            if len(array.shape) == 1:
                return text, array.shape
        sizes = ", ".join(map(str, array.shape))
        return f"{text}.reshape({ahead}{sizes})" if sizes or batched else f"{text}.reshape(())", array.shape


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the numbers are the same, with 0 other than -0, by which one may divide."""
    return np.array_equal(one, other, True) and np.array_equal(np.signbit(one), np.signbit(other))


def _uniform(numbers: np.ndarray) -> bool:
    """Whether a list of numbers is the same one all along."""
    return _same(np.broadcast_to(numbers[0], numbers.shape), numbers)


def _taken(name: str, array: Array, place: str) -> str:
    """The elements of an array at flat positions that a constant holds."""
    flat = name if len(array.shape) < 2 or not array.batched else f"{name}.reshape(batch, -1)"
    return f"{flat}.take({place}{', 1' * array.batched})"


def _tidy(text: str) -> str:
    """Without reshapes that another follows, and turns that another undoes."""
    return re.sub(r"(\.reshape\([^()]*\))+(?=\.reshape\()", "", text).replace(".swapaxes(1, 2).swapaxes(1, 2)", "")


def _sizes(array: Array) -> str:
    """The shape of an array as source."""
    sizes = ["batch"] * array.batched + [str(n) for n in array.shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
