"""Signed preview links, and the cookie of a browser that follows one: pure functions.

A link names one snapshot of one tenant until a moment. Its signature is an HMAC with a key that is derived from the hub's cookie secret,
so another tenant's link, or a cookie in the place of a link, is worth nothing. What is signed is no secret: the digest stands in every
address of the page's files.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

COOKIE = "portico-preview"
Purpose = Literal["link", "cookie"]
_TOKEN = re.compile(r"([0-9a-f]{32})\.([0-9]{1,11})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a valid signature vouches for."""

    digest: str
    expires: int
    """Seconds since 1970, UTC."""

    def over(self, now: datetime) -> bool:
        """Whether its time is up."""
        return now.timestamp() >= self.expires


class Signer:
    """Signs and checks for one tenant. `secret` is the hub's cookie secret."""

    def __init__(self, secret: str, tenant: str) -> None:
        self._key = hmac.digest(secret.encode(), b"portico preview 1", "sha256")
        self._tenant = tenant

    def sign(self, purpose: Purpose, digest: str, ends: datetime) -> str:
        """A token for a snapshot, until `ends`."""
        expires = int(ends.astimezone(UTC).timestamp())
        return f"{digest}.{expires}.{self._signature(purpose, digest, str(expires))}"

    def check(self, purpose: Purpose, token: str) -> Ticket | None:
        """What the token vouches for, over or not; None where the signature isn't ours."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        digest, expires, signature = found.groups()
        if not hmac.compare_digest(signature, self._signature(purpose, digest, expires)):
            return None
        return Ticket(digest, int(expires))

    def _signature(self, purpose: Purpose, digest: str, expires: str) -> str:
        content = "\n".join((purpose, self._tenant, digest, expires))
        return hmac.new(self._key, content.encode(), hashlib.sha256).hexdigest()


def with_bar(html: str, bar: str) -> str:
    """The page with the bar before everything that the candidate wrote.

    Whatever stands in the page (an unclosed comment, a second body, a textarea) begins after the bar, so nothing can swallow it. A parser
    takes the page's own doctype, html, head and body tags after it as attributes of those that the bar has opened (HTML, 13.2.6.4.7).
    """
    return f"<!doctype html>\n{bar}\n{html}"
