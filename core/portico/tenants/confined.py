"""A process of its own that answers requests, one at a time, under limits on time, memory and files.

What is done with a bundle that nobody trusts has no budget that Python could keep, so it happens where the kernel can stop it. The process
is started once and stays warm; one that dies or takes too long is replaced at the next request. It may write no file, and it is told
nothing of its parent's environment but where Python finds its modules. What it answers is for its asker to doubt.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import resource
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NICENESS = 15
"""What somebody waits for at a portal goes before what may take its time: a hostile bundle costs the machine's spare time alone."""
_LENGTH = struct.Struct(">I")


class Stopped(Exception):
    """The process took more time or memory than it may, or died of it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost."""

    memory: int = 1_000_000_000
    """Bytes of address space."""
    cpu_seconds: int = 10
    wall_seconds: float = 20.0
    answer: int = 1_000_000
    """Bytes."""


class Confined:
    """A process that runs `serve` in the module `module`. Use as an asynchronous context manager."""

    def __init__(self, module: str, limits: Limits) -> None:
        self._module, self._limits = module, limits
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Confined:
        self._process = await self._start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stop()

    async def ask(self, request: Mapping[str, Any]) -> Any:
        """The answer to a request, both of them JSON; raises Stopped. Whoever is cancelled takes the process with her."""
        async with self._turn:
            if self._process is None:
                self._process = await self._start()
            try:
                return json.loads(await asyncio.wait_for(self._exchange(self._process, request), self._limits.wall_seconds))
            except (TimeoutError, EOFError, OSError) as error:
                await self._stop()
                raise Stopped from error
            except BaseException:
                await self._stop()
                raise

    async def _exchange(self, process: asyncio.subprocess.Process, request: Mapping[str, Any]) -> bytes:
        if process.stdin is None or process.stdout is None:  # can't be: `_start` opens both as pipes
            raise EOFError
        content = json.dumps(request).encode()
        process.stdin.write(_LENGTH.pack(len(content)) + content)
        await process.stdin.drain()
        (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
        if length > self._limits.answer:
            raise EOFError
        return await process.stdout.readexactly(length)

    async def _start(self) -> asyncio.subprocess.Process:
        kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "VIRTUAL_ENV") if key in os.environ}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            str(self._limits.memory),
            str(self._limits.cpu_seconds),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**kept, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def serve(answer: Callable[[Any], Any]) -> None:
    """The process itself: a request at a time, until there are no more. Its limits stand in its arguments."""
    memory, cpu_seconds = (int(argument) for argument in sys.argv[1:3])
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while header := requests.read(_LENGTH.size):
        request = json.loads(requests.read(*_LENGTH.unpack(header)))
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + cpu_seconds, resource.RLIM_INFINITY))
        content = json.dumps(answer(request)).encode()
        answers.write(_LENGTH.pack(len(content)) + content)
        answers.flush()


def packed(files: Mapping[str, bytes]) -> dict[str, str]:
    """Files as JSON takes them."""
    return {path: base64.b64encode(data).decode() for path, data in files.items()}


def unpacked(files: Mapping[str, str]) -> dict[str, bytes]:
    """The files again; raises ValueError where they aren't any."""
    return {path: base64.b64decode(data) for path, data in files.items()}
