"""The local trigger of the sync: a unix socket that takes a line and answers a line of JSON when the check is done.

`sync <tenant>` checks one tenant, `sync` all of them; `ask` sends the same as `{"do": "sync", "tenant": ...}`. Who may open the socket, its
owner only, may trigger.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

_REQUEST = re.compile(r"sync(?: ([a-z][a-z0-9-]{0,31}))?\n")
_LINE_LIMIT = 4_000
_IDLE_SECONDS = 10.0
_ANSWER_LIMIT = 4_000_000

Handler = Callable[[str | None], Awaitable[dict[str, object]]]


def socket_of(state: Path) -> Path:
    """Where the socket lies."""
    return state / "run" / "sync.sock"


@contextlib.asynccontextmanager
async def listening(state: Path, handle: Handler) -> AsyncIterator[None]:
    """Answer requests while the context lasts."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            line = (await asyncio.wait_for(reader.readline(), _IDLE_SECONDS)).decode("ascii", errors="replace")
            request = _REQUEST.fullmatch(_plain(line))
            answer = await handle(request[1]) if request else {"error": "This sync can't do that: it knows 'sync' only."}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    path = socket_of(state)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(path) as address:
        listener.bind(address)
    path.chmod(0o600)
    server = await asyncio.start_unix_server(connected, sock=listener, limit=_LINE_LIMIT)
    async with server:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _plain(line: str) -> str:
    """A request in JSON as the plain one that means the same."""
    if not line.startswith("{"):
        return line
    request = json.loads(line)
    do, tenant = request.get("do"), request.get("tenant")
    return f"{do} {tenant}\n" if tenant is not None else f"{do}\n"


async def request_sync(state: Path, tenant: str | None = None, *, timeout: float = 60.0) -> dict[str, Any]:
    """Ask the running sync to check a tenant (or all) now; waits for the outcome, at most `timeout` seconds.

    Answers a tenant's status (see `status.Status`), or `{"tenants": [...]}`; `error` is a sentence or None. Raises OSError where no sync
    runs, TimeoutError (which is one) where it takes too long.
    """
    async with asyncio.timeout(timeout):
        with _short(socket_of(state)) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=_ANSWER_LIMIT)
        try:
            writer.write(f"sync {tenant}\n".encode() if tenant else b"sync\n")
            await writer.drain()
            line = await reader.readline()
        finally:
            writer.close()
    if not line.endswith(b"\n"):
        raise ConnectionError("the sync ended before it answered")
    answer: dict[str, Any] = json.loads(line)
    return answer


async def ask(state: Path, do: str, *, tenant: str | None = None, timeout: float = 60.0, **arguments: str) -> dict[str, Any]:
    """Ask the running sync for an action, one line of JSON in and one out; waits for the answer, at most `timeout` seconds.

    `error` in the answer is a sentence or None. Raises OSError where no sync runs, TimeoutError (which is one) where it takes too long,
    ValueError where what answers isn't the sync.
    """
    line = json.dumps({"do": do, "tenant": tenant, **arguments}).encode() + b"\n"
    async with asyncio.timeout(timeout):
        with _short(socket_of(state)) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=_ANSWER_LIMIT)
        try:
            writer.write(line)
            await writer.drain()
            told = await reader.readline()
        finally:
            writer.close()
    if not told.endswith(b"\n"):
        raise ConnectionError("the sync ended before it answered")
    answer: dict[str, Any] = json.loads(told)
    return answer


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """An address for a socket whose path is longer than the 107 bytes that a socket's address holds."""
    if len(os.fsencode(path)) <= 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
