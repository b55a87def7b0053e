"""A site's jobs: each lives in a task of its own, from submission to its end, and its record is on disk at each step.

States go as the real server's: READY (after STAGINGIN), QUEUED, RUNNING, STAGINGOUT, then SUCCESSFUL or FAILED. A job is over only when its
whole process tree has ended. A restarted server goes on with what it finds: jobs on nodes that still run keep running.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from portico.demo.configuration import SiteConfig
from portico.demo.nodes.client import NodeDownError
from portico.demo.nodes.fleet import Fleet
from portico.demo.nodes.step import ABORTED, EXITED, TIMEOUT, Command, Outcome
from portico.demo.site import descriptions, records
from portico.demo.site.descriptions import DescriptionError, JobDescription
from portico.demo.site.files import PathError, Tree
from portico.demo.site.identities import Caller
from portico.demo.site.records import FAILED, JobFiles, JobRecord
from portico.demo.site.resources import Allocation, ResourceError, allocate

log = logging.getLogger(__name__)
_HELD = 0.05
"""Seconds between two looks whether a partition is still held."""
_LOGIN_RUNTIME = 24 * 3600.0


class Job:
    """One job and what moves it."""

    def __init__(self, record: JobRecord, files: JobFiles) -> None:
        self.record = record
        self.files = files
        self.released = asyncio.Event()
        """The client has staged its files in."""
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.aborted = False
        self.life: asyncio.Task[None] | None = None

    @property
    def host(self) -> str | None:
        """The node on which the job's processes are, once they were sent there."""
        return self.record.hosts[0] if self.record.hosts else None


