"""Every word of every page, in every state, is said in each of a portal's languages; what stays the same is a name or a term."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from portico.tenants import samples
from portico.tenants.composition import compose
from portico.tenants.layers import read_directory, themes_directory
from portico.tenants.rehearsal import Rendered, render_all

from tests.support.vocabulary import SHARED

ROOT = Path(__file__).parents[3]
BUNDLES = sorted(path.parent.name for path in (ROOT / "tenants").glob("*/tenant.toml"))
READ = {"alt", "aria-label", "placeholder", "title", "content", "data-label", "data-help", "data-hours", "data-minutes", "data-summary"}
"""Attributes that people read or hear."""
WRITTEN = {samples.USER.display_name, samples.USER.name, samples.WRONG_FORM.title} | {
    title
    for lab in (samples.RUNNING, samples.STARTING, samples.FAILING, samples.STOPPED, samples.ENDED)
    for title in (lab.title, f"{lab.title}, again")
}
"""What the samples' users wrote."""


class Words(HTMLParser):
    """What can be read on a page, in order: texts and attributes. Code, and words that say which language they are, are left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if self._silent or tag in ("code", "pre") or (tag not in ("html",) and "lang" in attributes):
            self._silent.append(tag)
            return
        for name, value in attrs:
            if value and (name in READ or name.startswith("data-word-")) and not value.startswith(("width=", "light dark")):
                self._take(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._take(data)

    def _take(self, text: str) -> None:
        words = " ".join(text.split())
        if re.search(r"[^\W\d_]{2}", words):
            self.found.append(words)


@cache
def pages(bundle: str) -> dict[tuple[str, str], dict[str, Rendered]]:
    candidate = compose(bundle, read_directory(ROOT / "tenants" / bundle), themes_directory())
    found: dict[tuple[str, str], dict[str, Rendered]] = {}
    for page in render_all(candidate.composition, prefix="/static/").pages:
        found.setdefault((page.page, page.state), {})[page.locale] = page
    return found


@pytest.mark.parametrize("bundle", BUNDLES)
def test_each_portal_speaks_english_and_german(bundle: str) -> None:
    assert all(set(each) == {"en", "de"} for each in pages(bundle).values())


@pytest.mark.parametrize("bundle", BUNDLES)
def test_no_word_is_the_same_in_both_languages_but_names_and_terms(bundle: str) -> None:
    same: dict[str, str] = {}
    for (page, state), each in pages(bundle).items():
        english, german = (set(Words(each[language].html).found) for language in ("en", "de"))
        for words in english & german - WRITTEN:
            if not SHARED.fullmatch(words) and words.partition(" · ")[0] not in WRITTEN:
                same.setdefault(words, f"{page}.{state}")
    assert same == {}


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_page_says_its_language_and_leads_to_the_other(bundle: str) -> None:
    for (page, state), each in pages(bundle).items():
        for language, other in (("en", "de"), ("de", "en")):
            html = each[language].html
            assert f'<html lang="{language}"' in html, (page, state)
            assert html.count(f'href="/hub/language/{other}" lang="{other}" hreflang="{other}"') == 1, (page, state)
