"""Pages of one file: what joins their scripts, and what has to be in the files they are joined from."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from viz import page as pages
from viz.page import framed, html_path, json_number, json_text, script, static

STATIC = Path(pages.__file__).parent / "static"
MODULES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(STATIC.glob("*.js"))}
PAGES = ("stepper", "training", "playground", "exercise")
# What is put into a notebook beside a frame is no module of a page.
BESIDE = {"frame", "widget"}

each_module = pytest.mark.parametrize("name", [name for name in MODULES if name not in BESIDE])
each_page = pytest.mark.parametrize("name", PAGES)


def imports(name: str) -> dict[str, list[str]]:
    """What a module imports from each file; of a library nothing by name."""
    found = {}
    for line in MODULES[name].splitlines():
        if line.startswith("import "):
            match = re.fullmatch(r'import (?:\{ (.*) \}|\w+) from "\./(.*)\.js";', line)
            assert match, f"{name}.js: a page cannot join {line!r}"
            found[match[2]] = match[1].split(", ") if match[1] else []
    return found


def exports(name: str) -> list[str]:
    return re.findall(r"^export (?:function|const) (\w+)", MODULES[name], re.MULTILINE)


def reached(name: str) -> set[str]:
    """A module and all that it needs, libraries too."""
    return {name}.union(*(reached(needed) for needed in imports(name)), set()) if name in MODULES else {name}


@each_module
def test_what_is_imported_is_what_the_other_module_exports(name: str) -> None:
    for file, names in imports(name).items():
        if file in MODULES:
            assert set(names) <= set(exports(file)), f"{name}.js imports from {file}.js what it does not export"
        else:
            assert names == []
            assert (STATIC / f"{file}.js").exists()
        used = re.sub(r"^import .*$", "", MODULES[name], flags=re.MULTILINE)
        assert all(re.search(rf"\b{one}\b", used) for one in names), (
            f"{name}.js imports from {file}.js what it does not use"
        )


def test_no_two_modules_need_each_other() -> None:
    TopologicalSorter({name: imports(name) for name in MODULES if name not in BESIDE}).prepare()


@each_page
def test_a_script_has_each_module_once_and_after_those_that_it_needs(name: str) -> None:
    joined = script(name)
    places = {one: [m.start() for m in re.finditer(rf"^const {one}Module = ", joined, re.MULTILINE)] for one in MODULES}
    assert {one for one, found in places.items() if found} == reached(name) & {*MODULES}
    assert all(len(found) <= 1 for found in places.values())
    for one in reached(name) & {*MODULES}:
        for needed in imports(one):
            before = places[needed][0] if needed in MODULES else joined.index(static(f"{needed}.js"))
            assert before < places[one][0], f"{one} comes before {needed}"
    own = joined
    for library in reached(name) - {*MODULES}:
        assert joined.count(static(f"{library}.js")) == 1
        own = own.replace(static(f"{library}.js"), "")
    assert not re.search(r"^\s*(import|export)\b", own, re.MULTILINE)
    assert own.count('"use strict";') == len(reached(name) & {*MODULES}), "each module is strict on its own"


@each_page
def test_a_page_asks_for_nothing_and_leaves_no_place_empty(name: str) -> None:
    page = pages.page(
        name,
        "A <title>",
        "start();",
        {"TRACE": json_text({"label": "%%SCRIPT%%</script>"}), "CURVE": "", "PICTURE": ""},
    )
    assert "<title>A &lt;title&gt;</title>" in page
    assert page.count("%%") == 2
    assert "%%SCRIPT%%\\u003c/script>" in page
    assert page.count("<script") == page.count("</script>") == 2
    assert not re.search(r"""(?:src|href)=["']?(?!data:)[\w/.]|@import|url\((?!#)|\bfetch\(|sourceMappingURL""", page)


def test_every_file_is_used() -> None:
    used = {"page.html", "page.css", "buttons.html", "worksheet.html", "worksheet.css"} | {
        f"{name}.js" for name in BESIDE
    }
    for name in PAGES:
        used |= {f"{name}.html", f"{name}.css"} | {f"{one}.js" for one in reached(name)}
        used |= {re.sub(r"-[\d.]+\.min$", ".LICENSE", one) for one in reached(name) - {*MODULES}}
    assert {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()} == used


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_short_enough_to_be_read(name: str) -> None:
    assert MODULES[name].count("\n") <= 300
    assert MODULES[name].startswith("/*"), "a module begins with what it is for"


def test_the_library_is_that_of_the_version_in_its_name_and_comes_with_its_licence() -> None:
    (path,) = (STATIC / "vendor").glob("*.js")
    library = path.read_text(encoding="utf-8")
    match = re.fullmatch(r"dagre-(\d+\.\d+\.\d+)\.min\.js", path.name)
    assert match
    assert f'"{match[1]}"' in library
    # As published, but for the last line, which would have a browser look for another file.
    published = library + "//# sourceMappingURL=dagre.min.js.map\n"
    assert hashlib.sha256(published.encode()).hexdigest() == (
        "54a503e346f93ca0bb10abe7999587e037262935687aca45eb4e4b0f64bbb578"
    )
    licence = static("vendor/dagre.LICENSE")
    assert "Permission is hereby granted, free of charge" in licence
    assert f"/*!\n{licence}*/\n{library}" in script("stepper"), "the licence is to be in all copies"
    assert "*/" not in licence


def test_a_wheel_has_all_files_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["autograd_core", "nn", "viz"]}


def test_numbers_that_json_lacks_are_words() -> None:
    numbers = [1.5, -0.0, float("inf"), float("-inf"), float("nan"), None]
    assert [json_number(number) for number in numbers] == [1.5, -0.0, "inf", "-inf", "nan", None]
    with pytest.raises(ValueError, match="JSON"):
        json_text([float("nan")])


def test_a_trace_closes_no_script_and_opens_no_comment() -> None:
    trace = ["</script>", "<!--", "<script>", "]]>", "&lt;"]
    assert "<" not in json_text(trace)
    assert json.loads(json_text(trace)) == trace


def test_a_page_is_saved_as_html() -> None:
    assert html_path("a/b.HTML", "a page").name == "b.HTML"
    with pytest.raises(ValueError, match=r"^a page is saved as .html, not as 'b.png'$"):
        html_path("a/b.png", "a page")


def test_a_frame_has_the_page_as_text_and_the_picture_under_it() -> None:
    shown = framed('<p title="a">&amp;</p>', 'A "title"', "<svg/>", "What it <shows>", 300, True)
    assert 'srcdoc="&lt;p title=&quot;a&quot;&gt;&amp;amp;&lt;/p&gt;"' in shown
    assert 'title="A &quot;title&quot;"' in shown
    assert 'alt="What it &lt;shows&gt;"' in shown
    assert shown.index("<img ") < shown.index("<iframe ")
    assert "height:300px" in shown
    assert "data-fixed" in shown
    without = framed("", "", None, "")
    assert "<img" not in without
    assert "data-fixed" not in without.partition("<script>")[0]
