"""The playground: formulas that are typed, and the stepper that follows them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import viz
from autograd_core import Value
from autograd_core.expression import ExpressionError, evaluate
from tests.viz.static.scripts import run
from tests.viz.steppers import lines, rect, step_to, text, walk
from viz import Playground, Stepper
from viz.cli import main
from viz.language import language
from viz.page import json_text, static
from viz.playground import EXAMPLES, MOST_LETTERS, MOST_NODES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STATIC = Path(viz.__file__).parent / "static"


@pytest.fixture(scope="module")
def shared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, str, list[str]]]:
    """One window with the page, its address, and what it complained of."""
    address = Playground().save(tmp_path_factory.mktemp("playground") / "play.html").as_uri()
    page = browser.new_page(viewport={"width": 1280, "height": 720}, offline=True)
    troubles: list[str] = []
    page.on("request", lambda request: None if request.url.startswith("file:") else troubles.append(request.url))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    yield page, address, troubles
    page.close()


@pytest.fixture
def play(shared: tuple[Page, str, list[str]]) -> Iterator[Page]:
    """The page as it is when it is opened."""
    page, address, troubles = shared
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto("about:blank")
    page.goto(address)
    page.locator("#controls").wait_for()
    yield page
    assert troubles == []


def write(page: Page, source: str) -> None:
    page.fill("#source", source)
    page.locator("#stage:not([aria-busy])").wait_for(state="attached")


def units(page: Page) -> dict[str, list[str]]:
    """What stands in each node, by the name in its first line."""
    return {found[0].split(" = ")[0]: found[1:] for found in (lines(page, k) for k in ids(page))}


def ids(page: Page) -> list[str]:
    return page.eval_on_selector_all("#canvas .node", "all => all.map(one => one.id)")


def test_picture_passes_and_inputs_follow_what_is_typed(play: Page) -> None:
    assert set(units(play)) == {"ground", "bmw", "tesla"}
    write(play, "y = x*x + w")
    assert units(play)["y"][0] == "data 4.5"  # inputs start as 2, 0.5, -1.5 and so on
    assert play.locator("#leaves .field label").all_text_contents() == ["w", "x"]
    # The letters of a formula are no keys of the stepper, and a step stays while the graph does.
    step_to(play, 3)
    play.focus("#source")
    play.keyboard.press("End")
    play.keyboard.type(" + 10")
    assert text(play, "count") == "0 of 6"
    play.fill("#leaf-0", "3")
    assert units(play)["y"][0] == "data 19.5"
    write(play, "y = x*x + w + 11")
    assert units(play)["y"][0] == "data 20.5"
    write(play, "y = x*x*x + w")
    assert units(play)["y"][0] == "data 27.5"


def test_a_step_stays_where_the_graph_does_and_the_way_of_looking_at_it_always(play: Page) -> None:
    write(play, "y = 3*x + b")
    step_to(play, 4)
    play.click("#tab-practice")
    play.check("#zeros")
    play.select_option("#speed", "fast")
    write(play, "y = 4*x + b")
    assert text(play, "count") == "4 of 4"
    assert text(play, "numbers") == "1 · 4 = 4"
    write(play, "y = 4*x*b")
    assert text(play, "count") == "0 of 4"
    assert play.is_checked("#zeros")
    assert play.locator("#practice").is_visible()
    assert play.input_value("#speed") == "400"


def test_a_mistake_is_shown_with_a_caret_and_the_cure_and_the_last_picture_stays(play: Page) -> None:
    write(play, "z = w*x + b; y = tanhh(z)")
    assert (
        text(play, "fault-words") == "there is no function tanhh (did you mean tanh?); for a product write tanhh*(…)."
    )
    assert text(play, "fault-place") == "z = w*x + b; y = tanhh(z)\n" + " " * 17 + "^"
    assert play.get_attribute("#source", "aria-invalid") == "true"
    assert "stale" in (play.get_attribute("#stage", "class") or "")
    assert set(units(play)) == {"ground", "bmw", "tesla"}
    write(play, "z = w*x + b; y = tanh(z)")
    assert text(play, "fault-words") == ""
    assert not play.locator("#fault").is_visible()
    assert "stale" not in (play.get_attribute("#stage", "class") or "")
    assert set(units(play)) == {"w", "x", "b", "v2", "z", "y"}
    # A formula with a mistake in it can be handed on, too.
    write(play, "z = w*x + b; y = tanh(")
    play.wait_for_url(re.compile(r"tanh\(&at=w:2,x:0.5,b:-1.5"))
    link = play.url
    play.goto("about:blank")
    play.goto(link)
    assert "got the end of the statement" in text(play, "fault-words")
    assert play.locator("#controls").is_hidden()
    write(play, "z = w*x + b; y = tanh(w)")
    assert units(play)["w"][0] == "data 2"


def test_empty_absurd_and_huge_input_is_answered_in_a_sentence(play: Page) -> None:
    horner = "; ".join(f"a{i + 1} = a{i}*x + y" for i in range(200))
    for source, words in {
        "": "the expression is empty; write one such as y = x**2.",
        "<script>alert(1)</script>": "'<' means nothing here",
        "a = b; b = a": "a is defined by itself: a -> b -> a.",
        horner: f"and this page draws {MOST_NODES}; a Stepper in Python takes more.",
        "x" * (MOST_LETTERS + 1): f"and this page reads {MOST_LETTERS}.",
        "(" * 5000: "this is nested more than 100 deep",
        "\U0001f600": "means nothing here",
    }.items():
        write(play, source)
        assert words in text(play, "fault-words")
    write(play, "1/0")
    assert units(play) == {"output": ["data inf", "grad –"]}
    write(play, "y = log(0*x)")
    assert units(play)["y"][0] == "data -inf"


def test_a_window_that_listens_once_takes_one_step_a_key(play: Page) -> None:
    for k in range(20):
        write(play, f"y = x*x + {k}")
    play.focus("#picture")
    play.keyboard.press("ArrowRight")
    assert text(play, "count") == "1 of 4"
    play.keyboard.press("Escape")
    play.keyboard.press("f")
    assert play.get_attribute("#phase-forward", "aria-pressed") == "true"


def test_what_listens_beyond_its_elements_goes_with_the_graph() -> None:
    for path in STATIC.glob("*.js"):
        source = path.read_text(encoding="utf-8")
        if path.stem in ("frame", "widget", "playground", "training", "exercise"):
            continue
        heard = re.findall(r"(?<![\w.)])(?:document\.|window\.)?addEventListener\(", source)
        assert len(heard) == source.count(", lasting());"), path.name


def test_the_address_holds_all_of_it_and_a_link_is_an_exercise(play: Page, shared: tuple[Page, str, list[str]]) -> None:
    write(play, "z = w*x + b\ny = tanh(z)  # 100% so & so")
    play.fill("#leaf-0", "0.25")
    step_to(play, 4)
    play.click("#tab-practice")
    play.check("#zeros")
    play.wait_for_url(re.compile("step=4.*tab=practice"))
    link = play.url
    assert "at=w:0.25,x:0.5,b:-1.5" in link
    assert "n0=" not in link
    shown = units(play), text(play, "words")
    play.goto("about:blank")
    play.goto(link)
    assert play.input_value("#source") == "z = w*x + b\ny = tanh(z)  # 100% so & so"
    assert (units(play), text(play, "words")) == shown
    play.evaluate("location.hash = 'of=y+=+x**3&at=x:2&phase=forward&step=1'")
    play.locator("#words", has_text="gives 8").wait_for()
    assert play.input_value("#source") == "y = x**3"
    play.evaluate("location.hash = 'of=y+=+x*&at=x:two,:,y&nonsense=1'")
    play.locator("#fault-words", has_text="expected a number").wait_for()
    play.evaluate("location.hash = 'of=y+=+x*x&at=x:two,e:1,:,y&nonsense=1&step=999'")
    play.locator("#trouble", has_text="means nothing").wait_for()
    assert text(play, "fault-words") == ""
    assert "means nothing to this page; there is no step 999" in text(play, "trouble")
    assert units(play)["x"][0] == "data 2"


def test_the_stepper_tells_of_an_example_what_it_tells_of_the_same_graph_in_python(play: Page, tmp_path: Path) -> None:
    titles = list(EXAMPLES)
    for title in ("Softmax", "micrograd"):
        play.select_option("#example", str(titles.index(title)))
        assert text(play, "fault-words") == ""
        found = [walk(play, phase) for phase in ("forward", "backward")]
        play.goto(Stepper(evaluate(*EXAMPLES[title]).output).save(tmp_path / "step.html").as_uri())
        assert found == [walk(play, phase) for phase in ("forward", "backward")]
        play.go_back()
        play.locator("#controls").wait_for()


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 720, "light"), (400, 800, "dark")])
def test_line_picture_and_panel_are_in_view_at_once(play: Page, width: int, height: int, scheme: Any) -> None:
    play.set_viewport_size({"width": width, "height": height})
    play.emulate_media(color_scheme=scheme)
    play.select_option("#example", str(list(EXAMPLES).index("Two layers")))
    window = play.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert window == [width, height]
    for part in ("#source", "#copy-python", "#example", "#picture", "#panel", "#next", "#slider"):
        assert rect(play, part).right <= width
        assert rect(play, part).bottom <= height
    assert rect(play, "#picture").bottom - rect(play, "#picture").top > 0.3 * height
    play.fill("#source", "y = (x")
    place = rect(play, "#fault")
    assert place.top >= rect(play, "#source").bottom - 2
    assert place.right <= width
    play.emulate_media(color_scheme="light")


def test_in_a_notebook_the_page_has_a_picture_below_it_and_the_frame_its_height(page: Page) -> None:
    playground = Playground("z = w*x + b; y = tanh(z)", {"w": 2.0, "x": 0.5, "b": -1.5})
    shown = playground._repr_mimebundle_()["text/html"]
    assert 'src="data:image/svg+xml;base64,' in shown
    page.set_content(f"<!DOCTYPE html><body>{shown}</body>")
    frame = page.frames[1]
    frame.wait_for_selector("#controls")
    page.wait_for_function("document.querySelector('iframe').clientHeight !== 600")
    assert frame.locator("#copy-link").is_hidden()
    frame.fill("#source", "y = x*x")
    frame.click("#copy-python")
    assert frame.input_value("#copy").endswith("y.backward()\nviz.Stepper(y)\n")
    assert frame.locator("#taken").text_content() == "Copy it from the field below."


PYTHON = """
  const language = recordingModule.languageOf(eval(given.operations), JSON.parse(given.table));
  return given.cases.map(([source, numbers]) => {
    const at = new Map(numbers);
    const plan = recordingModule.parsed(source, language, at);
    const order = recordingModule.evaluated(plan, at, language);
    return pythonModule.asPython(source, plan, at, order.at(-1).name);
  });
