"""Running what a module of `static` exports, alone in an empty page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.page import script

if TYPE_CHECKING:
    from playwright.sync_api import Page


def run(page: Page, modules: str, body: str, given: Any = None) -> Any:
    """What the body of a function of `given` returns, in which each module is a constant such as ``treeModule``."""
    joined = [f"const {one}Module = (() => {{\n{script(one)}\nreturn {one}Module; }})();" for one in modules.split()]
    return page.evaluate("\n".join(["(given) => {", *joined, body, "}"]), given)
