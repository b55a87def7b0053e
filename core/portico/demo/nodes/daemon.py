"""One compute node: runs jobs, hands out connections to their ports, lets them reach the few ports of the host that they need.

It outlives the site's server: a server that was killed and comes back attaches again and finds its jobs running, or their outcomes. A node
that no server claims for `patience` seconds ends its jobs and itself. SIGTERM does the same at once.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from portico.demo.nodes import egress, namespace, step, wire


@dataclass(frozen=True)
class NodeSettings:
    """What a node's daemon reads from its standard input, as JSON."""

    name: str
    socket: str
    """The path of its Unix socket."""
    address: str
    """Where its jobs listen: 127.0.0.1 of its own network, or a secret loopback address of the host's."""
    isolated: bool
    """Whether it has a network of its own."""
    egress_file: str
    """Which ports of the host's 127.0.0.1 its jobs may connect to, at the same address and port: a JSON list, read anew for each job."""
    patience: float = 30.0
    """Seconds."""


@dataclass
class _Running:
    pid: int
    outcome: step.Outcome | None = None


class Daemon:
    """The node's state: jobs by their id, attached servers."""

    def __init__(self, settings: NodeSettings, helper: egress.Helper | None) -> None:
        self._settings = settings
        self._helper = helper
        self._jobs: dict[str, _Running] = {}
        self._attached: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = asyncio.Event()
        self._job_came = asyncio.Event()
        self._alone: asyncio.TimerHandle | None = None

    async def serve(self, listener: socket.socket) -> None:
        """Until it is told to leave, or nobody claims it."""
        loop = asyncio.get_running_loop()
        namespace.adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leaving.set)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        self._start_patience()
        if self._helper is not None:
            self._spawn(egress.serve(self._helper, Path(self._settings.egress_file), self._job_came))
        accepting = loop.create_task(self._accept(listener))
        await self._leaving.wait()
        accepting.cancel()
        await self._end_all()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _start_patience(self) -> None:
        if not self._attached and self._alone is None:
            self._alone = asyncio.get_running_loop().call_later(self._settings.patience, self._leaving.set)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            self._spawn(self._answer(connection))

    async def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError), connection:
            message = wire.decode(await wire.read_line(connection))
            if message["op"] == "dial":
                await self._dial(connection, int(message["port"]))
            elif message["op"] == "attach":
                await self._attach(connection)

    async def _dial(self, connection: socket.socket, port: int) -> None:
        """A connected socket to one of our ports, handed over; it works on the far side too, whatever network that is in."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as target:
            target.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(target, (self._settings.address, port))
            except OSError as error:
                await asyncio.get_running_loop().sock_sendall(connection, wire.encode({"error": error.strerror or str(error)}))
                return
            descriptors = array.array("i", [target.fileno()])
            connection.sendmsg([wire.encode({"connected": True})], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])

    async def _attach(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection.dup(), limit=wire.LINE_LIMIT)
        self._attached.add(writer)
        if self._alone is not None:
            self._alone.cancel()
            self._alone = None
        jobs = {job: asdict(running.outcome) if running.outcome else None for job, running in self._jobs.items()}
        writer.write(wire.encode({"node": self._settings.name, "pid": os.getpid(), "jobs": jobs}))
        try:
            while line := await reader.readline():
                self._obey(wire.decode(line), writer)
        finally:
            self._attached.discard(writer)
            writer.close()
            self._start_patience()

    def _obey(self, message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        match message["op"]:
            case "run":
                command = step.Command(**message["command"])
                self._run(command)
                writer.write(wire.encode({"job": command.job, "pid": self._jobs[command.job].pid}))
            case "end":
                self._end(message["job"])
            case "forget":
                running = self._jobs.get(message["job"])
                if running is not None and running.outcome is not None:
                    del self._jobs[message["job"]]
            case "leave":
                self._leaving.set()

    def _run(self, command: step.Command) -> None:
        if command.job in self._jobs:
            return
        self._job_came.set()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            step.supervise(command, writing)
        os.close(writing)
        os.set_blocking(reading, False)
        self._jobs[command.job] = _Running(pid)
        asyncio.get_running_loop().add_reader(reading, self._ended, command.job, reading)

    def _ended(self, job: str, reading: int) -> None:
        """The job's supervisor wrote the outcome, or is gone without one."""
        asyncio.get_running_loop().remove_reader(reading)
        data = os.read(reading, 4096)
        os.close(reading)
        outcome = step.Outcome(**json.loads(data)) if data else step.Outcome(exit_code=None, reason=step.LOST)
        self._jobs[job].outcome = outcome
        for writer in self._attached:
            writer.write(wire.encode({"job": job, "outcome": asdict(outcome)}))

    def _end(self, job: str) -> None:
        running = self._jobs.get(job)
        if running is not None and running.outcome is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGTERM)

    def _reap(self) -> None:
        """Bury the dead; end what a killed supervisor left to us."""
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        known = {running.pid for running in self._jobs.values()} | ({self._helper.pid} if self._helper else set())
        for pid, parent in step.parents():
            if parent == os.getpid() and pid not in known:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def _end_all(self) -> None:
        for job in self._jobs:
            self._end(job)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(step.GRACE + 2):
                while any(running.outcome is None for running in self._jobs.values()):
                    await asyncio.sleep(0.01)
        for writer in self._attached:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.drain()
            writer.close()


def main() -> None:
    """Become a node as standard input says; line one of standard output says that it listens."""
    settings = NodeSettings(**json.loads(sys.stdin.read()))
    helper = None
    if settings.isolated:
        helper = egress.start_helper(Path(settings.egress_file))
        namespace.enter(settings.name)
    path = Path(settings.socket)
    try:
        listener = _listen(path)
        # Nobody may be left to hear it: the server was killed meanwhile, and comes back, or patience ends.
        with contextlib.suppress(BrokenPipeError):
            os.write(sys.stdout.fileno(), b"ready\n")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        asyncio.run(_serve(settings, helper, listener))
    finally:
        path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket:
    """At a Unix socket for this user only, in place of one that a killed daemon left."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with wire.address(path) as name:
        listener.bind(name)
    path.chmod(0o600)
    listener.listen(64)
    listener.setblocking(False)
    return listener


async def _serve(settings: NodeSettings, helper: egress.Helper | None, listener: socket.socket) -> None:
    await Daemon(settings, helper).serve(listener)