class Jobs:
    """All jobs of a site. `announce` is called with each record that reached a new state."""

    def __init__(
        self, *, config: SiteConfig, directory: Path, fleet: Fleet, environment: Mapping[str, str], announce: Callable[[JobRecord], None]
    ) -> None:
        self._config = config
        self._directory = directory
        self._fleet = fleet
        self._environment = environment
        self._announce = announce
        self._jobs: dict[str, Job] = {}
        self._last_batch_id = 0
        for name in ("jobs", "home", "hold"):
            (directory / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    # -- what others ask -----------------------------------------------------------------------------------------------------------

    def __getitem__(self, job: str) -> Job:
        """The job of that id; KeyError where there is none."""
        found = self._jobs[job]
        if found.record.deleted:
            raise KeyError(job)
        return found

    def of(self, owner: str) -> Iterator[Job]:
        """Somebody's jobs, oldest first."""
        return (job for job in self._jobs.values() if job.record.owner == owner and not job.record.deleted)

    def home(self, uid: str) -> Path:
        """The home directory of a login, made where it is missing."""
        home = self._directory / "home" / uid
        home.mkdir(mode=0o700, exist_ok=True)
        return home

    def submit(self, raw: Mapping[str, Any], owner: Caller) -> Job:
        """Record a job and let it live. The owner must have a login."""
        if owner.uid is None:
            raise PermissionError(owner.dn)
        record = JobRecord(
            id=secrets.token_hex(8),
            owner=owner.dn,
            uid=owner.uid,
            group=owner.group,
            partitions=sorted(owner.partitions),
            submitted=time.time(),
            name=str(raw.get("Name") or descriptions.DEFAULT_NAME),
            shown={key: value for key, value in raw.items() if key not in ("Environment", "Imports")},
        )
        record.say("Created with type 'JSON'")
        job = Job(record, JobFiles(self._directory / "jobs" / record.id))
        job.files.make()
        job.files.description.touch(mode=0o600)
        job.files.description.write_text(json.dumps(raw), encoding="utf-8")
        job.files.save(record)
        self._jobs[record.id] = job
        self._live(job)
        return job

    def start(self, job: Job) -> None:
        """The client's files are there."""
        job.released.set()

    def abort(self, job: Job) -> None:
        """End the job, wherever it is; without effect when it is over."""
        if job.record.final or job.aborted:
            return
        job.aborted = True
        job.record.say("Got 'abort' request.")
        if job.host is not None:
            self._fleet.end(job.host, job.record.id)
        elif job.life is not None:
            job.life.cancel()

    async def delete(self, job: Job) -> None:
        """Forget the job: it is unknown at once, and gone when its processes are."""
        job.record.deleted = True
        job.files.save(job.record)
        self.abort(job)
        if job.life is not None:
            await asyncio.wait([job.life])
        await asyncio.to_thread(shutil.rmtree, job.files.top, ignore_errors=True)
        self._jobs.pop(job.record.id, None)

    def ended(self, job: str, outcome: Outcome) -> bool:
        """A node tells how one of ours ended; False where it isn't ours."""
        found = self._jobs.get(job)
        if found is not None and not found.outcome.done():
            found.outcome.set_result(outcome)
        return found is not None

    # -- a restarted server --------------------------------------------------------------------------------------------------------

    def resume(self, running: Mapping[str, Outcome | None]) -> None:
        """Go on with what is on disk. `running`: what the nodes know of their jobs."""
        for record in records.stored(self._directory / "jobs"):
            job = Job(record, JobFiles(self._directory / "jobs" / record.id))
            if record.batch_id.isdigit():
                self._last_batch_id = max(self._last_batch_id, int(record.batch_id))
            outdated = record.final and record.submitted + records.KEPT < time.time()
            if outdated or (record.deleted and record.id not in running):
                shutil.rmtree(job.files.top, ignore_errors=True)
                continue
            self._jobs[record.id] = job
            if not record.final:
                self._live(job, known=record.id in running)
                if (outcome := running.get(record.id)) is not None:
                    self.ended(record.id, outcome)

    async def stop(self) -> None:
        """End what has no process yet; the others end with their nodes."""
        lives = [job.life for job in self._jobs.values() if job.life is not None and not job.life.done()]
        for job in self._jobs.values():
            if job.host is None:
                self.abort(job)
        if lives:
            await asyncio.wait(lives, timeout=10)

    # -- a life --------------------------------------------------------------------------------------------------------------------

    def _live(self, job: Job, *, known: bool = False) -> None:
        job.life = asyncio.get_running_loop().create_task(self._life(job, known=known))

    async def _life(self, job: Job, *, known: bool) -> None:
        try:
            if job.host is None:
                await self._begin(job)
            elif not known:
                raise NodeDownError("the node does not know the job")
            elif job.record.status != records.RUNNING:
                self._runs(job)
            if job.host is not None:
                self._finish(job, await job.outcome)
        except asyncio.CancelledError:
            self._fail(job, "Job aborted.")
        except (DescriptionError, ResourceError, PathError, NodeDownError) as error:
            job.record.say(f"Could not submit job: {error}")
            self._fail(job, f"Processing failed: {error}")
        except Exception:
            log.exception("job %s", job.record.id)
            self._fail(job, "Processing failed: internal error of the demo site")

    def _reach(self, job: Job, status: str) -> None:
        job.record.status = status
        job.record.reached[status] = time.time()
        job.record.say(f"Status set to {status}.")
        job.files.save(job.record)
        self._announce(job.record)

    def _fail(self, job: Job, message: str) -> None:
        job.record.message = message
        job.files.description.unlink(missing_ok=True)
        self._reach(job, FAILED)

    async def _begin(self, job: Job) -> None:
        """From submission until the job's process runs. A job without a command is successful without one, as at the real server."""
        record = job.record
        description = descriptions.read(json.loads(job.files.description.read_text(encoding="utf-8")))
        record.tags, record.job_type = list(description.tags), description.job_type
        record.notification_url, record.notified_states = description.notification.url, list(description.notification.states)
        if description.imports and record.status in (records.UNDEFINED, records.STAGINGIN):
            self._reach(job, records.STAGINGIN)
            try:
                await asyncio.to_thread(_stage_in, description, Tree(job.files.working))
            except (PathError, OSError) as error:
                raise DescriptionError(f"Staging in failed. Reason: {error}") from error
        if record.status != records.QUEUED:
            self._reach(job, records.READY)
            if description.client_stage_in:
                await job.released.wait()
        if not description.script:
            self._reach(job, records.SUCCESSFUL)
            return
        if description.job_type == descriptions.ON_LOGIN_NODE:
            await self._run(job, description, hosts=(self._config.login_host,), runtime=_LOGIN_RUNTIME)
            return
        allocation = allocate(self._config.partitions, description.resources)
        await self._wait_in_queue(job, allocation)
        await self._run(job, description, hosts=self._pick(allocation), runtime=allocation.runtime)

    async def _wait_in_queue(self, job: Job, allocation: Allocation) -> None:
        partition = allocation.partition
        if partition.name not in job.record.partitions:
            raise ResourceError(
                f"Submission to batch system failed: Invalid account or account/partition combination specified: "
                f"{job.record.group or 'no project'} in {partition.name}"
            )
        job.record.queue = partition.name
        if job.record.batch_id == records.UNKNOWN:
            self._last_batch_id += 1
            job.record.batch_id = str(self._last_batch_id)
        self._reach(job, records.QUEUED)
        if partition.queue_delay:
            await asyncio.sleep(partition.queue_delay)
        while (self._directory / "hold" / partition.name).exists():
            await asyncio.sleep(_HELD)

    def _pick(self, allocation: Allocation) -> tuple[str, ...]:
        """The partition's hosts, the one with the fewest jobs first: nodes are shared."""
        load = dict.fromkeys(allocation.partition.hosts, 0)
        for job in self._jobs.values():
            if job.host in load and not job.record.final:
                load[job.host] += 1
        return tuple(sorted(load, key=lambda host: load[host])[: allocation.nodes])

    async def _run(self, job: Job, description: JobDescription, *, hosts: tuple[str, ...], runtime: float) -> None:
        node = await self._fleet.up(hosts[0])
        job.files.script.touch(mode=0o600)
        job.files.script.write_text(description.script, encoding="utf-8")
        job.record.hosts = list(hosts)
        job.record.say(f"Submitted executable: {description.script.splitlines()[0][:200]}")
        job.files.save(job.record)
        await node.run(
            Command(
                job=job.record.id,
                argv=[shutil.which("bash") or "/bin/sh", str(job.files.script)],
                directory=str(job.files.working),
                environment=self._job_environment(job) | dict(description.environment),
                stdout=description.stdout,
                stderr=description.stderr,
                runtime=runtime,
            )
        )
        self._runs(job)

    def _runs(self, job: Job) -> None:
        job.files.description.unlink(missing_ok=True)
        self._reach(job, records.RUNNING)

    def _job_environment(self, job: Job) -> dict[str, str]:
        """What the batch system sets; nothing of the server's own environment."""
        record = job.record
        return {
            **self._environment,
            **self._fleet.environment(record.hosts[0]),
            "HOME": str(self.home(record.uid)),
            "USER": record.uid,
            "LOGNAME": record.uid,
            "TMPDIR": str(job.files.temporary),
            "SLURM_JOB_ID": record.batch_id,
            "SLURM_JOB_NAME": record.name,
            "SLURM_JOB_PARTITION": record.queue,
            "SLURM_JOB_ACCOUNT": record.group or "",
            "SLURM_JOB_NODELIST": ",".join(record.hosts),
            "SLURM_JOB_NUM_NODES": str(len(record.hosts)),
            "SLURM_SUBMIT_DIR": str(job.files.working),
            "SLURMD_NODENAME": record.hosts[0],
        }

    def _finish(self, job: Job, outcome: Outcome) -> None:
        record = job.record
        self._reach(job, records.STAGINGOUT)
        if outcome.exit_code is not None:
            record.exit_code = outcome.exit_code if outcome.exit_code >= 0 else 128 - outcome.exit_code
            record.say(f"Exit code {record.exit_code}")
        match outcome.reason:
            case _ if outcome.reason == EXITED and record.exit_code == 0:
                self._reach(job, records.SUCCESSFUL)
            case _ if outcome.reason == EXITED:
                where = f"More information might be available in the job's working directory '{job.files.working}/'"
                self._fail(job, f"User application exited with non-zero exit code: <{record.exit_code}>. {where}")
            case _ if outcome.reason == ABORTED and job.aborted:
                self._fail(job, "Job aborted.")
            case _ if outcome.reason == TIMEOUT:
                self._fail(job, "Job exceeded its runtime and was cancelled by the batch system.")
            case _:
                self._fail(job, "Job was lost: its node went down.")
        if job.host is not None:
            self._fleet.forget(job.host, record.id)
        with contextlib.suppress(OSError):
            job.files.script.unlink()


def _stage_in(description: JobDescription, tree: Tree) -> None:
    for file in description.imports:
        tree.write(file.target, file.content.encode())
        if file.mode is not None:
            tree.resolve(file.target).chmod(file.mode)
