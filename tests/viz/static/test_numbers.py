"""Numbers in the browser: as Python writes them, and as people type them."""

from __future__ import annotations

import math
import random
import struct
from typing import TYPE_CHECKING

from tests.viz.static.scripts import run

if TYPE_CHECKING:
    from playwright.sync_api import Page

MINUS = "−"
TYPED = {
    "0.5": 0.5, " 2 ": 2.0, "+3": 3.0, "-3": -3.0, f"{MINUS}3": -3.0, "–3": -3.0, "3.": 3.0, ".5": 0.5, "-.5": -0.5,
    "007": 7.0, "-0": -0.0, "1e-3": 1e-3, "1E3": 1e3, "1e+3": 1e3, f"1e{MINUS}3": 1e-3, "1e400": math.inf,
    "123456789.123456789": 123456789.123456789, "5e-324": 5e-324, "1/2": 0.5, "-1/2": -0.5, "1/-2": -0.5,
    " 1 / 3 ": 1 / 3, "1e3/2": 500.0, "1/0": math.inf, "-1/0": -math.inf, "0/0": math.nan, "1,5": 1.5, "-1,5": -1.5,
    ",5": 0.5, "1,5e3": 1500.0, "0,125": 0.125, f"{MINUS}0,125": -0.125, "1,5000": 1.5, "1234,567": 1234.567,
    "1,5/2,5": 0.6,
    "inf": math.inf, "-inf": -math.inf, "Infinity": math.inf, "∞": math.inf, "-∞": -math.inf, f"{MINUS}∞": -math.inf,
    "+inf": math.inf, "nan": math.nan, "NaN": math.nan,
}  # fmt: skip
REFUSED = [
    "", "  ", "abc", "-", "+", ".", ",", "/", "1/", "/2", "1/2/3", "--1", "+-1", "0x10", "1e", "e3", "1e1.5", "1 000",
    "1_000", "1.2.3", "1,2,3", "1.500,5", "1;2", "½", "٣", "2x", "1/x", "inf/2", "infinite", "__proto__", "<b>1</b>",
    "1,", "1.5,",
]  # fmt: skip


def test_what_people_type_is_read_as_they_mean_it(page: Page) -> None:
    body = "return given.map((text) => numbersModule.typed(text));"
    for (text, number), found in zip(TYPED.items(), run(page, "numbers", body, [*TYPED]), strict=True):
        assert list(found) == ["number"], f"{text!r} is refused: {found}"
        assert found["number"] == number or (math.isnan(found["number"]) and math.isnan(number)), text
        assert math.copysign(1.0, found["number"]) == math.copysign(1.0, number) or math.isnan(number), text


def test_what_is_no_number_is_refused_with_a_sentence(page: Page) -> None:
    body = "return given.map((text) => numbersModule.typed(text));"
    for text, found in zip(REFUSED, run(page, "numbers", body, REFUSED), strict=True):
        assert list(found) == ["problem"], f"{text!r} is read as {found}"
        blank = "Type a number, such as 0.5, 1e-3 or 1/2."
        expected = f"“{text.strip()}” is not a number; write it like 0.5, 1e-3, 1/2 or inf." if text.strip() else blank
        assert found["problem"] == expected


def test_a_comma_that_may_be_a_point_or_none_is_asked_about(page: Page) -> None:
    body = "return given.map((text) => numbersModule.typed(text).problem);"
    assert run(page, "numbers", body, ["1,500", f"{MINUS}12,345", "1,500/2", "1,234,567"]) == [
        "“1,500” may be 1.500 or 1500; write it with a point, or without a comma.",
        "“-12,345” may be -12.345 or -12345; write it with a point, or without a comma.",
        "“1,500” may be 1.500 or 1500; write it with a point, or without a comma.",
        "“1,234,567” is not a number; write it without commas, as 1234567.",
    ]


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
