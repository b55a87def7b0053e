"""What the settings have to know about a repository's address: never a credential in it, and which of them a key or a token fits."""

from __future__ import annotations

import re

_LOGIN = r"[A-Za-z_][A-Za-z0-9_.-]{0,63}"
_PLAIN_LOGIN = re.compile(rf"(ssh://)?{_LOGIN}")
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1)(:\d{1,5})?/.*")


def holds_credential(address: str) -> bool:
    """Whether a password or a token may stand in the address: then it is shown nowhere (hostile input 31)."""
    if address.startswith("/"):
        return False
    authority = re.match(r"[A-Za-z0-9+.-]+://([^/]*)", address)
    before, at, _ = (authority[1] if authority else address.split("/", maxsplit=1)[0]).rpartition("@")
    if at and not (_PLAIN_LOGIN.fullmatch(before) and (authority is None or address.startswith("ssh://"))):
        return True
    return "?" in address or "#" in address


def takes_key(address: str) -> bool:
    """Whether the address is reached over SSH."""
    return address.startswith("ssh://") or (re.match(rf"{_LOGIN}@[^/:]+:", address) is not None and "://" not in address)


def takes_token(address: str) -> bool:
    """Whether a token may be sent there: over TLS, or within this machine."""
    return address.startswith("https://") or _LOOPBACK.fullmatch(address) is not None
