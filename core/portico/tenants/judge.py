"""Judges candidates in a process of its own, with limits on time, memory and files.

Parsing and compiling a hostile bundle has no budget that Python could keep, so it happens where the kernel can stop it. The process is
started once and stays warm. It gets a bundle's files and answers with findings, nothing else: whoever asked composes the candidate again
with the same pure function, so a process that a bundle has taken over could at most let its own bundle through.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import resource
import struct
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO

from portico.tenants import contrast, lab_settings, words
from portico.tenants.composition import Composition, compose, texts_of
from portico.tenants.documents import decode
from portico.tenants.findings import Finding, Refused
from portico.tenants.layers import theme_chain
from portico.tenants.rehearsal import render_all

MEMORY = 1_000_000_000
"""Bytes of address space."""
CPU_SECONDS = 10
"""For one candidate."""
WALL_SECONDS = 20.0
REMEMBERED = 200
"""Rehearsals whose findings are remembered."""
_ANSWER_LIMIT = 1_000_000
_LENGTH = struct.Struct(">I")
TOO_MUCH = Finding("templates/", 0, 0, "Checking the bundle took more time or memory than it may.", "Look for loops and huge texts.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a candidate. It may go live where there are no findings."""

    findings: tuple[Finding, ...] = ()
    pages: int = 0
    """Pages that were rendered, in all languages and states."""
    notes: tuple[str, ...] = ()
    """What could not be checked here, in sentences."""

    def encoded(self) -> bytes:
        """As JSON."""
        return json.dumps({"findings": [each.as_dict() for each in self.findings], "pages": self.pages, "notes": self.notes}).encode()

    @classmethod
    def decoded(cls, data: bytes) -> Verdict:
        """From JSON."""
        values = json.loads(data)
        return cls(tuple(Finding(**each) for each in values["findings"]), values["pages"], tuple(values["notes"]))


def judge(name: str, files: Mapping[str, bytes], themes: Path) -> Verdict:
    """All checks and the rehearsal, in this process and without limits."""
    try:
        candidate = compose(name, files, themes)
    except Refused as refused:
        return Verdict(refused.findings)
    rehearsed, pages = _rehearsed(candidate.composition)
    document = decode(files["tenant.toml"], "tenant.toml")
    theme_texts = texts_of([layer for layer, _ in theme_chain(candidate.composition.tenant.theme, themes)])
    findings = [
        *rehearsed,
        *words.check(candidate, theme_texts, {path: decode(files[path], path) for path in words.FILES if path in files}),
        *contrast.check(candidate, document),
    ]
    notes = []
    if lab_settings.FILE in files:
        schemas = lab_settings.installed()
        findings += lab_settings.check(candidate.composition.overrides, decode(files[lab_settings.FILE], lab_settings.FILE), schemas)
        notes += [] if schemas else [lab_settings.NOT_CHECKED]
    return Verdict(tuple(dict.fromkeys(findings)), pages, tuple(notes))


_REHEARSED: OrderedDict[str, tuple[tuple[Finding, ...], int]] = OrderedDict()
"""What rehearsals found, by all that a page is made of: a push that changes a style sheet or a picture changes no page."""


def _rehearsed(composition: Composition) -> tuple[tuple[Finding, ...], int]:
    """What the rehearsal finds, and how many pages it rendered."""
    parts = [getattr(composition, each.name) for each in fields(composition) if each.name not in ("static", "overrides")]
    key = hashlib.sha256(repr([*parts, sorted(composition.static)]).encode()).hexdigest()
    if key not in _REHEARSED:
        rehearsal = render_all(composition)
        _REHEARSED[key] = rehearsal.findings, len(rehearsal.pages)
        if len(_REHEARSED) > REMEMBERED:
            _REHEARSED.popitem(last=False)
    return _REHEARSED[key]


class Judge:
    """The process that judges, one candidate at a time. Use as an asynchronous context manager."""

    def __init__(self, *, memory: int = MEMORY, cpu_seconds: int = CPU_SECONDS, wall_seconds: float = WALL_SECONDS) -> None:
        self._limits = (memory, cpu_seconds)
        self._wall_seconds = wall_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Judge:
        self._process = await self._start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stop()

    async def ask(self, name: str, files: Mapping[str, bytes], themes: Path) -> Verdict:
        """What is to be said of a candidate. A process that dies or takes too long is a finding, and a new one takes its place."""
        request = {"name": name, "themes": str(themes), "files": {path: base64.b64encode(data).decode() for path, data in files.items()}}
        async with self._turn:
            if self._process is None:
                self._process = await self._start()
            try:
                answer = await asyncio.wait_for(self._exchange(self._process, json.dumps(request).encode()), self._wall_seconds)
                return Verdict.decoded(answer)
            except (TimeoutError, EOFError, OSError):
                await self._stop()
                return Verdict((TOO_MUCH,))
            except BaseException:
                await self._stop()
                raise

    @staticmethod
    async def _exchange(process: asyncio.subprocess.Process, request: bytes) -> bytes:
        assert process.stdin is not None  # noqa: S101 -- opened as pipes in _start
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(_LENGTH.pack(len(request)) + request)
        await process.stdin.drain()
        (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
        if length > _ANSWER_LIMIT:
            raise EOFError
        return await process.stdout.readexactly(length)

    async def _start(self) -> asyncio.subprocess.Process:
        kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "VIRTUAL_ENV") if key in os.environ}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "portico.tenants.judge",
            *(str(limit) for limit in self._limits),
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


class Judges:
    """Several processes that judge side by side: a candidate that takes long keeps one of them and no other tenant waiting."""

    def __init__(self, count: int) -> None:
        self._judges = [Judge() for _ in range(count)]
        self._free: asyncio.Queue[Judge] = asyncio.Queue()

    async def __aenter__(self) -> Judges:
        for judge in self._judges:
            self._free.put_nowait(await judge.__aenter__())
        return self

    async def __aexit__(self, *exc: object) -> None:
        for judge in self._judges:
            await judge.__aexit__(*exc)

    async def ask(self, name: str, files: Mapping[str, bytes], themes: Path) -> Verdict:
        """As `Judge.ask`, by the one that is free first."""
        judge = await self._free.get()
        try:
            return await judge.ask(name, files, themes)
        finally:
            self._free.put_nowait(judge)


def _serve(requests: BinaryIO, answers: BinaryIO, *, memory: int, cpu_seconds: int) -> None:
    """The process itself: a request at a time, until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while header := requests.read(_LENGTH.size):
        request = json.loads(requests.read(*_LENGTH.unpack(header)))
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + cpu_seconds, resource.RLIM_INFINITY))
        files = {path: base64.b64decode(data) for path, data in request["files"].items()}
        answer = judge(request["name"], files, Path(request["themes"])).encoded()
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer, memory=int(sys.argv[1]), cpu_seconds=int(sys.argv[2]))
