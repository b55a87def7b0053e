"""The page of a portal's admins and a preview's bar in a real browser, against a real hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.integration.hub.world import BUNDLE, World
from tests.support.admin_pages import NOW

pytestmark = pytest.mark.browser

WIDTHS = (1440, 768, 390)
HOSTILE = """
.portico-preview, [data-portico-preview], body > :first-child, div[popover] {
  display: none !important; visibility: hidden !important; opacity: 0 !important; transform: translateY(-200px) !important;
  position: absolute !important; inset-block-start: -900px !important; clip-path: inset(100%) !important; z-index: -1 !important;
  animation: away 1ms forwards !important; transition: all 1ms !important; content-visibility: hidden !important;
}
.portico-preview * { display: none !important; font-size: 0 !important; color: transparent !important; }
.portico-preview::before { content: "Nothing to see"; position: fixed; inset: 0; background: white; display: block !important; }
html, body { transform: translateY(-100px) !important; opacity: 0.01 !important; filter: opacity(0) !important; contain: paint !important; }
html { padding: 0 !important; display: none !important; }
body { display: none !important; }
main { position: fixed; inset: 0; z-index: 2147483647; background: white; }
@keyframes away { to { transform: translateY(-900px); opacity: 0; } }
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("portal")).running() as running:
        yield running


def log_in(page: Page, portal: World, user: str) -> None:
    page.goto(f"http://juniq.localhost:{portal.port}/hub/login")
    page.get_by_role("link", name="Log in").click()
    page.locator('input[name="sub"]').fill(user)
    page.locator("button[type=submit], input[type=submit], button").first.click()
    page.wait_for_url("**/hub/home")


