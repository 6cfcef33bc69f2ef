"""The data sets lie where their formulas say, and the helpers neither lose nor leak a sample."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autograd_core import Value
from nn.data import (
    batches,
    blobs,
    circles,
    class_labels,
    linear,
    moons,
    one_hot,
    spirals,
    standardize,
    train_test_split,
    xor,
)

CLASSIFIED: dict[str, tuple[Callable[..., Any], int]] = {
    "moons": (moons, 2),
    "circles": (circles, 2),
    "spirals": (spirals, 2),
    "xor": (xor, 2),
    "blobs": (blobs, 3),
}
"""Each generator of classes with how many it makes by default."""
every_classified = pytest.mark.parametrize(("make", "classes"), CLASSIFIED.values(), ids=CLASSIFIED)
MAKERS = {name: make for name, (make, _) in CLASSIFIED.items()} | {"linear": linear}
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@every_classified
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 100, 101])
def test_shapes_and_balance(make: Any, classes: int, n: int) -> None:
    X, y = make(n, rng=0)
    assert (X.shape, X.dtype) == ((n, 2), float)
    assert (y.shape, y.dtype) == ((n,), int)
    counts = np.bincount(y, minlength=classes)
    assert len(counts) == classes
    assert counts.max() - counts.min() <= 1


@every_classified
def test_order_is_random(make: Any, classes: int) -> None:
    _, y = make(100, rng=0)
    assert not np.array_equal(y, np.arange(100) % classes)
    assert not np.array_equal(y, np.sort(y))
    # Runs of equal labels: shuffled, about 100 (1 - 1/classes) changes; sorted, one less than there are classes.
    assert 30 < (y[1:] != y[:-1]).sum() < 85


@every_maker
def test_seeds(make: Any) -> None:
    first, second = make(20, rng=3), make(20, rng=np.random.default_rng(3))
    for left, right in zip(first, second, strict=True):
        assert left.tobytes() == right.tobytes()
    assert not np.array_equal(make(20, rng=3)[0], make(20, rng=4)[0])
    assert not np.array_equal(make(20)[0], make(20)[0])
    shared = np.random.default_rng(3)
    assert not np.array_equal(make(20, rng=shared)[0], make(20, rng=shared)[0])


@every_maker
@pytest.mark.parametrize(
    ("n", "error", "message"),
    [
        (0, ValueError, "n is at least 1, got 0"),
        (-1, ValueError, "n is at least 1, got -1"),
        (10.0, TypeError, "n is an int, got float 10.0"),
        (True, TypeError, "n is an int, got bool True"),
    ],
)
def test_n_is_a_positive_int(make: Any, n: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        make(n)
    assert str(raised.value) == message


@every_maker
@pytest.mark.parametrize("bad", [-0.1, nan, inf])
def test_noise_is_not_negative(make: Any, bad: float) -> None:
    name = "std" if make is blobs else "noise"
    with pytest.raises(ValueError, match=rf"^{name} is a finite number of at least 0, got {bad}$"):
        make(10, **{name: bad})


@every_maker
def test_generator_is_checked(make: Any) -> None:
    with pytest.raises(TypeError, match=r"^rng is an int, a numpy.random.Generator or None, got str"):
        make(10, rng="0")


@pytest.mark.parametrize("make", [moons, circles, spirals, xor], ids=lambda make: make.__name__)
def test_noise_has_that_standard_deviation(make: Any) -> None:
    # The same seed gives the same order, so what differs is the noise.
    moved = make(20_000, noise=0.2, rng=0)[0] - make(20_000, noise=0.0, rng=0)[0]
    assert abs(moved.mean()) < 5.0 * 0.2 / 40_000**0.5
    assert abs(moved.std() - 0.2) < 5.0 * 0.2 / 80_000**0.5


@pytest.mark.parametrize("n", [1, 2, 9, 100])
def test_moons_are_half_circles(n: int) -> None:
    X, y = moons(n, noise=0.0, rng=0)
    upper, lower = X[y == 0], X[y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.hypot(*(lower - [1.0, 0.5]).T), 1.0, rtol=1e-12)
    assert (upper[:, 1] >= 0.0).all()
    assert (lower[:, 1] <= 0.5).all()


def test_moons_reach_from_tip_to_tip_in_equal_steps() -> None:
    X, y = moons(41, noise=0.0, rng=0)
    for half, tips in [(X[y == 0], (-1.0, 1.0)), (X[y == 1], (0.0, 2.0))]:
        half = half[np.argsort(half[:, 0])]
        np.testing.assert_allclose(half[[0, -1], 0], tips, atol=1e-12)
        steps = np.hypot(*np.diff(half, axis=0).T)
        np.testing.assert_allclose(steps, steps[0], rtol=1e-9)


@pytest.mark.parametrize("factor", [0.0, 0.3, 0.5])
def test_circles_have_their_radii(factor: float) -> None:
    X, y = circles(101, noise=0.0, factor=factor, rng=0)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 0, 1.0, factor), rtol=1e-12)
    outer = X[y == 0]
    angles = np.sort(np.arctan2(outer[:, 1], outer[:, 0]))
    np.testing.assert_allclose(np.diff(angles), 2.0 * np.pi / len(outer), rtol=1e-9)


@pytest.mark.parametrize("factor", [1.0, 1.5, -0.1, nan])
def test_inner_circle_is_smaller(factor: float) -> None:
    with pytest.raises(ValueError, match=r"^factor"):
        circles(10, factor=factor)


@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize("turns", [0.5, 1.0, 3.0])
def test_spirals_turn_as_they_grow(classes: int, turns: float) -> None:
    X, y = spirals(203, noise=0.0, turns=turns, classes=classes, rng=0)
    radius = np.hypot(*X.T)
    turned = np.arctan2(X[:, 1], X[:, 0]) / (2.0 * np.pi) - turns * radius - y / classes
    np.testing.assert_allclose(turned, np.round(turned), atol=1e-12)
    for label in range(classes):
        arm = np.sort(radius[y == label])
        np.testing.assert_allclose(arm, np.arange(1, len(arm) + 1) / len(arm), rtol=1e-12)


def test_classes_of_spirals_are_checked() -> None:
    with pytest.raises(ValueError, match=r"^classes is at least 1, got 0$"):
        spirals(10, classes=0)


def test_xor_without_n_is_the_truth_table() -> None:
    X, y = xor(rng=5)
    assert X.tolist() == [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    assert y.tolist() == [0, 1, 1, 0]
    noisy, same = xor(noise=0.1, rng=5)
    assert same.tolist() == [0, 1, 1, 0]
    assert 0.0 < np.abs(noisy - X).max() < 0.5


def test_xor_of_many() -> None:
    X, y = xor(30, rng=0)
    corners, counts = np.unique(X, axis=0, return_counts=True)
    assert corners.tolist() == [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    assert sorted(counts.tolist()) == [7, 7, 8, 8]
    np.testing.assert_array_equal(y, X[:, 0] != X[:, 1])


def test_blobs() -> None:
    X, y = blobs(4000, centers=4, std=0.5, dimensions=3, rng=0)
    assert X.shape == (4000, 3)
    centers, _ = blobs(4000, centers=4, std=0.0, dimensions=3, rng=0)
    for label in range(4):
        (center,) = np.unique(centers[y == label], axis=0)
        assert (np.abs(center) <= 10.0).all()
        cloud = X[y == label] - center
        assert np.abs(cloud.mean(axis=0)).max() < 5.0 * 0.5 / 1000**0.5
        assert np.abs(cloud.std(axis=0) - 0.5).max() < 5.0 * 0.5 / 2000**0.5


@pytest.mark.parametrize("name", ["centers", "dimensions"])
def test_counts_of_blobs_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is at least 1, got 0$"):
        blobs(10, **{name: 0})  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=rf"^{name} is an int, got float 2.5$"):
        blobs(10, **{name: 2.5})  # pyright: ignore[reportArgumentType]


def test_linear() -> None:
    X, y = linear(50, noise=0.0, weights=[2.0, -1.0, 0.5], bias=3.0, rng=0)
    assert X.shape == (50, 3)
    assert y.shape == (50,)
    np.testing.assert_allclose(y, 2.0 * X[:, 0] - X[:, 1] + 0.5 * X[:, 2] + 3.0, rtol=1e-12)
    assert (np.abs(X) <= 1.0).all()
    assert linear(7, weights=4)[0].shape == (7, 1)


def test_noise_of_linear_is_on_the_targets() -> None:
    X, y = linear(10_000, noise=0.3, weights=2.0, bias=1.0, rng=0)
    residuals = y - (2.0 * X[:, 0] + 1.0)
    assert abs(residuals.mean()) < 5.0 * 0.3 / 100.0
    assert abs(residuals.std() - 0.3) < 5.0 * 0.3 / 20_000**0.5
    assert abs(np.corrcoef(residuals, X[:, 0])[0, 1]) < 0.05


@pytest.mark.parametrize(("weights", "shape"), [([], "(0,)"), ([[1.0, 2.0]], "(1, 2)")])
def test_weights_of_linear_are_one_number_an_input(weights: Any, shape: str) -> None:
    with pytest.raises(ValueError, match="weights is one number an input") as raised:
        linear(5, weights=weights)
    assert str(raised.value).endswith(f"got an array of shape {shape}")


@given(st.integers(2, 60), st.floats(0.001, 0.999), st.integers(0, 100))
def test_split_is_disjoint_and_complete(n: int, share: float, seed: int) -> None:
    X, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    X_train, X_test, y_train, y_test = train_test_split(X, y, share, seed)
    assert sorted([*y_train.tolist(), *y_test.tolist()]) == list(range(n))
    np.testing.assert_array_equal(X_train, X[y_train])
    np.testing.assert_array_equal(X_test, X[y_test])
    assert len(y_test) == min(max(round(share * n), 1), n - 1)


def test_split_by_count_and_seed() -> None:
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    counts: list[Any] = [1, 4, 9, np.int64(4)]
    for count in counts:
        assert len(train_test_split(X, y, count, 0)[1]) == count
    assert len(train_test_split(X, y)[3]) == 2
    once, again, other = (train_test_split(X, y, 4, seed)[3].tolist() for seed in (0, 0, 1))
    assert once == again != other
    assert once != sorted(once)


def test_split_of_lists() -> None:
    X_train, X_test, y_train, y_test = train_test_split([[1], [2], [3]], ["a", "b", "c"], 1, 0)
    assert dict(zip([*X_train.ravel().tolist(), *X_test.ravel().tolist()], [*y_train, *y_test], strict=True)) == {
        1: "a",
        2: "b",
        3: "c",
    }


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (0.0, ValueError, "test_size as a share lies between 0 and 1, got 0.0; an int is a count"),
        (1.0, ValueError, "test_size as a share lies between 0 and 1, got 1.0; an int is a count"),
        (nan, ValueError, "test_size as a share lies between 0 and 1, got nan; an int is a count"),
        (0, ValueError, "test_size is at least 1, got 0"),
        (4, ValueError, "test_size=4 leaves nothing to train on: there are 4 samples"),
        (True, TypeError, "test_size is an int, got bool True"),
        ("0.5", TypeError, "test_size is an int, got str '0.5'"),
    ],
)
def test_size_of_a_split(size: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        train_test_split(np.zeros((4, 2)), np.zeros(4), size)
    assert str(raised.value) == message


def test_split_takes_two_samples() -> None:
    with pytest.raises(ValueError, match=r"^a split takes at least two samples, got 1$"):
        train_test_split([[1.0]], [1])


TAKES_X_AND_Y = {"split": train_test_split, "batches": lambda X, y: batches(X, y, 2)}


@pytest.mark.parametrize("function", TAKES_X_AND_Y.values(), ids=TAKES_X_AND_Y)
@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((3, 2)), np.zeros(4), "X and y take one row a sample, got X of shape (3, 2) and y of shape (4,)"),
        (1.0, 2.0, "X and y take one row a sample, got X of shape () and y of shape ()"),
        ([1.0], 2.0, "X and y take one row a sample, got X of shape (1,) and y of shape ()"),
        (np.zeros((0, 2)), [], "there are no samples: X has shape (0, 2)"),
    ],
)
def test_x_and_y_belong_together(function: Any, X: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match="sample") as raised:
        function(X, y)
    assert str(raised.value) == message


def test_standardized_columns_have_mean_0_and_deviation_1() -> None:
    train = np.random.default_rng(0).normal([5.0, -100.0], [0.1, 30.0], (200, 2))
    test = np.array([[5.0, -100.0], [0.0, 0.0]])
    standard, other = standardize(train, test)
    np.testing.assert_allclose(standard.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(standard.std(axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(other, (test - train.mean(axis=0)) / train.std(axis=0), rtol=1e-12)
    assert isinstance(standardize(train), np.ndarray)
    assert len(standardize(train, test, test)) == 3


def test_standardize_leaves_its_arguments_alone() -> None:
    train = np.array([[1.0], [3.0]])
    standardize(train, train)
    assert train.tolist() == [[1.0], [3.0]]


@given(st.floats(-1e100, 1e100), st.integers(1, 30))
def test_constant_columns_become_0(number: float, n: int) -> None:
    train = np.stack([np.full(n, number), np.arange(n)], axis=1)
    standard, other = standardize(train, [[number + 2.0, 0.0]])
    assert (standard[:, 0] == 0.0).all()
    assert other[0, 0] == (number + 2.0) - number


@given(arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 3)), elements=st.floats(-1e100, 1e100)))
def test_standardized_numbers_are_finite(array: np.ndarray) -> None:
    assert np.isfinite(standardize(array)).all()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([[1.0, 2.0], [nan, 1.0]],), "X_train[1][0] is nan; replace what is missing before standardizing"),
        (([[1.0], [2.0]], [[0.0], [inf]]), "array 2[1][0] is inf; replace what is missing before standardizing"),
        (([1.0], [2.0], [-inf]), "array 3[0] is -inf; replace what is missing before standardizing"),
        (([[1.0, 2.0]], [[1.0]]), "the rows of array 2 have shape (1,), those of X_train (2,)"),
        ((np.zeros((0, 2)),), "X_train has no rows to standardize: its shape is (0, 2)"),
        ((1.0,), "X_train has no rows to standardize: its shape is ()"),
    ],
)
def test_refused_by_standardize(arrays: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        standardize(*arrays)
    assert str(raised.value) == message


def test_one_hot() -> None:
    assert one_hot([0, 2], 4).tolist() == [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    assert one_hot(np.array([1, 0], dtype=np.uint8)).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert one_hot(1, 3).tolist() == [0.0, 1.0, 0.0]
    assert one_hot([[0, 1], [1, 1], [0, 0]]).shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("labels", "classes", "error", "message"),
    [
        ([0, 1.0], 2, TypeError, "labels[1] is 1.0, a float (the labels have shape (2,)); class labels are ints"),
        ([True], 2, TypeError, "labels[0] is True, a bool (the labels have shape (1,)); class labels are ints"),
        (np.array([True]), 2, TypeError, "labels[0] is True, a bool (the labels have shape (1,)); class labels"),
        ([0, -1], None, ValueError, "labels[1] is -1 (the labels have shape (2,)); a label is at least 0"),
        (
            [[0], [3]],
            3,
            ValueError,
            "labels[1][0] is 3 (the labels have shape (2, 1)); a label is at least 0 and less than 3, the number of",
        ),
        ([], 3, ValueError, "there are no labels: their shape is (0,)"),
        ([0], 0, ValueError, "classes is at least 1, got 0"),
        ([0], 2.0, TypeError, "classes is an int, got float 2.0"),
    ],
)
def test_refused_labels(labels: Any, classes: Any, error: type[Exception], message: str) -> None:
    for function in (one_hot, class_labels):
        with pytest.raises(error) as raised:
            function(labels, classes)
        assert str(raised.value).startswith(message)


@given(st.integers(1, 40), st.integers(1, 50), st.booleans(), st.integers(0, 100))
def test_batches_hold_every_sample_once(n: int, batch_size: int, shuffle: bool, seed: int) -> None:
    X, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    parts = list(batches(X, y, batch_size, seed, shuffle))
    seen = np.concatenate([y_batch for _, y_batch in parts])
    assert sorted(seen.tolist()) == list(range(n))
    assert shuffle or seen.tolist() == list(range(n))
    for X_batch, y_batch in parts:
        np.testing.assert_array_equal(X_batch, X[y_batch])
    assert [len(y_batch) for _, y_batch in parts[:-1]] == [batch_size] * (len(parts) - 1)
    assert 1 <= len(parts[-1][1]) <= batch_size


def test_batches_are_shuffled_by_seed() -> None:
    X = y = np.arange(50)

    def order(rng: Any) -> list[int]:
        return [int(label) for _, y_batch in batches(X, y, 8, rng) for label in y_batch]

    assert order(0) == order(0) != order(1)
    assert order(0) != list(range(50))
    shared = np.random.default_rng(0)
    assert order(shared) != order(shared)


def test_batches_keep_values_whole() -> None:
    X = [[Value(1.0)], [Value(2.0)]]
    ((X_batch, _),) = batches(X, [0, 1], 2, shuffle=False)
    assert X_batch[0, 0] is X[0][0]


@pytest.mark.parametrize(
    ("batch_size", "error", "message"),
    [
        (0, ValueError, "batch_size is at least 1, got 0"),
        (2.0, TypeError, "batch_size is an int, got float 2.0"),
        (True, TypeError, "batch_size is an int, got bool True"),
        (None, TypeError, "batch_size is an int, got NoneType None"),
    ],
)
def test_batch_size_is_checked_before_the_first_batch(batch_size: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        batches([[1.0]], [1.0], batch_size)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "take",
    [standardize, lambda X: batches(X, [0, 1], 1), lambda X: batches([0, 1], X, 1), one_hot],
    ids=["standardize", "batches X", "batches y", "one_hot"],
)
def test_masked_entries_are_refused(take: Any) -> None:
    with pytest.raises(ValueError, match="has masked entries; drop or fill them first"):
        take(np.ma.MaskedArray([0, 1], mask=[False, True]))
