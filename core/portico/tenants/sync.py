"""From a push to a live portal: follows every tenant's repository and makes what is good live.

For each tenant: has the branch moved? fetch, read, judge, write the snapshot, activate it. Whatever fails leaves the last good snapshot as
it is and a sentence in the tenant's status. Tenants don't wait for each other, except for their turn at the judge; those that share a
repository look at it together (`following`), and a push into a neighbour's directory changes nothing of theirs.

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
from portico.tenants.following import Following
from portico.tenants.git import Repository, RepositoryError
from portico.tenants.judge import Judge
from portico.tenants.layers import themes_directory
from portico.tenants.mirrors import Mirrors, name_of
from portico.tenants.status import Status
from portico.tenants.store import Store
from portico.tenants.trigger import Request

log = logging.getLogger(__name__)

NOTE_INTERVAL = timedelta(seconds=5)
"""How often `checked_at` is written while nothing happens."""
BROKEN = "The check failed inside the product; the sync's log says more."


class TenantSync:
    """Follows one tenant's branch. `check` may be called from anywhere; calls wait for each other."""

    def __init__(
        self, entry: TenantEntry, *, state: Path, themes: Path, store: Store, judge: Judge, workers: Executor, mirrors: Mirrors
    ) -> None:
        self._name = entry.name
        self._state = state
        self._themes = themes
        self._store = store
        self._judge = judge
        self._workers = workers
        self._entry = entry
        self._mirrors = mirrors
        self._repository: Repository | None = None
        self._turn = asyncio.Lock()
        self._judged: str | None = None
        self._status = self._recall()

    @property
    def status(self) -> Status:
        """What is known now."""
        return self._status

    @property
    def failures(self) -> int:
        """How often in a row the repository didn't answer; what costs nothing to ask never counts as failing."""
        if self._repository is None or isinstance(self._repository.mirror.address, Path):
            return 0
        return self._repository.mirror.failures

    def forgive(self) -> None:
        """Don't wait any longer for a repository that failed."""
        if self._repository is not None:
            self._repository.mirror.forgive()

    async def check(self, *, force: bool = False, since: float | None = None) -> Status:
        """Look once; make what is new live or say why not. With `force` the commit is judged again although it hasn't moved.

        With `since` (of `time.monotonic`) what the repository has answered to a neighbour after that time is new enough.
        """
        async with self._turn:
            with logs.bind(tenant=self._name):
                return await self._check(force=force, since=since)

    async def _check(self, *, force: bool, since: float | None) -> Status:
        now, before = datetime.now(UTC), self._status.candidate
        try:
            self._repository = self._repository or self._opened()
            tip = await self._repository.tip(since=since)
            if force or (tip != self._judged and not await self._elsewhere(self._repository)):
                await self._take(self._repository)
                await self._compare(self._repository, before)
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

    def _opened(self) -> Repository:
        return Repository(self._mirrors.of(self._entry), branch=self._entry.branch, directory=self._entry.directory)

    async def _elsewhere(self, repository: Repository) -> bool:
        """Whether the branch has moved outside this tenant's directory alone: then what was judged stands for the new commit too."""
        before = self._judged
        if before is None:
            return False
        commit = await repository.fetch()
        try:
            if await repository.content(before) != await repository.content(commit):
                return False
        except (RepositoryError, Refused):
            return False
        self._judged = commit
        live = {"commit": commit} if self._status.commit == before else {}
        self._note(candidate=commit, error=status.summary(self._status.findings), **live)
        return True

    async def _compare(self, repository: Repository, before: str | None) -> None:
        """Say so where the branch was rewritten instead of moved on."""
        after = self._judged
        if before is None or after is None or before == after:
            return
        if (await repository.move(before, after)).forced:
            log.warning(
                "the branch was rewritten: %s no longer leads to %s", before[:12], after[:12], extra={"commit": after, "forced": True}
            )

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
        store = Store(settings.state / "snapshots")
        store.sweep()
        mirrors = Mirrors(settings.state / "mirrors", workers=workers, roots=settings.repository_roots)
        mirrors.sweep(settings.tenants)
        self.tenants = {
            entry.name: TenantSync(
                entry,
                state=settings.state,
                themes=settings.themes or themes_directory(),
                store=store,
                judge=judge,
                workers=workers,
                mirrors=mirrors,
            )
            for entry in settings.tenants
        }
        groups: dict[str, list[TenantEntry]] = {}
        for entry in settings.tenants:
            groups.setdefault(name_of(entry), []).append(entry)
        self._following: dict[str, Following] = {}
        for group in groups.values():
            intervals = (entry.poll_interval or settings.poll_interval for entry in group)
            following = Following([self.tenants[entry.name] for entry in group], interval=min(intervals))
            self._following |= {entry.name: following for entry in group}

    async def run(self) -> None:
        """Follow all tenants until cancelled."""
        async with asyncio.TaskGroup() as group:
            for following in set(self._following.values()):
                group.create_task(following.run())

    def wake(self, name: str) -> None:
        """Have a tenant's repository looked at now: somebody says that it has changed."""
        self._following[name].wake()

    async def request(self, request: Request) -> dict[str, object]:
        """Do what somebody asks for, and answer what came of it (see `Request`)."""
        name = request.tenant
        if name is not None and name not in self.tenants:
            return {"error": f"There is no tenant {name!r}."}
        if request.do != "sync":
            return {"error": f"This version can't do {request.do!r} yet."}
        chosen = {name: self.tenants[name]} if name is not None else self.tenants
        for tenant in chosen.values():
            tenant.forgive()
        outcomes = await asyncio.gather(*(tenant.check(force=True) for tenant in chosen.values()))
        for each in chosen:
            self.wake(each)
        answers = [outcome.model_dump(mode="json") for outcome in outcomes]
        return answers[0] if name is not None else {"tenants": answers, "error": None}
