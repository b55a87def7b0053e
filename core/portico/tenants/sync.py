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
from typing import TypeVar

from portico import logs
from portico.settings import Settings
from portico.settings.models import Source, TenantEntry
from portico.tenants import status
from portico.tenants.findings import Finding, Refused
from portico.tenants.following import Followed, Following
from portico.tenants.git import BranchMissingError, Repository, RepositoryError
from portico.tenants.judge import Judge, Judges
from portico.tenants.layers import themes_directory
from portico.tenants.listing import Listing
from portico.tenants.mirrors import Mirrors, name_of
from portico.tenants.status import Preview, Status
from portico.tenants.store import Store
from portico.tenants.versions import Versions

log = logging.getLogger(__name__)
Done = TypeVar("Done")

TIDY_INTERVAL = 60.0
"""Seconds between two collections of all tenants' old snapshots."""
NOTE_INTERVAL = timedelta(seconds=5)
"""How often `checked_at` is written while nothing happens."""
BEHIND_PATIENCE = 5.0
"""Seconds that a repository may take to tell how far the branch is ahead."""
BROKEN = "The check failed inside the product; the sync's log says more."


class TenantSync(Followed):
    """Follows one tenant's branch. `check` may be called from anywhere; calls wait for each other."""

    def __init__(
        self, entry: TenantEntry, *, state: Path, themes: Path, store: Store, judge: Judge | Judges, workers: Executor, mirrors: Mirrors
    ) -> None:
        self._name = entry.name
        self._state = state
        self._themes = themes
        self._store = store
        self._judge = judge
        self._workers = workers
        self._entry = entry
        self._mirrors = mirrors
        self._versions = Versions(entry.name, state=state, themes=themes, store=store)
        self._turn = asyncio.Lock()
        self._judged: str | None = None
        self._status = self._versions.recall(status.read(state, entry.name))

    @property
    def status(self) -> Status:
        """What is known now."""
        return self._status

    async def check(self, *, force: bool = False, since: float | None = None) -> Status:
        """Look once; make what is new live or say why not. With `force` the commit is judged again although it hasn't moved.

        With `since` (of `time.monotonic`) what the repository has answered to a neighbour after that time is new enough.
        """
        async with self._turn:
            with logs.bind(tenant=self._name):
                return await self._check(force=force, since=since)

    async def _check(self, *, force: bool, since: float | None) -> Status:
        now = datetime.now(UTC)
        try:
            self._repository = self._repository or self._opened()
            tip = await self._repository.tip(since=since)
            if force or (tip != self._judged and not await self._elsewhere(self._repository)):
                await self._take(self._repository)
            elif self._status.checked_at is None or now - self._status.checked_at >= NOTE_INTERVAL or self._unreachable():
                self._note(error=status.summary(self._status.findings))
        except RepositoryError as error:
            if self._status.error != str(error):
                log.warning("repository: %s", error)
                if isinstance(error, BranchMissingError):
                    await self._run(self._versions.gone)
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
        held = {"held_at": commit} if self._status.held_at == before else {}
        self._note(candidate=commit, error=status.summary(self._status.findings), **live, **held)
        self._put(self._status.model_copy(update={"behind": await self._behind()}))
        return True

    async def _hold_on(self, repository: Repository, commit: str) -> None:
        """A neighbour's push moves the branch, and not past what was rolled back."""
        held = self._status.held_at
        if held is None or held == commit:
            return
        try:
            if await repository.content(held) == await repository.content(commit):
                self._put(self._status.model_copy(update={"held_at": commit}))
        except (RepositoryError, Refused):
            return  # the mirror lacks what was there before: the branch counts as moved on

    async def _take(self, repository: Repository) -> None:
        """Judge the branch's newest commit, and make it live where nothing is wrong with it."""
        began = time.monotonic()
        before = self._status.candidate
        about = await repository.about(await repository.fetch())
        if before is not None and before != about.id and (await repository.move(before, about.id)).forced:
            log.warning(
                "the branch was rewritten: %s no longer leads to %s", before[:12], about.id[:12], extra={"commit": about.id, "forced": True}
            )
            await self._run(partial(self._versions.rewritten, about))
        await self._hold_on(repository, about.id)
        try:
            files = await repository.files(about.id)
            findings = (await self._judge.ask(self._name, files, self._themes)).findings
            if not findings:
                self._put(await self._run(partial(self._versions.accept, self._status, files, about)))
        except Refused as refused:
            findings = refused.findings
        if findings:
            self._put(await self._run(partial(self._versions.refuse, self._status, findings, about)))
        self._judged = about.id
        self._log(about.id, findings, began)
        self._put(self._status.model_copy(update={"behind": await self._behind()}))
        await self._collect()

    async def collect(self) -> None:
        """Remove the snapshots that nobody can come back to."""
        async with self._turn:
            with logs.bind(tenant=self._name):
                await self._collect()

    async def _collect(self) -> None:
        await self._run(partial(self._versions.collect, self._status))

    async def _behind(self) -> int | None:
        live, newest = self._status.commit, self._status.candidate
        if live is None or newest is None or live == newest:
            return 0 if live is not None and live == newest else None
        try:
            async with asyncio.timeout(BEHIND_PATIENCE):
                return None if self._repository is None else (await self._repository.move(live, newest)).commits
        except TimeoutError:
            return None

    def _log(self, commit: str, findings: tuple[Finding, ...], began: float) -> None:
        seconds = round(time.monotonic() - began, 3)
        if findings:
            log.warning("refused %s: %s", commit[:12], findings[0], extra={"commit": commit, "findings": len(findings), "seconds": seconds})
        else:
            log.info("taken: %s", commit[:12], extra={"commit": commit, "snapshot": self._status.snapshot, "seconds": seconds})

    # What people ask for

    async def change(self, action: Callable[[Status], Status]) -> Status:
        """Do something to the versions; raises what `Versions` raises."""
        async with self._turn:
            with logs.bind(tenant=self._name):
                self._put(await self._run(partial(action, self._status)))
                self._put(self._status.model_copy(update={"behind": await self._behind()}))
                return self._status

    async def preview(self, branch: str) -> tuple[Preview | None, tuple[Finding, ...]]:
        """Build another branch's candidate and keep it for a link; raises RepositoryError."""
        async with self._turn:
            with logs.bind(tenant=self._name):
                repository = (self._repository or self._opened()).at(branch)
                about = await repository.about(await repository.fetch())
                try:
                    files = await repository.files(about.id)
                    findings = (await self._judge.ask(self._name, files, self._themes)).findings
                    if not findings:
                        self._put(await self._run(partial(self.versions.preview, self._status, files, about, branch)))
                        return self._status.previews[-1], ()
                except Refused as refused:
                    findings = refused.findings
                return None, findings

    @property
    def versions(self) -> Versions:
        """What can be done with the versions, as functions from one status to the next."""
        return self._versions

    def _note(self, *, error: str | None, **changes: object) -> None:
        self._put(self._status.model_copy(update={**changes, "error": error, "checked_at": datetime.now(UTC)}))

    def _put(self, changed: Status) -> None:
        self._status = changed.model_copy(update={"checked_at": datetime.now(UTC)})
        status.write(self._state, self._status)

    def _unreachable(self) -> bool:
        """The last look failed, and not because of the bundle."""
        return self._status.error is not None and not self._status.findings

    async def _run(self, function: Callable[[], Done]) -> Done:
        return await asyncio.get_running_loop().run_in_executor(self._workers, function)


