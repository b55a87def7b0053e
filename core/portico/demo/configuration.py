"""What each of the demo's processes reads from its `--config` file: JSON, checked here, written by `install`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field

from portico.settings.models import HttpUrl, Model, Port


class FromFile(Model):
    """A configuration that is one JSON file."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """OSError where there is no file, ValidationError where it holds something else."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))

    def write(self, path: Path) -> None:
        """Readable by the owner only."""
        path.touch(mode=0o600)
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


class PartitionConfig(Model):
    """A partition as the site's batch system knows it. Ranges are inclusive."""

    name: str
    hosts: tuple[str, ...] = Field(min_length=1)
    nodes: tuple[int, int] = (1, 1)
    gpus: tuple[int, int] = (0, 0)
    """On each node."""
    runtime: tuple[int, int] = (1, 86400)
    """Seconds."""
    default_runtime: int = 3600
    queue_delay: float = 0.0
    """Seconds that each job waits in the queue, to try what waiting looks like."""


class SiteConfig(Model):
    """A site behind the path prefix `/<name>`."""

    name: str
    partitions: tuple[PartitionConfig, ...] = Field(min_length=1)
    login_host: str
    """Where jobs of the types `ON_LOGIN_NODE` and `INTERACTIVE` run."""
    keys: dict[str, tuple[str, ...]]
    """A claim's KEY, and the partitions that it opens."""


class SiteServerConfig(FromFile):
    """The UNICORE-compatible server."""

    address: str = "127.0.0.1"
    port: Port
    directory: Path
    """Jobs, homes, records."""
    node_directory: Path
    """The nodes' Unix sockets, shared with the login node."""
    sites: tuple[SiteConfig, ...]
    addresses: dict[str, str]
    """Each node's secret loopback address, used where the kernel gives it no network of its own."""
    isolation: bool = True
    """False: loopback addresses even where the kernel could do better."""
    egress_file: Path
    """Which ports of 127.0.0.1 jobs may reach: a JSON list, read anew for each job."""
    userinfo_url: HttpUrl | None = None
    """Where a bearer token is verified; None: no tokens but the site's own."""
    accounts_claim: str = "hpc_infos_attribute"
    users_file: Path | None = None
    """Users with passwords, for tests: JSON `{name: {"password": ..., "accounts": ["account,KEY,project,email", ...]}}`."""
    certificate_file: Path
    key_file: Path
    tls: bool = False
    """Serve HTTPS with that certificate."""
    path: str
    """PATH of jobs."""
    patience: float = Field(default=30.0, gt=0)
    """Seconds that jobs live on when the server was killed and does not come back."""
    log_file: Path | None = None


class LoginNodeConfig(FromFile):
    """The SSH login node."""

    address: str = "127.0.0.1"
    port: Port
    host_key_file: Path
    authorized_keys_file: Path
    user: str = "tunnel"
    node_directory: Path
    nodes: tuple[str, ...]
    """The names that exist here, and nowhere else."""
    log_file: Path | None = None


class ClientConfig(Model):
    """An OpenID Connect client: a portal."""

    client_id: str
    secret_file: Path
    title: str
    redirect_uris: tuple[str, ...]
    """Compared exactly."""
    origins: tuple[str, ...]
    """`scheme://host:port` of addresses to which a log-out may lead."""


class UserConfig(Model):
    """Who can sign in."""

    name: str
    password: str
    title: str
    email: str
    groups: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    note: str = ""


class ProviderConfig(FromFile):
    """The identity provider."""

    address: str = "127.0.0.1"
    port: Port
    issuer: HttpUrl
    """The address as browsers see it."""
    directory: Path
    """Its signing key and its sessions."""
    clients: tuple[ClientConfig, ...]
    users: tuple[UserConfig, ...]
    accounts_claim: str = "hpc_infos_attribute"
    access_token_lifetime: int = Field(default=900, ge=1)
    """Seconds."""
    session_lifetime: int = Field(default=36000, ge=1)
    """Seconds; a refresh token lives as long as its session."""
    log_file: Path | None = None
