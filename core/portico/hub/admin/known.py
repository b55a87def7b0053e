"""Reads what the sync wrote down of a tenant: its status, its history, its previews, and which snapshots there are.

These are files, so the page tells what is known while no sync runs. A file that is missing or torn tells nothing; it is never an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from portico.hub.admin.page import SHOWN_HISTORY, Happened, Kept, Known, event_of
from portico.tenants import status
from portico.tenants.store import Store

KEPT_FOR = timedelta(days=7)
"""How long a preview is kept where the sync didn't write down until when."""
_TAIL = 200_000
"""Bytes of the history that are looked at."""


def read(state: Path, tenant: str, store: Store) -> Known:
    """All of it. What is live is what the store says: that is what visitors get."""
    known = status.read(state, tenant)
    told = _json(status.path_of(state, tenant))
    history = tuple(_history(state, tenant))
    digest = store.live(tenant) or ""
    digests = {happened.digest for happened in history if happened.digest} | ({digest} if digest else set())
    return Known(
        commit=known.commit or "" if known.snapshot == digest else _commit_of(history, digest),
        digest=digest,
        live_since=known.activated_at if known.snapshot == digest else None,
        behind=told["behind"] if isinstance(told.get("behind"), int) else None,
        hold=_hold(told.get("hold")),
        candidate=known.candidate or "",
        checked_at=known.checked_at,
        findings=known.findings,
        error=known.error or "",
        history=history[:SHOWN_HISTORY],
        previews=tuple(_previews(told)),
        revoked=frozenset(happened.digest for happened in history if event_of(happened.event) == "revoked"),
        stored=frozenset(found for found in digests if store.has(tenant, found)),
    )


def previews(state: Path, tenant: str) -> tuple[Kept, ...]:
    """The candidates that are kept for previews."""
    return tuple(_previews(_json(status.path_of(state, tenant))))


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _previews(told: dict[str, Any]) -> Iterator[Kept]:
    for item in told.get("previews") or ():
        if isinstance(item, dict) and (begun := _moment(item.get("at"))):
            ends = _moment(item.get("until")) or begun + KEPT_FOR
            yield Kept(_text(item, "branch"), _text(item, "commit"), _text(item, "digest"), ends, _text(item, "subject"))


def _history(state: Path, tenant: str) -> Iterator[Happened]:
    """The newest first."""
    try:
        with (state / "history" / f"{tenant}.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            lines = file.read().splitlines()
    except OSError:
        return
    for line in reversed(lines):
        try:
            item = json.loads(line)
        except ValueError:
            continue
        if isinstance(item, dict) and (at := _moment(item.get("at"))):
            yield Happened(
                event=_text(item, "event"),
                at=at,
                commit=_text(item, "commit"),
                digest=_text(item, "digest"),
                subject=_text(item, "subject"),
                written_at=_moment(item.get("authored_at")),
                by=_text(item, "by"),
                message=_text(item, "finding"),
            )


def _commit_of(history: tuple[Happened, ...], digest: str) -> str:
    return next((happened.commit for happened in history if happened.digest == digest), "")


def _hold(value: object) -> Literal["", "rolled_back", "pinned"]:
    word = str(value.get("kind") if isinstance(value, dict) else value or "").replace(" ", "_").replace("-", "_")
    return "pinned" if word == "pinned" else "rolled_back" if word.startswith("rolled") else ""


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value[:500] if isinstance(value, str) else ""
