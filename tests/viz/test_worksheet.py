"""Worksheets: what is left blank, what the key says, and what comes out of a printer."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autograd_core import backward_steps
from autograd_core.exercises import question
from autograd_core.expression import evaluate
from viz import Worksheet, worksheet
from viz.cli import main
from viz.worksheet import drawing, shown

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROW = re.compile(r"<tr>(.*?)</tr>")


def parts(page: str) -> tuple[list[str], list[str]]:
    """The sections of the questions, and those of the key."""
    asked, key = page.split('<main class="key">')
    return asked.split("<section>")[1:], key.split("<section>")[1:]


def rows(section: str, caption: str) -> list[list[str]]:
    """The rows of a table below its header."""
    table = section.split(f"<caption>{caption}</caption>")[1].split("</table>")[0]
    return [[html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", row)] for row in ROW.findall(table)[1:]]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sheets without pictures, which take Graphviz a third of a second each."""
    monkeypatch.setattr(worksheet, "drawing", lambda output: "<svg></svg>")


@pytest.mark.usefixtures("undrawn")
def test_tables_fade_from_an_example_to_blanks() -> None:
    sheet = Worksheet("paths", seed=3, count=5)
    asked, _ = parts(sheet.html())
    given = []
    for section, one in zip(asked, sheet.questions, strict=True):
        steps = list(backward_steps(one.evaluation.output))
        backward, forward = rows(section, "Backward"), rows(section, "Forward")
        assert len(backward) == len(steps)
        assert backward[0][2:] == ["", "", "1", "1"]
        for row, step in list(zip(backward, steps, strict=True))[1:]:
            right = [shown(number or 0.0) for number in (step.upstream, step.local, step.contribution, step.after)]
            assert all(cell in ("", number) for cell, number in zip(row[2:], right, strict=True))
        cells = [cell for row in [*backward[1:], *forward] for cell in row]
        given.append(sum(cell != "" for cell in cells) / len(cells))
        assert '= <span class="blank"></span></p></section>' in section
    assert given == sorted(given, reverse=True)
    assert all(cell != "" for row in rows(asked[0], "Backward")[1:3] for cell in row)
    assert all(row[2:] == [""] * 4 for row in rows(asked[-1], "Backward")[1:])
    assert all(row[2] == "" for row in rows(asked[-1], "Forward"))


@pytest.mark.usefixtures("undrawn")
def test_the_key_has_the_answer_its_chain_rule_and_what_wrong_numbers_mean() -> None:
    sheet = Worksheet("reuse", seed=1, count=3)
    asked, key = parts(sheet.html())
    for section, one in zip(key, sheet.questions, strict=True):
        assert f"∂y/∂x = {shown(one.answer)}</h2>" in section
        found = dict(rows(section, "If the answer is"))
        assert found == {shown(number): mistake.sentence for mistake, number in one.wrong.items()}
    assert not any(f"∂x = {shown(one.answer)}" in section for section, one in zip(asked, sheet.questions, strict=True))


def test_the_graph_has_the_numbers_of_the_inputs_and_room_for_the_others() -> None:
    output = evaluate("a = x + 4; y = a*a", {"x": 3.0}).output
    text = re.findall(r"<text[^>]*>(.*?)</text>", drawing(output))
    assert text == ["x", "data 3", "grad ____", "a", " = x + 4", "data ____", "grad ____", "y", " = a * a", "data ____",
                    "grad ____"]  # fmt: skip
    assert drawing(output).count('class="edge"') == 3


def test_a_printed_sheet_has_its_key_on_a_page_of_its_own_and_nothing_cut(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    assert main(["worksheet", "--topic", "layers", "--count", "2", "--out", str(path)]) == 0
    page.goto(path.as_uri())
    # A question stays in one piece if it is no higher than a page of A4 within its margins.
    across, down = ((length - 28) / 25.4 * 96 for length in (210, 297))
    page.set_viewport_size({"width": int(across), "height": int(down)})
    page.emulate_media(media="print")
    sections = page.eval_on_selector_all(
        "section, header", "all => all.map(one => [one.scrollWidth, one.clientWidth, one.clientHeight])"
    )
    assert len(sections) == 2 * (1 + 2)
    for wide, room, high in sections:
        assert wide <= room
        assert high < down
    assert page.evaluate("getComputedStyle(document.querySelector('.key')).breakBefore") == "page"
    assert page.evaluate("getComputedStyle(document.querySelector('section')).breakInside") == "avoid"
    assert re.findall(rb"/Type /Page\b", page.pdf(prefer_css_page_size=True)) == [b"/Type /Page"] * 3
    colours = set(re.findall(r"#[0-9a-f]{3,6}\b|rgb\([^)]*\)", path.read_text(encoding="utf-8")))
    assert colours <= {"#ffffff", "#000000"}


def test_the_command_writes_the_sheet_that_it_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undrawn: None
) -> None:
    path = tmp_path / "sheet.html"
    assert main(["worksheet", "--topic", "paths", "--seed", "3", "--count", "1", "--out", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert path.read_text(encoding="utf-8") == Worksheet("paths", seed=3, count=1).html()
    assert "paths, sheet 3" in path.read_text(encoding="utf-8")
    assert question("paths", 1, 3).source.split("; ")[0] in path.read_text(encoding="utf-8")
    assert main(["worksheet", "--topic", "paths", "--out", str(tmp_path / "sheet.pdf")]) == 2
    assert "--out takes a file that ends in .html" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["worksheet", "--topic", "path", "--out", str(path)])
    assert "invalid choice: 'path'" in capsys.readouterr().err


def test_what_is_no_sheet_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no topic"):
        Worksheet("<b>")
    with pytest.raises(ValueError, match="1 to 30 questions, not 0"):
        Worksheet("paths", count=0)
    with pytest.raises(ValueError, match=r"saved as \.html"):
        Worksheet("paths", count=1).save("sheet.pdf")
