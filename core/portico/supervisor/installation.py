"""An installation on one machine: gateway, backend, git sync and a hub for each tenant, in one process tree.

The supervisor starts them side by side, says when all answer, keeps each of them running, and ends them in order. It is the subreaper
of the tree, so that nothing that they left behind outlives it (an ssh master survives its backend on purpose, but not the supervisor).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from portico.gateway import process as gateway
from portico.settings import Settings, SettingsError, dump
from portico.supervisor.changes import Plan, plan, taken
from portico.supervisor.configuration import Configuration
from portico.supervisor.hubs import Hub, WarmParent
from portico.supervisor.linux import become_subreaper, descendants, marked, reap_adopted
from portico.supervisor.ports import remembered_ports
from portico.supervisor.programs import NotStarted, Program, Running
from portico.supervisor.status import DemoUser, Processes, Status, collect
from portico.tenants import status as sync_status
from portico.tenants.hook_server import PATH as HOOKS_PATH
from portico.tunnels import end_tunnels

log = logging.getLogger(__name__)

STATE_VARIABLE = "PORTICO_STATE"
PATIENCE = 8.0
"""Seconds that a program gets to end by itself."""
DRAIN = 2.0
"""Seconds that requests in progress get to end after a portal's route is gone."""
START_LIMIT = 120.0
"""Seconds until everything must have answered once."""
FIRST_VERSION = 15.0
"""Seconds of a start in which no portal has got a version, or an answer why not: those that are left come later, by themselves."""


class AlreadyRunning(Exception):
    """Another supervisor holds this state directory."""


@dataclass(frozen=True)
class Installation:
    """What to run: the settings, whence changes of them come, and what a demo adds."""

    settings: Settings
    configuration: Configuration
    programs: Sequence[Program] = ()
    routes: Mapping[str, str] = field(default_factory=dict)
    """Hosts of the gateway that are no tenant's, and where they lead."""
    users: Sequence[DemoUser] = ()
    gateway_directory: Path | None = None
    """Where `npm ci` has put the gateway's program."""
    tell: Callable[[Settings, Mapping[str, int]], None] | None = None
    """Who else must know of the tenants, and of their hubs' ports, whenever they change: a demo's identity provider and nodes."""

    @property
    def in_force(self) -> Path:
        """The configuration that the programs read: what was checked and taken, whatever is being written into the operator's file."""
        return self.settings.state / "run" / "portico.json"

    @property
    def output(self) -> Path:
        """The directory of logs, and of whatever the programs print."""
        return self.settings.state / "logs"


def own_programs(installation: Installation, *, hooks_port: int) -> list[Program]:
    """Gateway, backend and git sync as programs; raises GatewayMissing."""
    settings, output = installation.settings, installation.output
    node, proxy = gateway.find(installation.gateway_directory)

    def python(name: str, module: str, *more: str, **ready: int) -> Program:
        argv = [sys.executable, "-m", module, "--config", str(installation.in_force), *more]
        return Program(name=name, argv=argv, output=output / f"{name}.out", ready_port=ready.get("port"))

    return [
        Program(
            name="gateway",
            argv=gateway.command(settings.gateway, node=node, proxy=proxy),
            environment=gateway.environment(settings.gateway),
            output=output / "gateway.out",
            ready_port=settings.gateway.api_port,
        ),
        python("backend", "portico.managers", port=settings.backend.port),
        python("sync", "portico.tenants", f"--hooks-port={hooks_port}"),
    ]


def put_in_force(installation: Installation) -> None:
    """Write the settings as the programs read them, by one rename."""
    path = installation.in_force
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(dump(installation.settings), encoding="utf-8")
    new.replace(path)


