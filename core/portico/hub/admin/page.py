"""From what the sync wrote down to the admin's page: pure functions, tested by tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

from portico.hub.admin.known import Known
from portico.hub.admin.views import AdminPage, Check, Entry, Message, Notice, Preview, Tried, Version
from portico.tenants import history, status
from portico.tenants.bundle import AnnouncementSource, Tenant
from portico.tenants.findings import Finding
from portico.tenants.portal import announcement

SHOWN_MESSAGES = 50
SHOWN_HISTORY = 50
SHORT = 12
"""Digits of a commit, as people see it."""
_HOLDS: dict[str | None, Literal["", "rolled_back", "pinned"]] = {"rolled back": "rolled_back", "pinned": "pinned"}

Commits = dict[str, history.Entry]
"""What the history tells of each commit."""


def page(
    known: Known,
    tenant: Tenant | None,
    *,
    branch: str,
    now: datetime,
    link: Callable[[status.Preview], str],
    tokens: str = "",
    asked: str = "",
    said: str = "",
    problem: str = "",
    tried: Tried | None = None,
) -> AdminPage:
    """The page at the moment `now`. `asked` is the digest whose revocation needs a second word; `link` makes a preview's address."""
    commits = {entry.commit: entry for entry in known.entries if entry.commit and entry.subject}
    told = known.status if known.status.snapshot == known.live else None
    return AdminPage(
        live=_of_digest(known, known.live, commits) if known.live else None,
        live_since=told.activated_at if told else None,
        behind=told.behind if told else None,
        branch=branch,
        hold=_HOLDS.get(known.status.hold, ""),
        check=check(known.status, commits),
        history=entries(known),
        previews=tuple(
            Preview(kept.branch, _version(kept.commit, kept.digest, commits, kept.subject), link(kept), kept.until)
            for kept in known.status.previews
            if kept.until > now
        ),
        notices=tuple(notices(tenant.announcements if tenant else (), now)),
        asked=_of_digest(known, asked, commits) if asked in known.stored - set(known.status.revoked) else None,
        said=said,
        problem=problem,
        tried=tried or Tried(),
        tokens=tokens,
        news=news(known),
    )


def check(told: status.Status, commits: Commits) -> Check:
    """The last look at the branch, and what came of it."""
    seen = _version(told.candidate or "", "", commits)
    if told.checked_at is None:
        return Check("never")
    if told.findings:
        return Check("refused", told.checked_at, seen, messages(told.findings))
    if told.error:
        return Check("problem", told.checked_at, seen, reason=told.error)
    return Check("live", told.checked_at, seen)


def messages(findings: Iterable[Finding]) -> tuple[Message, ...]:
    """Findings as the page shows them."""
    return tuple(Message(place(finding), finding.what, finding.cure) for finding in list(findings)[:SHOWN_MESSAGES])


def place(finding: Finding) -> str:
    """Where something is wrong, as editors take it: `templates/home.html:7:3`."""
    return ":".join([finding.file, *(str(number) for number in (finding.line, finding.column) if number)]) if finding.file else ""


def entries(known: Known) -> tuple[Entry, ...]:
    """The history; a good version can return from the newest line that made it live, and from no other."""
    newest = {id(entry) for entry in history.lives(known.entries)}
    revoked = known.status.revoked
    good = {id(entry) for entry in history.returnable(known.entries, stored=known.stored, revoked=revoked, live=known.live)}
    return tuple(
        Entry(
            event=entry.event.value,
            at=entry.at,
            version=Version(entry.commit[:SHORT], entry.digest, entry.subject, entry.authored_at),
            by=entry.by,
            message=entry.finding,
            live=id(entry) in newest and entry.digest == known.live,
            revoked=id(entry) in newest and entry.digest in revoked,
            can_return=id(entry) in good,
        )
        for entry in known.entries[:SHOWN_HISTORY]
    )


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
    facts = (known.live, known.status.model_copy(update={"checked_at": None}), known.entries[:1])
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _of_digest(known: Known, digest: str, commits: Commits) -> Version:
    commit = next((entry.commit for entry in known.entries if entry.digest == digest and entry.commit), "")
    if not commit and digest == known.status.snapshot:
        commit = known.status.commit or ""
    return _version(commit, digest, commits)


def _version(commit: str, digest: str, commits: Commits, subject: str = "") -> Version:
    told = commits.get(commit)
    return Version(commit[:SHORT], digest, subject or (told.subject if told else ""), told.authored_at if told else None)
