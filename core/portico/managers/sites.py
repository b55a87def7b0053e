"""What a manager can do at a site, of whatever kind, and how it can fail.

The errors tell apart what decides (`RefusedError`, `LoginRefusedError`, `GoneError`) and what decides nothing (`UnansweredError`): a lab
lives on until its site has said that it ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from portico.api import Choice, Report, System
from portico.managers.jobs import Phase, Submission
from portico.words import Sentence


class SiteError(Exception):
    """A site couldn't do what it was asked. The text is a sentence for the user."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UnansweredError(SiteError):
    """Nobody answered, or not to the point. `sent`: the request may have had its effect all the same."""

    def __init__(self, sentence: Sentence, *, sent: bool) -> None:
        super().__init__(sentence)
        self.sent = sent


class RefusedError(SiteError):
    """The site said no."""


class LoginRefusedError(RefusedError):
    """The site doesn't accept the user's token, or not for this account."""


class GoneError(SiteError):
    """The site, asked twice with a login that it accepts, doesn't know the job."""


@dataclass(frozen=True, slots=True)
class Login:
    """As whom a site is asked."""

    token: SecretStr
    choice: Choice


@dataclass(frozen=True, slots=True)
class JobState:
    """What a site says of a job. A job's own properties hold the user's token and never leave the site's module."""

    phase: Phase | None
    """None: a status that we don't know, which decides nothing."""
    message: str = ""
    directory: str | None = field(default=None, repr=False)
    """Where the job's files are, for `whereabouts`."""


class Site(Protocol):
    """One system, asked with its users' own logins. Every method but `health` may raise SiteError and returns within a bounded time."""

    async def submit(self, submission: Submission, login: Login) -> str:
        """Start a lab; the job's address."""

    async def find(self, lab: str, login: Login) -> list[str]:
        """The addresses of jobs that were submitted for this lab."""

    async def state(self, job: str, login: Login) -> JobState:
        """How far the job is."""

    async def whereabouts(self, directory: str, login: Login) -> Report | None:
        """Where the lab listens, if it has left that in its job's directory."""

    async def last_words(self, directory: str, login: Login) -> str:
        """The last line of the job's error output, without what looks like a credential; empty where there is none."""

    async def abort(self, job: str, login: Login) -> JobState:
        """End the job, unless it has ended; how far it was before."""

    async def check(self) -> None:
        """Ask whether the site answers, for `health`. Raises nothing."""

    def health(self) -> System:
        """What the last answers told."""

    def close(self) -> None:
        """Give up threads and connections; calls under way are not waited for."""
