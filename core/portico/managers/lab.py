"""One lab's task: gets it submitted, follows it at its site, connects it, stops it when asked, and tells all of it.

Two things go on side by side: what the site says of the job (`_follow`) and the way from here to the lab (`connection`). Neither waits for
the other: a lab that reports is connected at once, whatever the site says when it is asked next. Only the site's word ends a lab.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from portico.api import LabState
from portico.limiter import TokenBucket
from portico.logs import redact
from portico.managers.checks import Place
from portico.managers.jobs import Phase, Submission
from portico.managers.journal import Journal
from portico.managers.keys import Secrets
from portico.managers.lifecycle import Ended, Noted, Queued, Started, StopAsked
from portico.managers.sites import GoneError, JobState, LoginRefusedError, RefusedError, Site, SiteError, UnansweredError
from portico.tunnels import Forward, TargetError, check_target
from portico.words import Sentence, changed, say

log = logging.getLogger(__name__)

TRIES = 3
"""Attempts to submit to a site that doesn't answer."""
SETTLE = 2.0
"""Seconds for which a site must answer that it has no job of the lab, after an attempt of unknown outcome, until that is believed."""
PAUSE = 1.0
"""Seconds between two attempts to submit."""
STOP_PAUSE = 0.1
"""Seconds until a stop is looked after for the first time; grows to the system's `poll_interval`."""
LOOK_PAUSE = 0.25
"""Seconds until the site is asked again after something new; grows to the system's `poll_interval`."""
HINTS_PER_SECOND = 0.5
HINTS_AT_ONCE = 6
"""Hints for one lab that cause a question to its site; the others are ignored, since the site is asked at intervals anyway."""
STOPPED = say("end_stopped", "Stopped on request.")


