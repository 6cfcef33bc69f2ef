"""Last pass, for arrays: NumPy source, forward and backward.

One writer serves both directions. The gradient of an array is again a linear array with the layout of the forward
one: a term c * a * b of z hands a the term c * d_z * b and b the term c * d_z * a, and a call hands each operand one
term d_out * partial. So a matrix product has matrix products for gradients, and nothing here knows a transpose rule.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd_core import primitives
from autograd_core.compiler import arrays as forms
from autograd_core.compiler.grouping import Array, Grid, Section
from autograd_core.compiler.indexing import common_shape, view
from autograd_core.compiler.names import Names
from autograd_core.compiler.rules import Language, literal
from autograd_core.value import Value


class Term(NamedTuple):
    """A summand of an array as source: an expression, and the flat positions that its elements add to."""

    text: str
    place: np.ndarray
    shape: tuple[int, ...]
    """Of the expression, after the batch axis: that of `place`, or with axes of length 1."""
    batched: bool


class Rolled:
    """The body of a program, written line by line from its arrays.

    `arrays` is in the order of computation, sources first; `sources` names them.
    """

    def __init__(self, arrays: Sequence[Array], sources: Sequence[str], order: Sequence[Value]) -> None:
        self.arrays, self.order = arrays, order
        self.batched = any(array.batched for array in arrays)
        self.language = Language(arrays=True)
        self.names = Names([*vars(forms), *sources])
        self.lines: list[str] = []
        self.constants: dict[str, np.ndarray] = {}
        self.about: list[tuple[str, Array, str]] = []
        """Name, array and origin of what the program works out, for its docstring."""
        self.sources = len(sources)
        self._name = dict(zip(arrays, sources, strict=False))
        self._views: dict[Any, tuple[str, tuple[int, ...]]] = {}
        self._groups: dict[str, int] = {}
        self._thin: dict[str, tuple[int, ...]] = {}
        """The shapes of arrays that have an axis of length 1 where their layout has a longer one."""

    def forward(self) -> str:
        """Write the forward pass; the name of the output."""
        for array in self.arrays[self.sources :]:
            name, about = self._named(array)
            if array.primitive is None or array.primitive is primitives.detach:
                self._name[array] = self._assembled(name, array)
            else:
                texts = [self._operand(array, position) for position in range(len(array.operands))]
                shape = np.broadcast_shapes(*(shape for _, shape, _ in texts))
                text = self.language.call(array.primitive, [text for text, _, _ in texts])
                self._name[array] = self._line(name, self._full(name, text, shape, array, True))
            if self._name[array] == name:
                self.about.append((name, array, about))
        return self._name[self.arrays[-1]]

    def backward(self) -> None:
        """Write the backward pass, from the one output down to the gradient by the parameters."""
        output = self.arrays[-1]
        uses: dict[Array, list[tuple[Array, int | Section]]] = {array: [] for array in self.arrays}
        for array in self.arrays[self.sources :]:
            for position, (operand, _) in enumerate(array.operands):
                if operand:
                    uses[operand].append((array, position))
            for section in array.sections:
                for factor in dict.fromkeys([section.left, section.right]):
                    if factor and array.primitive is None:
                        uses[factor].append((array, section))

        gradients: dict[Array, Array] = {}
        if output.wanted:
            gradients[output] = seed = Array((), [], batched=output.batched)
            self._name[seed] = "1.0"
            if output.batched:
                self._line(self.names.fresh(f"d_{self._name[output]}"), "np.full(batch, 1.0 / batch)")
                self._name[seed] = self.lines[-1].split(" ")[0]
        for array in reversed(self.arrays[:-1]):
            if not array.wanted or (array.primitive is None and array in self.arrays[1 : self.sources]):
                continue
            last = array is self.arrays[0]
            gradient = Array(array.shape, [], array.batched)
            name = "gradient" if last else self.names.fresh(f"d_{self._name[array]}")
            for user, what in uses[array]:
                if user not in gradients:
                    continue
                if isinstance(what, Section):
                    gradient.sections += _handed_back(what, array, gradients[user])
                else:
                    sole = len(uses[array]) == 1 and not last
                    gradient.sections += self._through_call(user, what, gradients[user], name if sole else "")
            gradient.sections = [section.sorted() for section in _merged(gradient.sections)]
            if gradient.sections or last:
                gradients[array] = gradient
                self._name[gradient] = self._assembled(name, gradient, flat=last)

    def _through_call(self, call: Array, position: int, gradient: Array, name: str) -> list[Section]:
        """What a call hands back to one operand: upstream gradient times partial."""
        operands = [self._operand(call, k, constants=True) for k in range(len(call.operands))]
        assert call.primitive is not None
        out, upstream = self._name[call], self._name[gradient]
        partial = self.language.partial(call.primitive, position, [text for text, _, _ in operands], out)
        if partial == "0.0":
            return []
        source, positions = call.operands[position]
        assert source is not None
        handed = Array(call.shape, [], call.batched)
        if partial == "1.0":
            self._name[handed] = upstream
        else:
            straight = source.shape == call.shape and (positions == np.arange(source.size)).all()
            fresh = name if name and straight and source.batched == call.batched else ""
            fresh = fresh or self.names.fresh(f"{upstream}_{position + 1}")
            text = partial if upstream == "1.0" else f"{upstream} * {partial}".replace(" * 1.0 / ", " / ", 1)
            shapes = [self._thin.get(upstream, () if upstream == "1.0" else call.shape)]
            for name, shape, _ in [*operands, (out, self._thin.get(out, call.shape), True)]:
                if isinstance(name, str) and re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", partial):
                    shapes.append(shape)
            text = self._full(fresh, text, np.broadcast_shapes(*shapes), call, True)
            self._name[handed] = self._line(fresh, text)
        return [Section(positions, np.ones(len(positions)), handed, np.arange(call.size))]

    def _named(self, array: Array) -> tuple[str, str]:
        """A name for an array, by its label or operation, and where it comes from, in words."""
        if array is self.arrays[-1]:
            return self.names.fresh("value" if len(array.nodes) == 1 else "values"), "the output"
        nodes = [self.order[node] for node in array.nodes[:1] + array.nodes[-1:]]
        what = "linear" if array.primitive is None else array.primitive.name
        what = "maximum" if array.primitive is primitives.detach else what
        stems = {re.sub(r"[\d.\[\]_]+$", "", node.label) for node in nodes}
        scope = _pattern([node.scope for node in nodes])
        about = what + (f" in {scope}" if scope else "")
        if len(stems) == 1 and (stem := stems.pop()):
            return self.names.fresh(nodes[0].label if len(array.nodes) == 1 else stem), about
        return self.names.fresh("z" if array.primitive is None else what, numbered=True), about

    def _line(self, name: str, text: str) -> str:
        text = re.sub(r"(\.reshape\([^()]*\))+(?=\.reshape\()", "", text)
        self.lines.append(f"{name} = {text}")
        return name

    def _coefficients(self, numbers: np.ndarray) -> tuple[str, tuple[int, ...]]:
        """Constant factors as source, with axes of length 1 along which they are the same; and their shape."""
        for axis in range(numbers.ndim):
            first = numbers.take([0], axis)
            numbers = first if np.array_equal(np.broadcast_to(first, numbers.shape), numbers, True) else numbers
        return self._constant(numbers, "c"), numbers.shape

    def _constant(self, numbers: np.ndarray, name: str) -> str:
        for known, other in self.constants.items():
            if other.dtype == numbers.dtype and other.shape == numbers.shape and np.array_equal(other, numbers, True):
                return known
            if other.ndim == 2 and other.T.shape == numbers.shape and np.array_equal(other.T, numbers, True):
                return f"{known}.T"
        name = self.names.fresh(name, numbered=True)
        self.constants[name] = numbers
        return name

    def _view(self, array: Array, index: np.ndarray, thin: bool = False) -> tuple[str, tuple[int, ...]]:
        """The elements at flat positions `index` as an atomic expression, and its shape after the batch axis.

        An axis has length 1 where nothing changes along it by position, or, if `thin` is all right, by value.
        """
        name = self._name[array]
        if name in self._thin:
            if thin and index.shape == array.shape and (index.ravel() == np.arange(array.size)).all():
                return name, self._thin[name]
            self._line(name, f"np.broadcast_to({name}, {_sizes(array)})")
            del self._thin[name]
        key = (name, index.shape, index.tobytes())
        if key in self._views:
            return self._views[key]
        if array is self.arrays[0]:
            same = [axis for axis in range(index.ndim) if (index == index.take([0], axis)).all()]
            if same:  # the name is for what is left without these axes
                text, shape = self._view(
                    array, index[tuple(0 if k in same else slice(None) for k in range(index.ndim))]
                )
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
        if index.ndim == 2 and not array.batched and turned in self._views and self._views[turned][0].isidentifier():
            text, shape = self._views[turned]
            return f"{text}.T", shape[::-1]
        seen = view(name, array.shape, index, array.batched)
        if seen is None:
            place = self._constant(index, "at")
            flat = name if len(array.shape) < 2 or not array.batched else f"{name}.reshape(batch, -1)"
            text, shape = f"{flat}.take({place}{', 1' if array.batched else ''})", index.shape
            text = self._line(self.names.fresh(f"{name}_at", numbered=True), text)
        else:
            text, shape = seen
            if array is self.arrays[0] and text != name:
                text = self._line(self._parameters_name(index), text)
        self._views[key] = text, shape
        return text, shape

    def _parameters_name(self, index: np.ndarray) -> str:
        """W1, b1, ... for parameters labelled layers.0.neurons.0.w.0 and so on."""
        nodes = self.arrays[0].nodes
        first, last = (self.order[nodes[i]].label if nodes[i] >= 0 else "" for i in (index.flat[0], index.flat[-1]))
        words = [word for word in re.split(r"[.\[\]]+", first) if word]
        kinds = [word for word in words if not word.isdigit()]
        if not kinds or not last:
            return self.names.fresh("P" if index.ndim == 2 else "p", numbered=True)
        kind = kinds[-1] if _pattern([first, last]) else "p"
        kind = kind.upper() if len(kind) == 1 and index.ndim == 2 else kind
        if len(kinds) == 1:
            return self.names.fresh(kind, numbered=kind != kinds[-1] and kind.lower() == "p")
        number = self._groups.setdefault(".".join(words[:2]), len(self._groups) + 1)
        return self.names.fresh(f"{kind}{number}")

    def numbers(self, numbers: Sequence[float]) -> str:
        """Numbers as source: one if they are all the same, else a constant."""
        array = np.array(numbers)
        return literal(array[0]) if (array == array[0]).all() else self._constant(array, "c")

    def _operand(self, call: Array, position: int, constants: bool = False) -> tuple[Any, tuple[int, ...], bool]:
        """An operand of a call in the layout of the call: text, shape, whether batched.

        A constant is its number where that is wanted and there is only one.
        """
        source, positions = call.operands[position]
        if source is None:
            if (positions == positions[0]).all() or np.isnan(positions).all():
                number = float(positions[0])
                return number if constants else literal(number), (), False
            return self._constant(positions.reshape(call.shape), "c"), call.shape, False
        return *self._view(source, positions.reshape(call.shape), thin=True), source.batched

    def _full(self, name: str, text: str, shape: tuple[int, ...], array: Array, batched: bool) -> str:
        """The expression for an array, which may lack the length of axes, but no axis."""
        if len(shape) == len(array.shape) and batched >= array.batched:
            if shape != array.shape:
                self._thin[name] = shape
            return text
        return f"np.broadcast_to({text}, {_sizes(array)})"

    def _assembled(self, name: str, array: Array, flat: bool = False) -> str:
        """Write the lines that work out a linear array; its name, which is another's if it is the same thing."""
        largest = array.primitive is primitives.detach
        terms = [self._term(section, array) for section in array.sections]
        whole = [term for term in terms if term.place.size == array.size and not flat]
        parts = [term for term in terms if not any(term is other for other in whole)]
        texts, shapes, batched = [], [()], False
        for term in whole:
            text, shape = self._in_place(term, array)
            texts.append(text)
            shapes.append(shape)
            batched = batched or term.batched
        if array.offset is not None and len(array.offset):
            uniform = (array.offset == array.offset[0]).all() or np.isnan(array.offset).all()
            constant = array.offset.reshape(array.shape)
            texts.append(literal(array.offset[0]) if uniform else self._constant(constant, "c"))
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
        if text.isidentifier() and not parts and shape == array.shape and batched >= array.batched:
            return text
        text = self._full(name, text, shape, array, batched)
        if parts and name in self._thin:
            del self._thin[name]
            text = f"np.broadcast_to({text}, {_sizes(array)})"
        if parts and not text.startswith("np.zeros"):
            text = f"np.array({text}, order='C')"  # its own, and such that a reshape of it is a view
        self._line(name, text)
        covered = np.full(array.size, bool(texts))
        for term in parts:
            fresh = not covered[term.place].any() and len(np.unique(term.place)) == term.place.size
            covered[term.place] = True
            target = view(name, array.shape, term.place, array.batched)
            text = term.text
            if target and target.shape == term.place.shape:
                where = target.text if target.text.endswith("]") else f"{target.text}[...]"
                key = (self._name[self.arrays[0]], term.place.shape, term.place.tobytes())
                if flat and key in self._views and self._views[key][0].isidentifier():
                    text = self._line(self.names.fresh(f"d_{self._views[key][0]}"), text)
                self.lines.append(f"{where} {'=' if fresh else '+='} {text}")
            else:
                place = self._constant(term.place, "at")
                where = f"{name}.reshape({'batch, ' * array.batched}-1)[{':, ' * array.batched}{place}]"
                self.lines.append(f"{where} {'=' if fresh else '+='} {text}")
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
        text = _atom(text)
        if not (place.ravel() == np.arange(array.size)).all():
            if place.ndim == 2 and place.T.shape == array.shape and (place.T.ravel() == np.arange(array.size)).all():
                return (f"{text}.swapaxes(1, 2)" if batched else f"{text}.T"), array.shape
            back = self._constant(np.argsort(place.ravel()), "at")
            text = f"{text}.reshape({ahead}-1)[{':, ' * batched}{back}]"
            if len(array.shape) == 1:
                return text, array.shape
        sizes = ", ".join(map(str, array.shape))
        return f"{text}.reshape({ahead}{sizes})" if sizes or batched else f"{text}.reshape(())", array.shape

    def _term(self, section: Section, array: Array) -> Term:
        grid = Grid(section)
        if array.primitive is primitives.detach:
            return self._reduced(grid, array, "max")
        if grid.found and (grid.terms > 1 or _over_batch(section, array)):
            term = self._matrix_product(grid, array)
            if term:
                return term
        return self._reduced(grid, array, "sum")

    def _matrix_product(self, grid: Grid, array: Array) -> Term | None:
        """rows @ columns.T, with the batch axis among the rows, or summed over."""
        section = grid.section
        rows_of, columns_of = (section.left, section.right) if grid.left_is_rows else (section.right, section.left)
        rows, columns, place = grid.rows, grid.columns, grid.place
        scale = 1.0
        if grid.scaled == "":
            scale = float(grid.scale[0])
        over_batch = _over_batch(section, array)
        after = None
        if grid.scaled in ("rows", "columns") and not over_batch and (grid.scale == grid.scale[:, :1]).all():
            # The same for all terms: it can wait until they are added up.
            after = grid.scale[:, 0] if grid.scaled == "columns" else grid.scale[:, :1]
            if columns.shape[0] == 1:
                after = after.ravel()
        if over_batch:  # the terms come first, so that they and the batch make one long axis
            rows, columns = rows.T, columns.T
        drop = [rows.shape[over_batch] == 1 and columns.shape[over_batch] > 0, columns.shape[over_batch] == 1]
        if over_batch and grid.terms == 1:
            rows, columns = rows[0], columns[0]
        texts: list[str] = []
        flags: list[bool] = []
        for side, (source, index) in enumerate(((rows_of, rows), (columns_of, columns))):
            if grid.scaled == "constants" and side == 0:
                texts.append(self._constant(grid.scale if not drop[0] else grid.scale[0], "c"))
                flags.append(False)
                continue
            assert source is not None
            if drop[side]:
                axis = over_batch and grid.terms > 1
                index = index[:, 0] if axis else index[0]
            index = np.asarray(index)
            text, shape = self._view(source, index)
            if shape != index.shape:
                return None
            if grid.scaled == ("rows", "columns")[side] and after is None:
                factor = grid.scale.T if over_batch else grid.scale
                factor = factor.reshape(index.shape)
                text = f"({text} * {self._constant(factor, 'c')})"
            flags.append(source.batched)
            if source.batched and not array.batched and not over_batch:
                text, flags[side] = f"{text}.sum(0)", False
            texts.append(text)
        product, shape = self._multiplied(grid, texts, flags, drop, over_batch)
        product = _scaled(product, scale)
        if after is not None:
            product = f"{self._constant(after, 'c')} * ({product})"
        place = place[0] if drop[0] else place
        place = place[..., 0] if drop[1] else place
        if grid.scaled == "constants" and place.ndim == 2 and place[1, 0] - place[0, 0] < place[0, 1] - place[0, 0]:
            product, place = f"{texts[1]} @ {_turned(texts[0])}", place.T
        return Term(product, place, place.shape, any(flags) and not over_batch)

    def _multiplied(
        self, grid: Grid, texts: list[str], flags: list[bool], drop: list[bool], over_batch: bool
    ) -> tuple[str, tuple[int, ...]]:
        """The product of rows and columns as text; `drop` says which of them is a vector."""
        (row, column), (n, m), terms = texts, grid.place.shape, grid.terms
        shape = tuple(size for size, gone in zip((n, m), drop, strict=True) if not gone)
        if over_batch:
            if terms > 1:
                row = f"{row}.reshape(-1)" if drop[0] else f"{row}.reshape(-1, {n})"
                column = f"{column}.reshape(-1)" if drop[1] else f"{column}.reshape(-1, {m})"
            return f"{row if drop[0] else _turned(row)} @ {column}", shape
        if not any(flags):
            return f"{row} @ {column if drop[1] else _turned(column)}", shape
        if all(flags):
            if all(drop):
                return f"({row} * {column}).sum(1)", shape
            if drop[0]:
                return f"({column} @ {row}[:, :, None])[:, :, 0]", shape
            if drop[1]:
                return f"({row} @ {column}[:, :, None])[:, :, 0]", shape
            return f"{row} @ {column}.swapaxes(1, 2)", shape
        # One factor is the same for all samples: the batch axis joins the rows of the other.
        many, same, turned = (0, 1, False) if flags[0] else (1, 0, True)
        left, right = texts[many], texts[same] if drop[same] else _turned(texts[same])
        if drop[many]:
            return f"{left} @ {right}", shape
        sizes = [f"{(n, m)[many]}"] + ([] if drop[same] else [f"{(n, m)[same]}"])
        text = f"({left}.reshape(-1, {terms}) @ {right}).reshape(batch, {', '.join(sizes)})"
        return (f"{text}.swapaxes(1, 2)" if turned and not drop[same] else text), shape

    def _reduced(self, grid: Grid, array: Array, how: str) -> Term:
        """Element by element, and then summed over the terms of each owner, or the largest of them taken."""
        section, terms = grid.section, grid.terms
        factors = [(section.left, section.a)]
        if section.right is not None and section.b is not None:
            factors.append((section.right, section.b))
        batched = any(source.batched for source, _ in factors)
        summed = batched and not array.batched
        if not grid.regular:
            text, _, scale = self._product(factors, section.coefficient, section.a.shape, summed)
            starts = self._constant(grid.starts, "at")
            ufunc = "np.maximum" if how == "max" else "np.add"
            text = _scaled(f"{ufunc}.reduceat({text}, {starts}, {int(batched and not summed)})", scale)
            return Term(text, grid.owners, grid.owners.shape, batched and not summed)

        count = len(grid.owners)
        place = grid.owners
        if count == 1:
            place = place.reshape(())
        elif count == array.size:
            place = place.reshape(array.shape)
        else:
            place = place.reshape(common_shape(place, *(some[::terms] for _, some in factors)))
        if terms == 1:
            text, shape, scale = self._product(factors, section.coefficient, place.shape, summed, thin=True)
            return Term(_scaled(text, scale), place, shape, batched and not summed)
        # The terms on the last axis where that needs no index, else on the first, along which NumPy sums faster.
        last = (*place.shape, terms)
        seen = [view("a", some.shape, index.reshape(last), some.batched) for some, index in factors]
        if all(seen) and not all(one and one.text.endswith((".T", ".swapaxes(1, 2)")) for one in seen):
            text, shape, scale = self._product(factors, section.coefficient, last, summed)
            axis, shape = -1, shape[:-1] if len(shape) == len(last) else shape
        else:
            factors = [(source, index.reshape(count, terms).T.ravel()) for source, index in factors]
            coefficient = section.coefficient.reshape(count, terms).T.ravel()
            text, shape, scale = self._product(factors, coefficient, (terms, *place.shape), summed)
            axis, shape = int(batched and not summed), shape[1:]
        return Term(_scaled(f"{_atom(text)}.{how}({axis})", scale), place, shape, batched and not summed)

    def _product(
        self,
        factors: list[tuple[Array, np.ndarray]],
        coefficient: np.ndarray,
        shape: tuple[int, ...],
        summed: bool,
        thin: bool = False,
    ) -> tuple[str, tuple[int, ...], float]:
        """left * right in a shape, summed over the batch if it is to be; with its shape, and the scale still to be
        applied where all coefficients are the same."""
        both = all(source.batched for source, _ in factors)
        parts, shapes = [], []
        for source, index in factors:
            text, own = self._view(source, index.reshape(shape), thin)
            if summed and source.batched and not both:
                text = f"{self._name[source]}.sum()" if source.shape == () else f"{_atom(text)}.sum(0)"
            parts.append(text)
            shapes.append(own)
        uniform = (coefficient == coefficient[0]).all()
        scale = float(coefficient[0]) if uniform else 1.0
        if not uniform:
            text, own = self._coefficients(coefficient.reshape(shape))
            parts.append(text)
            shapes.append(own)
        if len(parts) > 1 and parts[0] == "1.0":
            parts.pop(0)
        text = " * ".join(parts)
        if summed and both:
            text = f"{_atom(text)}.sum(0)"
        return text, np.broadcast_shapes(*shapes), scale


