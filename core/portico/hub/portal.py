"""What the parts of one hub process share: settings, the tenant's entry, its snapshots, the backend's client, and the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr

from portico.hub.admin import known
from portico.hub.preview import Purpose, Signer
from portico.hub.tool import Bare
from portico.settings.models import Settings
from portico.spawner.client import BackendClient
from portico.spawner.desk import Desk
from portico.spawner.systems import Systems
from portico.tenants.snapshot import Snapshot
from portico.tenants.status import Preview
from portico.tenants.store import Store


def secret(file: Path) -> str:
    """The secret that a file holds."""
    return file.read_text(encoding="utf-8").strip()


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a preview's link or cookie leads to; nothing once the preview has ended or its snapshot is gone."""

    kept: Preview | None = None
    snapshot: Snapshot | None = None


class Portal:
    """One tenant's portal, as its hub knows it."""

    def __init__(self, settings: Settings, tenant: str) -> None:
        self.settings = settings
        self.entry = settings.tenant(tenant)
        self.address = settings.address(self.entry)
        self.store = Store(settings.state / "snapshots")
        self.signer = Signer(secret(self.entry.cookie_secret_file), tenant)
        backend = settings.backend
        self.backend = BackendClient(f"http://{backend.address}:{backend.port}", SecretStr(secret(self.entry.backend_token_file)))
        self.systems = Systems(self.backend)
        self.desk = Desk(settings=settings, entry=self.entry, store=self.store, systems=self.systems)

    def __deepcopy__(self, memo: object) -> Portal:
        """Traitlets copies what stands in a configuration; there is one portal in a process."""
        return self

    @cached_property
    def bare(self) -> Bare:
        """What draws its pages while it has no snapshot."""
        return Bare.of(self.entry.name)

    def snapshot(self) -> Snapshot | None:
        """The snapshot that is live now; None where there is none yet. A request asks once and stays with the answer."""
        return self.store.current(self.entry.name)

    def previewed(self, purpose: Purpose, token: str) -> Previewed | None:
        """The preview that a link or a cookie vouches for; None where it isn't one of ours. Looks only: see `PortalHandler.live`."""
        now = datetime.now(UTC)
        ticket = self.signer.check(purpose, token)
        if ticket is None:
            return None
        previews = () if ticket.over(now) else known.previews(self.settings.state, self.entry.name)
        kept = next((kept for kept in previews if kept.digest == ticket.digest and kept.until > now), None)
        snapshot = self.store.snapshot(self.entry.name, kept.digest) if kept else None
        return Previewed(kept, snapshot) if snapshot else Previewed()

    def access(self) -> list[str] | None:
        """The groups whose members may log in; none: everybody. None while there is no snapshot that could say."""
        snapshot = self.snapshot()
        return None if snapshot is None else list(snapshot.tenant.access.groups)
