"""The hubs, one a tenant: forked by the warm parent, watched by their pidfds, forked again when they die.

A hub's death is an event (its pidfd becomes readable), so the next fork is under way within a millisecond. The warm parent may die too: it
is started again and the hubs that it forked live on, watched as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from portico.supervisor.programs import SETTLED, NotStarted, accepts, pause_before_restart

log = logging.getLogger(__name__)


class WarmParent:
    """The supervisor's end of the warm parent's socket."""

    def __init__(self, config: Path, output: Path) -> None:
        self._config = config
        self._output = output
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._control: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def fork(self, tenant: str, port: int) -> int:
        """Fork a hub for the tenant and answer its process id; starts the warm parent where there is none."""
        async with self._lock:
            for attempt in (1, 2):
                try:
                    return await self._fork(tenant, port)
                except (ConnectionError, asyncio.IncompleteReadError) as error:
                    if attempt == 2:
                        raise RuntimeError(f"The warm parent did not start; see {self._output / 'warm.out'}.") from error
                    log.warning("The warm parent died; it is started again.")
                    self._process = None
        raise AssertionError("unreachable")

    async def _fork(self, tenant: str, port: int) -> int:
        reader, writer = self._control if self._control is not None and self.pid is not None else await self._start()
        writer.write(json.dumps({"tenant": tenant, "port": port}).encode() + b"\n")
        await writer.drain()
        answer = json.loads(await reader.readuntil(b"\n"))
        return int(answer["pid"])

    async def _start(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ours, theirs = socket.socketpair()
        self._output.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._output / "warm.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        arguments = {"--config": self._config, "--output": self._output, "--control": theirs.fileno()}
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "portico.supervisor.warm"),
                *(str(word) for pair in arguments.items() for word in pair),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        finally:
            os.close(descriptor)
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        await reader.readuntil(b"\n")
        log.info("The warm parent runs as process %d", self._process.pid)
        self._control = reader, writer
        return self._control

    async def stop(self) -> None:
        """End it; the hubs are the caller's to end."""
        if self._control is not None:
            self._control[1].close()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


class Hub:
    """One tenant's hub, kept running until `stop`."""

    def __init__(self, tenant: str, port: int, warm: WarmParent) -> None:
        self.tenant = tenant
        self.port = port
        self.pid: int | None = None
        self._warm = warm
        self._stopping = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run it; returns at once."""
        self._task = asyncio.create_task(self._keep(), name=f"hub {self.tenant}")

    async def ready(self) -> None:
        """Wait until the hub's own port accepts; raises NotStarted when it dies again and again."""
        while not await accepts(self.port):
            if self._failures > 2:
                raise NotStarted(f"The hub of {self.tenant} does not start: `portico logs --tenant {self.tenant}` tells why.")
            if self._task is not None and self._task.done():
                await self._task
            await asyncio.sleep(0.03)

    async def stop(self, *, patience: float) -> None:
        """End it: SIGTERM, and SIGKILL after `patience` seconds."""
        self._stopping = True
        if self.pid is not None:
            exited = asyncio.ensure_future(_exit_of(self.pid))
            _send(self.pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(patience):
                    await asyncio.shield(exited)
            except TimeoutError:
                log.warning("The hub of %s did not end within %.0f s and is killed", self.tenant, patience, extra={"tenant": self.tenant})
                _send(self.pid, signal.SIGKILL)
                await exited
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began = loop.time()
            self.pid = await self._warm.fork(self.tenant, self.port)
            log.info("The hub of %s runs as process %d", self.tenant, self.pid, extra={"tenant": self.tenant})
            await _exit_of(self.pid)
            if self._stopping:
                return
            self.pid = None
            self._failures = 0 if loop.time() - began > SETTLED else self._failures + 1
            pause = pause_before_restart(self._failures)
            log.error("The hub of %s ended; it is started again in %.1f s", self.tenant, pause, extra={"tenant": self.tenant})
            await asyncio.sleep(pause)


async def _exit_of(pid: int) -> None:
    """Wait until the process has ended, whoever its parent is."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            # Ours to reap only where its warm parent has died before it.
            os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 -- WNOHANG never waits


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
