"""From what the sync wrote down to the admin's page: pure functions, tested by tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from portico.hub.admin.views import AdminPage, Check, Entry, Event, Message, Notice, Preview, Tried, Version
from portico.tenants.bundle import AnnouncementSource, Tenant
from portico.tenants.findings import Finding
from portico.tenants.portal import announcement

SHOWN_MESSAGES = 50
SHOWN_HISTORY = 50
SHORT = 12
"""Digits of a commit or a digest, as people see it."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the history, as it was written down."""

    event: str
    at: datetime
    commit: str = ""
    digest: str = ""
    subject: str = ""
    written_at: datetime | None = None
    by: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A candidate that is kept for a preview."""

    branch: str
    commit: str
    digest: str
    ends: datetime
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a tenant's versions; `history` has the newest first."""

    commit: str = ""
    digest: str = ""
    """What is live; empty while nothing is."""
    live_since: datetime | None = None
    behind: int | None = None
    hold: Literal["", "rolled_back", "pinned"] = ""
    candidate: str = ""
    """The commit that was seen last."""
    checked_at: datetime | None = None
    findings: tuple[Finding, ...] = ()
    error: str = ""
    history: tuple[Happened, ...] = ()
    previews: tuple[Kept, ...] = ()
    revoked: frozenset[str] = field(default_factory=frozenset)
    stored: frozenset[str] = field(default_factory=frozenset)
    """The digests that are there."""


def page(
    known: Known,
    tenant: Tenant | None,
    *,
    branch: str,
    now: datetime,
    link: Callable[[Kept], str],
    tokens: str = "",
    asked: str = "",
    said: str = "",
    problem: str = "",
    tried: Tried | None = None,
) -> AdminPage:
    """The page at the moment `now`. `asked` is the digest whose revocation needs a second word; `link` makes a preview's address."""
    words = _words(known.history)
    return AdminPage(
        live=_version(known.commit, known.digest, words) if known.digest else None,
        live_since=known.live_since,
        behind=known.behind,
        branch=branch,
        hold=known.hold,
        check=check(known, words),
        history=entries(known),
        previews=tuple(
            Preview(kept.branch, _version(kept.commit, kept.digest, words, kept.subject), link(kept), kept.ends)
            for kept in known.previews
            if kept.ends > now
        ),
        notices=tuple(notices(tenant.announcements if tenant else (), now)),
        asked=_asked(known, asked, words),
        said=said,
        problem=problem,
        tried=tried or Tried(),
        tokens=tokens,
        news=news(known),
    )


def check(known: Known, words: dict[str, Happened] | None = None) -> Check:
    """The last look at the branch, and what came of it."""
    seen = _version(known.candidate, "", words or {})
    if known.checked_at is None:
        return Check("never")
    if known.findings:
        return Check("refused", known.checked_at, seen, messages(known.findings))
    if known.error:
        return Check("unreachable", known.checked_at, seen, reason=known.error)
    return Check("live", known.checked_at, seen)


def messages(findings: Iterable[Finding]) -> tuple[Message, ...]:
    """Findings as the page shows them."""
    return tuple(Message(place(finding), finding.what, finding.cure) for finding in list(findings)[:SHOWN_MESSAGES])


def place(finding: Finding) -> str:
    """Where something is wrong, as editors take it: `templates/home.html:7:3`."""
    return ":".join([finding.file, *(str(number) for number in (finding.line, finding.column) if number)]) if finding.file else ""


def entries(known: Known) -> tuple[Entry, ...]:
    """The history; a good version can return from the newest line that made it live, once."""
    shown: list[Entry] = []
    offered: set[str] = set()
    for happened in known.history[:SHOWN_HISTORY]:
        event = event_of(happened.event)
        first = bool(happened.digest) and happened.digest not in offered and event in ("live", "rolled_back", "pinned")
        if first:
            offered.add(happened.digest)
        good = happened.digest in known.stored - known.revoked
        shown.append(
            Entry(
                event=event,
                at=happened.at,
                version=Version(happened.commit[:SHORT], happened.digest, happened.subject, happened.written_at),
                by=happened.by,
                message=happened.message,
                live=first and happened.digest == known.digest,
                revoked=first and happened.digest in known.revoked,
                can_return=first and good and happened.digest != known.digest,
            )
        )
    return tuple(shown)


def event_of(name: str) -> Event:
    """The history's word as the page knows it; `other` for one that it doesn't know."""
    wanted = name.strip().lower().replace(" ", "_").replace("-", "_")
    known: tuple[Event, ...] = ("live", "refused", "rolled_back", "pinned", "unpinned", "revoked", "force_pushed", "branch_gone")
    return next((event for event in known if event == wanted), "other")


def notices(sources: Sequence[AnnouncementSource], now: datetime) -> list[Notice]:
    """What each announcement does: those that are shown now first, then what comes next, then what is over."""
    found = [_notice(source, now) for source in sources]
    order = ("now", "later", "over")
    return sorted(found, key=lambda notice: (order.index(notice.standing), notice.starts or now))


def _notice(source: AnnouncementSource, now: datetime) -> Notice:
    starts, ends = (moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment for moment in (source.starts, source.ends))
    standing: Literal["now", "later", "over"] = (
        "over" if ends is not None and ends <= now else "later" if starts is not None and starts > now else "now"
    )
    shown = announcement(source)
    return Notice(shown.text, shown.level, standing, starts, ends)


def news(known: Known) -> str:
    """A text that changes when there is news; another look that found nothing new is none."""
    facts = (known.digest, known.candidate, known.behind, known.hold, known.error, known.findings, known.history[:1], known.previews)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _asked(known: Known, digest: str, words: dict[str, Happened]) -> Version | None:
    revocable: Collection[str] = known.stored - known.revoked
    if digest not in revocable:
        return None
    commit = next((happened.commit for happened in known.history if happened.digest == digest), "")
    return _version(commit or (known.commit if digest == known.digest else ""), digest, words)


def _words(history: Iterable[Happened]) -> dict[str, Happened]:
    """What the history tells of each commit."""
    return {happened.commit: happened for happened in history if happened.commit and happened.subject}


def _version(commit: str, digest: str, words: dict[str, Happened], subject: str = "") -> Version:
    told = words.get(commit)
    return Version(commit[:SHORT], digest, subject or (told.subject if told else ""), told.written_at if told else None)
