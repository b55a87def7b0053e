"""How much a page may cost: steps, depth, text and time.

The sandbox keeps templates from reaching what they shouldn't; it doesn't keep them from running for ever. So every loop, call, include
and concatenation of a rendering draws on one `Rendering`, which stops it with `TooMuch`. The limits hold in the rehearsal and when a page
is served, since a template may behave in one and not in the other.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

from portico.tenants.findings import Finding

STEPS = 50_000
"""About seventy times what the largest page of the bundles in this repository takes."""
DEPTH = 60
"""Calls and includes within each other."""
TEXT = 2_000_000
"""Characters of a page, or of any text that is put together for it."""
SECONDS = 2.0


class TooMuch(Exception):
    """A template asks for more than a page may cost; the text is a sentence for its author."""


@dataclass(slots=True)
class Rendering:
    """One rendering of one page: in which language, what it has cost, and what went wrong without stopping it."""

    locale: str
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    steps: int = 0
    depth: int = 0
    problems: list[Finding] = field(default_factory=list)

    def charge(self, steps: int = 1) -> None:
        """Draw on the budget; raises TooMuch."""
        self.steps += steps
        if self.steps > STEPS:
            raise TooMuch(f"The page takes more than {STEPS:,} steps.")
        if time.monotonic() > self.deadline:
            raise TooMuch(f"The page takes longer than {SECONDS:.0f} s.")

    def enter(self) -> None:
        """Begin a call; raises TooMuch."""
        self.charge()
        self.depth += 1
        if self.depth > DEPTH:
            raise TooMuch(f"Calls and includes are nested more than {DEPTH} deep: one seems to call itself.")

    def leave(self) -> None:
        """End a call."""
        self.depth -= 1


_current: ContextVar[Rendering | None] = ContextVar("portico_rendering", default=None)


def current() -> Rendering:
    """The rendering that goes on here; a fresh one where a template is evaluated on its own."""
    rendering = _current.get()
    if rendering is None:
        rendering = Rendering(locale="en")
        _current.set(rendering)
    return rendering


class Bound:
    """Binds a rendering to the code within (`with Bound(rendering):`)."""

    def __init__(self, rendering: Rendering) -> None:
        self._rendering = rendering

    def __enter__(self) -> Rendering:
        self._token = _current.set(self._rendering)
        return self._rendering

    def __exit__(self, *exc: object) -> None:
        _current.reset(self._token)


def sized(text: str) -> str:
    """The text, if it isn't too long; raises TooMuch."""
    if len(text) > TEXT:
        raise TooMuch(f"A text is longer than {TEXT:,} characters.")
    return text


def concat(parts: Iterable[str]) -> str:
    """`"".join(parts)` that stops when it gets too long; raises TooMuch."""
    total = 0
    collected = []
    for part in parts:
        total += len(part)
        if total > TEXT:
            raise TooMuch(f"A page or a text in it is longer than {TEXT:,} characters.")
        collected.append(part)
    return "".join(collected)
