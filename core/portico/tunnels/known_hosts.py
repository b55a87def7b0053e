"""Host keys on record, in the format of OpenSSH's `known_hosts` (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

Pure but for reading the file. It knows what ssh knows of names (hashed ones, patterns, `[host]:port`) and of revoked keys. It knows no
certificate authorities: a host that only those vouch for counts as unknown, which fails closed.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from portico.tunnels.errors import Trouble


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """The keys on record for one host, each as the bytes of SSH's public key format."""

    trusted: frozenset[bytes] = frozenset()
    revoked: frozenset[bytes] = frozenset()

    def verdict(self, key: bytes) -> Trouble | None:
        """What is wrong with a key that the host has shown; None where nothing is."""
        if key in self.trusted and key not in self.revoked:
            return None
        return Trouble.KEY_CHANGED if self.trusted or key in self.revoked else Trouble.KEY_UNKNOWN

    def kinds(self) -> frozenset[str]:
        """The names of the trusted keys' kinds, such as `ssh-ed25519`."""
        return frozenset(key[4 : 4 + int.from_bytes(key[:4])].decode("ascii", errors="replace") for key in self.trusted)


def read_known_keys(file: Path, *, host: str, port: int) -> KnownKeys:
    """The keys on record for a host's port; none where the file can't be read. A key recorded for the host alone holds for other ports."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return KnownKeys()
    found = known_keys(lines, host if port == 22 else f"[{host}]:{port}")
    return found if found.trusted or port == 22 else known_keys(lines, host, also_revoked=found.revoked)


def known_keys(lines: Iterable[str], name: str, *, also_revoked: frozenset[bytes] = frozenset()) -> KnownKeys:
    """The keys on record for a name, `host` or `[host]:port`. A line that isn't understood is passed over."""
    trusted, revoked = set[bytes](), set(also_revoked)
    for line in lines:
        fields = line.split()
        marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
        if len(fields) < 3 or fields[0].startswith("#") or marker not in ("", "@revoked") or not _names(fields[0], name):
            continue
        try:
            key = base64.b64decode(fields[2], validate=True)
        except binascii.Error:
            continue
        (revoked if marker else trusted).add(key)
    return KnownKeys(frozenset(trusted), frozenset(revoked))


def _names(field: str, name: str) -> bool:
    """Whether a line's first field means this name."""
    if field.startswith("|1|"):
        return _is_hash_of(field, name)
    patterns = field.lower().split(",")
    if any(pattern.startswith("!") and _matches(pattern[1:], name) for pattern in patterns):
        return False
    return any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    """Patterns here know `*` and `?` only, so that brackets stand for themselves."""
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _is_hash_of(field: str, name: str) -> bool:
    try:
        _, _, salt, digest = field.split("|")
        return hmac.compare_digest(hmac.digest(base64.b64decode(salt), name.encode(), "sha1"), base64.b64decode(digest))
    except ValueError:
        return False
