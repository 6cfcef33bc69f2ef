"""The stepper and its widget in a live JupyterLab."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

CELLS = [
    "from autograd_core import Value\nfrom viz import Stepper\n"
    "x = Value(3.0, label='x')\ny = x * x\ny.label = 'y'\nStepper(y)",
    "Stepper(y).widget()",
]


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
    context = browser.new_context(viewport={"width": 1200, "height": 1600})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(notebook)
    page.locator(".jp-Notebook .jp-CodeCell").nth(1).wait_for()
    # Cells that are run before there is a kernel may be lost.
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
    page.get_by_text("Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()

    static = page.frame_locator("iframe").nth(0)
    static.locator("#last").click()
    assert static.locator("#sum").text_content() == "3 + 3 = 6"

    live = page.frame_locator("iframe").nth(1)
    live.locator("#last").click()
    live.locator("#leaf-0").fill("5")
    live.locator("#sum", has_text="5 + 5 = 10").wait_for()
    context.close()
