"""The stepper's page as a whole: hostile content, themes, and hosts that lack something."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autograd_core import Value, backward_steps
from autograd_core.expression import evaluate
from tests.viz.steppers import GRAPHS, lines, opened, tesla, text
from viz import Stepper

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_clicks_jump_to_a_node_and_to_an_edge(page: Page, tmp_path: Path) -> None:
    diamond = evaluate("b = a + a; c = b * b; d = c + b", {"a": 3.0}).output
    order = opened(page, diamond, tmp_path)
    steps = list(backward_steps(diamond))
    index = {node: i for i, node in enumerate(order)}
    page.locator("#n0").click()
    assert text(page, "count") == f"{len(steps)} of {len(steps)}"
    page.locator("#e1_0").dispatch_event("click")
    first = next(i for i, step in enumerate(steps, 1) if step.node is not None and index[step.node] == 1)
    assert text(page, "count") == f"{first} of {len(steps)}"


def test_play_runs_to_the_end_and_pauses(page: Page, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    opened(page, tesla(), tmp_path)
    page.select_option("#speed", "33")
    page.click("#play")
    sync_api.expect(page.locator("#count")).to_have_text("3 of 3")
    sync_api.expect(page.locator("#play")).to_have_text("Play")
    page.select_option("#speed", "2000")
    page.locator("#picture").focus()
    page.keyboard.press("Space")
    assert text(page, "play") == "Pause"
    page.keyboard.press("Space")
    assert (text(page, "play"), text(page, "count")) == ("Play", "0 of 3")


HOSTILE = "</script><img src=x onerror=alert(1)>\"']]>&<!--{0}{out}%%TRACE%%$&"


def test_a_hostile_label_is_text(page: Page, tmp_path: Path) -> None:
    x = Value(2.0, label=HOSTILE)
    opened(page, x * x, tmp_path)
    page.keyboard.press("End")
    assert HOSTILE in text(page, "symbols")
    assert HOSTILE in text(page, "words")
    page.hover("#n0")
    assert page.locator("#card strong").inner_text() == HOSTILE
    page.click("#tab-inputs")
    assert page.locator("#leaves label").inner_text() == HOSTILE
    assert page.locator("img, script[src], iframe").count() == 0


def first(column: str, value: Any) -> Any:
    return lambda trace: trace[column].__setitem__(0, value)


TAMPERED: list[tuple[Any, str]] = [
    (lambda trace: trace.update(version=1), "this page reads traces of version 2"),
    (lambda trace: trace.update(data=[]), "the trace lacks its nodes"),
    (lambda trace: trace["data"].pop(), "its column form is not as it should be"),
    (first("data", "<img src=x onerror=alert(1)>"), "node 0 of the trace"),
    (first("data", None), "node 0 of the trace"),
    (first("box", 7), "node 0 of the trace"),
    (first("inputs", 99), "node 3 of the trace"),
    (first("inputs", "0"), "node 3 of the trace"),
    (first("partials", "x"), "node 3 of the trace"),
    (lambda trace: trace["inputs"].append(0), "the trace lacks a part"),
    (lambda trace: (trace["inputs"].append(0), trace["partials"].append(0)), "the trace has inputs of no node"),
    (lambda trace: trace["name"].update({"2": {"toString": 1}}), "node 2 of the trace"),
    (lambda trace: trace["forms"][0].__setitem__(1, {"length": 3}), "form 0 of the trace"),
    (
        lambda trace: trace["boxes"].append(
            {"name": "a", "title": "a", "path": "a", "parent": 0, "call": 0, "key": "a"}
        ),
        "box 0",
    ),
    (lambda trace: trace["constant"].append(len(trace["data"]) - 1), "the output of the trace is a plain number"),
]


def test_a_tampered_trace_is_refused(page: Page, tmp_path: Path) -> None:
    stepper = Stepper(tesla())
    path = tmp_path / "step.html"
    for tamper, complaint in TAMPERED:
        trace = json.loads(stepper.compact())
        tamper(trace)
        path.write_text(stepper.html().replace(stepper.compact(), json.dumps(trace).replace("<", "\\u003c")))
        page.goto(path.as_uri())
        assert text(page, "trouble").startswith("This page cannot be stepped through: ")
        assert complaint in text(page, "trouble")
        assert not page.locator("#controls").is_visible()
        assert not page.locator("#stage").is_visible()


def test_without_graphviz_only_the_static_picture_is_missing(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_picture = Stepper(tesla())._repr_mimebundle_()["text/html"]

    def missing(*_: Any, **__: Any) -> bytes:
        raise RuntimeError("drawing needs Graphviz")

    monkeypatch.setattr("viz.dot.render", missing)
    shown_in_notebook = Stepper(tesla())._repr_mimebundle_()["text/html"]
    assert "<img" in with_picture
    assert "<img" not in shown_in_notebook
    srcdoc = re.compile(r'srcdoc="(.*?)"', re.DOTALL)
    frames = [srcdoc.findall(one) for one in (with_picture, shown_in_notebook)]
    assert frames[0] == frames[1] != []
    assert html.unescape(frames[0][0]) == Stepper(tesla()).html()
    opened(page, tesla(), tmp_path)
    page.keyboard.press("End")
    assert text(page, "sum") == "0 + 200 = 200"
    assert lines(page, "n2")[-1] == "grad 200"


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_is_the_one_asked_for(system: Any, page: Page, tmp_path: Path) -> None:
    page.emulate_media(color_scheme=system)
    for theme in ("light", "dark", "auto"):
        opened(page, tesla(), tmp_path, theme=theme)
        red = page.evaluate("Number(/\\d+/.exec(getComputedStyle(document.body).backgroundColor)[0])")
        assert (red > 128) == ((system if theme == "auto" else theme) == "light")


def test_a_page_is_small() -> None:
    base = len(Stepper(tesla()).html().encode())
    assert base < 265_000
    large = Stepper(GRAPHS["2-16-16-1"]())
    assert len(large.html().encode()) < base + 150 * len(large.order)


def test_in_a_frame_that_is_shown_later(page: Page, tmp_path: Path) -> None:
    """Such as a slide's, or that of a notebook which is still being laid out."""
    x = Value(2.0, label="x")
    framed = Stepper(x * x)._repr_mimebundle_()["text/html"]
    path = tmp_path / "later.html"
    path.write_text(f"<!DOCTYPE html><meta charset='utf-8'><div style='display: none'>{framed}</div>", encoding="utf-8")
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#count").wait_for(state="attached")
    page.evaluate("document.querySelector('div').style.display = 'block'")
    frame.locator("#next").click()
    for box in frame.locator("#picture .node").all():
        outline = box.locator(".body").bounding_box()
        assert outline is not None
        assert outline["width"] > 30
        for line in box.locator("text").all():
            if place := line.bounding_box():
                assert outline["x"] <= place["x"]
                assert place["x"] + place["width"] <= outline["x"] + outline["width"]
