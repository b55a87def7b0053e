"""Secrets at rest, and whose a token is."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from portico.limiter import TokenBucket
from portico.managers.keys import Credentials, Secrets, UnusableSecretError, Vault, digest
from pydantic import SecretStr

from tests.support import backend

HELD = Secrets(SecretStr("users-token"), {"JUPYTERHUB_API_TOKEN": "hubs-token"}, "report-token")


def key_file(path: Path, *keys: bytes) -> Path:
    path.write_bytes(b"\n".join(keys))
    return path


def test_what_is_kept_is_sealed(tmp_path: Path) -> None:
    vault = Vault(key_file(tmp_path / "key", Fernet.generate_key()))
    sealed = vault.seal(HELD)
    assert not any(secret in sealed for secret in ("users-token", "hubs-token", "report-token"))
    assert vault.open(sealed) == HELD
    assert not any(secret in repr(HELD) for secret in ("users-token", "hubs-token", "report-token"))


def test_a_key_can_be_replaced(tmp_path: Path) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    sealed = Vault(key_file(tmp_path / "old", old)).seal(HELD)
    assert Vault(key_file(tmp_path / "both", new, old)).open(sealed) == HELD
    with pytest.raises(UnusableSecretError, match="encryption_key_file"):
        Vault(key_file(tmp_path / "new", new)).open(sealed)


@pytest.mark.parametrize("content", [b"", b"  \n", b"not-a-key"])
def test_a_bad_key_file_is_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnusableSecretError, match="key"):
        Vault(key_file(tmp_path / "key", content))


def test_whose_a_token_is(tmp_path: Path) -> None:
    credentials = Credentials(backend.settings(tmp_path))
    assert credentials.tenant(backend.token("juniq")) == "juniq"
    assert credentials.tenant(backend.token("coec")) == "coec"
    assert credentials.operator(backend.OPERATOR_TOKEN)
    for wrong in ("", "ä", backend.token("juniq")[:-1], backend.OPERATOR_TOKEN, digest(backend.token("juniq"))):
        assert credentials.tenant(wrong) is None
    assert not credentials.operator(backend.token("juniq"))


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    now = 0.0
    bucket = TokenBucket(rate=2, burst=3, clock=lambda: now)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now = 100.0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
