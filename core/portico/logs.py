"""Structured logs: one JSON object a line, with tenant, user, lab and correlation id, and never a secret.

Every process calls `configure` once. Who handles a request binds what it knows with `bind`; every line written within carries it,
also those of libraries. `redact` takes out what looks like a credential, as the last step before a line is written.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pythonjsonlogger.json import JsonFormatter

CONTEXT_KEYS = ("tenant", "user", "lab", "correlation_id")
_context: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("portico_log_context", default=None)

_SECRETS = re.compile(
    r"(?i)(bearer |token |basic )[A-Za-z0-9._~+/=-]{8,}"
    r"|((?:(?:access|refresh|id|api)?_?token|client_secret|password|code_verifier)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]+"
    r"|([?&](?:code|state)=)[^\s\"'&]+"
    r"|(/preview/)[0-9a-f]{32}\.[0-9a-f.]+"
    r"|(://[^/\s:@]+:)[^/\s@]+(?=@)"
)


def redact(text: str) -> str:
    """Replace what looks like a credential with stars; the name before it stays."""
    return _SECRETS.sub(lambda match: next(group for group in match.groups() if group) + "***", text)


@contextlib.contextmanager
def bind(**values: str | None) -> Iterator[None]:
    """Give every line written within these values (keys out of `CONTEXT_KEYS`)."""
    token = _context.set({**(_context.get() or {}), **{key: value for key, value in values.items() if value is not None}})
    try:
        yield
    finally:
        _context.reset(token)


def bound() -> dict[str, str]:
    """What is bound here."""
    return dict(_context.get() or {})


class _Formatter(JsonFormatter):
    def __init__(self, process: str, tenant: str | None) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s", timestamp=True, rename_fields={"levelname": "level", "name": "logger"})
        self._static = {"process": process} | ({"tenant": tenant} if tenant else {})

    def add_fields(self, log_data: dict[str, object], record: logging.LogRecord, message_dict: dict[str, object]) -> None:
        super().add_fields(log_data, record, message_dict)
        for key, value in {**self._static, **(_context.get() or {})}.items():
            log_data.setdefault(key, value)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def configure(process: str, *, tenant: str | None = None, file: Path | None = None, level: int = logging.INFO) -> None:
    """Send this process's log to `file` (appended, made with mode 0600) or to standard error."""
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        handler = logging.FileHandler(file, encoding="utf-8", delay=False)
    handler.setFormatter(_Formatter(process, tenant))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "asyncio", "urllib3", "paramiko", "asyncssh", "aiosqlite", "git"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
