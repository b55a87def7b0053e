"""Programs that the supervisor runs: started, watched, started again when they die, ended in order.

A program's output that isn't its structured log goes to a file of its own, so that a traceback at start-up is never lost. Every
program gets a session of its own: a Ctrl-C in the terminal reaches the supervisor alone, which then ends the programs in its order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portico.supervisor.linux import die_with_parent

log = logging.getLogger(__name__)

SETTLED = 10.0
"""Seconds after which a program that dies counts as having worked: it is started again at once."""
LONGEST_PAUSE = 15.0
"""Seconds between two tries of a program that dies again and again."""


class NotStarted(Exception):
    """A program can't be brought up. The text is a sentence with its last words."""


@dataclass(frozen=True)
class Program:
    """What to run. `ready_port`: the program is ready when 127.0.0.1 accepts there; `ready_file`: when this file exists."""

    name: str
    argv: Sequence[str]
    output: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_port: int | None = None
    ready_file: Path | None = None


def pause_before_restart(failures: int) -> float:
    """Seconds to wait after `failures` deaths in a row that came too early: none for the first, then 0.5 doubled up to the longest."""
    return 0.0 if failures < 2 else min(LONGEST_PAUSE, 0.5 * 2.0 ** (failures - 2))


async def accepts(port: int) -> bool:
    """Whether something on 127.0.0.1 accepts connections at this port."""
    try:
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


class Running:
    """One program, kept running until `stop`."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.pid: int | None = None
        self._stopping = False
        self._restarting = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def start(self) -> None:
        """Begin to run it; returns at once."""
        self._task = asyncio.create_task(self._keep(), name=f"program {self.program.name}")

    async def ready(self) -> None:
        """Wait until the program answers; raises NotStarted when it dies again and again."""
        program = self.program
        while True:
            if self._failures > 2:
                raise NotStarted(f"{program.name} does not start: {self.last_words()} (see {program.output})")
            port_open = program.ready_port is None or await accepts(program.ready_port)
            if self.pid is not None and port_open and (program.ready_file is None or program.ready_file.exists()):
                return
            await asyncio.sleep(0.03)

    def restart(self) -> None:
        """Have it end by SIGTERM, and start it again at once."""
        if self._process is not None and self.pid is not None:
            self._restarting = True
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def last_words(self) -> str:
        """The last line that it wrote to its output, or an empty text."""
        with contextlib.suppress(OSError):
            lines = self.program.output.read_text(errors="replace").strip().splitlines()
            return lines[-1] if lines else ""
        return ""

    async def stop(self, *, patience: float) -> None:
        """End it: SIGTERM, and SIGKILL after `patience` seconds."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(patience):
                    await process.wait()
            except TimeoutError:
                log.warning("%s did not end within %.0f s and is killed", self.program.name, patience)
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began = loop.time()
            await self._run_once()
            if self._stopping:
                return
            if self._restarting:
                self._restarting = False
                continue
            self._failures = 0 if loop.time() - began > SETTLED else self._failures + 1
            pause = pause_before_restart(self._failures)
            log.error("%s ended; it is started again in %.1f s; its last words: %s", self.program.name, pause, self.last_words())
            await asyncio.sleep(pause)

    async def _run_once(self) -> None:
        program = self.program
        program.output.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(program.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *program.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env={**os.environ, **program.environment},
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        finally:
            os.close(descriptor)
        self.pid = self._process.pid
        log.info("%s runs as process %d", program.name, self.pid)
        status = await self._process.wait()
        self.pid = None
        if not (self._stopping or self._restarting):
            name = signal.Signals(-status).name if status < 0 else f"exit code {status}"
            log.warning("%s ended with %s", program.name, name)
