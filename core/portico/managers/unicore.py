"""One UNICORE/X site, asked through pyunicore in bounded worker threads.

A pyunicore client is kept for each (token, account, project), with its connections: a stock client opens one for each request.
How UNICORE behaves beyond its documentation (403 with an empty body for a bad token, an anonymous role instead of an error, FAILED for an
abort, 404 while it starts) was observed on a real server. Bearer tokens, and the job properties that hold them, stay in here.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
from pyunicore.client import Client, Job
from pyunicore.credentials import AuthenticationFailedException, OIDCToken

from portico.api import Health, Report, System
from portico.logs import redact
from portico.managers import jobs
from portico.managers.jobs import Submission, phase
from portico.managers.keys import digest
from portico.managers.pooled import PooledTransport, StatusError
from portico.managers.sites import GoneError, JobState, Login, LoginRefusedError, RefusedError, SiteError, UnansweredError
from portico.settings.models import UnicoreSystem
from portico.words import parts, say

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

CLIENTS = 256
"""Clients that are kept; the one that was used longest ago goes first."""
LINKS_KEPT = 300
"""Seconds for which a site's own links and what it says of the user are believed."""
FOUND = 20
"""Jobs of one lab that are looked at; more than one is already too many."""
MESSAGE_LENGTH = 500


