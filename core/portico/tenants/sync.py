"""From a push to a live portal: follows every tenant's repository and makes what is good live.

For each tenant: has the branch moved? fetch, read, judge, write the snapshot, activate it. Whatever fails leaves the last good snapshot as
it is and a sentence in the tenant's status. Tenants don't wait for each other, except for their turn at the judge.

`python -m portico.tenants` runs it as a service.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from portico import logs
from portico.settings import Settings
from portico.settings.models import TenantEntry
from portico.tenants import status
from portico.tenants.composition import compose
from portico.tenants.findings import Refused
from portico.tenants.git import Repository, RepositoryError
from portico.tenants.judge import Judge
from portico.tenants.layers import themes_directory
from portico.tenants.status import Status
from portico.tenants.store import Store
from portico.tenants.trigger import request_sync

__all__ = ["Sync", "TenantSync", "request_sync"]

log = logging.getLogger(__name__)

NOTE_INTERVAL = timedelta(seconds=5)
"""How often `checked_at` is written while nothing happens."""
BROKEN = "The check failed inside the product; the sync's log says more."


class TenantSync:
    """Follows one tenant's branch. `check` may be called from anywhere; calls wait for each other."""

    def __init__(self, entry: TenantEntry, *, state: Path, themes: Path, store: Store, judge: Judge, workers: Executor) -> None:
        self._name = entry.name
        self._state = state
        self._themes = themes
        self._store = store
        self._judge = judge
        self._workers = workers
        self._open = partial(
            Repository,
            entry.repository,
            branch=entry.branch,
            directory=entry.directory,
            mirror=state / "mirrors" / f"{entry.name}.git",
            workers=workers,
        )
        self._repository: Repository | None = None
        self._turn = asyncio.Lock()
        self._judged: str | None = None
        self._status = self._recall()

    @property
    def status(self) -> Status:
        """What is known now."""
        return self._status

    async def check(self, *, force: bool = False) -> Status:
        """Look once; make what is new live or say why not. With `force` the commit is judged again although it hasn't moved."""
        async with self._turn:
            with logs.bind(tenant=self._name):
                return await self._check(force=force)

    async def _check(self, *, force: bool) -> Status:
        now = datetime.now(UTC)
        try:
            self._repository = self._repository or self._open()
            tip = await self._repository.tip()
            if tip != self._judged or force:
                await self._take(self._repository)
            elif self._status.checked_at is None or now - self._status.checked_at >= NOTE_INTERVAL or self._unreachable():
                self._note(error=status.summary(self._status.findings))
        except RepositoryError as error:
            if self._status.error != str(error):
                log.warning("repository: %s", error)
            self._note(error=str(error))
        except Exception:
            if self._status.error != BROKEN:
                log.exception("the check failed")
            self._note(error=BROKEN)
        return self._status

    async def _take(self, repository: Repository) -> None:
        """Judge the branch's newest commit, and make it live where nothing is wrong with it."""
        began = time.monotonic()
        commit = await repository.fetch()
        try:
            files = await repository.files(commit)
            findings = (await self._judge.ask(self._name, files, self._themes)).findings
            if not findings:
                await self._run(partial(self._activate, files, commit))
        except Refused as refused:
            findings = refused.findings
        self._judged = commit
        seconds = round(time.monotonic() - began, 3)
        if findings:
            log.warning("refused %s: %s", commit[:12], findings[0], extra={"commit": commit, "findings": len(findings), "seconds": seconds})
            self._note(candidate=commit, findings=findings, error=status.summary(findings))
        else:
            log.info("live: %s", commit[:12], extra={"commit": commit, "snapshot": self._store.live(self._name), "seconds": seconds})
            self._note(candidate=commit, findings=(), error=None, **self._went_live(commit))

    def _activate(self, files: dict[str, bytes], commit: str) -> None:
        snapshot = self._store.add(compose(self._name, files, self._themes), commit=commit)
        if self._store.live(self._name) != snapshot.digest:
            self._store.activate(self._name, snapshot.digest)

    def _went_live(self, commit: str) -> dict[str, object]:
        digest = self._store.live(self._name)
        same = digest == self._status.snapshot and self._status.activated_at is not None
        return {"commit": commit, "snapshot": digest, "activated_at": self._status.activated_at if same else datetime.now(UTC)}

    def _note(self, *, error: str | None, **changes: object) -> None:
        self._status = self._status.model_copy(update={**changes, "error": error, "checked_at": datetime.now(UTC)})
        status.write(self._state, self._status)

    def _recall(self) -> Status:
        """What was known before a restart; what is live is what the store says."""
        known, live = status.read(self._state, self._name), self._store.current(self._name)
        if live is None:
            return Status(tenant=self._name)
        if known.snapshot != live.digest:
            return Status(tenant=self._name, commit=live.commit, snapshot=live.digest)
        return known

    def _unreachable(self) -> bool:
        """The last look failed, and not because of the bundle."""
        return self._status.error is not None and not self._status.findings

    async def _run(self, function: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._workers, function)


class Sync:
    """All tenants of an installation."""

    def __init__(self, settings: Settings, *, judge: Judge, workers: Executor) -> None:
        self._interval = settings.poll_interval
        store = Store(settings.state / "snapshots")
        store.sweep()
        self.tenants = {
            entry.name: TenantSync(
                entry, state=settings.state, themes=settings.themes or themes_directory(), store=store, judge=judge, workers=workers
            )
            for entry in settings.tenants
        }

    async def run(self) -> None:
        """Follow all tenants until cancelled."""
        async with asyncio.TaskGroup() as group:
            for tenant in self.tenants.values():
                group.create_task(self._follow(tenant))

    async def request(self, name: str | None) -> dict[str, object]:
        """Check one tenant or all now, and answer what came of it."""
        if name is not None and name not in self.tenants:
            return {"error": f"There is no tenant {name!r}."}
        chosen = [self.tenants[name]] if name is not None else list(self.tenants.values())
        outcomes = await asyncio.gather(*(tenant.check(force=True) for tenant in chosen))
        answers = [outcome.model_dump(mode="json") for outcome in outcomes]
        return answers[0] if name is not None else {"tenants": answers, "error": None}

    async def _follow(self, tenant: TenantSync) -> None:
        while True:
            await tenant.check()
            await asyncio.sleep(self._interval)
