"""What a bundle's announcements and links become on a page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from portico.tenants.bundle import AnnouncementSource, NavigationLink, Tenant
from portico.tenants.portal import describe, due
from portico.words import missing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts", "ends", "shown"),
    [
        (None, None, True),
        (NOON, None, True),
        (None, NOON, False),
        (datetime(2026, 3, 1, 12, 1), None, False),
        (datetime(2026, 3, 1, 11), datetime(2026, 3, 1, 13), True),
    ],
)
def test_an_announcement_is_shown_between_its_moments(starts: datetime | None, ends: datetime | None, shown: bool) -> None:
    assert due(AnnouncementSource(text="x", starts=starts, ends=ends), NOON) is shown


def test_links_lead_to_pages_and_addresses_and_know_which_is_current() -> None:
    links = [NavigationLink(title="Us", page="about"), NavigationLink(title="Law", url="/law", place="footer")]
    tenant = Tenant(title="T", contact="mailto:a@example.org", links=links, announcements=[AnnouncementSource(text="a")])
    portal = describe(tenant, name="t", asset=lambda path: f"/a/{path}", identity_provider="IdP", now=NOON, page="about")
    assert [(link.url, link.current) for link in portal.navigation] == [("/hub/page/about", True)]
    assert [link.url for link in portal.footer] == ["/law"]
    assert portal.logo == "/a/logo.svg"
    assert len(portal.announcements[0].id) == 12


BILINGUAL = Tenant.model_validate(
    {
        "title": "T",
        "tagline": {"en": "Courses", "de": "Kurse"},
        "contact": "mailto:a@example.org",
        "languages": ["en", "de"],
        "links": [{"title": {"en": "Us", "de": "Wir"}, "url": "/us"}],
        "announcements": [{"text": {"de": "Wartung"}}, {"text": {"de": "Neu", "en": "New"}}],
    }
)


@pytest.mark.parametrize(
    ("locale", "tagline", "link", "notices"),
    [
        ("en", "Courses", "Us", ["Wartung", "New"]),
        ("de", "Kurse", "Wir", ["Wartung", "Neu"]),
        ("fr", "Courses", "Us", ["Wartung", "New"]),
        ("", "Courses", "Us", ["Wartung", "New"]),
    ],
)
def test_words_are_shown_in_the_pages_language_else_in_the_first(locale: str, tagline: str, link: str, notices: list[str]) -> None:
    portal = describe(BILINGUAL, name="t", asset=str, identity_provider="IdP", now=NOON, locale=locale)
    assert (portal.title, portal.tagline, portal.navigation[0].title) == ("T", tagline, link)
    assert [announcement.text for announcement in portal.announcements] == notices


def test_a_notice_that_was_dismissed_stays_away_in_the_other_language() -> None:
    both = [describe(BILINGUAL, name="t", asset=str, identity_provider="IdP", now=NOON, locale=locale) for locale in ("en", "de")]
    assert [notice.id for notice in both[0].announcements] == [notice.id for notice in both[1].announcements]


def test_words_know_which_languages_they_lack() -> None:
    assert missing({"en": "Courses"}, ["en", "de"]) == ["de"]
    assert missing("JUNIQ", ["en", "de"]) == []
