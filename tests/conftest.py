"""What several folders of tests share: a browser, and a disk that is full."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = Path("/usr/bin/chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium; where there is none, the test is skipped, but not in CI."""
    if not os.environ.get("CI"):
        pytest.importorskip("playwright", reason="the tests of pages need Playwright")
        if not CHROMIUM.exists():
            pytest.skip(f"the tests of pages need Chromium as {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def offline(browser: Browser) -> Iterator[BrowserContext]:
    """A context without a network, shared because a new one takes Chromium longer than most tests take."""
    context = browser.new_context(viewport={"width": 1100, "height": 800}, offline=True)
    yield context
    context.close()


@pytest.fixture
def page(offline: BrowserContext) -> Iterator[Page]:
    """A page without a network that may neither ask for anything nor complain."""
    page = offline.new_page()
    troubles: list[str] = []
    page.on("request", lambda request: None if request.url.startswith("file:") else troubles.append(request.url))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    yield page
    page.close()
    assert troubles == []


@pytest.fixture
def full_after() -> Callable[[int], AbstractContextManager[None]]:
    """A with-block in which no file can get longer than so many bytes, as on a full disk."""
    resource = pytest.importorskip("resource", reason="the size of files can be limited on Unix only")

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
