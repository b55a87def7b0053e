"""Renders one page of a bundle at a time, in a process with limits: a template that never ends takes no preview with it.

The bundle is sent once for each version and kept; a process that took the place of one that was stopped says that it lacks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portico.tenants.composition import compose
from portico.tenants.confined import Confined, Limits, Stopped, packed, serve, unpacked
from portico.tenants.environment import Renderer
from portico.tenants.findings import Finding
from portico.tenants.preview.personas import chosen
from portico.tenants.rehearsal import rehearse, samples_of

ADDRESS = "/hub/brand/"
"""Static files answer at this address, followed by the number of their version and their path; as in a hub."""
LIMITS = Limits(cpu_seconds=10, wall_seconds=15.0, answer=16_000_000)
TOO_MUCH = Finding("templates/", 0, 0, "Rendering the page took more time or memory than it may.", "Look for loops and huge texts.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page is to be shown, in which state and language, to whom."""

    page: str
    state: str
    locale: str
    persona: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as HTML, or what keeps it from being one. Neither: there is no such page or state."""

    html: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One state of the bundle's files."""

    number: int
    name: str
    files: Mapping[str, bytes]
    themes: Path

    @property
    def prefix(self) -> str:
        """The address of its static files."""
        return f"{ADDRESS}{self.number}/"


class Stage:
    """The process, seen from the one that asks. Use as an asynchronous context manager."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._process = Confined(__name__, limits)

    async def __aenter__(self) -> Stage:
        await self._process.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._process.__aexit__(*exc)

    async def show(self, version: Version, wanted: Wanted) -> Shown:
        """A page of a version that composes."""
        asked = {
            "version": version.number,
            "page": wanted.page,
            "state": wanted.state,
            "locale": wanted.locale,
            "persona": wanted.persona,
        }
        try:
            answer = await self._process.ask(asked)
            if answer.get("lacks"):
                sent = {"name": version.name, "themes": str(version.themes), "files": packed(version.files), "prefix": version.prefix}
                answer = await self._process.ask({**asked, "bundle": sent})
        except Stopped:
            return Shown(None, (TOO_MUCH,))
        return Shown(answer["html"], tuple(Finding(**each) for each in answer["findings"]))


class _Kept:
    """The one version that the process keeps."""

    number = 0
    renderer: Renderer


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    if "bundle" in request:
        bundle = request["bundle"]
        candidate = compose(bundle["name"], unpacked(bundle["files"]), Path(bundle["themes"]))
        _Kept.number, _Kept.renderer = request["version"], Renderer(candidate.composition, bundle["prefix"])
    elif request["version"] != _Kept.number:
        return {"lacks": True}
    renderer = _Kept.renderer
    composition = renderer.composition
    user = chosen(composition.tenant, request["persona"])
    for sample in samples_of(renderer, composition, request["locale"], now=datetime.now(UTC)):
        if (sample.page, sample.state) == (request["page"], request["state"]):
            seen = sample if sample.common.user is None else replace(sample, common=replace(sample.common, user=user))
            tried = rehearse(renderer, seen)
            return {"html": tried.html, "findings": [finding.as_dict() for finding in tried.findings]}
    return {"html": None, "findings": []}


if __name__ == "__main__":
    serve(_answer)
