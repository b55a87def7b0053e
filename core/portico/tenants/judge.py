"""Judges candidates in a process of its own, with limits on time, memory and files.

Parsing and compiling a hostile bundle has no budget that Python could keep, so it happens where the kernel can stop it. The process is
started once and stays warm. It gets a bundle's files and answers with findings, nothing else: whoever asked composes the candidate again
with the same pure function, so a process that a bundle has taken over could at most let its own bundle through.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from portico.tenants import contrast, lab_settings, words
from portico.tenants.composition import Composition, compose, texts_of
from portico.tenants.confined import Confined, Limits, Stopped, packed, serve, unpacked
from portico.tenants.documents import decode
from portico.tenants.findings import Finding, Refused
from portico.tenants.layers import theme_chain
from portico.tenants.rehearsal import render_all

MEMORY = 1_000_000_000
"""Bytes of address space."""
CPU_SECONDS = 10
"""For one candidate."""
WALL_SECONDS = 20.0
REMEMBERED = 1_000
"""Tenants whose last rehearsal is remembered."""
TOO_MUCH = Finding("templates/", 0, 0, "Checking the bundle took more time or memory than it may.", "Look for loops and huge texts.")


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a rehearsal found. `key` stands for all that pages are made of: a push that changes a style sheet or a picture changes none."""

    key: str
    findings: tuple[Finding, ...]
    pages: int

    def encoded(self) -> dict[str, Any]:
        """For JSON."""
        return {"key": self.key, "findings": [each.as_dict() for each in self.findings], "pages": self.pages}

    @classmethod
    def decoded(cls, values: Mapping[str, Any] | None) -> Rehearsed | None:
        """From JSON."""
        return cls(values["key"], tuple(Finding(**each) for each in values["findings"]), values["pages"]) if values else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a candidate. It may go live where there are no findings."""

    findings: tuple[Finding, ...] = ()
    pages: int = 0
    """Pages that were rendered, in all languages and states."""
    notes: tuple[str, ...] = ()
    """What could not be checked here, in sentences."""
    rehearsed: Rehearsed | None = None

    def encoded(self) -> dict[str, Any]:
        """For JSON."""
        rehearsed = self.rehearsed.encoded() if self.rehearsed else None
        return {"findings": [each.as_dict() for each in self.findings], "pages": self.pages, "notes": self.notes, "rehearsed": rehearsed}

    @classmethod
    def decoded(cls, values: Mapping[str, Any]) -> Verdict:
        """From JSON."""
        findings = tuple(Finding(**each) for each in values["findings"])
        return cls(findings, values["pages"], tuple(values["notes"]), Rehearsed.decoded(values["rehearsed"]))


def judge(name: str, files: Mapping[str, bytes], themes: Path, last: Rehearsed | None = None) -> Verdict:
    """All checks and the rehearsal, in this process and without limits. `last`, the tenant's last rehearsal, may hold for this one too."""
    try:
        candidate = compose(name, files, themes)
    except Refused as refused:
        return Verdict(refused.findings)
    rehearsed = _rehearsed(candidate.composition, last)
    document = decode(files["tenant.toml"], "tenant.toml")
    theme_texts = texts_of([layer for layer, _ in theme_chain(candidate.composition.tenant.theme, themes)])
    findings = [
        *rehearsed.findings,
        *words.check(candidate, theme_texts, {path: decode(files[path], path) for path in words.FILES if path in files}),
        *contrast.check(candidate, document),
    ]
    notes = []
    if lab_settings.FILE in files:
        schemas = lab_settings.installed()
        findings += lab_settings.check(candidate.composition.overrides, decode(files[lab_settings.FILE], lab_settings.FILE), schemas)
        notes += [] if schemas else [lab_settings.NOT_CHECKED]
    return Verdict(tuple(dict.fromkeys(findings)), rehearsed.pages, tuple(notes), rehearsed)


def _rehearsed(composition: Composition, last: Rehearsed | None) -> Rehearsed:
    parts = [getattr(composition, each.name) for each in fields(composition) if each.name not in ("static", "overrides")]
    key = hashlib.sha256(repr([*parts, sorted(composition.static)]).encode()).hexdigest()
    if last is not None and last.key == key:
        return last
    rehearsal = render_all(composition)
    return Rehearsed(key, rehearsal.findings, len(rehearsal.pages))


class Memory:
    """The last rehearsal of each tenant. It is kept by whoever asks, so that it doesn't matter which process judges next.

    What a process answers is remembered for the tenant whose bundle it was given, and for no other.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[str, Rehearsed] = OrderedDict()

    def recall(self, name: str) -> Rehearsed | None:
        """The tenant's last rehearsal."""
        return self._last.get(name)

    def keep(self, name: str, rehearsed: Rehearsed | None) -> None:
        """Remember what has just been rehearsed."""
        if rehearsed is None:
            return
        self._last[name] = rehearsed
        self._last.move_to_end(name)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)


class Judge:
    """The process that judges, one candidate at a time. Use as an asynchronous context manager."""

    def __init__(
        self,
        *,
        memory: int = MEMORY,
        cpu_seconds: int = CPU_SECONDS,
        wall_seconds: float = WALL_SECONDS,
        remembers: Memory | None = None,
    ) -> None:
        self._memory = remembers or Memory()
        self._process = Confined(__name__, Limits(memory, cpu_seconds, wall_seconds))

    async def __aenter__(self) -> Judge:
        await self._process.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._process.__aexit__(*exc)

    async def ask(self, name: str, files: Mapping[str, bytes], themes: Path) -> Verdict:
        """What is to be said of a candidate. A process that dies or takes too long is a finding, and a new one takes its place."""
        last = self._memory.recall(name)
        asked = {"name": name, "themes": str(themes), "files": packed(files), "last": last.encoded() if last else None}
        try:
            verdict = Verdict.decoded(await self._process.ask(asked))
        except Stopped:
            return Verdict((TOO_MUCH,))
        self._memory.keep(name, verdict.rehearsed)
        return verdict


class Judges:
    """Several processes that judge side by side: a candidate that takes long keeps one of them and no other tenant waiting."""

    def __init__(self, count: int) -> None:
        memory = Memory()
        self._judges = [Judge(remembers=memory) for _ in range(count)]
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


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    last = Rehearsed.decoded(request["last"])
    return judge(request["name"], unpacked(request["files"]), Path(request["themes"]), last).encoded()


if __name__ == "__main__":
    serve(_answer)
