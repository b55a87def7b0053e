"""One Chromium for all browser tests; each test gets visitors of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.chromium import FLAGS, find
from tests.support.installation import ROOT

# A machine that does other things beside the tests may be slow; what never comes is still found out.
expect.set_options(timeout=30_000)

ARTIFACTS = ROOT / "test-artifacts"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium without a window. It ends with its module: Playwright's event loop would stand in the way of others'."""
    executable = find()
    if executable is None:
        pytest.skip("Chromium is not installed: install your distribution's package chromium to run the browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page as a person of its own: `visit(width=390, scheme="dark")`."""
    contexts: list[BrowserContext] = []

    def open_page(width: int = 1440, scheme: str = "light") -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(45_000)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where pictures are kept for people to look at."""
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS
