"""What the template of the admin's page sees: frozen values, as in `tenants.views`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Event = Literal["live", "refused", "rolled_back", "pinned", "unpinned", "revoked", "force_pushed", "branch_gone"]
"""What the history tells; each is the end of a text's key, `admin_event_live`."""


@dataclass(frozen=True, slots=True)
class Version:
    """A commit of the bundle, and the snapshot that was made of it."""

    commit: str = ""
    """As it is shown, shortened."""
    digest: str = ""
    """Empty where it never became a snapshot."""
    subject: str = ""
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that is wrong with a candidate."""

    place: str
    """`templates/home.html, line 7, column 3`; empty where no file is to blame."""
    what: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """The last look at the branch."""

    outcome: Literal["live", "refused", "problem", "never"]
    at: datetime | None = None
    version: Version = Version()
    messages: tuple[Message, ...] = ()
    reason: str = ""
    """A sentence about the repository, or about what is live: what no file of the bundle is to blame for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history."""

    event: Event
    at: datetime
    version: Version
    by: str = ""
    """Who did it: a user's name, `operator`, or empty where a push did."""
    message: str = ""
    """The first thing that was wrong."""
    live: bool = False
    revoked: bool = False
    can_return: bool = False
    """It is a good version that can be made live again."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A branch's candidate, behind a link."""

    branch: str
    version: Version
    link: str
    """Absolute. Whoever has it can look at the preview, until `ends`."""
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """An announcement of the live bundle, and what it does now."""

    text: str
    level: Literal["info", "success", "warning", "danger"]
    standing: Literal["now", "later", "over"]
    starts: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A branch that was to be previewed, and why it can't be."""

    branch: str = ""
    messages: tuple[Message, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class AdminPage:
    """`admin.html`."""

    live: Version | None
    """None while nothing is live."""
    live_since: datetime | None
    behind: int | None
    """Commits that the branch is ahead of what is live; None where that isn't known."""
    branch: str
    hold: Literal["", "rolled_back", "pinned"]
    check: Check
    history: tuple[Entry, ...] = ()
    previews: tuple[Preview, ...] = ()
    notices: tuple[Notice, ...] = ()
    asked: Version | None = None
    """The version whose revocation waits for a second word."""
    said: str = ""
    """The key of what was just done, such as `rollback`; empty where nothing was."""
    problem: str = ""
    """A sentence: why what was asked for wasn't done."""
    tried: Tried = Tried()
    tokens: str = ""
    """The address of the tenant's colours."""
    news: str = ""
    """A text that changes when there is news."""
