"""From a tenant's bundle to the `Portal` that its pages show in one language: words, links, the announcements that are due.

Pure functions. This is the one place where the words of `tenant.toml` are chosen by language.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from portico.tenants.bundle import AnnouncementSource, Tenant
from portico.tenants.views import Announcement, Link, Portal, SystemState, Urls
from portico.words import said


def describe(
    tenant: Tenant,
    *,
    name: str,
    asset: Callable[[str], str],
    identity_provider: str,
    now: datetime,
    page: str = "",
    urls: Urls | None = None,
    systems: Sequence[SystemState] = (),
    locale: str = "",
) -> Portal:
    """The portal as a page shows it at the moment `now` (aware), in the language `locale` (by default the tenant's first).

    `page` is the name of the page that is shown, for the current link.
    """
    urls = urls or Urls()
    languages = tenant.languages
    links = [
        (
            link.place,
            Link(
                said(link.title, locale, languages),
                f"{urls.pages}{link.page}" if link.page else link.url or "",
                current=link.page is not None and link.page == page,
            ),
        )
        for link in tenant.links
    ]
    contact = tenant.contact
    return Portal(
        name=name,
        title=said(tenant.title, locale, languages),
        tagline=said(tenant.tagline, locale, languages),
        contact=contact,
        identity_provider=identity_provider,
        logo=asset(tenant.brand.logo),
        favicon=asset(tenant.brand.favicon),
        languages=tuple(languages),
        navigation=tuple(link for place, link in links if place == "navigation"),
        footer=tuple(link for place, link in links if place == "footer"),
        announcements=tuple(announcement(source, locale, languages) for source in tenant.announcements if due(source, now)),
        systems=tuple(systems),
    )


def due(source: AnnouncementSource, now: datetime) -> bool:
    """Whether it is shown at the moment `now`; times without a zone are UTC."""
    starts, ends = (moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment for moment in (source.starts, source.ends))
    return (starts is None or starts <= now) and (ends is None or now < ends)


def announcement(source: AnnouncementSource, locale: str = "", languages: Sequence[str] = ()) -> Announcement:
    """With an id that changes with the text, so that what a visitor has dismissed stays away, in every language, and news doesn't."""
    words = source.text if isinstance(source.text, str) else json.dumps(source.text, sort_keys=True)
    digest = hashlib.sha256(f"{source.level}\n{words}".encode()).hexdigest()[:12]
    return Announcement(id=digest, level=source.level, text=said(source.text, locale, languages), dismissible=source.dismissible)