"""


def test_what_is_copied_runs_in_python_and_is_the_same_graph(page: Page) -> None:
    plain: dict[str, dict[str, float]] = dict(EXAMPLES.values())
    plain |= {
        "c = b*a; b = 007 + a # seven\na = 1_0/4": {},
        "y = pi*x + e; z = y": {"x": 2.0},
        "leaky_relu(x, 0.2)/leaky_relu(x) - -x % 3": {"x": -1e-7},
        "y = x**2\xa0+ 1.05 - 10e05": {"x": -0.0},
        "y = maximum(2, 3)*x": {"x": 3.0},
        "y = inf*x": {"x": 1.0},
    }
    odd: dict[str, dict[str, float]] = {
        "lambda = 2*x": {"x": 1.0}, "größe = 2*viz": {"viz": 1.0}, "y = 1/0*x": {"x": 1.0},
        "y = 9**9**9*x": {"x": 1.0}, "y = (-8)**0.5 + x": {"x": 1.0},
        "y = 1e999*x": {"x": 1.0},
    }  # fmt: skip
    source, table = language()
    cases = [(formulas, list(at.items())) for formulas, at in (plain | odd).items()]
    given = {"operations": source, "table": json_text(table), "cases": cases}
    for (formulas, at), code in zip((plain | odd).items(), run(page, "python recording", PYTHON, given), strict=True):
        assert ("evaluate(" in code) == (formulas in odd), code
        made: dict[str, Any] = {}
        exec(code, made)
        wanted = evaluate(formulas, at)
        wanted.output.backward()
        graph = made.get("graph")
        for name, node in wanted.names.items():
            found = graph.names[name] if graph else made[name]
            assert isinstance(found, Value)
            same = [(found.data, node.data), (found.grad, node.grad)]
            assert all(mine == theirs or (math.isnan(mine) and math.isnan(theirs)) for mine, theirs in same), code
        assert (
            Stepper(graph.output if graph else made[wanted.output.label]).compact() == Stepper(wanted.output).compact()
        )


def test_python_says_what_is_wrong_before_it_writes_a_page() -> None:
    with pytest.raises(ExpressionError, match="no value for b"):
        Playground("y = a*b", {"a": 1.0})
    with pytest.raises(ExpressionError, match="takes 100 nodes in 10,000 characters, and this has 203 in"):
        Playground("+".join(f"x{i}" for i in range(102)), {f"x{i}": 1.0 for i in range(102)})
    with pytest.raises(ValueError, match="height"):
        Playground(height=3)
    with pytest.raises(ValueError, match=r"saved as \.html"):
        Playground().save("play.txt")


def test_play_writes_and_names_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.html"
    assert main(["play", "y = w*x", "--at", "w=2", "--at", "x=pi", "--out", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}\nOpen it in a browser:\n  {path}\n"
    assert "of=y+%3D+w%2Ax\\u0026" in (page := path.read_text(encoding="utf-8")) or "of=y+%3D+w%2Ax&" in page
    assert main(["play", "y = w*", "--out", str(path)]) == 2
    assert capsys.readouterr().err.endswith("y = w*\n      ^\n")
    assert main(["play", "y = w", "--out", str(path)]) == 2
    assert "with --at w=…" in capsys.readouterr().err
    assert main(["play", "--out", str(tmp_path / "page.pdf")]) == 2
    assert "--out takes a file that ends in .html" in capsys.readouterr().err


def test_a_page_is_as_strict_as_the_steppers() -> None:
    page = Playground(theme="dark").html()
    assert static("page.html").split("<title>")[0].replace("%%THEME%%", "dark") in page
