"""Arrange the demo below a state directory: ports, secrets, repositories, `portico.toml`, and what the terminal says when it is up.

Everything that is made is made once, so that a second `up` comes back in the same state; `portico.toml` is written each time, since
ports may have moved.
"""

from __future__ import annotations

import secrets
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import tomli_w
from cryptography.fernet import Fernet
from pydantic import ValidationError

from portico.demo.catalogue import USERS
from portico.demo.configuration import ClientConfig
from portico.demo.install import install
from portico.demo.nodes.egress import write_ports
from portico.demo.plan import LOGIN_HOST, DemoPlan
from portico.settings import Settings
from portico.settings.models import Backend, Gateway, Grant, TenantEntry, TenantList
from portico.supervisor.configuration import Configuration
from portico.supervisor.installation import Installation
from portico.supervisor.ports import remembered_ports
from portico.supervisor.programs import Program
from portico.supervisor.repositories import make_repository
from portico.supervisor.run import CannotStart, operator_password, operator_port
from portico.supervisor.server import OPERATOR
from portico.supervisor.status import DemoUser

GRANTS = {
    "juniq": [Grant(system="borealis"), Grant(system="aurora", partitions=["devel"])],
    "coec": [Grant(system="aurora")],
    "eurocc": [Grant(system="aurora", partitions=["devel", "batch"])],
}
"""What the demo's operator grants each tenant."""
ADMINS = {"juniq": ["qubit"], "coec": ["flame"], "eurocc": ["teach"]}
"""Who looks after which portal."""
OPERATOR_HOST = "portico.localhost"
_PORTS = ("gateway-api", "backend", "identity-provider", "site", "login-node")


@dataclass(frozen=True)
class Arranged:
    """A demo that is ready to run."""

    installation: Installation

    def welcome(self) -> str:
        """What the terminal says when everything answers."""
        settings = self.installation.settings
        first = settings.tenants[0]
        checkout = f"my-{first.name}"
        portals = "\n".join(f"    {settings.address(tenant)}" for tenant in settings.tenants)
        users = "\n".join(f"    {user.name:<8} {user.password:<14} {user.note}" for user in self.installation.users)
        repositories = "\n".join(f"    {tenant.name:<8} {tenant.repository}" for tenant in settings.tenants)
        return f"""
Portico is ready.

  Portals
{portals}

  Operator's page
    http://{OPERATOR_HOST}:{settings.gateway.port}    user {OPERATOR}, password {operator_password(self.installation)}

  Users, their passwords, and what each may do
{users}

  Repositories of the portals
{repositories}

  Change a colour of {first.name} and reload its page
    git clone -c user.name=Admin -c user.email=admin@{first.host} {first.repository} {checkout}
    sed -i 's/#065f74/#a61e4d/; s/#67e0ee/#faa2c1/' {checkout}/tenant.toml
    git -C {checkout} commit -qam "Try another colour" && git -C {checkout} push -q

  Ctrl-C ends everything. `./portico status` and `./portico logs` tell more.
"""


def arrange(state: Path, *, port: int, checkout: Path) -> Arranged:
    """Write what the demo needs below `state`; raises CannotStart where a bundle or git is missing."""
    secret = _secrets_below(state / "secrets")
    config = state / "portico.toml"
    added, tenant_list = _added(config)
    tenants = list(GRANTS)
    ports = remembered_ports(state / "run" / "ports.json", _PORTS)
    hubs = remembered_ports(state / "run" / "hub-ports.json", tenants)
    plan = DemoPlan(
        state=state,
        gateway_port=port,
        backend_port=ports["backend"],
        hub_ports=tuple(hubs.values()),
        identity_port=ports["identity-provider"],
        site_port=ports["site"],
        ssh_port=ports["login-node"],
        tenants=tuple(tenants),
    )
    repositories = {name: _repository(state, checkout / "tenants" / name) for name in tenants}
    settings = Settings(
        state=state,
        gateway=Gateway(port=port, api_port=ports["gateway-api"], auth_token_file=secret("gateway-token")),
        backend=Backend(
            port=ports["backend"],
            database_url=f"sqlite+aiosqlite:///{state / 'backend.sqlite'}",
            operator_token_file=secret("operator-token"),
            encryption_key_file=secret("encryption-key", lambda: Fernet.generate_key().decode()),
            public_url=f"http://127.0.0.1:{ports['backend']}",
        ),
        identity_provider=plan.identity_provider(),
        account_keys=plan.account_keys(),
        systems=plan.systems(),
        tenants=[_entry(plan, name, repositories[name], secret) for name in tenants] + added,
        tenant_list=tenant_list,
        poll_interval=1.0,
    )
    install(plan, client_secret_files={tenant.name: tenant.client_secret_file for tenant in settings.tenants})
    config.write_text(tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True)))
    configuration = Configuration(config)
    everybody = configuration.start()
    ports = remembered_ports(state / "run" / "hub-ports.json", [tenant.name for tenant in everybody.tenants])
    _register(plan, everybody, ports)
    return Arranged(_installation(everybody, configuration, plan, checkout))


