"""What the sync knows of a tenant, as `<state>/sync/<tenant>.json`: written by the sync, read by whoever wants to know."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from portico.tenants.findings import Finding


class Preview(BaseModel):
    """A branch's candidate that is kept for whoever has its link."""

    model_config = ConfigDict(frozen=True)

    branch: str
    commit: str
    digest: str
    at: AwareDatetime
    until: AwareDatetime
    subject: str = ""


class Status(BaseModel):
    """One tenant's state of affairs; times in UTC."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    commit: str | None = None
    """The commit that is live."""
    snapshot: str | None = None
    """The digest that is live."""
    activated_at: AwareDatetime | None = None
    candidate: str | None = None
    """The commit that was seen last, live or refused."""
    checked_at: AwareDatetime | None = None
    error: str | None = None
    """Why the candidate isn't live: `file:line:column: sentence`, or a sentence about the repository; None where it is."""
    findings: tuple[Finding, ...] = ()
    behind: int | None = None
    """How many commits the branch is ahead of what is live, along its first parents; None where that isn't known."""
    hold: Literal["rolled back", "pinned"] | None = None
    """Why the branch isn't followed: until it moves on, or until it is unpinned."""
    held_at: str | None = None
    """The commit that the branch was at when it was rolled back."""
    revoked: tuple[str, ...] = ()
    """The digests of versions that never go live again."""
    revoked_commits: tuple[str, ...] = ()
    """The commits that they were made from: with another theme the same commit makes another digest."""
    previews: tuple[Preview, ...] = ()


def path_of(state: Path, tenant: str) -> Path:
    """Where a tenant's status lies."""
    return state / "sync" / f"{tenant}.json"


def read(state: Path, tenant: str) -> Status:
    """The tenant's status; an empty one where there is none that can be read."""
    try:
        return Status.model_validate_json(path_of(state, tenant).read_bytes())
    except (OSError, ValueError):
        return Status(tenant=tenant)


def write(state: Path, status: Status) -> None:
    """Replace the tenant's status by one rename."""
    path = path_of(state, status.tenant)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.new")
    temporary.write_text(status.model_dump_json(indent=1), encoding="utf-8")
    temporary.replace(path)


def summary(findings: tuple[Finding, ...]) -> str | None:
    """The first finding, and how many more there are."""
    if not findings:
        return None
    more = len(findings) - 1
    return str(findings[0]) + (f" (and {more} more)" if more else "")