class LabTask:
    """Keeps one lab going. `run` returns when the lab has ended, and only then; it can be cancelled and run again at any time."""

    def __init__(
        self,
        journal: Journal,
        *,
        site: Site,
        place: Place,
        submission: Callable[[Secrets], Submission],
        claimed: Callable[[str, int], bool],
        resumed: bool,
    ) -> None:
        """`submission`: all that the site needs, from what is kept; `claimed`: whether node and port are another lab's."""
        self.journal = journal
        self.place = place
        self.located: asyncio.Event = asyncio.Event()
        self.whereabouts: tuple[str, int] | None = None
        self._site = site
        self._submission = submission
        self._claimed = claimed
        self._trouble: Sentence | None = None
        self._wake = asyncio.Event()
        self._hints = TokenBucket(rate=HINTS_PER_SECOND, burst=HINTS_AT_ONCE)
        self._directory: str | None = None
        self._started_at: float | None = None
        self._unsure = resumed
        self._settled_at: float | None = None
        now = journal.record.standing
        if now.node and now.port:
            self._located(now.node, now.port)

    @property
    def stopping(self) -> bool:
        """Whether the lab is to stop, or has."""
        return self.journal.record.standing.state.rank >= LabState.STOPPING.rank

    def locate(self, node: str, port: int) -> None:
        """Believe a lab where it listens, as far as a lab may be believed; the first word counts. Raises TargetError."""
        record, system = self.journal.record, self.place.system
        check_target(Forward(id=record.id, system=system.name, node=node, port=port), system.login_node)
        if self._claimed(node, port):
            raise TargetError(f"{node}:{port} belongs to another lab.")
        self._located(node, port)

    def _located(self, node: str, port: int) -> None:
        if self.whereabouts is None:
            self.whereabouts = (node, port)
            self.located.set()

    def hint(self) -> None:
        """Something may have happened at the site: ask it now. Anybody can say that, so only few are listened to."""
        if self._hints.take():
            self._wake.set()

    async def stop(self, reason: Sentence = STOPPED) -> None:
        """Record that the lab is to stop; what follows is `run`'s. Raises the database's errors."""
        if await self.journal.tell(StopAsked(reason)):
            self._wake.set()

    async def renew(self, token: Secrets) -> None:
        """Take a renewed login."""
        await self.journal.renew(token)
        self._wake.set()

    async def run(self) -> Sentence:
        """Submit, follow, stop; returns why the lab ended. The caller records that, after it has taken down the way to the lab."""
        if self.journal.record.job is None:
            reason = await self._submit()
            if reason is not None:
                return reason
        return await self._follow()

    # Submitting

    async def _submit(self) -> Sentence | None:
        """Until the site has the job, exactly once; a reason where it never will."""
        title = self.place.system.title
        failures = 0
        while True:
            try:
                if self._unsure and not await self._adopted():
                    await self._pause(STOP_PAUSE)
                    continue
                if self.journal.record.job is not None:
                    return None
                if self.stopping:
                    return STOPPED
                reason = await self._submit_once()
                if reason is not None or self.journal.record.job is not None:
                    return reason
                failures += 1
                if failures >= TRIES and not self._unsure:
                    return say("end_silent", "{system} doesn't answer. Nothing was started; try again later.", system=title)
            except SiteError as error:  # of a look for an earlier attempt's job: it decides nothing
                self._settled_at = None
                await self._note(error)
            await self._pause(PAUSE)

    async def _submit_once(self) -> Sentence | None:
        """One attempt; a reason where the site said no. Until it is known how it went, a job may be there that must be looked for."""
        self._unsure = True
        try:
            await self.journal.submitted(await self._site.submit(self._submission(self.journal.secrets), self.journal.login))
        except UnansweredError as error:
            self._unsure = error.sent
            await self._note(error)
        except LoginRefusedError as error:
            return error.sentence.then(
                say("end_log_in_again", "Nothing was started. Log out and in again; if that doesn't help, ask about the account there.")
            )
        except RefusedError as error:
            return error.sentence.then(say("end_not_started", "Nothing was started."))
        return None

    async def _adopted(self) -> bool:
        """Look for a job that an earlier attempt may have made. False: there is none, and it may still turn up."""
        found = await self._site.find(self.journal.record.id, self.journal.login)
        if found:
            await self.journal.submitted(found[0])
            for extra in found[1:]:
                log.error("the site has a second job of this lab; ending it")
                await self._site.abort(extra, self.journal.login)
        else:
            self._settled_at = self._settled_at or time.monotonic() + SETTLE
            if time.monotonic() < self._settled_at:
                return False
        self._unsure, self._settled_at = False, None
        return True

    # Following

    async def _follow(self) -> Sentence:
        """Ask the site until it says that the job ended; the reason."""
        interval = self.place.system.poll_interval
        pause, before = LOOK_PAUSE, None
        while True:
            try:
                state = await self._look()
            except GoneError as error:
                return error.sentence
            except SiteError as error:
                await self._note(error)
            else:
                if state.phase is not None and state.phase.final:
                    return await self._reason(state)
                await self._untroubled()
                await self._tell(state)
                if before != (state.phase, self.stopping):  # close after each change, then less and less
                    before, pause = (state.phase, self.stopping), STOP_PAUSE if self.stopping else LOOK_PAUSE
            await self._pause(min(pause, interval))
            pause *= 1.5

    async def _look(self) -> JobState:
        """One question to the site; with it the abort where the lab is to stop."""
        job = self.journal.record.job or ""  # never empty here: `run` submits first
        if self.stopping:
            return await self._site.abort(job, self.journal.login)
        state = await self._site.state(job, self.journal.login)
        self._directory = state.directory or self._directory
        if state.phase is Phase.RUNNING and self.whereabouts is None:
            await self._look_for_file()
        return state

    async def _look_for_file(self) -> None:
        report = await self._site.whereabouts(self._directory, self.journal.login) if self._directory else None
        if report is not None and report.node and report.port:
            try:
                self.locate(report.node, report.port)
            except TargetError as error:  # the file is the user's, who may write into it what she likes
                log.warning("%s", error)

    async def _tell(self, state: JobState) -> None:
        title = self.place.system.title
        if state.phase is Phase.QUEUED:
            await self.journal.tell(Queued(title, self.place.partition.name))
        elif state.phase is Phase.RUNNING:
            await self.journal.tell(Started(title))
            self._started_at = self._started_at or time.monotonic()
            if self.whereabouts is None and time.monotonic() - self._started_at > self.place.system.start_timeout:
                seconds = f"{self.place.system.start_timeout:.0f}"
                await self.stop(say("end_too_slow", "The lab did not come up within {seconds} seconds.", seconds=seconds))

    async def _note(self, error: SiteError) -> None:
        """Tell, once for each trouble, that the site couldn't be asked; the lab stays."""
        waits = say("trouble_stopping", "The stop is tried again.") if self.stopping else say("trouble_kept", "The lab is kept.")
        if self.journal.record.job is None and not self.stopping:
            waits = say("trouble_submitting", "Trying again.")
        if isinstance(error, LoginRefusedError):
            waits = (
                say("trouble_login_stopping", "Log in again, so that the lab can be stopped.")
                if self.stopping
                else say("trouble_login", "The lab is kept; log in again to manage it.")
            )
        if waits != self._trouble:
            self._trouble = waits
            log.warning("%s", error)
            await self.journal.tell(Noted(error.sentence.then(waits)))

    async def _untroubled(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            await self.journal.tell(Noted(say("trouble_over", "{system} answers again.", system=self.place.system.title)))

    async def _reason(self, state: JobState) -> Sentence:
        if state.phase is Phase.SUCCEEDED:
            return say("end_by_itself", "The lab ended by itself.")
        title, why = self.place.system.title, state.message.rstrip(".")
        reason = (
            say("end_site", "{system} ended the lab: {reason}.", system=title, reason=why)
            if why
            else say("end_site_silent", "{system} ended the lab and gave no reason.", system=title)
        )
        if self.stopping or state.directory is None:
            return reason
        with contextlib.suppress(SiteError):
            words = await self._site.last_words(state.directory, self.journal.login)
            return reason.then(say("end_last_words", "Its last words: {words}", words=words)) if words else reason
        return reason

    async def _pause(self, seconds: float) -> None:
        """Wait, or less where somebody woke us."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()


def ended(reason: Sentence) -> Ended:
    """The fact that ends a lab."""
    return Ended(changed(reason, lambda text: redact(text)[:1000]))


def renewed(secrets: Secrets, token: Secrets) -> Secrets:
    """The secrets with another login and the rest kept."""
    return replace(secrets, access_token=token.access_token)
