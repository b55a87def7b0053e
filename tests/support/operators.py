"""An operator without a demo: her configuration, her secrets, and her own repository with the list of tenants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w
from cryptography.fernet import Fernet
from portico.supervisor.ports import remembered_ports
from portico.supervisor.repositories import make_repository

from tests.support.bundles import Remote
from tests.support.installation import ROOT

SECRETS = ("client_secret", "backend_token", "cookie_secret", "crypt_key")


class Operator:
    """Everything below one directory; `repository` is whence the list of tenants is fetched."""

    def __init__(self, root: Path, *, repository: str = "") -> None:
        self.root = root
        self.state = root / "state"
        self.file = root / "portico.toml"
        self.list = Remote(root)
        self.port = remembered_ports(root / "ports.json", ["gateway", "api", "backend"])["gateway"]
        self._repository = repository or str(self.list.path)

    def configure(self, *own: dict[str, Any], **settings: Any) -> None:
        """Save the operator's file, with tenants of its own; `settings` are further ones of its top level."""
        ports = remembered_ports(self.root / "ports.json", ["gateway", "api", "backend"])
        provider = {name: f"http://127.0.0.1:9/{name}" for name in ("authorize_url", "token_url", "userinfo_url")}
        content = {
            "state": str(self.state),
            "gateway": {"port": self.port, "api_port": ports["api"], "auth_token_file": self.secret("gateway")},
            "backend": {
                "port": ports["backend"],
                "database_url": f"sqlite+aiosqlite:///{self.root}/backend.sqlite",
                "operator_token_file": self.secret("operator"),
                "encryption_key_file": self.secret("encryption", Fernet.generate_key().decode()),
            },
            "identity_provider": {"title": "Nobody", **provider},
            "tenant_list": {"repository": self._repository, "poll_interval": 0.5},
            "tenants": list(own),
            **settings,
        }
        self.file.write_text(tomli_w.dumps(content))

    def secret(self, name: str, value: str = "ab" * 32) -> str:
        """A secret's file."""
        file = self.root / f"{name}-secret"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(value)
        return str(file)

    def entry(self, name: str, **changes: Any) -> dict[str, Any]:
        """A tenant with a repository, holding one of the product's own bundles, and secrets."""
        repository = self.root / f"{name}.git"
        if not repository.exists():
            make_repository(repository, ROOT / "tenants" / "coec")
        files = {f"{key}_file": self.secret(f"{name}-{key}") for key in SECRETS}
        return {"name": name, "host": f"{name}.localhost", "repository": str(repository), "client_id": name, **files, **changes}

    def push(self, *entries: dict[str, Any]) -> str:
        """Commit a list of tenants; answers the commit."""
        return self.push_text(tomli_w.dumps({"tenants": list(entries)}))

    def push_text(self, text: str) -> str:
        """Commit the list as it is written here; answers the commit."""
        return self.list.push({"tenants.toml": text})
