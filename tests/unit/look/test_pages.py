"""What all portals owe to their users and to outside scripts, seen in the pages that each bundle renders, in every sample state."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from portico.tenants.composition import compose
from portico.tenants.layers import read_directory, themes_directory
from portico.tenants.rehearsal import Rendered, render_all

ROOT = Path(__file__).parents[3]
BUNDLES = sorted(path.parent.name for path in (ROOT / "tenants").glob("*/tenant.toml"))
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Element:
    """An element with its words."""

    tag: str
    attributes: dict[str, str | None]
    words: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The accessible name, as far as these pages make use of it."""
        return self.attributes.get("aria-label") or " ".join(" ".join(self.words).split())


class Page(HTMLParser):
    """The elements of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attributes))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)
        if element.attributes.get("alt"):
            self.handle_data(str(element.attributes["alt"]))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.words.append(data)

    def controls(self, word: str) -> list[Element]:
        """Links and buttons whose name contains the word."""
        return [element for element in self.elements if element.tag in ("a", "button") and word in element.name.lower()]


@cache
def rendered(bundle: str) -> tuple[Rendered, ...]:
    """A bundle's pages in all states, in its first language."""
    candidate = compose(bundle, read_directory(ROOT / "tenants" / bundle), themes_directory())
    first = candidate.composition.tenant.languages[0]
    return tuple(page for page in render_all(candidate.composition, prefix="/static/").pages if page.locale == first)


def pages(bundle: str, kind: str | None = None) -> list[tuple[str, Page]]:
    return [(f"{page.page}.{page.state}", Page(page.html)) for page in rendered(bundle) if kind in (None, page.page)]


pytestmark = pytest.mark.parametrize("bundle", BUNDLES)


def test_the_landing_page_has_one_way_in(bundle: str) -> None:
    for name, page in pages(bundle, "landing"):
        assert [control.name for control in page.controls("log in")] == ["Log in"], name


def test_home_has_one_start_and_an_open_and_a_stop_in_each_row(bundle: str) -> None:
    for name, page in pages(bundle, "home"):
        forms = [element for element in page.elements if element.tag == "form" and "data-offer" in element.attributes]
        rows = [element for element in page.elements if element.tag == "li" and "data-lab" in element.attributes]
        assert [control.name for control in page.controls("start")] == ["Start"] * len(forms), name
        for word in ("open", "stop"):
            assert [control.name for control in page.controls(word)] == [word.capitalize()] * len(rows), name


def test_whoever_is_logged_in_finds_the_way_out(bundle: str) -> None:
    for kind in ("home", "start"):
        for name, page in pages(bundle, kind):
            assert [control.name for control in page.controls("log out")] == ["Log out"], name


def test_the_start_form_sends_all_fields(bundle: str) -> None:
    for name, page in pages(bundle, "home"):
        if any("data-offer" in element.attributes for element in page.elements):
            sent = {element.attributes.get("name") for element in page.elements if element.tag in ("input", "select")}
            assert {"_xsrf", "title", "system", "account", "project", "partition", "profile", "nodes", "gpus", "runtime"} <= sent, name


def test_each_field_has_a_label(bundle: str) -> None:
    for name, page in pages(bundle):
        labelled = {element.attributes.get("for") for element in page.elements if element.tag == "label"}
        fields = [e for e in page.elements if e.tag in ("input", "select", "textarea") and e.attributes.get("type") != "hidden"]
        assert not [e.attributes for e in fields if e.attributes.get("id") not in labelled and not e.attributes.get("aria-label")], name


def test_ids_are_unique_and_what_refers_to_them_finds_them(bundle: str) -> None:
    for name, page in pages(bundle):
        ids = [str(element.attributes["id"]) for element in page.elements if "id" in element.attributes]
        assert len(ids) == len(set(ids)), name
        wanted = {
            part
            for element in page.elements
            for key in ("for", "aria-labelledby", "aria-describedby", "aria-errormessage")
            for part in (element.attributes.get(key) or "").split()
        }
        assert wanted <= set(ids), name


def test_nothing_is_inline_that_the_content_security_policy_refuses(bundle: str) -> None:
    for name, page in pages(bundle):
        for element in page.elements:
            assert element.tag != "style", name
            assert element.tag != "script" or (element.attributes.get("src") and not "".join(element.words).strip()), name
            assert not [key for key in element.attributes if key == "style" or key.startswith("on")], (name, element)


def test_each_page_has_a_title_a_language_one_heading_and_one_main(bundle: str) -> None:
    for name, page in pages(bundle):
        tags = [element.tag for element in page.elements]
        assert (tags.count("h1"), tags.count("main")) == (1, 1), name
        assert next(element for element in page.elements if element.tag == "html").attributes.get("lang"), name
        assert next(element for element in page.elements if element.tag == "title").name, name


def test_no_heading_level_is_left_out(bundle: str) -> None:
    for name, page in pages(bundle):
        levels = [int(element.tag[1]) for element in page.elements if re.fullmatch(r"h[1-6]", element.tag)]
        assert levels[0] <= 2, name
        assert not [(a, b) for a, b in itertools.pairwise(levels) if b > a + 1], (name, levels)