@contextlib.contextmanager
def locked(state: Path) -> Iterator[None]:
    """Hold the state directory for this supervisor; raises AlreadyRunning. Ends what a killed predecessor left."""
    run = state / "run"
    run.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (run / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(f"An installation is running already in {state}; end it with Ctrl-C, or use another --state.") from error
        for pid in marked(STATE_VARIABLE, str(state)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        os.environ[STATE_VARIABLE] = str(state)
        yield


class Supervisor:
    """Runs an installation until `stop` is called or a signal comes."""

    def __init__(self, installation: Installation, *, say: Callable[[str], None] = lambda _: None) -> None:
        self.installation = installation
        self._say = say
        put_in_force(installation)
        self._warm = WarmParent(installation.in_force, installation.output)
        self.hubs = self._new_hubs([tenant.name for tenant in installation.settings.tenants])
        self._hooks_port = remembered_ports(installation.settings.state / "run" / "supervisor-ports.json", ["operator", "hooks"])["hooks"]
        programs = (*installation.programs, *own_programs(installation, hooks_port=self._hooks_port))
        self.programs = [Running(program) for program in programs]
        self._started = False
        self._gateway_pid: int | None = None

    def _new_hubs(self, tenants: Sequence[str]) -> list[Hub]:
        ports = remembered_ports(self.installation.settings.state / "run" / "hub-ports.json", tenants)
        return [Hub(name, ports[name], self._warm) for name in tenants]

    async def run(self, stop: asyncio.Event, *, when_ready: Callable[[], None]) -> None:
        """Start everything, call `when_ready`, and wait for `stop`; then end everything, whatever happened."""
        become_subreaper()
        try:
            starting = asyncio.create_task(self._start())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                self._started = True
                when_ready()
                async with asyncio.TaskGroup() as group:
                    tending = group.create_task(self._tend())
                    await stopping
                    tending.cancel()
            starting.cancel()
        finally:
            await self._end()

    async def status(self) -> Status:
        """The installation's state now."""
        pids = {running.program.name: running.pid for running in self.programs}
        hubs = {hub.tenant: hub.pid for hub in self.hubs}
        processes = Processes(hubs, backend=pids.get("backend"), started=self._started, configuration=self.installation.configuration)
        return await collect(self.installation.settings, processes, self.installation.users)

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(START_LIMIT), asyncio.TaskGroup() as group:
                for running in self.programs:
                    running.start()
                    group.create_task(self._follow(running))
                group.create_task(self._start_hubs())
        except TimeoutError:
            waiting = [running.program.name for running in self.programs if running.pid is None]
            raise NotStarted(f"Not everything answered within {START_LIMIT:.0f} s: {', '.join(waiting) or 'the hubs'}.") from None
        except ExceptionGroup as group:
            # The first reason is the one to mend; the others often follow from it.
            reasons = group.subgroup(NotStarted)
            raise (reasons.exceptions[0] if reasons else group.exceptions[0]) from None
        await self._portals_answer()

    async def _follow(self, running: Running) -> None:
        await running.ready()
        self._say(f"{running.program.name} is up")
        if running.program.name == "gateway":
            await self._route()

    async def _start_hubs(self) -> None:
        # A hub adds its routes as it starts, so the gateway has to be there before.
        await next(running for running in self.programs if running.program.name == "gateway").ready()
        for hub in self.hubs:
            hub.start()
        for hub in self.hubs:
            await hub.ready()
            self._say(f"the hub of {hub.tenant} is up")

    async def _portals_answer(self) -> None:
        """Wait for each portal's first page through the gateway; raises NotStarted. One without a version is named, and holds nobody up."""
        settings = self.installation.settings
        for name in await self._without_version():
            self._say(
                f"{name} has no version to show yet: {sync_status.read(settings.state, name).error or 'its repository is still silent.'}"
            )
        silent = await gateway.silent(settings.gateway, [tenant.host for tenant in settings.tenants], patience=START_LIMIT)
        if silent:
            raise NotStarted(
                f"No page comes through the gateway within {START_LIMIT:.0f} s from {', '.join(silent)}; `portico logs` tells more."
            )

    async def _without_version(self) -> list[str]:
        """Wait until each tenant has a version or an answer why not, as long as there is progress; answers those that have none."""
        settings, clock = self.installation.settings, asyncio.get_running_loop().time
        lives = {tenant.name: settings.state / "snapshots" / tenant.name / "current" for tenant in settings.tenants}
        waiting, patience = [*lives], clock() + FIRST_VERSION
        while waiting and clock() < patience:
            await asyncio.sleep(0.05)
            left = [name for name in waiting if not lives[name].exists() and sync_status.read(settings.state, name).error is None]
            if len(left) < len(waiting):
                waiting, patience = left, clock() + FIRST_VERSION
        return [name for name, live in lives.items() if not live.exists()]

    async def _route(self) -> None:
        settings = self.installation.settings
        hooks = {f"{tenant.host}{HOOKS_PATH}": f"http://127.0.0.1:{self._hooks_port}" for tenant in settings.tenants}
        await gateway.add_routes(settings.gateway, {**self.installation.routes, **hooks})
        self._gateway_pid = self._pid_of_gateway()

    def _pid_of_gateway(self) -> int | None:
        return next(running.pid for running in self.programs if running.program.name == "gateway")

    async def _tend(self) -> None:
        """Each second: take a changed configuration, give a gateway that was started again its routes, and let adopted orphans go."""
        while True:
            await asyncio.sleep(1)
            await self._take_changes()
            reap_adopted({running.pid for running in self.programs} | {hub.pid for hub in self.hubs} | {self._warm.pid})
            if self._pid_of_gateway() not in (None, self._gateway_pid):
                with contextlib.suppress(httpx.HTTPError):
                    await self._route()

    async def _take_changes(self) -> None:
        """Bring the tenants in line with what the operator has saved or pushed; what can't be used changes nothing."""
        configuration, before = self.installation.configuration, self.installation.settings
        if not configuration.changed():
            return
        try:
            after = await asyncio.to_thread(configuration.read)
            change, settings = plan(before, after), taken(before, after)
        except SettingsError as error:
            if configuration.error != str(error):
                log.error("the configuration stays as it is: %s", error)
            configuration.error = str(error)
            return
        configuration.error = change.sentence if change.fixed else None
        if not change.empty or change.fixed:
            log.info("the configuration has changed: %s", change.sentence)
        if not change.empty:
            await self._apply(change, settings)

    async def _apply(self, change: Plan, settings: Settings) -> None:
        """Hubs that go end first, those of removed tenants drained; then everybody reads what is in force; then hubs that come begin."""
        before = self.installation.settings
        self.installation = replace(self.installation, settings=settings)
        going = [hub for hub in self.hubs if hub.tenant in (*change.removed, *change.changed)]
        await self._close(before.tenant(name).host for name in change.removed)
        if change.removed:
            await asyncio.sleep(DRAIN)
        await asyncio.gather(*(hub.stop(patience=PATIENCE) for hub in going))
        await self._close(before.tenant(name).host for name in change.changed)
        with contextlib.suppress(httpx.HTTPError):
            await self._route()
        put_in_force(self.installation)
        coming = self._new_hubs([*change.added, *change.changed])
        self.hubs = [*(hub for hub in self.hubs if hub not in going), *coming]
        if self.installation.tell is not None:
            await asyncio.to_thread(self.installation.tell, settings, {hub.tenant: hub.port for hub in self.hubs})
        for running in self.programs:
            if running.program.name == "backend" and running.pid is not None:
                os.kill(running.pid, signal.SIGHUP)
            if running.program.name == "sync":
                running.restart()  # it keeps nothing in its memory that it doesn't find again
        for hub in coming:
            hub.start()

    async def _close(self, hosts: Iterable[str]) -> None:
        """Let nothing more in at these hosts."""
        with contextlib.suppress(httpx.HTTPError):
            routes = [route for host in hosts for route in (host, f"{host}{HOOKS_PATH}")]
            await gateway.remove_routes(self.installation.settings.gateway, routes)

    async def _end(self) -> None:
        await asyncio.gather(*(hub.stop(patience=PATIENCE) for hub in self.hubs))
        await self._warm.stop()
        # Portals first, then what they stand on: backend and sync before the site that the backend talks to.
        await asyncio.gather(*(running.stop(patience=PATIENCE) for running in reversed(self.programs)))
        # What outlived its parent on purpose, such as an ssh master, is ours by now. A killed process may leave children of its own.
        while left := descendants(os.getpid()):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.02)
            reap_adopted()
        await end_tunnels(self.installation.settings.state / "tunnels")  # by now their files alone
