"""The admin's page in the states that it can be in: what its template is tried with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from portico.hub.admin.known import Known
from portico.hub.admin.page import messages, page
from portico.hub.admin.views import AdminPage, Tried
from portico.tenants.bundle import AnnouncementSource, Tenant
from portico.tenants.findings import Finding
from portico.tenants.history import Entry
from portico.tenants.status import Preview, Status

NOW = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)
LIVE, OLDER, OLDEST, BAD = ("a1" * 16, "b2" * 16, "c3" * 16, "d4" * 16)


def commit(digit: str) -> str:
    return digit * 40


def ago(**values: int) -> datetime:
    return NOW - timedelta(**values)


LONG = "A subject that its author never thought of shortening, because nobody had told her"
APPLY = "Say how to apply for computing time"
UNDEFINED = "templates/landing.html:7: 'fooo' is not defined."
HISTORY = (
    Entry(
        event="live", at=ago(minutes=4), commit=commit("1"), digest=LIVE, subject="Announce the summer school", authored_at=ago(minutes=6)
    ),
    Entry(event="refused", at=ago(hours=2), commit=commit("2"), subject="Try a <new> hero", finding=UNDEFINED),
    Entry(event="rolled_back", at=ago(days=1), commit=commit("3"), digest=OLDER, subject=APPLY, by="ada"),
    Entry(event="live", at=ago(days=2), commit=commit("4"), digest=BAD, subject="Replace every colour"),
    Entry(event="revoked", at=ago(days=2), commit=commit("4"), digest=BAD, subject="Replace every colour", by="operator", finding="Pale."),
    Entry(event="force_pushed", at=ago(days=3), commit=commit("3"), subject=APPLY),
    Entry(event="live", at=ago(days=9), commit=commit("3"), digest=OLDER, subject=APPLY),
    Entry(event="live", at=ago(days=40), commit=commit("5"), digest=OLDEST, subject=LONG, authored_at=ago(days=41)),
    Entry(event="branch_gone", at=ago(days=41), commit=commit("5")),
    Entry(event="pinned", at=ago(days=42), commit=commit("5"), digest=OLDEST, by="ada"),
    Entry(event="unpinned", at=ago(days=42), commit=commit("5"), digest=OLDEST, by="ada"),
)
CALM = Status(
    tenant="juniq",
    commit=commit("1"),
    snapshot=LIVE,
    activated_at=ago(minutes=4),
    behind=0,
    candidate=commit("1"),
    checked_at=ago(seconds=20),
    revoked=(BAD,),
)
FINE = Known(CALM, LIVE, HISTORY, frozenset({LIVE, OLDER, OLDEST, BAD}))
FINDINGS = (
    Finding("tenant.toml", 14, 1, "There is no key 'acces'.", "Did you mean 'access'?"),
    Finding("templates/landing.html", 7, 12, "'fooo' is not defined on this page.", "See the reference for what each page gets."),
    Finding("static/css/tenant.css", 3, 20, f"The address 'https://elsewhere.example/{'x' * 80}' leads out.", "Put it below static/."),
    Finding("static/img/hero.png", 0, 0, "This file has 6,000,000 bytes; 5,000,000 are allowed.", "Make it smaller."),
    *(Finding("templates/home.html", number, 1, f"There is no text 'word_{number}'.", "Add it.") for number in range(1, 8)),
    Finding("", 0, 0, "The bundle has more than 2,000 files.", "Remove what the portal doesn't show."),
)


def changed(known: Known = FINE, **values: object) -> Known:
    """These facts with another status."""
    return replace(known, status=known.status.model_copy(update=values))


REFUSED = changed(behind=1, candidate=commit("2"), findings=FINDINGS, error=str(FINDINGS[0]))
PREVIEWS = tuple(
    Preview(branch=branch, commit=commit(digit), digest=digit * 32, at=ago(days=1), until=until, subject=subject)
    for branch, digit, until, subject in (
        ("summer-school", "6", NOW + timedelta(days=6), "Announce the summer school"),
        ("fix/a-branch-with-a-rather-long-name", "7", NOW + timedelta(hours=2), ""),
        ("over", "8", ago(hours=1), ""),
    )
)
TENANT = Tenant(
    title="JUNIQ",
    contact="mailto:help@juniq.example",
    announcements=[
        AnnouncementSource(text="The summer school is over.", ends=ago(days=30)),
        AnnouncementSource(text="Maintenance on Tuesday.", level="warning", starts=NOW + timedelta(days=3), ends=NOW + timedelta(days=4)),
        AnnouncementSource(text="A new workshop <is open> for registration.", starts=ago(days=1)),
        AnnouncementSource(text="Welcome.", level="success"),
    ],
)
AWAY = "The sync doesn't answer, so nothing was changed. What is live stays live. Try again in a minute, or ask your operator."


def shown(known: Known, **values: object) -> AdminPage:
    """The page of these facts."""
    return page(
        known,
        TENANT,
        branch="main",
        now=NOW,
        link=lambda kept: f"https://juniq.example.org/hub/preview/{kept.digest}.1770000000.{'5f' * 32}",
        **values,  # type: ignore[arg-type]
    )


def states() -> dict[str, AdminPage]:
    """Each state by its name."""
    back = replace(changed(hold="rolled back", behind=3, commit=commit("3"), snapshot=OLDER), live=OLDER)
    return {
        "fine": shown(FINE, said="sync"),
        "refused": shown(REFUSED),
        "rolled-back": shown(back, said="rollback"),
        "pinned": shown(changed(hold="pinned", behind=None)),
        "previews": shown(changed(previews=PREVIEWS), said="preview"),
        "preview-refused": shown(FINE, tried=Tried("summer-school", messages(FINDINGS[:3]))),
        "revoking": shown(FINE, asked=LIVE),
        "away": shown(changed(error="The repository doesn't answer."), problem=AWAY),
        "nothing-live": page(Known(Status(tenant="juniq")), None, branch="main", now=NOW, link=lambda kept: ""),
    }
