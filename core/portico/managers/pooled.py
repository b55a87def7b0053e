"""pyunicore's transport, with connections that are kept and errors that carry their status.

The stock transport makes a new TLS context and a new connection for each request (30 ms before anything is sent) and tells an error's
status in its text only. Everything else (sessions, preferences, headers) is pyunicore's.
"""

from __future__ import annotations

import ssl
from typing import Any

import httpx
from pyunicore.client import Transport
from pyunicore.credentials import Credential

IDLE = 15.0
"""Seconds for which an idle connection is kept: shorter than servers do, so that no request meets one that was just closed."""


class StatusError(Exception):
    """The site answered with an HTTP error."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class PooledTransport(Transport):  # type: ignore[misc]
    """A transport whose clones share one `httpx.Client`, which threads may use at the same time."""

    def __init__(self, credential: Credential, *, tls: ssl.SSLContext, timeout: float, client: httpx.Client | None = None) -> None:
        super().__init__(credential, verify=tls, timeout=timeout)
        limits = httpx.Limits(max_keepalive_connections=4, keepalive_expiry=IDLE)
        self._http = client or httpx.Client(verify=tls, timeout=timeout, limits=limits)

    def _clone(self) -> PooledTransport:
        clone = PooledTransport(self.credential, tls=self.verify, timeout=self.timeout, client=self._http)
        clone._preferences = self._preferences
        clone.last_session_id = self.last_session_id
        return clone

    def run_method(self, method: Any, **args: Any) -> httpx.Response:
        """As the stock one, on the shared client: `method` is one of httpx's functions, taken by its name."""
        own = getattr(self._http, method.__name__)
        answer: httpx.Response = super().run_method(lambda verify, **kwargs: own(**kwargs), **args)
        return answer

    def check_error(self, res: httpx.Response) -> None:
        """Raise StatusError for an HTTP error."""
        if res.status_code < 400:
            return
        try:
            reason = str(res.json().get("errorMessage", ""))
        except (ValueError, AttributeError):
            reason = ""
        raise StatusError(res.status_code, reason or res.reason_phrase)
