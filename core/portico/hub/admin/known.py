"""Reads what the sync wrote down of a tenant: its status, its history, and which snapshots there are.

These are files, so the page tells what is known while no sync runs. A file that is missing or torn tells nothing; it is never an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from portico.tenants import history, status
from portico.tenants.history import Entry
from portico.tenants.status import Preview, Status
from portico.tenants.store import Store


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a tenant's versions."""

    status: Status
    live: str | None = None
    """The digest that visitors get: what the store says, whatever was written down."""
    entries: tuple[Entry, ...] = ()
    """The newest first."""
    stored: frozenset[str] = field(default_factory=frozenset)
    """The digests, out of those that the entries name, that are there."""


def read(state: Path, tenant: str, store: Store) -> Known:
    """All of it; reads files, so a page asks in a thread."""
    entries = tuple(history.read(state, tenant))
    live = store.live(tenant)
    named = {entry.digest for entry in entries if entry.digest} | ({live} if live else set())
    return Known(
        status=status.read(state, tenant),
        live=live,
        entries=entries,
        stored=frozenset(digest for digest in named if store.has(tenant, digest)),
    )


def previews(state: Path, tenant: str) -> tuple[Preview, ...]:
    """The candidates that are kept for previews; one small file."""
    return status.read(state, tenant).previews
