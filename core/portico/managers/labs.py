"""All labs of the backend: started, found again after a restart, stopped, and a running task for each that hasn't ended.

What is started is recorded before it is started. A task that fails is started again; its lab is only forgotten once its site has said
that it ended. Which tenant may see which lab is decided here as well: a foreign lab doesn't exist.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

from portico.api import Event, LabRequest, LabState, Report
from portico.limiter import TokenBucket
from portico.logs import bind
from portico.managers import checks
from portico.managers.checks import Place, Refusal
from portico.managers.connection import Connection
from portico.managers.jobs import Submission
from portico.managers.journal import Journal
from portico.managers.keys import Secrets, Vault, digest, new_token
from portico.managers.lab import LabTask, ended
from portico.managers.lifecycle import Accepted, Noted, Standing, advance
from portico.managers.sites import Site
from portico.managers.store import Record, Store, TakenError, newborn
from portico.settings.models import Settings, TenantEntry
from portico.tunnels import Forward, TunnelError, TunnelManager

log = logging.getLogger(__name__)
Done = TypeVar("Done")

REPORTS_PER_SECOND = 5.0
REPORTS_AT_ONCE = 20.0
RESTART_PAUSE = 1.0
"""Seconds until a task that failed is started again; grows to `LONGEST_PAUSE`."""
LONGEST_PAUSE = 30.0
MEMORY = timedelta(days=30)
"""How long ended labs are kept."""


class NoSuchLabError(LookupError):
    """There is no lab of that id, or none that the caller may know of."""


class NotAdmittedError(Exception):
    """The lab may not be started."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class ForeignTokenError(Exception):
    """The report's token isn't this lab's."""


class TooManyReportsError(Exception):
    """The lab reports more often than it may."""


class StoppedError(Exception):
    """The lab is to stop, or has ended."""


@dataclass(slots=True)
class Live:
    """A lab that hasn't ended, and what works for it."""

    task: LabTask
    connection: Connection
    reports: TokenBucket = field(default_factory=lambda: TokenBucket(rate=REPORTS_PER_SECOND, burst=REPORTS_AT_ONCE))
    working: asyncio.Task[None] | None = None
    connecting: asyncio.Task[None] | None = None

    @property
    def record(self) -> Record:
        """What the lab's journal says now."""
        return self.task.journal.record


