"""What the operator may write about a tenant's repository."""

from __future__ import annotations

from typing import Any

import pytest
from portico.settings import SettingsError, load
from portico.settings.models import TenantEntry
from portico.settings.repositories import holds_credential, takes_key, takes_token
from pydantic import ValidationError

SSH, HTTPS = "ssh://git@git.example.org/x.git", "https://git.example.org/x.git"


def entry(**changes: Any) -> TenantEntry:
    files = dict.fromkeys(("client_secret_file", "backend_token_file", "cookie_secret_file", "crypt_key_file"), "x")
    return TenantEntry.model_validate({"name": "test", "host": "test.localhost", "client_id": "x", **files, "repository": HTTPS, **changes})


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/srv/git/a@b:c?d.git", False),
        (HTTPS, False),
        (SSH, False),
        ("git@git.example.org:group/x.git", False),
        ("https://user@git.example.org/x.git", True),
        ("https://user:secret@git.example.org/x.git", True),
        ("https://secret@git.example.org/x.git", True),
        ("ssh://git:secret@git.example.org/x.git", True),
        ("git:secret@git.example.org:x.git", True),
        ("ftp://user:secret@git.example.org/x.git", True),
        ("https://git.example.org/x.git?private_token=secret", True),
        ("https://git.example.org/x.git#secret", True),
        ("https://user:se@cret@git.example.org/x.git", True),
    ],
)
def test_a_credential_in_an_address_is_seen(address: str, expected: bool) -> None:
    """Hostile input 31."""
    assert holds_credential(address) is expected


@pytest.mark.parametrize(
    ("address", "key", "token"),
    [
        (SSH, True, False),
        ("git@git.example.org:group/x.git", True, False),
        (HTTPS, False, True),
        ("http://git.example.org/x.git", False, False),
        ("http://127.0.0.1:3000/x.git", False, True),
        ("http://localhost/x.git", False, True),
        ("http://127.0.0.1.example.org/x.git", False, False),
        ("/srv/git/x.git", False, False),
    ],
)
def test_a_key_goes_over_ssh_and_a_token_over_tls(address: str, key: bool, token: bool) -> None:
    assert (takes_key(address), takes_token(address)) == (key, token)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"repository": "https://user:secret@git.example.org/x.git"}, "holds a credential"),
        ({"key_file": "key", "repository": SSH}, "needs both key_file and known_hosts_file"),
        ({"known_hosts_file": "hosts", "repository": SSH}, "needs both key_file and known_hosts_file"),
        ({"key_file": "key", "known_hosts_file": "hosts"}, "isn't reached over SSH"),
        ({"token_file": "token", "repository": SSH}, "isn't reached over HTTPS"),
        ({"token_file": "token", "repository": "http://git.example.org/x.git"}, "isn't reached over HTTPS"),
        ({"token_file": "a b"}, "read differently"),
        ({"key_file": "${HOME}/key", "known_hosts_file": "hosts", "repository": SSH}, "read differently"),
        ({"token_file": "token", "token_user": "a\nb"}, "pattern"),
        ({"poll_interval": 0.1}, "greater than or equal to 0.2"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        entry(**changes)


def test_what_fits_together_is_taken() -> None:
    assert entry(repository=SSH, key_file="key", known_hosts_file="hosts").key_file is not None
    assert entry(token_file="token", token_user="gitlab+deploy-token-1", poll_interval=5).poll_interval == 5


def test_a_refused_address_is_not_shown(tmp_path: Any) -> None:
    """Hostile input 31: the sentence names the place and the cure, and nothing of what stood there."""
    config = tmp_path / "portico.toml"
    config.write_text('[[tenants]]\nname = "test"\nrepository = "https://user:hunter2@git.example.org/x.git"\n')
    with pytest.raises(SettingsError) as caught:
        load(config)
    assert f"{config}:3: tenants.0.repository: the repository's address holds a credential" in str(caught.value)
    assert "hunter2" not in str(caught.value)
