"""What is known of a bundle that is being written: its newest version that can be shown, and what is wrong with the newest of all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from portico.tenants.checking import tenant_name
from portico.tenants.composition import Candidate, compose
from portico.tenants.findings import Finding, Refused
from portico.tenants.judge import Judge
from portico.tenants.layers import read_directory
from portico.tenants.preview.personas import personas
from portico.tenants.preview.stage import Shown, Stage, Version, Wanted
from portico.tenants.preview.watching import changes
from portico.tenants.rehearsal import own_pages
from portico.tenants.samples import samples
from portico.words import said

VERSIONS_KEPT = 5
"""Versions whose static files answer: a page that is open may still ask for those of the one before."""
PAGES_KEPT = 100
CONTEXT = 2
"""Lines of a file that are shown before and after the one with a mistake."""

Check = Literal["checking", "good", "wrong"]


@dataclass(frozen=True, slots=True)
class State:
    """What a browser is told, whole, at each change."""

    number: int = 0
    """Of the version that is shown; 0 while there is none."""
    check: Check = "checking"
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    title: str = ""
    languages: tuple[str, ...] = ()
    pages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The states of each page."""
    personas: Mapping[str, str] = field(default_factory=dict)
    """Titles by id."""


class Studio:
    """Follows the bundle in a directory. Use as an asynchronous context manager; it follows while that is open."""

    def __init__(self, directory: Path, themes: Path) -> None:
        self.name = tenant_name(directory)
        self.state = State()
        self._directory, self._themes = directory, themes
        self._files: Mapping[str, bytes] = {}
        self._numbers = itertools.count(1)
        self._versions: OrderedDict[int, tuple[Version, Candidate]] = OrderedDict()
        self._pages: OrderedDict[Wanted, str] = OrderedDict()
        self._unchecked = asyncio.Event()
        self._changed = asyncio.Condition()
        self._stage, self._judge = Stage(), Judge()

    async def __aenter__(self) -> Studio:
        self._stack = contextlib.AsyncExitStack()
        await self._stack.enter_async_context(self._stage)
        await self._stack.enter_async_context(self._judge)
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._check())]
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def states(self) -> AsyncIterator[State]:
        """The state now, and then at each change; what changes faster than it is read is left out."""
        told: State | None = None
        while True:
            async with self._changed:
                while self.state is told:
                    await self._changed.wait()
                told = self.state
            yield told

    async def page(self, wanted: Wanted) -> Shown:
        """A page of the newest version that composes. Where it can't be rendered, its last good HTML stays, and the findings are told."""
        if not self._versions:
            return Shown(None, self.state.findings)
        version, _ = next(reversed(self._versions.values()))
        shown = await self._stage.show(version, wanted)
        if shown.html is not None:
            self._pages[wanted] = shown.html
            self._pages.move_to_end(wanted)
            if len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
            return shown
        if shown.findings:
            if version.number == self.state.number and self.state.check == "checking":
                await self._tell(replace(self.state, findings=tuple(dict.fromkeys((*shown.findings, *self.state.findings)))))
            return replace(shown, html=self._pages.get(wanted))
        return shown

    def static_file(self, number: int, path: str) -> bytes | None:
        """A static file of a version as it would be served, or None."""
        kept = self._versions.get(number)
        return kept[1].static.get(path) if kept else None

    def described(self, state: State) -> dict[str, Any]:
        """The state for JSON; findings with the lines that they speak of."""
        return {
            "number": state.number,
            "check": state.check,
            "findings": [{**each.as_dict(), "lines": lines(self._files, each)} for each in state.findings],
            "notes": state.notes,
            "title": state.title,
            "languages": state.languages,
            "pages": state.pages,
            "personas": state.personas,
        }

    async def _follow(self) -> None:
        async for _ in changes([self._directory, self._themes]):
            await self._load()

    async def _load(self) -> None:
        """Read the bundle and have it shown, where it composes."""
        try:
            self._files = await asyncio.to_thread(read_directory, self._directory)
            candidate = await asyncio.to_thread(compose, self.name, self._files, self._themes)
        except Refused as refused:
            self._unchecked.clear()
            await self._tell(replace(self.state, check="wrong", findings=refused.findings, notes=()))
            return
        except OSError as error:
            # A file went away while it was read: the watching sees that, and this is done once more.
            finding = Finding("", 0, 0, f"The bundle can't be read: {error.strerror or error}.", "Look whether the directory is there.")
            await self._tell(replace(self.state, check="wrong", findings=(finding,), notes=()))
            return
        version = Version(next(self._numbers), self.name, self._files, self._themes)
        self._versions[version.number] = version, candidate
        while len(self._versions) > VERSIONS_KEPT:
            self._versions.popitem(last=False)
        self._unchecked.set()
        await self._tell(_opened(version.number, candidate))

    async def _check(self) -> None:
        """Have the newest version checked as the server would; one that changes meanwhile is checked once more."""
        while True:
            await self._unchecked.wait()
            self._unchecked.clear()
            number = self.state.number
            verdict = await self._judge.ask(self.name, self._files, self._themes)
            if self.state.number == number and not self._unchecked.is_set() and self.state.check == "checking":
                check: Check = "wrong" if verdict.findings else "good"
                await self._tell(replace(self.state, check=check, findings=verdict.findings, notes=verdict.notes))

    async def _tell(self, state: State) -> None:
        async with self._changed:
            self.state = state
            self._changed.notify_all()


def _opened(number: int, candidate: Candidate) -> State:
    composition = candidate.composition
    tenant = composition.tenant
    pages: dict[str, tuple[str, ...]] = {}
    for sample in samples(tenant, name=composition.name, asset=str, pages=own_pages(composition)):
        pages[sample.page] = (*pages.get(sample.page, ()), sample.state)
    return State(
        number,
        title=said(tenant.title, "", tenant.languages),
        languages=tuple(tenant.languages),
        pages=pages,
        personas={persona.id: persona.title for persona in personas(tenant)},
    )


def lines(files: Mapping[str, bytes], finding: Finding) -> Sequence[tuple[int, str]]:
    """The lines around what a finding speaks of, with their numbers; none where it names no line of the bundle's own files."""
    content = files.get(finding.file)
    if content is None or finding.line < 1:
        return []
    text = content.decode(errors="replace").splitlines()
    first, last = max(1, finding.line - CONTEXT), min(len(text), finding.line + CONTEXT)
    return [(number, text[number - 1][:200]) for number in range(first, last + 1)]
