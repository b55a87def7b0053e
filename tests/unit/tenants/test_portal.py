"""What a bundle's announcements and links become on a page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from portico.tenants.bundle import AnnouncementSource, NavigationLink, Tenant
from portico.tenants.portal import describe, due

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
