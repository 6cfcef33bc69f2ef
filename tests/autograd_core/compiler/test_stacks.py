"""Stacks of matrix products are found wherever their elements lie, with or without a triangle missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_core.compiler.sections import Array, Section
from autograd_core.compiler.stacks import stack

sizes = st.integers(2, 4)


def section_of(there: dict[str, np.ndarray], rng: np.random.Generator) -> Section:
    """The terms left[g, r, t] * right[g, t, c] of place[g, r, c] where all three are there, positions shuffled."""
    positions = {
        name: np.where(some, rng.permutation(some.size).reshape(some.shape), -1) for name, some in there.items()
    }
    left, right, place = positions["left"], positions["right"], positions["place"]
    terms = [
        (place[g, r, c], left[g, r, t], right[g, t, c])
        for g, r, t in np.argwhere(left >= 0)
        for c in range(right.shape[2])
        if place[g, r, c] >= 0 and right[g, t, c] >= 0
    ]
    owner, a, b = np.array(terms).T
    return Section(owner, np.full(len(owner), 0.5), Array((left.size,), []), a, Array((right.size,), []), b).sorted()


def computed(section: Section, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    assert section.b is not None
    result = np.zeros(1 + section.owner.max())
    np.add.at(result, section.owner, x[section.a] * y[section.b])
    return result


@given(sizes, sizes, sizes, sizes, st.sampled_from(["nothing", "left", "place"]), st.integers(0, 99))
def test_the_product_of_what_is_found_is_the_section(
    groups: int, rows: int, terms: int, columns: int, missing: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    there = {
        "left": np.ones((groups, rows, terms), bool),
        "right": np.ones((groups, terms, columns), bool),
        "place": np.ones((groups, rows, columns), bool),
    }
    if missing in there:
        # The first of each row and column stay, so that all hang together.
        there[missing] &= np.tril(np.ones(there[missing].shape[1:], bool), 1)
        there[missing][:, 0] = there[missing][:, :, 0] = True
    section = section_of(there, rng)
    found = stack(section)
    assert found is not None
    x, y = rng.normal(size=there["left"].size), rng.normal(size=there["right"].size)
    left, right = (np.where(at >= 0, some[at], 0.0) for at, some in zip(found, (x, y), strict=False))
    result = (left @ right)[found.place >= 0]
    expected = computed(section, x, y)
    np.testing.assert_allclose(result, expected[found.place[found.place >= 0]], rtol=1e-12, atol=1e-12)
    assert sorted(found.place[found.place >= 0]) == sorted(set(section.owner))


def full() -> tuple[Section, np.random.Generator]:
    rng = np.random.default_rng(0)
    shapes = {"left": (2, 3, 4), "right": (2, 4, 3), "place": (2, 3, 3)}
    return section_of({name: np.ones(shape, bool) for name, shape in shapes.items()}, rng), rng


def without(section: Section, keep: np.ndarray) -> Section:
    assert section.b is not None
    return Section(
        section.owner[keep], section.coefficient[keep], section.left, section.a[keep], section.right, section.b[keep]
    )


def test_a_term_too_few_is_no_product() -> None:
    section, _ = full()
    assert stack(section) is not None
    assert stack(without(section, np.arange(len(section.owner)) != 5)) is None


def test_factors_of_different_terms_are_no_product() -> None:
    section, _ = full()
    section.coefficient[3] = 2.0
    assert stack(section) is None


def test_groups_of_different_sizes_are_no_stack() -> None:
    section, _ = full()
    first = section.owner[0]
    assert stack(without(section, section.owner != first)) is not None  # a hole
    assert section.b is not None
    same_row = np.isin(section.owner, section.owner[np.isin(section.a, section.a[section.owner == first])])
    assert stack(without(section, ~same_row)) is None


def test_a_product_of_which_little_is_left_is_not_worth_it() -> None:
    rng = np.random.default_rng(0)
    there = {name: np.ones((1, 20, 20), bool) for name in ("left", "right", "place")}
    there["place"] = np.eye(20, dtype=bool)[None] | (np.arange(20) == 0)
    assert stack(section_of(there, rng)) is None


@pytest.mark.parametrize("seed", range(3))
def test_irregular_terms_are_no_stack(seed: int) -> None:
    rng = np.random.default_rng(seed)
    owner, a, b = (np.sort(rng.integers(0, 30, size=200)), *rng.integers(0, 30, size=(2, 200)))
    assert stack(Section(owner, np.ones(200), Array((30,), []), a, Array((30,), []), b).sorted()) is None
