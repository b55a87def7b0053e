"""From a tenant's bundle to the `Portal` that its pages show: links, and the announcements that are due. A pure function."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from portico.tenants.bundle import AnnouncementSource, Tenant
from portico.tenants.views import Announcement, Link, Portal, SystemState, Urls


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
) -> Portal:
    """The portal as a page shows it at the moment `now` (aware); `page` is the name of the page that is shown, for the current link."""
    urls = urls or Urls()
    links = [
        (
            link.place,
            Link(
                link.title, f"{urls.pages}{link.page}" if link.page else link.url or "", current=link.page is not None and link.page == page
            ),
        )
        for link in tenant.links
    ]
    contact = tenant.contact
    return Portal(
        name=name,
        title=tenant.title,
        tagline=tenant.tagline,
        contact=contact,
        identity_provider=identity_provider,
        logo=asset(tenant.brand.logo),
        favicon=asset(tenant.brand.favicon),
        navigation=tuple(link for place, link in links if place == "navigation"),
        footer=tuple(link for place, link in links if place == "footer"),
        announcements=tuple(announcement(source) for source in tenant.announcements if due(source, now)),
        systems=tuple(systems),
    )


def due(source: AnnouncementSource, now: datetime) -> bool:
    """Whether it is shown at the moment `now`; times without a zone are UTC."""
    starts, ends = (moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment for moment in (source.starts, source.ends))
    return (starts is None or starts <= now) and (ends is None or now < ends)


def announcement(source: AnnouncementSource) -> Announcement:
    """With an id that changes with the text, so that what a visitor has dismissed stays away and news doesn't."""
    digest = hashlib.sha256(f"{source.level}\n{source.text}".encode()).hexdigest()[:12]
    return Announcement(id=digest, level=source.level, text=source.text, dismissible=source.dismissible)
