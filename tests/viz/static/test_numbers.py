"""Numbers in the browser, as Python writes them."""

from __future__ import annotations

import math
import random
import struct
from typing import TYPE_CHECKING

from tests.viz.static.scripts import run

if TYPE_CHECKING:
    from playwright.sync_api import Page


def doubles() -> list[float]:
    """Numbers of all kinds: of all sizes, near powers of ten, and halfway between two of six digits."""
    chance = random.Random(0)
    found = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(4000)]
    found += [chance.uniform(-1.0, 1.0) * 10.0 ** chance.randint(-9, 9) for _ in range(4000)]
    found += [round(chance.uniform(-100.0, 100.0), digits) for digits in range(6) for _ in range(200)]
    powers = [10.0**k for k in range(-12, 13)]
    found += [math.nextafter(p, to) for p in powers for to in (0.0, p, math.inf)]
    found += [p * (1.0 - share) for p in powers for share in (5e-7, 4.999e-7, 5.001e-7, 1e-6)]
    # Halfway: a seventh digit that is 5, where the number is no other than that.
    found += [n + 0.5 for n in range(100_000, 100_200)] + [10.0 * n + 5.0 for n in range(999_900, 1_000_000)]
    found += [(2 * n + 1) * 2.0**-k for k in range(1, 12) for n in range(100)]
    found += [float(n) for n in range(-30, 30)] + [5e-324, 2.2e-308, 1.7976931348623157e308]
    return [x for x in found if math.isfinite(x)]


def test_numbers_are_shown_as_python_formats_them(page: Page) -> None:
    numbers = doubles()
    shown = run(page, "numbers", "return given.map(numbersModule.shown);", numbers)
    wrong = [
        (x, format(x, ".6g"), text)
        for x, text in zip(numbers, shown, strict=True)
        if text != (format(x, ".6g") if x else "0")
    ]
    assert wrong == []


def test_there_is_no_minus_zero_and_what_is_not_finite_is_a_word(page: Page) -> None:
    numbers = [0.0, -0.0, math.inf, -math.inf, math.nan]
    assert run(page, "numbers", "return given.map(numbersModule.shown);", numbers) == ["0", "0", "inf", "-inf", "nan"]


def test_a_factor_with_a_sign_is_in_parentheses(page: Page) -> None:
    numbers = [2.0, -2.0, -0.0, -math.inf, -1e-9]
    shown = run(page, "numbers", "return given.map(numbersModule.factor);", numbers)
    assert shown == ["2", "(-2)", "0", "(-inf)", "(-1e-09)"]


def test_numbers_of_a_trace_are_numbers_or_three_words(page: Page) -> None:
    texts = [1.5, 0, "inf", "-inf", "nan", "1.5", "Infinity", "", None, True, [1.5], {}]
    assert run(page, "numbers", "return given.map(numbersModule.isOne);", texts) == [True] * 5 + [False] * 7
    found = run(page, "numbers", "return given.map(numbersModule.plain);", texts[:5])
    assert found[:4] == [1.5, 0, math.inf, -math.inf]
    assert math.isnan(found[4])