class Sync:
    """All tenants of an installation."""

    def __init__(self, settings: Settings, *, judge: Judge | Judges, workers: Executor) -> None:
        store = self._store = Store(settings.state / "snapshots")
        self._workers = workers
        store.sweep()
        mirrors = Mirrors(settings.state / "mirrors", workers=workers, roots=settings.repository_roots)
        sources: list[Source] = [*settings.tenants, *([settings.tenant_list] if settings.tenant_list else [])]
        mirrors.sweep(sources)
        self.listing = Listing(settings.tenant_list, state=settings.state, mirrors=mirrors) if settings.tenant_list else None
        """The operator's own list of tenants, where she keeps one."""
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
        groups: dict[str, list[Source]] = {}
        for source in sources:
            groups.setdefault(name_of(source), []).append(source)
        self._all: list[Following] = []
        self._following: dict[str, Following] = {}
        for group in groups.values():
            names = [source.name for source in group if isinstance(source, TenantEntry)]
            followed: list[Followed] = [self.tenants[name] for name in names]
            if self.listing is not None and len(names) < len(group):
                followed.append(self.listing)
            following = Following(followed, interval=min(source.poll_interval or settings.poll_interval for source in group))
            self._all.append(following)
            self._following |= dict.fromkeys(names, following)

    async def run(self) -> None:
        """Follow all tenants until cancelled."""
        async with asyncio.TaskGroup() as group:
            for following in self._all:
                group.create_task(following.run())
            group.create_task(self._tidy())

    async def _tidy(self) -> None:
        """Collect again and again what no push does: previews that ended, versions that left the last ten while they had their grace."""
        while True:
            try:
                for tenant in self.tenants.values():
                    await tenant.collect()
                await asyncio.get_running_loop().run_in_executor(self._workers, self._store.collect_blobs)
            except Exception:
                log.exception("the collection of old snapshots failed")
            await asyncio.sleep(TIDY_INTERVAL)

    def wake(self, name: str) -> None:
        """Have a tenant's repository looked at now: somebody says that it has changed."""
        self._following[name].wake()

    def forgive(self, name: str) -> None:
        """Look at a tenant's repository as if it had never failed, and once more soon."""
        self.tenants[name].forgive()
        self.wake(name)