def _entry(plan: DemoPlan, name: str, repository: Path, secret: Callable[[str], Path]) -> TenantEntry:
    return TenantEntry(
        name=name,
        host=f"{name}.localhost",
        repository=str(repository),
        grants=GRANTS[name],
        client_id=plan.client_id(name),
        client_secret_file=secret(f"{name}-client-secret"),
        backend_token_file=secret(f"{name}-backend-token"),
        cookie_secret_file=secret(f"{name}-cookie-secret"),
        crypt_key_file=secret(f"{name}-crypt-key"),
        admins=ADMINS[name],
        webhook_secret_file=secret(f"{name}-webhook-secret"),
    )


def _installation(settings: Settings, configuration: Configuration, plan: DemoPlan, checkout: Path) -> Installation:
    installation = Installation(
        settings=settings,
        configuration=configuration,
        programs=[
            Program(name=process.name, argv=process.argv, output=settings.state / "logs" / f"{process.name}.out", ready_port=process.port)
            for process in plan.processes()
        ],
        users=[DemoUser(name=user.name, password=user.password, note=user.note + _looks_after(user.name)) for user in USERS],
        gateway_directory=checkout / ".portico" / "gateway",
    )
    routes = {
        LOGIN_HOST: f"http://127.0.0.1:{plan.identity_port}",
        OPERATOR_HOST: f"http://127.0.0.1:{operator_port(installation)}",
    }
    return replace(installation, routes=routes, tell=partial(_register, plan))


def _register(plan: DemoPlan, settings: Settings, hub_ports: Mapping[str, int]) -> None:
    """Have the identity provider know the clients of all tenants, and the nodes the ports of their hubs."""
    write_ports(plan.egress_file, plan.egress(hub_ports.values()))
    files = {tenant.name: tenant.client_secret_file for tenant in settings.tenants}
    # One that has gone keeps its client: its portal may come back.
    known = {name: files.get(name, settings.state / "secrets" / f"{name}-client-secret") for name in plan.tenants}
    others = tuple(
        ClientConfig(
            client_id=tenant.client_id,
            secret_file=tenant.client_secret_file,
            title=tenant.name,
            redirect_uris=(f"{settings.address(tenant)}/hub/oauth_callback",),
            origins=(settings.address(tenant),),
        )
        for tenant in settings.tenants
        if tenant.name not in plan.tenants
    )
    plan.provider_config(known, others).write(plan.config_file("identity-provider"))


def _added(config: Path) -> tuple[list[TenantEntry], TenantList | None]:
    """The tenants, and the list of tenants, that somebody has added to the demo's configuration: they stay. Raises CannotStart."""
    try:
        written = tomllib.loads(config.read_text(encoding="utf-8"))
        tenants = [TenantEntry.model_validate(entry) for entry in written.get("tenants", []) if entry.get("name") not in GRANTS]
        return tenants, TenantList.model_validate(written["tenant_list"]) if "tenant_list" in written else None
    except FileNotFoundError:
        return [], None
    except (tomllib.TOMLDecodeError, ValidationError, AttributeError) as error:
        raise CannotStart(f"{config} can't be used, and holds tenants that you may have added: {error}. Mend it, or delete it.") from error


def _looks_after(user: str) -> str:
    """The rest of a user's note, where she is a portal's admin."""
    portals = [tenant for tenant, names in ADMINS.items() if user in names]
    return f"; looks after {' and '.join(portals)} (/hub/portal)" if portals else ""


def _repository(state: Path, bundle: Path) -> Path:
    repository = state / "repositories" / f"{bundle.name}.git"
    if not (bundle / "tenant.toml").exists() and not repository.exists():
        raise CannotStart(f"{bundle} holds no tenant.toml; run the demo from a complete checkout.")
    try:
        make_repository(repository, bundle)
    except subprocess.CalledProcessError as error:
        raise CannotStart(f"The repository {repository} could not be made: {error.stderr.strip()}") from error
    except FileNotFoundError as error:
        raise CannotStart("git is missing; install it.") from error
    return repository


def _secrets_below(directory: Path) -> Callable[..., Path]:
    """A function that answers a secret's file, and makes the secret (64 hexadecimal digits, or `make`'s) where there is none."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def secret(name: str, make: Callable[[], str] = lambda: secrets.token_hex(32)) -> Path:
        file = directory / name
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(make() + "\n")
        return file

    return secret
