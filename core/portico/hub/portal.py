"""What the parts of one hub process share: settings, the tenant's entry, its snapshots, the backend's client, and the desk."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from portico.settings.models import Settings
from portico.spawner.client import BackendClient
from portico.spawner.desk import Desk
from portico.spawner.systems import Systems
from portico.tenants.snapshot import Snapshot
from portico.tenants.store import Store


def secret(file: Path) -> str:
    """The secret that a file holds."""
    return file.read_text(encoding="utf-8").strip()


class Portal:
    """One tenant's portal, as its hub knows it."""

    def __init__(self, settings: Settings, tenant: str) -> None:
        self.settings = settings
        self.entry = settings.tenant(tenant)
        self.address = settings.address(self.entry)
        self.store = Store(settings.state / "snapshots")
        backend = settings.backend
        self.backend = BackendClient(f"http://{backend.address}:{backend.port}", SecretStr(secret(self.entry.backend_token_file)))
        self.systems = Systems(self.backend)
        self.desk = Desk(settings=settings, entry=self.entry, store=self.store, systems=self.systems)

    def __deepcopy__(self, memo: object) -> Portal:
        """Traitlets copies what stands in a configuration; there is one portal in a process."""
        return self

    def snapshot(self) -> Snapshot | None:
        """The snapshot that is live now; None where there is none yet. A request asks once and stays with the answer."""
        return self.store.current(self.entry.name)

    def access(self) -> list[str] | None:
        """The groups whose members may log in; none: everybody. None while there is no snapshot that could say."""
        snapshot = self.snapshot()
        return None if snapshot is None else list(snapshot.tenant.access.groups)
