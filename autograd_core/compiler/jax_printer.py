"""The array form as JAX: pure functions, in which a batch keeps its axis, so that a mesh of devices can divide it.

What NumPy writes into an array in place is joined here from its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from autograd_core.compiler import jax_arrays
from autograd_core.compiler.ir import Form, Operation
from autograd_core.compiler.joins import Block, Gap, Part, apart, joined, order, seen, turned
from autograd_core.compiler.kinds import (
    Broadcast,
    Constant,
    Copy,
    Gather,
    MatMul,
    Place,
    Positions,
    SampleProduct,
    Scatter,
    ScatterAdd,
    Segments,
    Share,
    Uniform,
)
from autograd_core.compiler.names import Names
from autograd_core.compiler.numpy_printer import NumpyPrinter
from autograd_core.compiler.printing import ARITHMETIC, Forms, Helper, Sign, Text
from autograd_core.compiler.rewrites import number_at
from autograd_core.compiler.steps import Reshape, Shape, Step, Transpose
from autograd_core.primitives import ATOM, POWER, Primitive

_OF_JNP = (
    "abs", "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh",
    "tanh", "maximum", "minimum", "where", "arcsinh", "arccosh", "arctanh", "arctan2", "hypot", "cbrt", "exp2", "log2",
    "log10", "logaddexp", "floor_divide", "remainder", "degrees", "radians", "floor", "ceil", "sign",
)  # fmt: skip
_OF_NN = ("relu", "sigmoid", "silu", "softplus")
_HELPERS = (
    jax_arrays.leaky_relu, jax_arrays.elu, jax_arrays.gelu, jax_arrays.less, jax_arrays.less_equal, jax_arrays.equal,
)  # fmt: skip

FORMS: Forms = {
    **ARITHMETIC,
    "neg": "jnp.negative",
    "pow": Sign("**", POWER),
    "erf": "jax.scipy.special.erf",
    "erfc": "jax.scipy.special.erfc",
    **{name: f"jnp.{name}" for name in _OF_JNP},
    **{name: f"jax.nn.{name}" for name in ("relu", "sigmoid", "silu", "softplus")},
    **{helper.__name__: Helper(helper) for helper in _HELPERS},
}
"""How JAX writes each primitive."""

SPREAD = 4
"""Sums over stretches of a vector fill a rectangle, if it is no more than so many times as large as the vector."""

LONG = 90
"""Parts of so many characters are joined on several lines."""


class JaxPrinter(NumpyPrinter):
    """JAX source for the operations of a form, in the precision of the parameters.

    Samples are weighted equally, or as an argument `sample_weight` says if the form is to be `weighted`.
    """

    target, table, forms = "JAX", "FORMS of autograd_core/compiler/jax_printer.py", FORMS
    module = "jnp"

    def __init__(self, form: Form, roots: Sequence[Place], names: Names, weighted: bool = False) -> None:
        self.weighted, self.needs_dtype = weighted, False
        self._names, self._read, self._orders = names, set[Place](), dict[str, np.ndarray]()
        super().__init__(form, roots, names)

    def lines(self) -> Iterator[tuple[Place, str]]:
        """The lines, each with the place of its operation; an array that is joined of parts has its at its end."""
        kinds = [self.form[place].kind for place in self.used]
        unfinished = {kind.into for kind in kinds if isinstance(kind, Scatter)}
        for place, kind in zip(self.used, kinds, strict=True):
            if place not in self.name or place in unfinished or isinstance(kind, Constant):
                continue
            for text in self._joined_parts(place) if isinstance(kind, Scatter) else [self.expression(place).text]:
                yield place, f"{self.name[place]} = {text}"

    def constants(self) -> dict[str, np.ndarray]:
        """The constant arrays that the lines refer to, by name."""
        read = [(place, self.form[place].kind) for place in sorted(self._read)]
        arrays = {self.name[place]: kind.numbers.array for place, kind in read if isinstance(kind, Constant)}
        return arrays | self._orders

    def operand(self, place: Place) -> Text:
        """The name of an operation, or its expression; constants in the precision of the parameters."""
        kind, text = self.form[place].kind, super().operand(place)
        if not isinstance(kind, Constant) or place not in self.name:
            return text
        self._read.add(place)
        return Text(f"{text.text}.astype({self.dtype()})", ATOM) if kind.numbers.array.dtype.kind == "f" else text

    def dtype(self) -> str:
        """The name of the precision."""
        self.needs_dtype = True
        return "dtype"

    def form_of(self, primitive: Primitive, arguments: Sequence[Place]) -> str | Sign | Helper:
        """How JAX writes a primitive."""
        if primitive.name == "pow" and number_at(self.form, arguments[1]) == 0.5:
            return "jnp.float_power"
        return super().form_of(primitive, arguments)

    def _uniform(self, kind: Uniform, one: Operation) -> Text:
        return Text(kind.generator, ATOM)

    def _share(self, kind: Share, one: Operation) -> Text:
        return Text("sample_weight" if self.weighted else f"jnp.full(batch, 1.0 / batch, {self.dtype()})", ATOM)

    def _broadcast(self, kind: Broadcast, one: Operation) -> Text:
        number = number_at(self.form, kind.source)
        if number is None:
            return super()._broadcast(kind, one)
        return Text(self._filled(self._sizes(one), number), ATOM)

    def _filled(self, sizes: str, number: float) -> str:
        """An array of one number."""
        if number == 0.0 and not np.signbit(number):
            return f"jnp.zeros({sizes}, {self.dtype()})"
        return f"jnp.full({sizes}, {self.number(number)}, {self.dtype()})"

    def _copy(self, kind: Copy, one: Operation) -> Text:
        return self.operand(kind.source)

    def _positions(self, kind: Positions, one: Operation) -> Text:
        self.include(jax_arrays.lookup_positions)
        number = number_at(self.form, kind.start)
        start = self.text(kind.start) if number is None else str(int(number))
        return Text(f"lookup_positions({self.text(kind.ids)}, {kind.size}, {start}, {kind.step})", ATOM)

    def _looked_up(self, kind: Gather, source: Operation, at: Operation) -> str:
        """The elements at positions of a call, nan where there are none."""
        array = self.atom(kind.source) if len(source.shape) == 1 else self._flat(kind.source)
        if not (source.batched and at.batched):
            return f"{array}.at[{':, ' * source.batched}{self.text(kind.at)}].get(mode='fill')"
        flat = self._shaped(self.atom(kind.at), at.shape, (prod(at.shape),), True)
        found = f"jnp.take_along_axis({array}, {flat}, 1, mode='fill')"
        return self._shaped(found, (prod(at.shape),), at.shape, True)

    def _scatteradd(self, kind: ScatterAdd, one: Operation) -> Text:
        part, at, size = self.form[kind.part], self.form[kind.at], prod(one.shape)
        if one.batched:
            self.modules.add("jax")
            added = f"jnp.zeros({size}, {self.dtype()}).at[at].add(part, mode='drop')"
            axes = "" if at.batched else ", (None, 0)"
            text = f"jax.vmap(lambda at, part: {added}{axes})({self.text(kind.at)}, {self.text(kind.part)})"
        else:
            self.include(jax_arrays.added_at)
            positions = self.text(kind.at)
            if part.batched and not at.batched:
                positions = f"jnp.broadcast_to({positions}, {self._sizes(part)})"
            text = f"added_at({size}, {positions}, {self.text(kind.part)})"
        return Text(self._shaped(text, (size,), one.shape, one.batched), ATOM)

    def _gather(self, kind: Gather, one: Operation) -> Text:
        if isinstance(self.form[kind.at].kind, Positions):
            return Text(self._looked_up(kind, self.form[kind.source], self.form[kind.at]), ATOM)
        at = self._numbers(kind.at)
        source = self.form[kind.source]
        array = self.atom(kind.source) if len(source.shape) == 1 else self._flat(kind.source)
        return Text(self._picked(array, self.text(kind.at), at, source.batched, 0.0), ATOM)

    def _picked(self, array: str, name: str, at: np.ndarray, batched: bool, otherwise: float) -> str:
        """The elements of vectors at positions, and another number where a position is negative."""
        text = f"{array}[{':, ' * batched}{name}]"
        return f"jnp.where({name} >= 0, {text}, {self.number(otherwise)})" if (at < 0).any() else text

    def _numbers(self, place: Place) -> np.ndarray:
        """The numbers of a constant, or a view of one."""
        kind = self.form[place].kind
        if isinstance(kind, Constant):
            return kind.numbers.array
        return seen(self._numbers(kind.source), kind.steps)  # pyright: ignore[reportAttributeAccessIssue]

    def _sampleproduct(self, kind: SampleProduct, one: Operation) -> Text:
        self.include(jax_arrays.over_samples)
        axes = ", axes=2" * kind.terms
        return Text(f"over_samples({self.text(kind.left)}, {self.text(kind.right)}{axes})", ATOM)

    def _segments(self, kind: Segments, one: Operation) -> Text:
        source = self.form[kind.source]
        starts, (size,) = self._numbers(kind.starts), source.shape
        lengths = np.diff(starts, append=size)
        if len(starts) * lengths.max() <= SPREAD * size:
            steps = np.arange(lengths.max())
            at = np.where(steps < lengths[:, None], starts[:, None] + steps, -1)
            array = self._picked(
                self.atom(kind.source), self._position(at), at, source.batched, -np.inf if kind.how == "max" else 0.0
            )
            return Text(f"{array}.{kind.how}(-1)", ATOM)
        self.modules.add("jax")
        owner = self._position(np.repeat(np.arange(len(starts)), lengths))
        turned = ".T" * source.batched
        array = f"{self.atom(kind.source)}{turned}"
        return Text(f"jax.ops.segment_{kind.how}({array}, {owner}, {len(starts)}){turned}", ATOM)

    def _position(self, at: np.ndarray) -> str:
        """The name of constant positions."""
        name = self._names.fresh("at", numbered=True)
        self._orders[name] = at
        return name

    def _viewed(self, source: Place, steps: Sequence[Step]) -> str:
        one = self.form[source]
        return self._stepped(self.atom(source), apart(one.shape, steps) if one.batched else steps, one.batched)

    def _joined_product(self, kind: MatMul) -> str | None:
        return None  # which would join the batch axis to another

    def _flat(self, place: Place) -> str:
        one = self.form[place]
        return self._reshaped(place, self._axes((prod(one.shape),), one.batched))

    def _joined_parts(self, place: Place) -> Iterator[str]:
        """What an array is set to, one after the other: its parts joined, then what is added to some elements."""
        one, kind, chain = self.form[place], self.form[place].kind, list[Scatter]()
        while isinstance(kind, Scatter):
            place = kind.into
            chain.insert(0, kind)
            kind = self.form[place].kind
        parts = [self._part(link) for link in chain if not link.add]
        if isinstance(kind, Copy):
            yield self.text(kind.source)
        else:
            yield self._joined(parts, one, 0.0)
        for link in chain:
            if link.add:
                # x + -0.0 is x for all numbers, and 0.0 + -0.0 is 0.0.
                yield f"{self.name[place]} + {self._joined([self._part(link)], one, -0.0)}"

    def _part(self, link: Scatter) -> Part:
        """What is written, and the flat positions that it is written to."""
        shape = self.form[link.into].shape
        whole = np.arange(prod(shape)).reshape(shape)
        return Part(link.part, seen(whole, link.at) if isinstance(link.at, tuple) else self._numbers(link.at))

    def _joined(self, parts: list[Part], one: Operation, otherwise: float) -> str:
        """An array of its parts, and another number where there is none."""
        size, batched = prod(one.shape), one.batched
        blocks = joined([Part(part.value, turned(part.at)) for part in parts], size)
        if blocks is None:
            return self._mended(parts, one, otherwise)
        texts = [self._block(block, parts, batched, otherwise) for block in blocks]
        if len(texts) == 1:
            return self._shaped(*texts[0], one.shape, batched)
        if all(shape == () for _, shape in texts):
            text = f"jnp.stack([{', '.join(text for text, _ in texts)}]{', 1' * batched})"
        else:
            flat = [self._shaped(text, shape, (prod(shape),), batched) for text, shape in texts]
            text = self._concatenated(flat, batched)
        return self._shaped(text, (size,), one.shape, batched)

    def _block(self, block: Block, parts: list[Part], batched: bool, otherwise: float) -> tuple[str, Shape]:
        """A block, and its shape."""
        if isinstance(block, Gap):
            return self._filled(self._lengths((block.length,), batched), otherwise), (block.length,)
        if isinstance(block, Part):
            return self._placed(block.value, parts, batched)
        columns, widths = list[str](), list[int]()
        for column in block.columns:
            if isinstance(column, Gap):
                widths.append(column.length)
                columns.append(self._filled(self._lengths((block.rows, column.length), batched), otherwise))
            else:
                text, shape = self._placed(column.value, parts, batched)
                widths.append(prod(shape) // block.rows)
                stackable = not batched and shape == (block.rows,)
                wanted = shape if stackable else (block.rows, widths[-1])
                columns.append(self._shaped(text, shape, wanted, batched))
        if batched:
            text = f"jnp.concatenate([{', '.join(columns)}], -1)"
        else:
            text = f"jnp.column_stack([{', '.join(columns)}])" if len(columns) > 1 else columns[0]
        return text, (block.rows, sum(widths))

    def _placed(self, place: Place, parts: list[Part], batched: bool) -> tuple[str, Shape]:
        """A part in the order of its positions, in full, and its shape."""
        at = next(part.at for part in parts if part.value == place)
        one = self.form[place]
        number = number_at(self.form, place)
        if number is not None:
            text = self._filled(self._lengths(at.shape, batched), number)
        elif (one.shape, one.batched) == (at.shape, batched):
            text = self.atom(place)
        else:
            text = f"jnp.broadcast_to({self.text(place)}, {self._lengths(at.shape, batched)})"
        axes = order(at)
        if axes != tuple(range(at.ndim)):
            text = self._stepped(text, [Transpose(axes)], batched)
        return text, tuple(at.shape[axis] for axis in axes)

    def _mended(self, parts: list[Part], one: Operation, otherwise: float) -> str:
        """The parts in any order, each element of which is then picked."""
        size, batched = prod(one.shape), one.batched
        texts = [self._placed(part.value, parts, batched) for part in parts]
        flat = [self._shaped(text, shape, (prod(shape),), batched) for text, shape in texts]
        at = np.concatenate([turned(part.at).ravel() for part in parts])
        back = np.full(size, len(at))
        back[at] = np.arange(len(at))
        if len(at) < size:
            flat.append(self._filled(self._lengths((1,), batched), otherwise))
        text = self._concatenated(flat, batched) if len(flat) > 1 else flat[0]
        picked = f"{text}[{':, ' * batched}{self._position(back)}]"
        return self._shaped(picked, (size,), one.shape, batched)

    def _lengths(self, shape: Shape, batched: bool) -> str:
        """A shape as an argument."""
        axes = self._axes(shape, batched)
        return f"({axes})" if len(shape) + batched > 1 else axes

    def _concatenated(self, flat: Sequence[str], batched: bool) -> str:
        """Vectors one after the other, each on a line where one line were long."""
        axis = ", 1" * batched
        if sum(map(len, flat)) < LONG:
            return f"jnp.concatenate([{', '.join(flat)}]{axis})"
        lines = "".join(f"        {text},\n" for text in flat)
        return f"jnp.concatenate([\n{lines}    ]{axis})"

    def _shaped(self, text: str, shape: Shape, wanted: Shape, batched: bool) -> str:
        """An array with other axes."""
        steps = [] if shape == wanted else [Reshape(wanted)]
        return self._stepped(text, apart(shape, steps) if batched else steps, batched)
