"""What `portico status --json` answers: an interface that scripts rely on, so its keys stay.

The supervisor knows processes, the sync's files know what each tenant serves, the backend knows systems and labs; `collect` puts the three
together and never fails because one of them doesn't answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from portico.settings.models import Settings
from portico.supervisor.configuration import Configuration
from portico.tenants import listing


class _Status(BaseModel):
    model_config = ConfigDict(frozen=True)


class TenantStatus(_Status):
    """A tenant: what it serves since when, and what is wrong with the newest commit."""

    name: str
    address: str
    repository: str
    branch: str
    commit: str | None = None
    snapshot: str | None = None
    """The digest of the active snapshot."""
    activated_at: str | None = None
    """UTC, ISO 8601."""
    error: str | None = None
    """Why nothing newer is live: file, line and cause of a refusal, or what ails the repository; None when the newest commit is live."""
    pid: int | None = None
    """The hub's process."""


class SystemStatus(_Status):
    """A system, and the tunnel manager's connection to its login node."""

    name: str
    kind: str
    health: str
    message: str = ""
    tunnel: str = "unknown"
    tunnel_message: str = ""


class LabStatus(_Status):
    """A lab that has not ended."""

    id: str
    tenant: str
    user: str
    name: str
    system: str
    state: str
    reachability: str
    address: str | None = None


class BackendStatus(_Status):
    """The backend's address and process."""

    address: str
    pid: int | None = None


class DemoUser(_Status):
    """A user of the demo, whose password is no secret."""

    name: str
    password: str
    note: str


class TenantListStatus(_Status):
    """The operator's own list of tenants."""

    repository: str
    branch: str
    file: str
    commit: str | None = None
    """The commit whose list is in force; None before the first."""
    error: str | None = None
    """Why a newer one isn't."""


class Status(_Status):
    """The whole installation."""

    ready: bool
    tenants: list[TenantStatus]
    systems: list[SystemStatus]
    labs: list[LabStatus]
    backend: BackendStatus
    users: list[DemoUser] = []
    settings_error: str | None = None
    """Why the operator's configuration, as it was saved last, isn't or isn't wholly in force."""
    tenant_list: TenantListStatus | None = None
    """None where the operator keeps no list."""


@dataclass(frozen=True)
class Processes:
    """What the supervisor itself knows."""

    hubs: Mapping[str, int | None]
    backend: int | None
    started: bool
    """Everything has been up once since the supervisor began."""
    configuration: Configuration


async def collect(settings: Settings, processes: Processes, users: Sequence[DemoUser]) -> Status:
    """Ask whom there is to ask; what doesn't answer is left out or `unknown`."""
    tenants = [
        TenantStatus(
            name=tenant.name,
            address=settings.address(tenant),
            repository=tenant.repository,
            branch=tenant.branch,
            pid=processes.hubs.get(tenant.name),
            **_synced(settings.state / "sync" / f"{tenant.name}.json"),
        )
        for tenant in settings.tenants
    ]
    systems, labs, answered = await _ask_backend(settings)
    alive = answered and all(tenant.pid is not None and (tenant.snapshot or tenant.error) for tenant in tenants)
    return Status(
        ready=processes.started and alive,
        tenants=tenants,
        systems=systems,
        labs=labs,
        backend=BackendStatus(address=f"http://{settings.backend.address}:{settings.backend.port}", pid=processes.backend),
        users=list(users),
        settings_error=processes.configuration.error,
        tenant_list=_list(settings, processes.configuration),
    )


def _list(settings: Settings, configuration: Configuration) -> TenantListStatus | None:
    source = settings.tenant_list
    if source is None:
        return None
    error = configuration.list_error or listing.read(listing.path_of(settings.state), source).error
    told = {"repository": source.repository, "branch": source.branch, "file": source.file}
    return TenantListStatus(**told, commit=configuration.commit, error=error)


def _synced(file: Path) -> dict[str, str | None]:
    """What the sync last wrote of a tenant; empty before its first check."""
    try:
        told = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {key: told.get(key) for key in ("commit", "snapshot", "activated_at", "error")}


async def _ask_backend(settings: Settings) -> tuple[list[SystemStatus], list[LabStatus], bool]:
    """Systems and labs from the operator's API; the catalogue with `unknown` and no labs where it doesn't answer."""
    headers = {"Authorization": f"Bearer {settings.backend.operator_token_file.read_text().strip()}"}
    base = f"http://{settings.backend.address}:{settings.backend.port}"
    try:
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=5) as client:
            systems: list[dict[str, Any]] = (await client.get("/operator/systems")).raise_for_status().json()
            labs: list[dict[str, Any]] = (await client.get("/operator/labs")).raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return [SystemStatus(name=system.name, kind=system.kind, health="unknown") for system in settings.systems], [], False
    return [SystemStatus.model_validate(item) for item in systems], [LabStatus.model_validate(item) for item in labs], True