class UnicoreSite:
    """Implements `sites.Site`."""

    def __init__(self, system: UnicoreSystem) -> None:
        self.system = system
        self._pool = ThreadPoolExecutor(system.workers, thread_name_prefix=f"site-{system.name}")
        self._tls = ssl.create_default_context(cafile=str(system.ca_file) if system.ca_file else None)
        self._clients: OrderedDict[str, Client] = OrderedDict()
        self._guard = threading.Lock()
        self._health = System(name=system.name, title=system.title, kind="unicore", health=Health.UNKNOWN)

    async def submit(self, submission: Submission, login: Login) -> str:
        """See `Site`. Not cut short by a timeout of its own: whether a job was made must come out."""

        def work() -> str:
            client = self._client(login)
            self._accepted(client, login)
            return str(client.new_job(jobs.describe(submission), autostart=False).resource_url)

        return await self._ask(work, patience=None)

    async def find(self, lab: str, login: Login) -> list[str]:
        """See `Site`. UNICORE filters by tag; what it gives is checked all the same."""

        def work() -> list[str]:
            client = self._client(login)
            self._accepted(client, login)
            found = client.get_jobs(num=FOUND, tags=[lab])
            return [str(job.resource_url) for job in found[:FOUND] if lab in (job.properties.get("tags") or [])]

        return await self._ask(work)

    async def state(self, job: str, login: Login) -> JobState:
        """See `Site`."""

        def work() -> JobState:
            try:
                return self._state(self._job(job, login))
            except StatusError as error:
                if error.status != 404:
                    raise
                return self._state_if_known(job, login)

        return await self._ask(work)

    async def whereabouts(self, directory: str, login: Login) -> Report | None:
        """See `Site`."""

        def work() -> Report | None:
            content = self._read(login, f"{directory}/files/{jobs.WHEREABOUTS}", 0, jobs.WHEREABOUTS_LIMIT + 1)
            return None if content is None else jobs.whereabouts(content)

        return await self._ask(work)

    async def last_words(self, directory: str, login: Login) -> str:
        """See `Site`. UNICORE keeps what a job wrote in `stderr`."""

        def work() -> str:
            address = f"{directory}/files/stderr"
            size = int(self._client(login).transport.get(url=address).get("size", 0))
            content = self._read(login, address, max(0, size - MESSAGE_LENGTH), MESSAGE_LENGTH) or b""
            lines = content.decode(errors="replace").strip().splitlines()
            return _text(lines[-1]) if lines else ""

        return await self._ask(work)

    async def abort(self, job: str, login: Login) -> JobState:
        """See `Site`."""

        def work() -> JobState:
            handle = self._job(job, login)
            try:
                before = self._state(handle)
            except StatusError as error:
                if error.status != 404:
                    raise
                before = self._state_if_known(job, login)
            if before.phase is None or not before.phase.final:
                handle.abort()
            return before

        return await self._ask(work)

    async def check(self) -> None:
        """See `Site`. An anonymous look: sites answer it with 200, or 403 where they are so configured."""
        try:
            async with httpx.AsyncClient(verify=self._tls, timeout=self.system.request_timeout) as client:
                answer = await client.get(self.system.url, headers={"Accept": "application/json"})
        except httpx.HTTPError as error:
            log.info("site %s: %s", self.system.name, type(error).__name__)
            self._note_health(Health.DOWN, say("site_silent", "{system} doesn't answer.", system=self.system.title))
            return
        if answer.status_code in (200, 401, 403):
            self._note_health(Health.UP)
        else:
            wrong = say("site_error", "{system} answers with an error ({status}).", system=self.system.title, status=answer.status_code)
            self._note_health(Health.DOWN, wrong)

    def health(self) -> System:
        """See `Site`."""
        return self._health

    def close(self) -> None:
        """See `Site`."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, work: Callable[[], Answer], *, patience: float | None = 2.0) -> Answer:
        """Run `work` in one of the site's threads; `patience`: how many request timeouts it may take in all."""
        timeout = None if patience is None else patience * self.system.request_timeout
        try:
            async with asyncio.timeout(timeout):
                answer = await asyncio.get_running_loop().run_in_executor(self._pool, self._translated, work)
        except TimeoutError:
            error: SiteError = UnansweredError(say("site_slow", "{system} takes too long to answer.", system=self.system.title), sent=True)
        except SiteError as raised:
            error = raised
        else:
            self._note_health(Health.UP)
            return answer
        self._note_health(Health.DOWN if isinstance(error, UnansweredError) else Health.UP, error.sentence)
        raise error

    def _translated(self, work: Callable[[], Answer]) -> Answer:
        """Call `work`, and say in this module's terms how it failed."""
        title = self.system.title
        try:
            return work()
        except SiteError:
            raise
        except AuthenticationFailedException as error:
            raise LoginRefusedError(say("site_login_unknown", "{system} doesn't know the login.", system=title)) from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise UnansweredError(say("site_silent", "{system} doesn't answer.", system=title), sent=False) from error
        except httpx.TransportError as error:
            raise UnansweredError(say("site_broke_off", "{system} broke off the connection.", system=title), sent=True) from error
        except StatusError as error:
            raise self._refusal(error) from error
        except Exception as error:  # pyunicore passes on whatever an unexpected answer makes of it
            log.exception("unexpected answer of site %s", self.system.name)
            raise UnansweredError(say("site_unreadable", "{system} gave an answer that can't be read.", system=title), sent=True) from error

    def _refusal(self, error: StatusError) -> SiteError:
        title = self.system.title
        unavailable = say("site_unavailable", "{system} is not available ({status}).", system=title, status=error.status)
        if error.status in (401, 403):
            return LoginRefusedError(say("site_login_refused", "{system} refuses the login.", system=title))
        if error.status in (429, 503):
            return UnansweredError(unavailable, sent=False)
        if error.status in (502, 504):
            return UnansweredError(unavailable, sent=True)
        return RefusedError(
            say("site_answers", "{system} answers: {words}.", system=title, words=_text(error.reason).rstrip(".") or error.status)
        )

    def _client(self, login: Login) -> Client:
        """The client of this login, out of those that are kept."""
        key, preferences, token = _key(login), jobs.preferences(login.choice), login.token.get_secret_value()
        with self._guard:
            client = self._clients.pop(key, None)
            if client is None:
                transport = PooledTransport(OIDCToken(token), tls=self._tls, timeout=self.system.request_timeout)
                transport.preferences = preferences
                client = Client(transport, self.system.url, check_authentication=False, cache_time=LINKS_KEPT)
            self._clients[key] = client
            while len(self._clients) > CLIENTS:
                self._clients.popitem(last=False)
        return client

    def _accepted(self, client: Client, login: Login) -> None:
        """Raises LoginRefusedError unless the site knows the user, and lets her work as the chosen account."""
        who: dict[str, Any] = client.access_info()
        anonymous = who.get("role", {}).get("selected") == "anonymous"
        accounts = who.get("xlogin", {}).get("availableUIDs")
        if not anonymous and (not accounts or login.choice.account in accounts):
            return
        with self._guard:  # what it said is asked again the next time
            self._clients.pop(_key(login), None)
        if anonymous:
            raise LoginRefusedError(say("site_login_unknown", "{system} doesn't know the login.", system=self.system.title))
        raise LoginRefusedError(
            say(
                "site_not_as",
                "{system} doesn't let this login work as {account}.",
                system=self.system.title,
                account=login.choice.account,
            )
        )

    def _read(self, login: Login, address: str, offset: int, size: int) -> bytes | None:
        """A piece of a file; None where there is no such file."""
        headers = {"Accept": "application/octet-stream", "Range": f"bytes={offset}-{offset + size - 1}"}
        try:
            answer: httpx.Response = self._client(login).transport.get(to_json=False, url=address, headers=headers)
        except StatusError as error:
            if error.status in (404, 416):
                return None
            raise
        return answer.content[:size]

    def _job(self, job: str, login: Login) -> Job:
        return Job(self._client(login).transport, job, cache_time=1)

    def _state(self, job: Job) -> JobState:
        properties: dict[str, Any] = job.properties
        directory = properties.get("_links", {}).get("workingDirectory", {}).get("href")
        return JobState(phase(str(properties.get("status"))), _text(properties.get("statusMessage")), directory)

    def _state_if_known(self, job: str, login: Login) -> JobState:
        """The state after a 404, which only counts when the site is up and knows the user: it answers 404 while it starts, too."""
        client = self._client(login)
        fresh = Client(client.transport, self.system.url, check_authentication=False)
        self._accepted(fresh, login)
        try:
            return self._state(self._job(job, login))
        except StatusError as error:
            if error.status != 404:
                raise
            raise GoneError(say("site_job_gone", "{system} no longer knows the lab's job.", system=self.system.title)) from error

    def _note_health(self, health: Health, message: str = "") -> None:
        told = "" if health is Health.UP else message
        if health is not self._health.health:
            log.info("site %s is %s: %s", self.system.name, health.value, told)
        self._health = self._health.model_copy(
            update={"health": health, "message": str(told), "said": list(parts(told)), "checked_at": datetime.now(UTC)}
        )


def _key(login: Login) -> str:
    return digest(f"{jobs.preferences(login.choice)}\n{login.token.get_secret_value()}")


def _text(value: object) -> str:
    """What a site says, short enough to be shown, without what looks like a credential."""
    return redact(str(value or ""))[:MESSAGE_LENGTH].strip()
