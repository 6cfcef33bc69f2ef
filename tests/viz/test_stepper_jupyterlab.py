"""The stepper and its widget in a live JupyterLab."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from autograd_core import backward_steps
from autograd_core.expression import evaluate
from autograd_core.formula import number_text

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

NUMBERS = {"x1": 2.0, "x2": 0.5, "w1": -3.0, "w2": 1.0, "b": 6.88}
SOURCE = "o = tanh(x1*w1 + x2*w2 + b); L = o**2"
CELLS = [
    "from autograd_core.expression import evaluate\nfrom viz import Stepper\n"
    f"y = evaluate({SOURCE!r}, {NUMBERS}).output\nStepper(y)",
    "Stepper(y).widget()",
]
THEME = "lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
OVERFLOW = """() => [document.documentElement, document.getElementById("panel")].map(
  (one) => Math.max(0, one.scrollHeight - one.clientHeight, one.scrollWidth - one.clientWidth))"""
IS_DARK = "Number(/\\d+/.exec(getComputedStyle(document.body).backgroundColor)[0]) < 128"


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[str]:
    """The address of a notebook in a JupyterLab of its own."""
    if not os.environ.get("CI") and not find_spec("jupyterlab"):
        pytest.skip("the test in JupyterLab needs jupyterlab")
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for i, source in enumerate(CELLS)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    document = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "step.ipynb").write_text(json.dumps(document))
    settings = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token=t"]
    places = {name: str(tmp_path / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    places["PYTHONPATH"] = str(Path(__file__).parents[2])  # the kernel takes the code that is tested
    theme = Path(places["JUPYTER_CONFIG_DIR"]) / THEME
    theme.parent.mkdir(parents=True)
    theme.write_text(json.dumps({"theme": "JupyterLab Dark"}))
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *settings],
        cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env={**os.environ, **places},
    )  # fmt: skip
    assert server.stderr is not None
    reader = None
    try:
        for line in server.stderr:
            found = re.search(r"http://127\.0\.0\.1:(\d+)/lab", line)
            if found:
                # It goes on writing, and would stand still with the pipe full.
                reader = Thread(target=server.stderr.read)
                reader.start()
                yield f"http://127.0.0.1:{found[1]}/lab/tree/step.ipynb?token=t"
                break
        else:
            raise RuntimeError("JupyterLab did not start")
    finally:
        server.terminate()
        server.wait(20)
        if reader:
            reader.join(20)
        server.stderr.close()


def test_stepping_in_jupyterlab(browser: Browser, notebook: str) -> None:
    from playwright.sync_api import TimeoutError

    context = browser.new_context(viewport={"width": 1600, "height": 1600}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(notebook)
    page.locator(".jp-Notebook .jp-CodeCell").nth(1).wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
    # Cells that are run before the kernel is connected are lost, whatever the indicator says; then they are run again.
    for _ in range(5):
        page.get_by_text("Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        with suppress(TimeoutError):
            page.locator("iframe").nth(1).wait_for(timeout=10_000)
            break

    for cell in (0, 1):
        page.frame_locator("iframe").nth(cell).locator("#controls").wait_for()
    static, live = (element.content_frame() for element in page.locator("iframe").element_handles())
    assert static is not None
    assert live is not None
    for frame in (static, live):
        frame.wait_for_function(f"() => {IS_DARK}")
    while static.locator("#next").get_attribute("aria-disabled") == "false":
        static.locator("#next").click()
        assert static.evaluate(OVERFLOW) == [0, 0]
    output = page.locator(".jp-OutputArea-output").first
    assert output.evaluate("one => [one.scrollHeight - one.clientHeight, one.scrollWidth - one.clientWidth]") == [0, 0]

    live.locator("#last").click()
    live.locator("#tab-inputs").click()
    field = live.get_by_label("b", exact=True)
    fresh = evaluate(SOURCE, NUMBERS | {"b": 7.0}).output
    before = live.locator("#sum").text_content()
    field.fill("7")
    last = list(backward_steps(fresh))[-1]
    live.locator("#numbers", has_text=f"= {number_text(last.contribution)}").wait_for()
    assert live.locator("#sum").text_content() != before

    page.get_by_text("Settings", exact=True).click()
    page.get_by_text("Theme", exact=True).hover()
    page.get_by_text("JupyterLab Light", exact=True).click()
    for frame in (static, live):
        frame.wait_for_function(f"() => !({IS_DARK})")
    context.close()
