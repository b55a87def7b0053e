"""An operator's configuration for a backend of its own, and the backend as an application in this process."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from portico.managers.app import create_app
from portico.settings.models import (
    Backend,
    Gateway,
    Grant,
    IdentityProvider,
    LoginNode,
    Partition,
    Profile,
    Range,
    Settings,
    TenantEntry,
    UnicoreSystem,
)

TENANTS = ("juniq", "coec")
OPERATOR_TOKEN = "operator-token-0123456789"


def token(tenant: str) -> str:
    """The backend token of a tenant's hub."""
    return f"{tenant}-token-0123456789"


def secret(directory: Path, name: str, value: str) -> Path:
    """A file that holds a secret."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    if not path.exists():
        path.write_text(value)
    return path


def system(name: str = "aurora", **changes: Any) -> UnicoreSystem:
    """A system that nobody answers for, unless `url` and `login_node` say otherwise."""
    values: dict[str, Any] = {
        "name": name,
        "title": name.title(),
        "url": "http://127.0.0.1:9/SITE/rest/core",
        "login_node": LoginNode(host="127.0.0.1", port=9, user="tunnel", key_file=Path("/none"), known_hosts_file=Path("/none")),
        "partitions": [
            Partition(name="batch", nodes=Range(minimum=1, maximum=4, default=1)),
            Partition(name="gpus", gpus=Range(minimum=1, maximum=4, default=1)),
            Partition(name="login", interactive=True),
        ],
        "profiles": [Profile(name="jupyterlab", title="JupyterLab", command=["jupyterhub-singleuser"])],
        "poll_interval": 0.5,
    }
    return UnicoreSystem(**{**values, **changes})


def settings(state: Path, *, systems: list[UnicoreSystem] | None = None, grants: list[Grant] | None = None, **backend: Any) -> Settings:
    """Two tenants, `juniq` with all systems (or `grants`) and `coec` with all of the first system."""
    systems = systems or [system()]
    secrets = state / "secrets"
    all_of_them = [Grant(system=each.name) for each in systems]
    return Settings(
        state=state,
        gateway=Gateway(auth_token_file=secret(secrets, "gateway", "gateway-token")),
        backend=Backend(
            **{
                "database_url": f"sqlite+aiosqlite:///{state / 'backend.sqlite'}",
                "operator_token_file": secret(secrets, "operator", OPERATOR_TOKEN),
                "encryption_key_file": secret(secrets, "encryption", Fernet.generate_key().decode()),
                **backend,
            }
        ),
        identity_provider=IdentityProvider(title="none", authorize_url="http://x/a", token_url="http://x/t", userinfo_url="http://x/u"),
        systems=systems,
        tenants=[
            TenantEntry(
                name=name,
                host=f"{name}.localhost",
                repository="none",
                grants=(grants or all_of_them) if name == TENANTS[0] else all_of_them[:1],
                lab_limit=3,
                client_id=name,
                client_secret_file=secret(secrets, f"{name}-client", "client"),
                backend_token_file=secret(secrets, f"{name}-backend", token(name)),
                cookie_secret_file=secret(secrets, f"{name}-cookie", "cookie"),
                crypt_key_file=secret(secrets, f"{name}-crypt", "crypt"),
            )
            for name in TENANTS
        ],
    )


def lab_id() -> str:
    """A fresh id of a lab."""
    return uuid.uuid4().hex


def request(**changes: Any) -> dict[str, Any]:
    """The body of a start; keys of the choice may be given directly."""
    choice = {"system": "aurora", "account": "qubit1", "project": "qsim", "partition": "batch", "nodes": 1, "runtime": 30}
    body: dict[str, Any] = {
        "user": "qubit",
        "name": "lab",
        "title": "A lab",
        "access_token": "users-access-token",
        "prefix": "/user/qubit/lab/",
    }
    for key, value in changes.items():
        (choice if key in choice or key in ("gpus", "profile") else body)[key] = value
    return {**body, "choice": choice}


def client(app: Any, bearer: str | None) -> httpx.AsyncClient:
    """Talks to the application in this process."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend", headers=headers, timeout=30)


@asynccontextmanager
async def running(configuration: Settings) -> AsyncIterator[Any]:
    """The application, started; ended at the end, with its tunnels."""
    app = create_app(configuration)
    async with app.router.lifespan_context(app):
        yield app
