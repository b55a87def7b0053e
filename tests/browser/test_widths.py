"""Every page of the three portals in both languages: nothing scrolls sideways on a small phone, no heading breaks within a word."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from portico.tenants.composition import compose
from portico.tenants.layers import read_directory, themes_directory
from portico.tenants.rehearsal import render_all

from tests.support.installation import ROOT

pytestmark = pytest.mark.browser

ORIGIN = "http://portal.example"
PREFIX = "/hub/brand/look/"
STATES = ("announcements", "five-labs", "form-errors", "failed", "404", "logged-in")
"""Those that show the most."""
BROKEN = """() => {
  const broken = [];
  for (const heading of document.querySelectorAll("h1, h2, h3")) {
    const walker = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      for (const word of walker.currentNode.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
        const range = document.createRange();
        range.setStart(walker.currentNode, word.index);
        range.setEnd(walker.currentNode, word.index + word[0].length);
        const lines = new Set([...range.getClientRects()].filter((rect) => rect.width > 1).map((rect) => Math.round(rect.top)));
        if (lines.size > 1) broken.push(word[0]);
      }
    }
  }
  return broken;
}"""


@pytest.mark.parametrize("tenant", ["juniq", "coec", "eurocc"])
def test_pages_fit(tenant: str, visit: Callable[..., Page]):
    candidate = compose(tenant, read_directory(ROOT / "tenants" / tenant), themes_directory())
    rehearsed = render_all(candidate.composition, prefix=PREFIX).pages
    pages = {f"/{page.page}/{page.state}/{page.locale}": page.html for page in rehearsed if page.state in STATES}
    assert {path.rpartition("/")[2] for path in pages} == {"en", "de"}
    page = visit()

    def answer(route):
        path = route.request.url.removeprefix(ORIGIN)
        if path in pages:
            route.fulfill(body=pages[path], content_type="text/html; charset=utf-8")
        elif path.startswith(PREFIX) and path.removeprefix(PREFIX) in candidate.static and not path.endswith(".js"):
            kind = "text/css" if path.endswith(".css") else "image/svg+xml"
            route.fulfill(body=candidate.static[path.removeprefix(PREFIX)], content_type=kind)
        else:
            route.fulfill(status=204, body="")

    page.route("**/*", answer)
    wrong = []
    for path in pages:
        page.goto(ORIGIN + path)
        for width in (320, 390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            broken = page.evaluate(BROKEN) if width > 320 else []
            if wide > 0 or broken:
                wrong.append((path, width, wide, broken))
    assert wrong == [], wrong
