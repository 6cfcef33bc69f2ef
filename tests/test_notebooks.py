"""The course: what is committed is what a clean kernel gives, and its exercises know right answers from wrong ones."""

from __future__ import annotations

import inspect
import re
import time
import tokenize
import tomllib
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nn
import viz
from nn.activations import ACTIVATIONS

nbformat = pytest.importorskip("nbformat")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parent.parent / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
SOLUTIONS = tomllib.loads((Path(__file__).parent / "solutions.toml").read_text(encoding="utf-8"))
"""For each notebook its exercises, each with a right answer and wrong ones."""
NOTES = tomllib.loads((Path(__file__).parent / "notes.toml").read_text(encoding="utf-8"))["rows"]
"""What the lecture notes teach: where in them, what, in which notebook, and in which words."""
SECTIONS = ["Mistakes everyone makes", "Exercises", "Summary", "Check yourself", "Further reading"]
SECONDS = 60
LARGEST = 1_500_000
# A number that is no part of a name; the last digits of one that was trained may differ on another processor.
NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
TOLERANCE = 0.02
ALONE = {"Exercise", "Playground", "Worksheet"}
"""What shows by itself how it is used."""
UNNAMED = {"Diagram", "Epoch", "History", "Module", "Optimizer", "Scheduler", "Training"}
"""What one gets, and does not ask for by name."""
INNER = {"class_labels", "clipped_by_norm", "clipped_by_value", "log_loss"}
"""What the others are made of."""

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@cache
def words_of(path: Path) -> str:
    """All that stands in the cells of a notebook."""
    return "\n".join(cell.source for cell in read(path).cells)


def is_check(cell: Any) -> bool:
    return cell.cell_type == "code" and "is ..." in cell.source and "assert " in cell.source


def exercises(notebook: Any) -> list[tuple[Any, Any]]:
    """The cell to fill in, and the one that checks it."""
    return [(cell, check) for cell, check in zip(notebook.cells, notebook.cells[1:], strict=False) if is_check(check)]


def text_of(output: Any) -> str:
    """What a reader sees of an output as text; a picture counts as one, whatever is in it."""
    if output.output_type == "stream":
        return output.text
    data = output.get("data", {})
    return " ".join(sorted(data)) if set(data) - {"text/plain"} else data.get("text/plain", "")


def assert_same_text(fresh: str, committed: str, where: str) -> None:
    """The same words, and numbers that differ by a unit of their last digit, or by TOLERANCE."""
    assert NUMBER.sub("#", fresh) == NUMBER.sub("#", committed), where
    for one, other in zip(NUMBER.findall(fresh), NUMBER.findall(committed), strict=True):
        found, expected = (float(text.replace(",", "").replace("−", "-")) for text in (one, other))
        decimals = len(other.split("e")[0].partition(".")[2]) - int(other.partition("e")[2] or 0)
        assert abs(found - expected) <= max(1.01 * 10.0**-decimals, TOLERANCE * abs(expected)), (
            f"{where}: {one}, {other}"
        )


def test_fourteen_notebooks_each_with_its_solutions() -> None:
    assert [path.stem[:3] for path in PATHS] == [f"{number:02}_" for number in range(14)]
    assert list(SOLUTIONS) == [path.stem for path in PATHS]


@each_notebook
def test_what_is_committed(path: Path) -> None:
    assert path.stat().st_size <= LARGEST
    notebook = read(path)
    nbformat.validate(notebook)
    number = int(path.stem[:2])
    assert notebook.cells[0].source.startswith(f"# {number}. ")
    cells = [cell for cell in code_cells(notebook) if cell.source.strip()]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run it from top to bottom"
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", output.text
    following = [other for other in PATHS if int(other.stem[:2]) == number + 1]
    assert all(other.name in notebook.cells[-1].source for other in following)
    written = path.read_text(encoding="utf-8")
    assert not re.findall(r'(?:/(?:tmp|home|root|Users)/|[A-Z]:\\\\)[^"\\ ]*', written)


@each_notebook
def test_a_stepper_has_a_picture_where_there_are_no_scripts(path: Path) -> None:
    for cell in code_cells(read(path)):
        for output in cell.outputs:
            html = output.get("data", {}).get("text/html", "")
            if "<iframe" in html:
                assert re.search(r'<img [^>]*src="data:image/svg\+xml;base64,', html), cell.source


@each_notebook
def test_a_lesson_says_what_it_is_for_and_ends_with_a_summary_and_questions(path: Path) -> None:
    texts = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    assert all(part in texts[1] for part in ("- **Goals.** ", "- **You need.** ", "- **Time.** ", " minutes"))
    headings = [text.removeprefix("## ") for text in texts if text.startswith("## ")]
    assert [heading for heading in headings if heading in SECTIONS] == SECTIONS
    questions = texts[texts.index("## Check yourself") + 1]
    assert re.findall(r"^\d(?=\. )", questions, re.MULTILINE) == list("12345")


@each_notebook
def test_headings_stand_in_cells_of_their_own(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "markdown" and re.search(r"^#+ ", re.sub(r"(?s)```.*?```", "", cell.source), re.MULTILINE):
            assert len(cell.source.splitlines()) == 1, cell.source


@each_notebook
def test_a_figure_has_an_alternative_text(path: Path) -> None:
    """In the metadata of its cell, where nbconvert looks for it."""
    for cell in code_cells(read(path)):
        if any("image/" in kind for output in cell.outputs for kind in output.get("data", {})):
            assert len(cell.metadata.get("alt", "")) >= 20, cell.source


@pytest.mark.parametrize("path", PATHS[:4], ids=lambda path: path.stem)
def test_slides_begin_at_headings_and_do_not_show_the_checks(path: Path) -> None:
    nbconvert = pytest.importorskip("nbconvert")

    notebook = read(path)
    body, _ = nbconvert.SlidesExporter().from_notebook_node(notebook)
    headings = [cell for cell in notebook.cells if cell.source.startswith("#") and cell.cell_type == "markdown"]
    assert body.count("<section><section") == len(headings) - 1, "all but further reading"
    assert "Not yet:" not in body


@pytest.mark.parametrize(("place", "what", "number", "quotation"), NOTES, ids=[f"{row[0]} {row[1]}" for row in NOTES])
def test_the_notes_are_taught(place: str, what: str, number: str, quotation: str) -> None:
    [path] = [path for path in PATHS if path.stem.startswith(number)]
    assert " ".join(quotation.split()) in " ".join(words_of(path).split()), f"{place}: {what}"


def test_the_notes_are_taught_throughout() -> None:
    assert len(NOTES) >= 150
    assert {row[0][:3] for row in NOTES} == {"000", "001", "002", "003", "004"}


@each_notebook
def test_exercises_are_hidden_and_have_solutions(path: Path) -> None:
    found = exercises(read(path))
    assert 2 <= len(found) <= 3
    assert len(found) == len(SOLUTIONS[path.stem])
    for (cell, check), solution in zip(found, SOLUTIONS[path.stem], strict=True):
        assert "..." in cell.source
        assert check.metadata["jupyter"]["source_hidden"]
        assert "open" in text_of(check.outputs[0])
        assert len(solution["wrong"]) >= 2


def test_every_part_of_nn_and_viz_is_taught() -> None:
    words: set[str] = set()
    for path in PATHS:
        for cell in code_cells(read(path)):
            for token in tokenize.generate_tokens(StringIO(cell.source).readline):
                if token.type in (tokenize.NAME, tokenize.STRING):
                    words.update(re.findall(r"\w+", token.string))
    public = {*nn.__all__, *viz.__all__, *nn.optim.__all__, "SCHEMES"}
    for module in (nn.data, nn.losses):
        public |= {name for name, part in vars(module).items() if inspect.getmodule(part) is module and callable(part)}
    assert sorted(name for name in public - ALONE - UNNAMED - INNER - words if not name.startswith("_")) == []
    assert set(ACTIVATIONS) <= words


@pytest.mark.parametrize(
    ("fresh", "same"),
    [
        ("loss 0.1250, 1,024 nodes, w1 −2", True),
        ("loss 0.1251, 1,024 nodes, w1 −2", True),
        ("loss 0.1290, 1,024 nodes, w1 −2", False),
        ("loss 0.1250, 1,124 nodes, w1 −2", False),
        ("loss 0.1250, 1,024 nodes, w1 2", False),
        ("loss 0.1250, 1,024 nodes, w2 −2", False),
        ("loss nan, 1,024 nodes, w1 −2", False),
        ("loss 0.1250, 1,024 nodes", False),
    ],
)
def test_what_counts_as_the_same_text(fresh: str, same: bool) -> None:
    committed = "loss 0.1250, 1,024 nodes, w1 −2"
    if same:
        assert_same_text(fresh, committed, "")
    else:
        with pytest.raises(AssertionError):
            assert_same_text(fresh, committed, "")


@pytest.mark.notebooks
@each_notebook
def test_a_clean_kernel_gives_what_is_committed(path: Path) -> None:
    """In less than a minute; and then, in the same kernel, the exercises with right and wrong answers."""
    from nbclient import NotebookClient

    committed, fresh = read(path), read(path)
    client = NotebookClient(
        fresh,
        timeout=SECONDS,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    )

    def run(source: str) -> Any:
        cell = nbformat.v4.new_code_cell(source)
        fresh.cells.append(cell)
        client.execute_cell(cell, len(fresh.cells) - 1)
        return cell

    with client.setup_kernel():
        start = time.perf_counter()
        for index, cell in enumerate(fresh.cells):
            client.execute_cell(cell, index)
        assert time.perf_counter() - start < SECONDS
        for found, expected in zip(code_cells(fresh), code_cells(committed), strict=True):
            assert not [output for output in found.outputs if output.get("name") == "stderr"], found.source
            if "varies" not in expected.metadata.get("tags", []):
                one, other = ("\n".join(map(text_of, cell.outputs)) for cell in (found, expected))
                assert_same_text(one, other, expected.source)
        for (_, check), solution in zip(exercises(committed), SOLUTIONS[path.stem], strict=True):
            run(solution["right"])
            assert "right" in text_of(run(check.source).outputs[0])
            for wrong in solution["wrong"]:
                run(wrong)
                told = [text_of(output) for output in run(check.source).outputs if output.get("name") == "stdout"]
                assert re.search(r"^Not yet: .{15}", "".join(told), re.MULTILINE), wrong


@pytest.mark.notebooks
@each_notebook
def test_in_a_browser(path: Path, browser: Browser, tmp_path: Path) -> None:
    """As nbconvert shows it: all pictures are there, the steppers step, and nothing complains."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(template_name="basic").from_notebook_node(read(path))
    page_path = tmp_path / "notebook.html"
    page_path.write_text(f"<!DOCTYPE html><meta charset='utf-8'><title>{path.stem}</title>{body}", encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(page_path.as_uri())
    widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
    assert all(width > 50 for width in widths)
    # Of drawings as SVG nbconvert drops the alternative text; their words are text in the notebook itself.
    plots = page.eval_on_selector_all("img[src^='data:image/png']", "images => images.map(image => image.alt)")
    assert all(len(text) >= 20 and "No description" not in text for text in plots)
    assert len(widths) + page.locator("svg").count() >= 2
    for frame in page.locator("iframe").all():
        inner = frame.content_frame
        if inner.locator("#next").count():
            before = inner.locator("#count").inner_text()
            inner.locator("#next").click()
            assert inner.locator("#count").inner_text() != before
    context.close()
    assert troubles == []
