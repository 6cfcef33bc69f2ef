"""Small data sets to learn on, and what is done to data before and during training. NumPy arrays in and out.

The generators return ``(X, y)``: X of shape (n, dimensions), floats, one sample a row; y of shape (n,), which holds
int class labels from 0 on, or float targets in `linear`. The classes are equally large, give or take one sample, and
the rows are in random order. `noise` is the standard deviation of what is added to each coordinate. `rng` is a seed,
a NumPy Generator, or None for other numbers each time.

All raise ValueError for n < 1, a negative noise, and what else their text says; TypeError for a count that is no int.

>>> X, y = moons(100, noise=0.1, rng=0)
>>> X.shape, y.shape
((100, 2), (100,))
>>> X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, rng=0)
>>> X_train, X_test = standardize(X_train, X_test)
>>> [len(y_batch) for X_batch, y_batch in batches(X_train, y_train, 32, rng=0)]
[32, 32, 16]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

import numpy as np

from autograd_core.floats import readable
from nn.arguments import array_of, non_negative, numeric, positive_int
from nn.init import Seed, generator

XY = tuple[np.ndarray, np.ndarray]


def moons(n: int = 100, noise: float = 0.1, rng: Seed = None) -> XY:
    """Two interleaved half circles of radius 1, after scikit-learn's make_moons.

    Class 0 is the upper half circle around (0, 0), class 1 the lower one around (1, 0.5).

    >>> X, y = moons(6, noise=0.0, rng=0)
    >>> sorted(X[y == 1].round(6).tolist())
    [[0.0, 0.5], [1.0, -0.5], [2.0, 0.5]]
    """
    labels, position, size = _in_turn(n, 2)
    angle = np.pi * position / np.maximum(size - 1, 1)
    upper = labels == 0
    x = np.where(upper, np.cos(angle), 1.0 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return _noisy_and_shuffled(np.stack([x, y], axis=1), labels, noise, generator(rng))


def circles(n: int = 100, noise: float = 0.1, factor: float = 0.5, rng: Seed = None) -> XY:
    """Two circles around (0, 0), after scikit-learn's make_circles.

    Class 0 has radius 1, class 1 radius `factor`, which is at least 0 and less than 1.
    """
    if not non_negative(factor, "factor") < 1.0:
        raise ValueError(f"factor, the radius of the inner circle, is less than 1, got {factor!r}")
    labels, position, size = _in_turn(n, 2)
    radius = np.where(labels == 0, 1.0, factor)
    return _noisy_and_shuffled(_polar(radius, 2.0 * np.pi * position / size), labels, noise, generator(rng))


def spirals(n: int = 100, noise: float = 0.05, turns: float = 1.0, classes: int = 2, rng: Seed = None) -> XY:
    """One arm for each class, winding `turns` times around (0, 0) while its radius grows to 1.

    At the share t of its length, 0 < t <= 1, an arm has radius t and has turned by `turns` · t; the arms start
    evenly spread. After Karpathy's toy data of CS231n.
    """
    labels, position, size = _in_turn(n, positive_int(classes, "classes"))
    share = (position + 1) / size
    angle = 2.0 * np.pi * (turns * share + labels / classes)
    return _noisy_and_shuffled(_polar(share, angle), labels, noise, generator(rng))


def xor(n: int | None = None, noise: float = 0.0, rng: Seed = None) -> XY:
    """The corners of the unit square; class 1 where exactly one coordinate is 1.

    Without `n` the four corners in the order of the truth table, else `n` samples that go round them.

    >>> xor()
    (array([[0., 0.],
           [0., 1.],
           [1., 0.],
           [1., 1.]]), array([0, 1, 1, 0]))
    """
    corner = np.arange(4 if n is None else positive_int(n, "n")) % 4
    bits = np.stack([corner // 2, corner % 2], axis=1)
    return _noisy_and_shuffled(
        bits.astype(float), bits[:, 0] ^ bits[:, 1], noise, generator(rng), shuffle=n is not None
    )


def blobs(n: int = 100, centers: int = 3, std: float = 1.0, dimensions: int = 2, rng: Seed = None) -> XY:
    """A normally distributed cloud for each class, after scikit-learn's make_blobs.

    The `centers` are drawn uniformly from -10 to 10 in each of the `dimensions`; `std` is the standard deviation
    of each coordinate around them.
    """
    rng = generator(rng)
    size = (positive_int(centers, "centers"), positive_int(dimensions, "dimensions"))
    labels, *_ = _in_turn(n, centers)
    return _noisy_and_shuffled(rng.uniform(-10.0, 10.0, size)[labels], labels, non_negative(std, "std"), rng)


def linear(n: int = 100, noise: float = 0.1, weights: Any = 2.0, bias: float = 1.0, rng: Seed = None) -> XY:
    """Regression: y = X @ weights + bias + noise, with X uniform from -1 to 1.

    `weights` is a number for one input, or a sequence with one number for each input; `noise` is on y alone.

    >>> X, y = linear(5, noise=0.0, weights=[2.0, -1.0], bias=0.5, rng=0)
    >>> bool(np.allclose(y, 2.0 * X[:, 0] - X[:, 1] + 0.5))
    True
    """
    slopes = np.atleast_1d(np.asarray(weights, dtype=float))
    if slopes.ndim != 1 or slopes.size == 0:
        raise ValueError(f"weights is one number an input, got an array of shape {slopes.shape}")
    rng = generator(rng)
    X = rng.uniform(-1.0, 1.0, (positive_int(n, "n"), slopes.size))
    return X, X @ slopes + bias + non_negative(noise, "noise") * rng.normal(size=n)


def train_test_split(
    X: Any, y: Any, test_size: float = 0.25, rng: Seed = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X_train, X_test, y_train, y_test: every sample in one of the two parts, drawn at random.

    `test_size` is a share between 0 and 1, rounded to a whole number of samples, or an int, the number itself.
    Either part has at least one sample. Raises ValueError for other sizes, fewer than two samples, and X and y of
    different lengths.
    """
    X, y = _samples(X, y)
    n = len(X)
    if n < 2:
        raise ValueError("a split takes at least two samples, got 1")
    if isinstance(test_size, (float, np.floating)):
        if not 0.0 < test_size < 1.0:
            raise ValueError(f"test_size as a share lies between 0 and 1, got {test_size!r}; an int is a count")
        count = min(max(round(test_size * n), 1), n - 1)
    else:
        count = positive_int(test_size, "test_size")
        if count >= n:
            raise ValueError(f"test_size={count} leaves nothing to train on: there are {n} samples")
    order = generator(rng).permutation(n)
    train, test = order[count:], order[:count]
    return X[train], X[test], y[train], y[test]