def come_back(page: Page) -> None:
    """To the page's tab, from another one."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def look(page: Page, name: str, scheme: str, artifacts: Path) -> None:
    """Keep a picture at each width; nothing scrolls sideways, down to 320 px."""
    for width in (*WIDTHS, 320):
        page.set_viewport_size({"width": width, "height": 900})
        if width != 320:
            page.screenshot(path=artifacts / f"{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (name, width)
    page.set_viewport_size({"width": 1440, "height": 900})


def known(portal: World, digest: str) -> None:
    """Something of everything that the sync can tell."""
    at = NOW.isoformat()
    finding = {"file": "templates/home.html", "line": 7, "column": 3, "what": "'labz' is not defined.", "cure": "Did you mean 'labs'?"}
    preview = {"branch": "summer", "commit": "c" * 40, "digest": digest, "at": at, "until": "2126-01-31T14:05:00+00:00"}
    live = portal.store.live("juniq") or ""
    portal.sync.knows(
        commit="a" * 40, snapshot=live, activated_at=at, candidate="b" * 40, checked_at=at, behind=1, previews=[preview],
        findings=[{**finding, "line": number} for number in range(1, 13)], error="templates/home.html:1:3: no",
        history=[
            {"at": at, "event": "live", "commit": "d" * 40, "digest": digest, "subject": "An older version"},
            {"at": at, "event": "live", "commit": "a" * 40, "digest": live, "subject": "Announce the summer school"},
            {"at": at, "event": "refused", "commit": "b" * 40, "subject": "Try a new hero", "finding": "templates/home.html:1:3: no"},
        ],
    )  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_admins_page_fits_every_width(portal, visit, artifacts, scheme):
    known(portal, portal.candidate(**{"static/older.svg": BUNDLE["static/logo.svg"]}))
    page = visit(scheme=scheme)
    log_in(page, portal, "ada")
    problems = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.get_by_role("link", name="This portal").click()
    expect(page.get_by_role("heading", name="Refused: 12 problems").or_(page.get_by_text("Refused: 12 problems"))).to_be_visible()
    look(page, "portal-page", scheme, artifacts)
    assert problems == []


def test_the_admin_acts_with_a_click_and_is_asked_before_she_revokes(portal, visit):
    older = portal.candidate(**{"static/older.svg": BUNDLE["static/logo.svg"]})
    known(portal, older)
    page = visit()
    log_in(page, portal, "ada")
    page.goto(f"http://juniq.localhost:{portal.port}/hub/portal")
    page.get_by_role("button", name="Roll back to this").click()
    expect(page.get_by_role("status").filter(has_text="Rolled back.")).to_be_visible()
    page.get_by_role("link", name="Revoke").first.click()
    page.get_by_role("link", name="Keep it").click()
    page.get_by_role("link", name="Revoke").first.click()
    page.get_by_role("button", name="Revoke for good").click()
    expect(page.get_by_role("status").filter(has_text="Revoked.")).to_be_visible()
    page.get_by_label("Branch to preview").fill("summer/school")
    page.get_by_role("button", name="Make a preview").click()
    expect(page.get_by_role("status").filter(has_text="The preview is ready.")).to_be_visible()
    live = portal.store.live("juniq")
    assert [(asked["do"], asked.get("digest") or asked.get("branch")) for asked in portal.sync.asked] == [
        ("rollback", older),
        ("revoke", live),
        ("preview", "summer/school"),
    ]


def test_news_appear_without_a_reload_by_hand(portal, visit):
    portal.sync.knows(candidate="a" * 40, checked_at=NOW.isoformat(), history=[])
    page = visit()
    log_in(page, portal, "ada")
    page.goto(f"http://juniq.localhost:{portal.port}/hub/portal")
    expect(page.get_by_text("Passed")).to_be_visible()
    portal.sync.knows(candidate="b" * 40, checked_at=NOW.isoformat(), error="The branch main is gone.", history=[])
    come_back(page)
    expect(page.get_by_text("The branch main is gone.")).to_be_visible()
    page.get_by_label("Branch to preview").fill("sum")
    portal.sync.knows(candidate="a" * 40, checked_at=NOW.isoformat(), history=[])
    come_back(page)
    expect(page.get_by_text("There is news since you loaded this page.")).to_be_visible()
    assert page.get_by_label("Branch to preview").input_value() == "sum"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_preview_is_seen_for_real_and_ended_with_a_click(portal, visit, artifacts, scheme):
    toml = BUNDLE["tenant.toml"].replace(b'title = "JUNIQ"', b'title = "The next JUNIQ"')
    known(portal, portal.candidate(**{"tenant.toml": toml}))
    admin = visit()
    log_in(admin, portal, "ada")
    admin.goto(f"http://juniq.localhost:{portal.port}/hub/portal")
    link = admin.get_by_label("Link for others").input_value()
    page, other = visit(scheme=scheme), visit()
    page.goto(link)
    expect(page.get_by_role("heading", name="The next JUNIQ")).to_be_visible()
    expect(page).to_have_title("The next JUNIQ")
    bar = page.get_by_role("region", name="Preview")
    expect(bar).to_contain_text("You see a preview of branch summer, commit cccccccccccc.")
    look(page, "preview-landing", scheme, artifacts)
    other.goto(f"http://juniq.localhost:{portal.port}/")
    expect(other.get_by_role("heading", name="The next JUNIQ")).to_have_count(0)
    page.get_by_role("button", name="End preview").click()
    expect(page.get_by_role("heading", name="JUNIQ", exact=True)).to_be_visible()
    expect(bar).to_have_count(0)


def test_no_style_sheet_of_a_candidate_hides_moves_or_covers_the_bar(portal, visit, artifacts):
    toml = BUNDLE["tenant.toml"].replace(b"stylesheets = []", b'stylesheets = ["css/tenant.css"]')
    digest = portal.candidate(**{"tenant.toml": toml, "static/css/tenant.css": HOSTILE.encode()})
    known(portal, digest)
    admin = visit()
    log_in(admin, portal, "ada")
    admin.goto(f"http://juniq.localhost:{portal.port}/hub/portal")
    page = visit()
    page.goto(admin.get_by_label("Link for others").input_value())
    page.locator(".portico-preview:popover-open").wait_for()
    page.screenshot(path=artifacts / "preview-hostile.png")
    box = page.locator("[data-portico-preview]").first.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 1440, "height": 48}
    on_top = """selector => {
      const element = document.querySelector(selector), box = element.getBoundingClientRect();
      return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === element;
    }"""
    for selector in (".portico-preview-words", ".portico-preview-end"):
        assert page.evaluate(on_top, selector)
        styles = page.locator(selector).evaluate(
            "e => { const s = getComputedStyle(e); return [s.opacity, s.visibility, s.fontSize, s.color]; }"
        )
        assert styles[:3] == ["1", "visible", "15px"]
        assert styles[3] != "rgba(0, 0, 0, 0)"
    assert page.evaluate("getComputedStyle(document.body).opacity + getComputedStyle(document.documentElement).transform") == "1none"
    page.get_by_role("button", name="End preview").click()
    expect(page.locator("[data-portico-preview]")).to_have_count(0)
