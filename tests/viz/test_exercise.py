"""An exercise in a notebook: in Python and on its page, right, wrong, empty and absurd answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autograd_core import Value
from tests.viz.steppers import text
from viz import Exercise, exercise
from viz.exercise import GRADING, WrongAnswerError

if TYPE_CHECKING:
    from playwright.sync_api import Page


def squares(name: str | None = None) -> Exercise:
    x = Value(3.0, label="x")
    y = x * x + x
    y.label = "y"
    return Exercise(y, x, name=name)


def test_a_check_says_what_a_wrong_answer_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GRADING, raising=False)
    one = squares(name="squares")
    assert one.result is None
    assert "counted once" in repr(one.check(4))
    assert one.result is not None
    assert one.result.mistakes == ("set_of_inputs",)
    assert "sign" in repr(one.check("−7"))
    assert repr(one.check("8,25")) == "Not 8,25: Take the paths to it one by one, and multiply along each."
    assert repr(one.check("seven")) == "'seven' is no number; write it like 0.5, 1e-3, 1/2 or inf."
    assert repr(one.check("")) == "'' is no number; write it like 0.5, 1e-3, 1/2 or inf."
    assert repr(one.check(...)) == "The answer is still open."  # type: ignore[arg-type]
    found = one.check("14/2")
    assert repr(found) == "Right."
    assert (found.exercise, found.answer, found.right, found.mistakes, found.tries) == ("squares", "14/2", True, (), 7)
    assert one.result is found


@pytest.mark.parametrize(("said", "raises"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_a_check_raises_where_a_grader_asks_for_it(said: str, raises: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GRADING, said)
    one = squares(name="squares")
    assert one.check("7").right
    for answer in ("4", "seven", ...):
        if raises:
            with pytest.raises(WrongAnswerError, match="squares: "):
                one.check(answer)  # type: ignore[arg-type]
        else:
            assert not one.check(answer).right  # type: ignore[arg-type]
    assert one.result is not None
    assert one.result.tries == 4


def test_an_exercise_is_about_a_topic_or_a_graph() -> None:
    one = Exercise("paths", level=2, seed=3)
    assert (one.name, repr(one)) == ("paths 2 3", "<Exercise 'paths 2 3': what is ∂y/∂x? .check(answer)>")
    assert one.check(one.answer).right
    x = Value(2.0)
    assert repr(Exercise(x * x, x)) == "<Exercise 'exercise': what is ∂v1/∂v0? .check(answer)>"
    with pytest.raises(ValueError, match="there is no topic 'pats'"):
        Exercise("pats")
    with pytest.raises(TypeError, match="takes a topic, such as 'paths', or an output and the node"):
        Exercise(x * x)
    with pytest.raises(ValueError, match="is not in the graph"):
        Exercise(x * x, Value(1.0))
    many = x
    for _ in range(100):
        many = many * 2.0
    with pytest.raises(ValueError, match="has 201 nodes, and an exercise takes 100"):
        Exercise(many, x)
    with pytest.raises(ValueError, match="theme is 'auto'"):
        Exercise(x * x, x, theme='"><b>')  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="height is a whole number"):
        Exercise(x * x, x, height=3)


def test_the_page_tells_of_an_answer_what_python_tells_of_it(page: Page, tmp_path: Path) -> None:
    typed = ["7", "7.0", "7.00001", "4", "3", "-7", "−7", "14", "3,5", "1/2", "1e0", "12", "6", "nan", "inf", "8"]
    for one in (squares(), Exercise("layers", level=2, seed=1)):
        answers = [*typed, f"{one.answer:.3f}", f"{2 * one.answer:.4g}", f"{0.5 * one.answer:.4g}"]
        path = tmp_path / "exercise.html"
        path.write_text(one.html(), encoding="utf-8")
        page.goto(path.as_uri())
        assert text(page, "asked") == f"{one._asked} ="
        for answer in answers:
            page.fill("#answer", answer)
            page.press("#answer", "Enter")
            told = one.check(answer)
            assert text(page, "verdict") == told.message
            result = json.loads(page.input_value("#result"))
            assert result == {"exercise": told.exercise, "answer": answer, "right": told.right,
                              "mistakes": [*told.mistakes], "tries": told.tries}  # fmt: skip
    for nothing in ("", "  ", "x", "<b>", "1/2/3"):
        page.fill("#answer", nothing)
        page.click("#check")
        assert page.get_attribute("#answer", "aria-invalid") == "true"
        assert page.locator("#hand-in").is_hidden()


def test_in_a_notebook_it_fits_its_frame_and_hands_in_a_result(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercise, "drawing", lambda output: "")
    page.set_viewport_size({"width": 400, "height": 700})
    page.set_content(f"<!DOCTYPE html><body>{squares()._repr_mimebundle_()['text/html']}</body>")
    frame = page.frames[1]
    frame.fill("#answer", "7")
    frame.click("#check")
    assert frame.locator("#result").is_hidden()
    frame.click("#hand-in")
    assert frame.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [384, 384]
    assert json.loads(frame.input_value("#result"))["right"]
    page.wait_for_function("document.querySelector('iframe').clientHeight < 300")


def test_labels_are_data_and_no_markup(page: Page, tmp_path: Path) -> None:
    x = Value(1.0, label="</script><script>alert(1)</script>")
    y = x * 3.0
    y.label = "<img src=x onerror=alert(1)>"
    path = tmp_path / "exercise.html"
    path.write_text(Exercise(y, x, name="</script>").html(), encoding="utf-8")
    page.goto(path.as_uri())
    assert text(page, "asked") == f"∂{y.label}/∂{x.label} ="
