"""Random programs on arrays that lie oddly: at any strides, with rows in common, in products and sums of odd shapes."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from autograd_core import Value, functions
from autograd_core.masks import Bernoulli

SIZES = [1, 1, 2, 2, 3, 3, 4, 5, 7]
CONSTANTS = [1.0, -1.0, 0.5, 0.0, 2.0, -0.75]

Shape = tuple[int, ...]


class Maker:
    """Builds one random program: which one is up to the seed, and not to the numbers that it is built on."""

    def __init__(self, seed: int, parameters: list[Value], inputs: list[Any]) -> None:
        self.random = random.Random(seed)
        self.odd = self.chance(0.5)
        if self.chance(0.2):
            for place, parameter in enumerate(parameters):
                parameter.label = f"layers.{place // 10}.w.{place % 10}"
        self.pool = [np.array(parameters, dtype=object), *(np.array(given, dtype=object) for given in inputs)]
        self.leaves = len(self.pool)

    def last(self) -> list[Value]:
        """The elements of the last array that the program makes."""
        steps = [
            self.map, self.pair, self.ratio, self.ratio, self.outer, self.product, self.product, self.twice, self.twice,
            self.samples, self.masked, self.attention, self.ragged, self.softmax, self.window, self.reduction,
            self.coefficients, self.recurrence, self.like_terms,
        ]  # fmt: skip
        for _ in range(self.random.choice([1, 1, 1, 2, 2, 3, 4, 5])):
            self.pool.append(np.asarray(self.tamed(self.random.choice(steps)()), dtype=object))
        return list(self.pool[-1].ravel())

    def output(self) -> Value:
        """One Value that they and others lead to."""
        self.last()
        ends = [self.sum, self.sum, self.squares, self.dot, self.element]
        parts = [self.random.choice(ends)() for _ in range(self.random.choice([1, 1, 2, 3]))]
        return sum(parts, Value(0.0)) if self.random.random() < 0.8 else parts[0] * Value(1.0)

    def some(self, most: int) -> int:
        return self.random.randint(1, most)

    def size(self) -> int:
        """Any, or what an axis there is has, so that whole arrays come to be used."""
        sizes = [n for n in self.source().shape if n <= max(SIZES)]
        return self.random.choice(sizes if sizes and self.chance(0.5) else SIZES)

    def shape(self, axes: int) -> Shape:
        return tuple(self.size() for _ in range(axes))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def function(self) -> Callable[[Any], Any]:
        return self.random.choice(
            [functions.tanh, functions.sigmoid, functions.sin, functions.relu, functions.softplus, functions.exp]
        )

    def tamed(self, array: Any) -> Any:
        """The same, through a function or halved, so that no number grows out of hand."""
        if self.chance(0.4):
            return self.mapped(self.random.choice([functions.tanh, functions.sigmoid, functions.sin]), array)
        return array * 0.5 if self.chance(0.3) else array

    @staticmethod
    def mapped(function: Callable[..., Any], *arrays: Any) -> np.ndarray:
        return np.asarray(np.frompyfunc(function, len(arrays), 1)(*arrays), dtype=object)

    # What the programs are made of: elements of what there is already, or constants.

    def source(self) -> np.ndarray:
        """An array of the pool, the leaves and the latest more often."""
        return self.random.choice([*self.pool, *self.pool[: self.leaves], self.pool[-1]])

    def taken(self, shape: Shape) -> np.ndarray:
        """Elements of some array in this shape."""
        count = int(np.prod(shape))
        large = [array for array in self.pool if array.size >= count]
        array = self.source() if self.odd or not large else self.random.choice(large)
        if array.shape == shape and self.chance(0.6):
            return array
        return array.ravel()[self.positions(array.size, shape)]

    def positions(self, size: int, shape: Shape) -> np.ndarray:
        count = int(np.prod(shape))
        if count == size and self.chance(0.5):
            index = np.arange(count).reshape(shape)
            return index if self.chance(0.6) else index.ravel().reshape(shape[::-1]).T
        kind = self.random.choice(["even", "even", "even", "uneven", "any", "order", "rows"]) if self.odd else "even"
        if kind == "order" and count <= size:
            picked = self.random.sample(range(size), count)
            return np.array(sorted(picked) if self.chance(0.5) else picked).reshape(shape)
        if kind == "any":
            return np.array([self.random.randrange(size) for _ in range(count)], dtype=int).reshape(shape)
        if kind == "rows" and len(shape) > 1:
            rows = self.positions(size, (self.size(), *shape[1:]))
            return rows[[self.random.randrange(len(rows)) for _ in range(shape[0])]]
        return self.even(size, shape, together=kind == "even")

    def even(self, size: int, shape: Shape, together: bool) -> np.ndarray:
        """Positions that move evenly along each axis, in any order of the axes; around the end where they are many."""
        index, step = np.zeros(shape, int), self.some(3) if self.odd else 1
        for axis in self.random.sample(range(len(shape)), len(shape)):
            sign = -1 if self.odd and self.chance(0.1) else 1
            along = np.arange(shape[axis])[::sign] * (0 if self.odd and self.chance(0.1) else step)
            index += along.reshape(-1, *[1] * (len(shape) - axis - 1))
            gap = self.random.choice([0, 0, 1, 2]) * self.odd
            step = step * shape[axis] + gap if together else self.some(6)
        spare = size - 1 - int(index.max(initial=0))
        return index + self.random.randint(0, spare) if spare >= 0 else index % size

    def constants(self, shape: Shape) -> np.ndarray:
        few = self.random.sample(CONSTANTS, self.some(3))
        if shape and self.chance(0.3):
            row = np.array([self.random.choice(few) for _ in range(shape[-1])])
            return np.broadcast_to(row, shape).copy()
        numbers = [self.random.choice(few) for _ in range(int(np.prod(shape)))]
        return np.array(numbers).reshape(shape)

    def factor(self, shape: Shape) -> np.ndarray:
        return np.asarray(self.constants(shape) if self.chance(0.15) else self.taken(shape), dtype=object)

    # The steps, each of which gives another array.

    def map(self) -> np.ndarray:
        return self.mapped(self.function(), self.taken(self.shape(self.some(3))))

    def pair(self) -> np.ndarray:
        """Two arrays, element by element; either may have axes of length 1 where the other has longer ones."""
        shape = self.shape(self.some(3))
        thin = tuple(1 if self.chance(0.3) else n for n in shape)
        one, other = self.taken(shape), self.factor(thin[self.random.randrange(len(thin)) :])
        if self.chance(0.5):
            one, other = other, one
        return self.mapped(self.operation(), one, other) if isinstance(one.flat[0], Value) else one * other

    def operation(self) -> Callable[[Any, Any], Any]:
        return self.random.choice(
            [
                functions.maximum, functions.minimum, lambda x, y: x * y, lambda x, y: x + y, lambda x, y: x - y,
                lambda x, y: x / (y * y + 1.5), lambda x, y: functions.where(functions.less(x, y), x, y * 0.5),
                functions.leaky_relu, lambda x, y: functions.where(functions.less_equal(y, x), y, 0.25),
            ]
        )  # fmt: skip

    def ratio(self) -> np.ndarray:
        """An array over a row, a column or an element of itself, or to its power, or with it as slope."""
        array = self.mapped(functions.exp, self.taken(self.shape(self.random.randint(1, 2))))
        part = self.random.choice([array[:1], array[..., :1], array[-1], array.ravel()[0]])
        function = self.random.choice([lambda x, y: x / y, lambda x, y: y / x, functions.leaky_relu])
        return self.mapped(function, array, part)

    def outer(self) -> np.ndarray:
        u, v = self.taken((self.size(),)), self.factor((self.size(),))
        v = u if self.chance(0.2) else v
        return self.mapped(self.operation(), u[:, None], v)

    def product(self) -> np.ndarray:
        """A matrix product, of vectors too, with or without biases."""
        n, k, m = self.shape(3)
        left, right = self.taken((n, k)), self.factor((k, m))
        if self.chance(0.15):
            right = left.T
        if self.chance(0.2):
            left = left[0]
        if self.chance(0.2):
            right = right[:, 0]
        result = np.asarray(left @ right, dtype=object)
        if self.chance(0.3):
            result = result + self.factor(result.shape[-1:])
        return np.transpose(result) if self.chance(0.2) else result

    def twice(self) -> np.ndarray:
        """One array as rows and as columns, or as a matrix and its transpose."""
        n = self.size()
        v, u, matrix = self.taken((n,)), self.taken((self.size(),)), self.taken((n, n))
        table = self.mapped(functions.tanh, u[:, None] * v) if self.chance(0.5) else u[:, None] * v
        return self.random.choice(
            [
                lambda: v @ matrix @ v, lambda: matrix @ (matrix.T @ v), lambda: (v @ matrix) * v,
                lambda: table.sum(1), lambda: table.sum(0) * v, lambda: table @ v, lambda: u @ table + v,
            ]
        )()  # fmt: skip

    def samples(self) -> np.ndarray:
        """A layer on samples that are constants, or a table of constants on a few rows."""
        n, k, m = self.shape(3)
        data = np.array([self.random.uniform(-1.0, 1.0) for _ in range(n * k)]).reshape(n, k).astype(object)
        weights = self.taken((m, k))
        sums = data @ weights.T if self.chance(0.5) else (weights @ data.T)
        return sums + self.taken(np.shape(sums)[1:]) if self.chance(0.4) else sums

    def masked(self) -> np.ndarray:
        """Under a mask that drops nothing, but is drawn."""
        shape = self.shape(self.some(2))
        keep = Bernoulli(1.0, np.random.default_rng(0))
        mask = np.array([keep() for _ in range(int(np.prod(shape)))]).reshape(shape)
        return self.taken(shape) * (mask if self.chance(0.7) else mask[:1])

    def attention(self) -> np.ndarray:
        """Of tokens that see all others, or those up to themselves, in one or two heads."""
        tokens, width, heads, causal = self.size(), self.some(3), self.some(2), self.chance(0.5)
        query, key, value = (self.taken((tokens, heads * width)) for _ in range(3))
        mixed = []
        for place in range(tokens):
            seen = place + 1 if causal else tokens
            for part in (slice(head * width, (head + 1) * width) for head in range(heads)):
                shares = np.array(functions.softmax([query[place, part] @ row for row in key[:seen, part]]))
                mixed.append(shares @ value[:seen, part])
        return np.array(mixed).reshape(tokens, heads * width)

    def ragged(self) -> np.ndarray:
        """Sums of differently many terms, of neighbours or of any elements, or running sums."""
        count = self.size()
        lengths = sorted(self.size() for _ in range(count)) if self.chance(0.5) else self.shape(count)
        size, weighted = max(lengths) + count, self.chance(0.4)
        x, y = self.taken((size,)), self.taken((size,))
        starts = [self.random.choice([0, place]) for place in range(count)]
        if self.chance(0.3):
            starts, lengths = [0] * count, range(1, count + 1)
        rows = [range(start, start + length) for start, length in zip(starts, lengths, strict=True)]
        if self.chance(0.3):
            rows = [self.random.choices(range(size), k=len(row)) for row in rows]
        scale = self.constants((size,)) if weighted else np.ones(size)
        squared = self.chance(0.5)
        return np.array([sum((x[j] * (y[j] if squared else scale[j]) for j in row), Value(0.0)) for row in rows])

    def softmax(self) -> np.ndarray:
        rows = self.taken(self.shape(2))
        function = self.random.choice([functions.softmax, functions.log_softmax])
        return np.array([function(list(row)) for row in (rows if self.chance(0.7) else rows.T)])

    def window(self) -> np.ndarray:
        """A kernel that slides over a signal, or over a picture."""
        step, width = self.some(2), self.some(3)
        if self.chance(0.6):
            kernel, signal = self.taken((width,)), self.taken((width + step * (self.size() - 1),))
            ends = range(0, len(signal) - width + 1, step)
            return np.array([kernel @ signal[k : k + width] for k in ends])
        high = self.some(2)
        kernel, picture = self.taken((high, width)), self.taken((high + self.some(3) - 1, width + self.some(3) - 1))
        rows, columns = picture.shape[0] - high + 1, picture.shape[1] - width + 1
        return np.array(
            [[(kernel * picture[i : i + high, j : j + width]).sum() for j in range(columns)] for i in range(rows)]
        )

    def reduction(self) -> np.ndarray:
        array = self.taken(self.shape(self.random.randint(2, 3)))
        axis = self.random.randrange(array.ndim)
        if self.chance(0.5):
            return np.asarray(array.sum(axis) / array.shape[axis], dtype=object)
        rows = np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])
        pick = self.random.choice(
            [functions.logsumexp, lambda row: reduce(functions.maximum, row), lambda row: functions.softmax(row)[0]]
        )
        return np.array([pick(list(row)) for row in rows])

    def coefficients(self) -> np.ndarray:
        """Constant factors: a matrix of them, or one for each element, and constants added."""
        n, k = self.shape(2)
        if self.chance(0.5):
            return self.constants((n, k)).astype(object) @ self.taken((k,))
        x = self.taken((n, k))
        scaled = x * self.constants((n, k)[self.random.randrange(2) :])
        return scaled + self.constants((k,)) if self.chance(0.5) else scaled.sum(self.random.randrange(2))

    def recurrence(self) -> np.ndarray:
        n = self.some(3)
        inner, x, state = self.taken((n, n)), self.taken((self.some(4), n)), self.taken((n,))
        for row in x:
            state = self.mapped(functions.tanh, inner @ state + row)
        return state

    def like_terms(self) -> np.ndarray:
        """Sums in which the same terms come several times, as a difference or a multiple."""
        x, y = self.taken(shape := self.shape(self.some(2))), self.taken(shape)
        turned = self.random.choice([x, x[::-1], np.roll(x, 1), x * 2.0])
        return self.random.choice([x + turned - y, x * y + y * turned, x * x - turned * y, x - x + y * y])

    # What an output is made of.

    def sum(self) -> Value:
        return np.sum(self.pool[-1]) * 1.0 if self.chance(0.7) else sum(self.source().ravel(), Value(0.0))

    def squares(self) -> Value:
        return sum(((x - 0.5) ** 2 for x in self.pool[-1].ravel()), Value(0.0)) / self.pool[-1].size

    def dot(self) -> Value:
        last = self.pool[-1]
        return sum(last.ravel() * self.factor(last.shape).ravel(), Value(0.0))

    def element(self) -> Value:
        return self.function()(self.taken((1,))[0] if self.chance(0.5) else self.pool[-1].ravel()[-1])