@overload
def standardize(X_train: Any, /) -> np.ndarray: ...
@overload
def standardize(X_train: Any, X_other: Any, /, *others: Any) -> tuple[np.ndarray, ...]: ...
def standardize(X_train: Any, /, *others: Any) -> Any:
    """Each column less its mean, in units of its standard deviation; both are those of `X_train` in all arrays.

    Returns as many arrays as it is given. Columns that are constant in `X_train` are not scaled, and so become 0
    there. Raises ValueError for NaN and infinite entries, with their place, for empty data, and for arrays whose
    rows have different shapes.

    >>> standardize([[1.0, 7.0], [3.0, 7.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    names = ["X_train", *(f"array {position}" for position in range(2, 2 + len(others)))]
    arrays = [_finite(array, name) for array, name in zip((X_train, *others), names, strict=True)]
    train = arrays[0]
    for array, name in zip(arrays, names, strict=True):
        if array.shape[1:] != train.shape[1:]:
            raise ValueError(f"the rows of {name} have shape {array.shape[1:]}, those of X_train {train.shape[1:]}")
    # By its entries, for the mean of equal numbers can be off by rounding, which would be scaled up to 1.
    is_constant = (train == train[0]).all(axis=0)
    mean = np.where(is_constant, train[0], train.mean(axis=0))
    std = train.std(axis=0)
    std = np.where(is_constant | (std == 0.0), 1.0, std)
    standardized = tuple((array - mean) / std for array in arrays)
    return standardized if others else standardized[0]


def one_hot(labels: Any, classes: int | None = None) -> np.ndarray:
    """A row of `classes` zeros with a one at the label, for each label: shape (n, classes) for n labels.

    Without `classes`, one more than the largest label. Raises as `class_labels` does.

    >>> one_hot([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    labels = class_labels(labels, classes)
    return np.eye(int(labels.max()) + 1 if classes is None else classes)[labels]


def class_labels(labels: Any, classes: int | None = None) -> np.ndarray:
    """The labels as an int array of their own shape, checked: whole numbers from 0 to classes - 1.

    Raises TypeError for floats, bools and whatever else is no int; ValueError for no labels at all, or for one
    that is negative or not less than `classes`. Both say which.
    """
    array = np.asarray(readable(labels, "labels"), dtype=object)
    if array.size == 0:
        raise ValueError(f"there are no labels: their shape is {array.shape}")
    known = "" if classes is None else f" and less than {positive_int(classes, 'classes')}, the number of classes"
    for index, label in np.ndenumerate(array):
        named = f"labels{place(index)}"
        if isinstance(label, bool) or not isinstance(label, (int, np.integer)):
            raise TypeError(
                f"{named} is {label!r}, a {type(label).__name__} (the labels have shape {array.shape}); class labels "
                "are ints, as labels.astype(int) makes them"
            )
        if label < 0 or (classes is not None and label >= classes):
            raise ValueError(f"{named} is {label} (the labels have shape {array.shape}); a label is at least 0{known}")
    return array.astype(int)


def batches(X: Any, y: Any, batch_size: int, rng: Seed = None, shuffle: bool = True) -> Iterator[XY]:
    """The samples once, `batch_size` at a time, as pairs (X_batch, y_batch); the last may be smaller.

    In random order, or in their own without `shuffle`. Raises TypeError or ValueError at once for a batch size
    that is no int or less than 1, and for X and y that are empty or of different lengths.

    >>> [y_batch.tolist() for _, y_batch in batches([[1], [2], [3]], [1, 2, 3], 2, shuffle=False)]
    [[1, 2], [3]]
    """
    X, y = _samples(X, y)
    batch_size = positive_int(batch_size, "batch_size")
    order = generator(rng).permutation(len(X)) if shuffle else np.arange(len(X))
    chosen = (order[start : start + batch_size] for start in range(0, len(X), batch_size))
    return ((X[rows], y[rows]) for rows in chosen)


def place(index: tuple[int, ...]) -> str:
    """An index as it is written behind a name: [2][0]."""
    return "".join(f"[{position}]" for position in index)


def _in_turn(n: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per sample its label (the classes take turns), its position within its class, and the size of that class."""
    number = np.arange(positive_int(n, "n"))
    labels = number % classes
    return labels, number // classes, np.bincount(labels)[labels]


def _polar(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _noisy_and_shuffled(
    X: np.ndarray, y: np.ndarray, noise: float, rng: np.random.Generator, shuffle: bool = True
) -> XY:
    order = rng.permutation(len(X)) if shuffle else np.arange(len(X))
    return (X + non_negative(noise, "noise") * rng.normal(size=X.shape))[order], y[order]


def _samples(X: Any, y: Any) -> XY:
    """X and y as arrays with a row a sample."""
    X, y = array_of(X, "X"), array_of(y, "y")
    if X.shape[:1] != y.shape[:1] or X.ndim == 0:
        raise ValueError(f"X and y take one row a sample, got X of shape {X.shape} and y of shape {y.shape}")
    if len(X) == 0:
        raise ValueError(f"there are no samples: X has shape {X.shape}")
    return X, y


def _finite(array: Any, name: str) -> np.ndarray:
    array = numeric(array, name).astype(float)
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} has no rows to standardize: its shape is {array.shape}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        index = tuple(bad[0].tolist())
        raise ValueError(f"{name}{place(index)} is {array[index]:g}; replace what is missing before standardizing")
    return array
