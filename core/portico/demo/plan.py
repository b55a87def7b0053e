"""Where everything of a demo is: ports, files, processes, and what the operator's `portico.toml` must say about it.

A plan is pure: it writes nothing (`install` does) and starts nothing (the supervisor does).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from portico.demo.catalogue import SITES, USERS, DemoSite
from portico.demo.configuration import (
    ClientConfig,
    LoginNodeConfig,
    PartitionConfig,
    ProviderConfig,
    SiteConfig,
    SiteServerConfig,
    UserConfig,
)
from portico.settings.models import AccountKeys, IdentityProvider, LoginNode, Model, Port, Profile, UnicoreSystem

LOGIN_HOST = "login.localhost"
TUNNEL_USER = "tunnel"
_LOCAL = "127.0.0.1"


@dataclass(frozen=True)
class DemoProcess:
    """A process of the demo: it listens on `port` when it is ready, and ends at SIGTERM."""

    name: str
    argv: tuple[str, ...]
    port: int
    log_file: Path


class DemoPlan(Model):
    """One demo below a state directory."""

    state: Path
    """The installation's; the demo keeps to `<state>/demo`."""
    gateway_port: Port
    backend_port: Port
    hub_ports: tuple[Port, ...] = ()
    """Where the hubs answer: labs on the nodes reach their hub's API there."""
    identity_port: Port
    site_port: Port
    ssh_port: Port
    tenants: tuple[str, ...]

    @property
    def directory(self) -> Path:
        """Everything of the demo is in here."""
        return self.state / "demo"

    @property
    def issuer(self) -> str:
        """The identity provider as browsers see it: the gateway routes this host to `identity_port`."""
        return f"http://{LOGIN_HOST}:{self.gateway_port}"

    @property
    def node_names(self) -> tuple[str, ...]:
        """Every node, login hosts included."""
        names = {host for site in SITES for partition in site.partitions for host in partition.hosts}
        return tuple(sorted(names | {site.login_host for site in SITES}))

    def client_id(self, tenant: str) -> str:
        """The OpenID Connect client of a tenant's portal."""
        return f"portal-{tenant}"

    def portal(self, tenant: str) -> str:
        """A portal's address as browsers see it."""
        return f"http://{tenant}.localhost:{self.gateway_port}"

    # -- what the processes are told ---------------------------------------------------------------------------------------------

    def config_file(self, process: str) -> Path:
        """Of `identity-provider`, `site` or `login-node`."""
        return self.directory / f"{process}.json"

    @property
    def egress_file(self) -> Path:
        """Which ports of 127.0.0.1 jobs may reach."""
        return self.directory / "egress.json"

    def egress(self, hub_ports: Iterable[int] = ()) -> tuple[int, ...]:
        """Those ports; `hub_ports` are those of hubs that the demo didn't begin with."""
        return (self.gateway_port, self.backend_port, *self.hub_ports, *hub_ports)

    def processes(self) -> tuple[DemoProcess, ...]:
        """In the order in which they may start; they need not wait for one another."""
        ports = {"identity-provider": self.identity_port, "site": self.site_port, "login-node": self.ssh_port}
        return tuple(
            DemoProcess(
                name=name,
                argv=(sys.executable, "-m", "portico.demo", name, "--config", str(self.config_file(name))),
                port=port,
                log_file=self._log_file(name),
            )
            for name, port in ports.items()
        )

    def _log_file(self, process: str) -> Path:
        return self.state / "logs" / f"demo-{process}.log"

    def provider_config(self, secret_files: dict[str, Path], others: tuple[ClientConfig, ...] = ()) -> ProviderConfig:
        """`secret_files`: each tenant's file with its client secret. `others`: clients of tenants that the demo didn't begin with."""
        return ProviderConfig(
            port=self.identity_port,
            issuer=self.issuer,
            directory=self.directory / "identity",
            clients=tuple(
                ClientConfig(
                    client_id=self.client_id(tenant),
                    secret_file=secret_files[tenant],
                    title=tenant,
                    redirect_uris=(f"{self.portal(tenant)}/hub/oauth_callback",),
                    origins=(self.portal(tenant),),
                )
                for tenant in self.tenants
            )
            + others,
            users=tuple(
                UserConfig(
                    name=user.name,
                    password=user.password,
                    title=user.title,
                    email=user.email,
                    groups=user.groups,
                    accounts=tuple(user.claim),
                    note=user.note,
                )
                for user in USERS
            ),
            log_file=self._log_file("identity-provider"),
        )

    def site_config(self, addresses: dict[str, str]) -> SiteServerConfig:
        """`addresses`: each node's secret loopback address."""
        return SiteServerConfig(
            port=self.site_port,
            directory=self.directory / "site",
            node_directory=self.directory / "nodes",
            sites=tuple(_site(site) for site in SITES),
            addresses=addresses,
            egress_file=self.egress_file,
            userinfo_url=f"http://{_LOCAL}:{self.identity_port}/userinfo",
            certificate_file=self.directory / "site" / "certificate.pem",
            key_file=self.directory / "site" / "key.pem",
            path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            log_file=self._log_file("site"),
        )

    def login_node_config(self) -> LoginNodeConfig:
        """The SSH server's."""
        return LoginNodeConfig(
            port=self.ssh_port,
            host_key_file=self.directory / "ssh" / "host_key",
            authorized_keys_file=self.directory / "ssh" / "tunnel_key.pub",
            user=TUNNEL_USER,
            node_directory=self.directory / "nodes",
            nodes=self.node_names,
            log_file=self._log_file("login-node"),
        )

    # -- what portico.toml says --------------------------------------------------------------------------------------------------

    def identity_provider(self) -> IdentityProvider:
        """A browser goes through the gateway; the hub asks directly."""
        direct = f"http://{_LOCAL}:{self.identity_port}"
        return IdentityProvider(
            title={"en": "Demo identity provider", "de": "Demo-Login"},
            authorize_url=f"{self.issuer}/authorize",
            token_url=f"{direct}/token",
            userinfo_url=f"{direct}/userinfo",
            logout_url=f"{self.issuer}/logout",
        )

    def account_keys(self) -> dict[str, AccountKeys]:
        """Which KEY opens what."""
        return {
            key: AccountKeys(system=site.system, partitions=list(partitions)) for site in SITES for key, partitions in site.keys.items()
        }

    def systems(self, *, driver: Literal["openssh", "sshtunnel"] = "openssh") -> list[UnicoreSystem]:
        """Both sites, reached through the one login node."""
        return [
            UnicoreSystem(
                name=site.system,
                title=site.title,
                description=site.description,
                url=f"http://{_LOCAL}:{self.site_port}/{site.name}/rest/core",
                python=sys.executable,
                login_node=LoginNode(
                    host=_LOCAL,
                    port=self.ssh_port,
                    user=TUNNEL_USER,
                    key_file=self.directory / "ssh" / "tunnel_key",
                    known_hosts_file=self.directory / "ssh" / "known_hosts",
                    driver=driver,
                    alive_interval=2,
                ),
                partitions=[entry.partition for entry in site.partitions],
                profiles=[jupyterlab()],
                poll_interval=0.5,
                start_timeout=120,
            )
            for site in SITES
        ]


def jupyterlab() -> Profile:
    """JupyterLab of the environment that runs the demo. Nodes reach no package index, so the extension manager only lists."""
    return Profile(
        name="jupyterlab",
        title="JupyterLab",
        description={"en": "Notebooks, terminals and a file browser.", "de": "Notebooks, Terminals und ein Dateibrowser."},
        command=[
            str(Path(sys.executable).parent / "jupyterhub-singleuser"),
            "--ip={address}",
            "--port={port}",
            "--ServerApp.allow_root=True",
            "--LabApp.extension_manager=readonly",
        ],
    )


def _site(site: DemoSite) -> SiteConfig:
    return SiteConfig(
        name=site.name,
        partitions=tuple(
            PartitionConfig(
                name=entry.partition.name,
                hosts=entry.hosts,
                nodes=(entry.partition.nodes.minimum, entry.partition.nodes.maximum),
                gpus=(entry.partition.gpus.minimum, entry.partition.gpus.maximum),
                runtime=(1, entry.partition.runtime.maximum * 60),
                default_runtime=entry.partition.runtime.default * 60,
            )
            for entry in site.partitions
        ),
        login_host=site.login_host,
        keys=site.keys,
    )
