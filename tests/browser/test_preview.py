"""`portico preview` in a browser: what one saves is what one sees, and what is wrong stands on the page with its place."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Error, FrameLocator, Page, Route, expect
from portico.tenants import newcomers
from portico.tenants.layers import themes_directory
from portico.tenants.preview.server import run

pytestmark = pytest.mark.browser


@dataclass
class Previewed:
    bundle: Path
    address: str

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.bundle / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def previewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Previewed]:
    """The preview of a new bundle, in a thread with a loop of its own."""
    bundle = newcomers.make("fenix", tmp_path_factory.mktemp("preview"), source="juniq").directory
    said: list[str] = []
    ready = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    def tell(words: str) -> None:
        said.append(words)
        ready.set()

    async def work() -> None:
        task = asyncio.create_task(run(bundle, themes_directory(), port=0, tell=tell))
        running.append((asyncio.get_running_loop(), task))
        with pytest.raises(asyncio.CancelledError):
            await task

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    assert ready.wait(60)
    found = re.search(r"http://\S+", said[0])
    assert found
    yield Previewed(bundle, found.group())
    loop, task = running[0]
    loop.call_soon_threadsafe(task.cancel)
    thread.join()


def inner(page: Page) -> FrameLocator:
    return page.frame_locator("[data-page]")


def test_a_save_shows_at_once_and_keeps_what_is_chosen(previewed: Previewed, visit: Callable[..., Page], artifacts: Path):
    page = visit()
    page.goto(previewed.address)
    expect(page.get_by_role("button", name="Nothing to mend")).to_be_visible()
    page.get_by_label("Page").select_option("systems")
    page.get_by_label("Language").select_option("de")
    page.get_by_label("Seen by").select_option("emmy")
    page.get_by_text("Dark", exact=True).click()
    page.get_by_text("768", exact=True).click()
    expect(inner(page).get_by_text("Emmy Noether")).to_be_visible()
    expect(inner(page).locator("html[lang=de][data-scheme=dark]")).to_have_count(1)
    assert page.locator("[data-page]").bounding_box()["width"] == 768
    before = page.url
    previewed.edit("texts/de.toml", "systems_title = ", 'systems_title = "Ganz neue Rechner" #')
    expect(inner(page).get_by_role("heading", name="Ganz neue Rechner")).to_be_visible()
    expect(inner(page).locator("html[data-scheme=dark]")).to_have_count(1)
    assert page.url == before
    page.screenshot(path=artifacts / "tool-preview-1440-light.png")


def test_a_save_shows_that_comes_while_the_one_before_is_being_loaded(previewed: Previewed, visit: Callable[..., Page]):
    page = visit()
    page.goto(previewed.address)
    expect(page.get_by_role("button", name="Nothing to mend")).to_be_visible()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/page/landing/**", hold)
    with page.expect_request("**/page/landing/**"):
        previewed.edit("templates/landing.html", "{{ t('front_lead') }}", "The first words")
    with page.expect_request("**/page/landing/**"):
        previewed.edit("templates/landing.html", "The first words", "The second words")
    page.unroute("**/page/landing/**")
    for route in held:
        with contextlib.suppress(Error):  # the browser has dropped the first one
            route.continue_()
    expect(inner(page).get_by_text("The second words")).to_be_visible()


def test_links_forms_and_the_back_button(previewed: Previewed, visit: Callable[..., Page]):
    page = visit()
    page.goto(previewed.address)
    inner(page).get_by_role("link", name="Log in").click()
    expect(page.get_by_label("Page")).to_have_value("home")
    expect(page.get_by_label("State")).to_have_value("five-labs")
    page.get_by_label("State").select_option("no-labs")
    inner(page).get_by_role("button", name=re.compile("Start")).first.click()
    expect(page.get_by_label("Page")).to_have_value("home")
    inner(page).get_by_role("link", name="The systems").click()
    expect(page.get_by_label("Page")).to_have_value("systems")
    page.go_back()
    expect(page.get_by_label("State")).to_have_value("no-labs")
    expect(inner(page).get_by_role("button", name=re.compile("Start")).first).to_be_visible()
    page.reload()
    expect(page.get_by_label("State")).to_have_value("no-labs")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_wrong_lies_over_the_page_until_it_is_mended(
    previewed: Previewed, visit: Callable[..., Page], artifacts: Path, scheme: str
):
    page = visit(scheme=scheme)
    page.goto(previewed.address)
    expect(page.get_by_role("button", name="Nothing to mend")).to_be_visible()
    previewed.edit("templates/landing.html", "{% block lead %}", "{% blck lead %}")
    panel = page.get_by_role("region", name="One thing to mend")
    expect(panel).to_be_visible()
    expect(panel.get_by_text(re.compile(r"^templates/landing\.html:\d+"))).to_be_visible()
    expect(panel.locator("[data-here]")).to_contain_text("blck lead")
    expect(inner(page).get_by_role("link", name="Log in")).to_be_visible()
    for width in (1440, 768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=artifacts / f"tool-preview-wrong-{width}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.get_by_role("button", name="One thing to mend").click()
    expect(panel).to_be_visible()
    previewed.edit("templates/landing.html", "{% blck lead %}", "{% block lead %}")
    expect(panel).to_be_hidden()
    expect(page.get_by_role("button", name="Nothing to mend")).to_be_visible()


def test_two_tabs_and_a_bundle_that_goes_away(previewed: Previewed, visit: Callable[..., Page]):
    one, two = visit(), visit()
    for page in (one, two):
        page.goto(previewed.address)
        expect(page.get_by_role("button", name="Nothing to mend")).to_be_visible()
    elsewhere = previewed.bundle.with_name("elsewhere")
    shutil.move(previewed.bundle, elsewhere)
    for page in (one, two):
        expect(page.get_by_role("button", name="One thing to mend")).to_be_visible()
        expect(inner(page).get_by_role("link", name="Log in")).to_be_visible()
    shutil.move(elsewhere, previewed.bundle)
    for page in (one, two):
        expect(page.get_by_role("button", name="Nothing to mend")).to_be_visible()
