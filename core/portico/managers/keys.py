"""What keeps secrets: encryption at rest, tokens that are compared without telling how far they agree.

Keys and tokens come from files that the operator names. Nothing here is ever logged.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from portico.settings.models import Settings


class UnusableSecretError(Exception):
    """A key or token file can't be used. The text names the file and the cure."""


def read(path: Path) -> str:
    """The secret in a file, without the white space around it; raises UnusableSecretError."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UnusableSecretError(f"{path}: {error.strerror}; this file must hold a secret.") from error
    if not secret:
        raise UnusableSecretError(f"{path}: the file is empty; it must hold a secret.")
    return secret


def digest(token: str) -> str:
    """What is stored of a token that only has to be recognised. Tokens are random, so that a plain hash can't be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """A fresh random token, 256 bits."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must be kept of a lab's request until its site has taken the job, and of the user's login until the lab ended."""

    access_token: SecretStr
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    report_token: str = field(default="", repr=False)


class Vault:
    """Seals and opens `Secrets`. The file's first key seals, all of its lines open, so that a key can be replaced."""

    def __init__(self, path: Path) -> None:
        try:
            self._fernet = MultiFernet([Fernet(line) for line in read(path).split()])
        except ValueError as error:
            raise UnusableSecretError(f"{path}: each line must be a Fernet key (32 bytes in URL-safe base64).") from error

    def seal(self, held: Secrets) -> str:
        """Encrypted text."""
        token = held.access_token.get_secret_value()
        return self._fernet.encrypt(json.dumps([token, held.environment, held.report_token]).encode()).decode()

    def open(self, sealed: str) -> Secrets:
        """What `seal` was given; raises UnusableSecretError where no key fits."""
        try:
            token, environment, report = json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken as error:
            raise UnusableSecretError("backend.encryption_key_file: no key in it opens what the database holds.") from error
        return Secrets(SecretStr(token), environment, report)


class Credentials:
    """Who a bearer token belongs to: a tenant, the operator, or nobody."""

    def __init__(self, settings: Settings) -> None:
        self._tenants: Mapping[str, bytes] = {}
        self._operator = b""
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """Know these tenants from now on; raises UnusableSecretError, and knows those of before then."""
        tenants = {each.name: read(each.backend_token_file).encode() for each in settings.tenants}
        self._operator = read(settings.backend.operator_token_file).encode()
        self._tenants = tenants

    def tenant(self, token: str) -> str | None:
        """The tenant's name. Every token is compared, each in constant time."""
        found = None
        for name, expected in self._tenants.items():
            if hmac.compare_digest(expected, token.encode()):
                found = name
        return found

    def operator(self, token: str) -> bool:
        """Whether it is the operator's token."""
        return hmac.compare_digest(self._operator, token.encode())
