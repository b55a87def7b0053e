"""Whose host keys are on record, by the names that ssh knows."""

from __future__ import annotations

import base64
import hmac
import struct
from pathlib import Path

import pytest
from portico.tunnels.errors import Trouble
from portico.tunnels.known_hosts import KnownKeys, known_keys, read_known_keys


def key(text: str, kind: str = "ssh-ed25519") -> bytes:
    return struct.pack(">I", len(kind)) + kind.encode() + text.encode()


def line(names: str, shown: bytes, marker: str = "") -> str:
    return f"{marker} {names} ssh-ed25519 {base64.b64encode(shown).decode()} a comment".strip()


def hashed(name: str) -> str:
    salt = b"s" * 20
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


ONE, OTHER = key("one"), key("other")


@pytest.mark.parametrize(
    ("names", "asked", "known"),
    [
        ("login", "login", True),
        ("login,192.0.2.1", "192.0.2.1", True),
        ("LOGIN", "login", True),
        ("login", "login2", False),
        ("login", "[login]:2222", False),
        ("[login]:2222", "[login]:2222", True),
        ("[login]:2222", "[login]:2223", False),
        ("[login]:2222", "login", False),
        ("*.site.example", "login.site.example", True),
        ("login0?.site.example", "login01.site.example", True),
        ("*.site.example,!login.site.example", "login.site.example", False),
        ("!login.site.example", "login2.site.example", False),
        ("[*.site.example]:2222", "[login.site.example]:2222", True),
        ("l[aeo]gin", "login", False),
        (hashed("login"), "login", True),
        (hashed("[login]:2222"), "[login]:2222", True),
        (hashed("login"), "login2", False),
        ("|1|broken", "login", False),
        ("|1|?|?", "login", False),
    ],
)
def test_names(names: str, asked: str, known: bool) -> None:
    assert known_keys([line(names, ONE)], asked).trusted == (frozenset({ONE}) if known else frozenset())


@pytest.mark.parametrize(
    "junk",
    ["", "# login ssh-ed25519 AAAA", "login", "login ssh-ed25519", "login ssh-ed25519 ???", "@cert-authority login ssh-ed25519 AAAA"],
)
def test_what_is_not_understood_is_passed_over(junk: str) -> None:
    assert known_keys([junk, line("login", ONE)], "login") == KnownKeys(frozenset({ONE}))


@pytest.mark.parametrize(
    ("lines", "shown", "verdict"),
    [
        ([line("login", ONE)], ONE, None),
        ([line("login", ONE), line("login", OTHER)], OTHER, None),
        ([line("login", ONE)], OTHER, Trouble.KEY_CHANGED),
        ([line("elsewhere", ONE)], ONE, Trouble.KEY_UNKNOWN),
        ([], ONE, Trouble.KEY_UNKNOWN),
        ([line("login", ONE), line("*", ONE, "@revoked")], ONE, Trouble.KEY_CHANGED),
        ([line("login", ONE), line("*", OTHER, "@revoked")], ONE, None),
        ([line("*", ONE, "@revoked")], ONE, Trouble.KEY_CHANGED),
        ([line("login", ONE, "@cert-authority")], ONE, Trouble.KEY_UNKNOWN),
    ],
)
def test_verdicts(lines: list[str], shown: bytes, verdict: Trouble | None) -> None:
    assert known_keys(lines, "login").verdict(shown) is verdict


def test_a_key_on_record_for_the_host_alone_holds_for_other_ports_too_as_with_ssh(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line("login", ONE) + "\n")
    assert read_known_keys(file, host="login", port=2222).verdict(ONE) is None
    file.write_text(line("login", ONE) + "\n" + line("[login]:2222", OTHER) + "\n")
    assert read_known_keys(file, host="login", port=2222).verdict(ONE) is Trouble.KEY_CHANGED
    file.write_text(line("login", ONE) + "\n" + line("[login]:2222", ONE, "@revoked") + "\n")
    assert read_known_keys(file, host="login", port=2222).verdict(ONE) is Trouble.KEY_CHANGED


def test_without_a_file_nobody_is_known(tmp_path: Path) -> None:
    assert read_known_keys(tmp_path / "missing", host="login", port=22).verdict(ONE) is Trouble.KEY_UNKNOWN


def test_kinds() -> None:
    assert KnownKeys(frozenset({ONE, key("x", "ssh-rsa")})).kinds() == {"ssh-ed25519", "ssh-rsa"}
