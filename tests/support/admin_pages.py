"""The admin's page in the states that it can be in: what its template is tried with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from portico.hub.admin.page import Happened, Kept, Known, page
from portico.hub.admin.views import AdminPage, Tried
from portico.tenants.bundle import AnnouncementSource, Tenant
from portico.tenants.findings import Finding

NOW = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)
LIVE, OLDER, OLDEST, BAD = ("a1" * 16, "b2" * 16, "c3" * 16, "d4" * 16)


def commit(digit: str) -> str:
    return digit * 40


def ago(**values: int) -> datetime:
    return NOW - timedelta(**values)


LONG = "A subject that its author never thought of shortening, because nobody had told her"
UNDEFINED = "templates/landing.html:7: 'fooo' is not defined."
HISTORY = (
    Happened("live", ago(minutes=4), commit("1"), LIVE, "Announce the summer school", ago(minutes=6)),
    Happened("refused", ago(hours=2), commit("2"), "", "Try a <new> hero", ago(hours=2), message=UNDEFINED),
    Happened("rolled back", ago(days=1), commit("3"), OLDER, "Say how to apply for computing time", ago(days=9), by="ada"),
    Happened("live", ago(days=2), commit("4"), BAD, "Replace every colour", ago(days=2)),
    Happened("revoked", ago(days=2), commit("4"), BAD, "Replace every colour", ago(days=2), by="operator"),
    Happened("force-pushed", ago(days=3), commit("3"), "", "Say how to apply for computing time"),
    Happened("live", ago(days=9), commit("3"), OLDER, "Say how to apply for computing time", ago(days=9)),
    Happened("live", ago(days=40), commit("5"), OLDEST, LONG, ago(days=41)),
    Happened("something new", ago(days=41), commit("5"), ""),
)
FINE = Known(
    commit=commit("1"),
    digest=LIVE,
    live_since=ago(minutes=4),
    behind=0,
    candidate=commit("1"),
    checked_at=ago(seconds=20),
    history=HISTORY,
    revoked=frozenset({BAD}),
    stored=frozenset({LIVE, OLDER, OLDEST, BAD}),
)
FINDINGS = (
    Finding("tenant.toml", 14, 1, "There is no key 'acces'.", "Did you mean 'access'?"),
    Finding("templates/landing.html", 7, 12, "'fooo' is not defined on this page.", "See the reference for what each page gets."),
    Finding("static/css/tenant.css", 3, 20, f"The address 'https://elsewhere.example/{'x' * 80}' leads out.", "Put it below static/."),
    Finding("static/img/hero.png", 0, 0, "This file has 6,000,000 bytes; 5,000,000 are allowed.", "Make it smaller."),
    *(Finding("templates/home.html", number, 1, f"There is no text 'word_{number}'.", "Add it.") for number in range(1, 8)),
    Finding("", 0, 0, "The bundle has more than 2,000 files.", "Remove what the portal doesn't show."),
)
REFUSED = replace(FINE, behind=1, candidate=commit("2"), findings=FINDINGS, error=str(FINDINGS[0]), history=HISTORY)
PREVIEWS = (
    Kept("summer-school", commit("6"), "e5" * 16, NOW + timedelta(days=6), "Announce the summer school"),
    Kept("fix/a-branch-with-a-rather-long-name", commit("7"), "f6" * 16, NOW + timedelta(hours=2)),
    Kept("over", commit("8"), "07" * 16, ago(hours=1)),
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
    refused = shown(FINE, tried=Tried("summer-school", shown(REFUSED).check.messages[:3]))
    return {
        "fine": shown(FINE, said="sync"),
        "refused": shown(REFUSED),
        "rolled-back": shown(replace(FINE, hold="rolled_back", behind=3, commit=commit("3"), digest=OLDER), said="rollback"),
        "pinned": shown(replace(FINE, hold="pinned", behind=None)),
        "previews": shown(replace(FINE, previews=PREVIEWS), said="preview"),
        "preview-refused": refused,
        "revoking": shown(FINE, asked=LIVE),
        "away": shown(replace(FINE, error="The repository doesn't answer."), problem=AWAY),
        "nothing-live": page(Known(), None, branch="main", now=NOW, link=lambda kept: ""),
    }