def _handed_back(section: Section, array: Array, gradient: Array) -> list[Section]:
    """The terms that a section of a linear array hands back to `array`, one of its factors or both."""
    handed = []
    if section.left is array:
        handed.append(
            Section(section.a, section.coefficient, gradient, section.owner, section.right, section.b, section.weighted)
        )
    if section.right is array and section.b is not None:
        handed.append(
            Section(section.b, section.coefficient, gradient, section.owner, section.left, section.a, section.weighted)
        )
    return handed


def _merged(sections: list[Section]) -> list[Section]:
    """One section for each pair of arrays, and for terms with weights and without."""
    pairs: dict[Any, Section] = {}
    for section in sections:
        known = pairs.setdefault((section.left, section.right, section.weighted), section)
        if known is not section:
            known.owner = np.concatenate([known.owner, section.owner])
            known.coefficient = np.concatenate([known.coefficient, section.coefficient])
            known.a = np.concatenate([known.a, section.a])
            if known.b is not None and section.b is not None:
                known.b = np.concatenate([known.b, section.b])
    return list(pairs.values())


def _over_batch(section: Section, array: Array) -> bool:
    """Whether the samples of a batch are further terms of the sum."""
    return not array.batched and section.left.batched and section.right is not None and section.right.batched


def _pattern(words: Sequence[str]) -> str:
    """What dotted names have in common, with * for the numbers in which they differ; '' if they differ otherwise."""
    split = [word.split(".") for word in words]
    if len({len(parts) for parts in split}) > 1:
        return ""
    joined = []
    for parts in zip(*split, strict=True):
        if len(set(parts)) > 1 and not all(part.isdigit() for part in parts):
            return ""
        joined.append(parts[0] if len(set(parts)) == 1 else "*")
    return ".".join(joined)


def _sizes(array: Array) -> str:
    """The shape of an array as source."""
    sizes = ["batch"] * array.batched + [str(n) for n in array.shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def _scaled(text: str, factor: float) -> str:
    if factor == 1.0:
        return text
    if text == "1.0":
        return literal(factor)
    inner = text if "@" not in text and " + " not in text else f"({text})"
    return f"-{inner}" if factor == -1.0 else f"{literal(factor)} * {inner}"


def _atom(text: str) -> str:
    """In parentheses unless it is a name, or a name with brackets, dots and calls behind it."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and (character in " *@+/" or (character == "-" and i == 0)):
            return f"({text})"
    return text


def _turned(text: str) -> str:
    """The transpose of a matrix."""
    return text[:-2] if text.endswith(".T") else f"{text}.T"