class Labs:
    """Start, find, follow, stop."""

    def __init__(self, settings: Settings, *, store: Store, vault: Vault, sites: Mapping[str, Site], tunnels: TunnelManager) -> None:
        self._settings = settings
        self._store = store
        self._vault = vault
        self._sites = sites
        self._tunnels = tunnels
        self._live: dict[str, Live] = {}
        self._closing = False
        self._background: set[asyncio.Task[None]] = set()

    def reconfigure(self, settings: Settings) -> None:
        """Hold what is started from now on against these settings."""
        self._settings = settings

    # Life of the service

    async def resume(self) -> None:
        """Find the labs of the last run again: their tunnels, and a task for each."""
        await self._store.forget(older=MEMORY)
        records = await self._store.labs()
        forwards = []
        for record in records:
            where = checks.recorded(self._settings, record.choice)
            if where is None:
                log.error("lab %s runs at a system that isn't configured any more; it can't be stopped from here", record.id)
                continue
            now = record.standing
            if now.node and now.port and now.state is not LabState.STOPPING:
                local = int(now.address.rpartition(":")[2]) if now.address else None
                forwards.append((Forward(id=record.id, system=record.choice.system, node=now.node, port=now.port), local))
            self._take(record, where, resumed=True)
        await self._tunnels.restore(forwards)
        for live in self._live.values():
            self._work(live)

    async def close(self) -> None:
        """End the tasks, not the labs."""
        self._closing = True
        self.end_streams()
        tasks = [task for live in self._live.values() for task in (live.working, live.connecting) if task is not None]
        tasks.extend(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def end_streams(self) -> None:
        """End all event streams, so that the server can stop."""
        self._closing = True
        for live in self._live.values():
            live.task.journal.feed.close()

    # What hubs ask

    async def start(self, tenant: TenantEntry, lab: str, request: LabRequest) -> tuple[Record, bool]:
        """Record a lab and begin to start it; True with the record where it is new. A repeat renews the user's token only.

        Raises NotAdmittedError, LimitReachedError, NoSuchLabError (the id is another tenant's).
        """
        if lab in self._live or await self._store.get(lab) is not None:
            return await self._repeat(tenant, lab, request), False
        refusal = checks.content(request)
        where = refusal or checks.place(self._settings, tenant, request.choice)
        if isinstance(where, Refusal):
            raise NotAdmittedError(where)
        token = new_token()
        standing = advance(Standing(), Accepted(where.system.title)) or Standing()
        sealed = self._vault.seal(Secrets(request.access_token, request.environment, token))
        record = newborn(lab, tenant.name, request, standing=standing, sealed=sealed, report_digest=digest(token))
        try:
            await asyncio.shield(self._admit(record, where, limit=tenant.lab_limit))
        except TakenError:
            return await self._repeat(tenant, lab, request), False
        return record, True

    async def get(self, tenant: str | None, lab: str) -> Record:
        """A lab of this tenant's (None: of anybody's); raises NoSuchLabError."""
        live = self._live.get(lab)
        record = live.record if live else await self._store.get(lab)
        if record is None or (tenant is not None and record.tenant != tenant):
            raise NoSuchLabError(lab)
        return record

    async def all(self, tenant: str | None, *, with_ended: bool) -> list[Record]:
        """The tenant's labs, or everybody's."""
        return await self._store.labs(tenant=tenant, ended=with_ended)

    async def follow(self, tenant: str, lab: str, *, after: int, heartbeat: float) -> AsyncIterator[Event | None]:
        """The lab's events after that id, live until it ends; None as a sign of life. Raises NoSuchLabError at once."""
        record = await self.get(tenant, lab)
        live = self._live.get(lab)
        if record.standing.state is LabState.ENDED or live is None or self._closing:
            return _replay(self._store, lab, after)
        return live.task.journal.feed.follow(self._store, lab, after=after, heartbeat=heartbeat)

    async def stop(self, tenant: str, lab: str, *, renewed: Secrets | None = None) -> Record:
        """Record that the lab is to stop; the record as it is then. Raises NoSuchLabError and the database's errors."""
        record = await self.get(tenant, lab)
        live = self._live.get(lab)
        if live is None:
            return record
        with bind(tenant=record.tenant, user=record.user, lab=lab):
            if renewed is not None and live.record.standing.state is not LabState.ENDED:
                await self._renew(live, renewed)
            await live.task.stop()
        return live.record

    async def restart_tunnel(self, tenant: str, lab: str) -> Record:
        """Drop the lab's tunnel and build it again on the same address. Raises NoSuchLabError."""
        record = await self.get(tenant, lab)
        live = self._live.get(lab)
        if live is not None and live.connecting is not None:
            live.connecting.cancel()
            await asyncio.gather(live.connecting, return_exceptions=True)
            await self._tunnels.drop(lab)
            if not self._closing and not live.task.stopping:
                live.connecting = asyncio.create_task(self._connect(live), name=f"connection {lab}")
        return record

    # What labs and sites tell

    async def report(self, lab: str, token: str, report: Report) -> None:
        """Take what a lab says of itself.

        Raises NoSuchLabError, ForeignTokenError, StoppedError, TooManyReportsError, and TargetError where what it names isn't a node of
        its system's, or is another lab's.
        """
        live = self._live.get(lab)
        if live is None and await self._store.get(lab) is None:
            raise NoSuchLabError(lab)
        expected = live.record.report_digest if live else (await self.get(None, lab)).report_digest
        if not hmac.compare_digest(expected, digest(token)):
            raise ForeignTokenError(lab)
        if live is None or live.task.stopping:
            raise StoppedError(lab)
        if not live.reports.take():
            raise TooManyReportsError(lab)
        record = live.record
        with bind(tenant=record.tenant, user=record.user, lab=lab):
            if report.node and report.port:
                live.task.locate(report.node, report.port)
            if report.message:
                await live.task.journal.tell(Noted(report.message))

    def hint(self, system: str, lab: str) -> None:
        """Somebody says that the lab's job changed: have its site asked. Nothing else is believed."""
        live = self._live.get(lab)
        if live is not None and live.record.choice.system == system:
            live.task.hint()

    def tunnel_changed(self, lab: str) -> None:
        """The tunnel manager tells of a change."""
        live = self._live.get(lab)
        if live is not None:
            live.connection.changed.set()

    # Within

    async def _admit(self, record: Record, where: Place, *, limit: int) -> None:
        await self._store.add(record, limit=limit)
        live = self._take(record, where, resumed=False)
        log.info("%s", record.standing.message, extra={"lab": record.id, "tenant": record.tenant, "user": record.user})
        self._spawn(self._warm(record.choice.system))
        self._work(live)

    async def _repeat(self, tenant: TenantEntry, lab: str, request: LabRequest) -> Record:
        record = await self.get(tenant.name, lab)
        live = self._live.get(lab)
        if live is not None and live.record.standing.state is not LabState.ENDED:
            await self._renew(live, Secrets(request.access_token))
        return record

    async def _renew(self, live: Live, login: Secrets) -> None:
        held = live.task.journal.secrets
        if held.access_token != login.access_token:
            await live.task.renew(replace(held, access_token=login.access_token))

    def _take(self, record: Record, where: Place, *, resumed: bool) -> Live:
        journal = Journal(record, store=self._store, vault=self._vault)

        task = LabTask(
            journal,
            site=self._sites[where.system.name],
            place=where,
            submission=lambda secrets: self._submission(record, where, secrets),
            claimed=lambda node, port: self._claimed(record, node, port),
            resumed=resumed,
        )
        live = self._live[record.id] = Live(task, Connection(task, self._tunnels))
        return live

    def _submission(self, record: Record, where: Place, secrets: Secrets) -> Submission:
        base = (self._settings.backend.public_url or "").rstrip("/")
        return Submission(
            lab=record.id,
            choice=record.choice,
            place=where,
            prefix=record.prefix,
            environment=secrets.environment,
            overrides=record.overrides,
            report_url=f"{base}/labs/{record.id}/report" if base else None,
            report_token=secrets.report_token,
            notify_url=f"{base}/systems/{where.system.name}/notify/{record.id}" if base else None,
        )

    def _claimed(self, record: Record, node: str, port: int) -> bool:
        """Whether another lab of the same system listens there."""
        others = (live for live in self._live.values() if live.record.id != record.id and live.record.choice.system == record.choice.system)
        return any(other.task.whereabouts == (node, port) for other in others)

    def _work(self, live: Live) -> None:
        live.connecting = asyncio.create_task(self._connect(live), name=f"connection {live.record.id}")
        live.working = asyncio.create_task(self._live_through(live), name=f"lab {live.record.id}")

    async def _connect(self, live: Live) -> None:
        record = live.record
        with bind(tenant=record.tenant, user=record.user, lab=record.id):
            await self._persistently(live.connection.run)

    async def _live_through(self, live: Live) -> None:
        """From here to the lab's end."""
        record = live.record
        with bind(tenant=record.tenant, user=record.user, lab=record.id):
            reason = await self._persistently(live.task.run)
            if live.connecting is not None:
                live.connecting.cancel()
                await asyncio.gather(live.connecting, return_exceptions=True)
            await self._persistently(lambda: self._tunnels.drop(record.id))
            await self._persistently(lambda: live.task.journal.tell(ended(reason)))
        self._live.pop(record.id, None)

    async def _persistently(self, work: Callable[[], Awaitable[Done]]) -> Done:
        """Call `work` until it returns. It fails for reasons that pass (a full disk, a locked database), or for a mistake of ours."""
        pause = RESTART_PAUSE
        while True:
            try:
                return await work()
            except Exception:
                log.exception("a lab's task failed; it is tried again in %.0f s", pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _warm(self, system: str) -> None:
        """Have the connection to the login node ready by the time the lab is."""
        try:
            await self._tunnels.warm(system)
        except TunnelError as error:
            log.warning("%s: %s", system, error)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _replay(store: Store, lab: str, after: int) -> AsyncIterator[Event | None]:
    for event in await store.events(lab, after=after):
        yield event
