"""The local trigger of the sync: a unix socket that takes a line of JSON and answers a line of JSON when it is done.

`{"do": "sync", "tenant": "juniq"}` looks at one tenant's repository, without `tenant` at all of them; `Request` says what else can be done.
Who may open the socket, its owner only, may trigger. Whether the user named in `by` may ask for it is for whoever asks to know.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

_LINE_LIMIT = 4_000
_IDLE_SECONDS = 10.0
_ANSWER_LIMIT = 4_000_000
MISUNDERSTOOD = 'Send a line of JSON such as {"do": "sync", "tenant": "juniq"}.'

Do = Literal["sync", "history", "rollback", "pin", "unpin", "revoke", "preview", "unpreview"]
_Short = Annotated[str, StringConstraints(max_length=256)]


class Request(BaseModel):
    """What somebody asks the sync to do. Every answer has `error`, a sentence or null.

    `sync` answers a tenant's status (see `status.Status`), or without a tenant `{"tenants": [...], "tenant_list": ...}`, the list's commit
    and error, or null where there is none. `history` answers `{"entries": [...]}`
    (see `history.Entry`), the newest first. `rollback`, `pin`, `unpin`, `revoke` and `unpreview` answer the tenant's status.
    `preview` judges a branch's newest commit and answers `{"digest", "commit", "findings"}`; with findings there is no digest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Do
    tenant: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")] | None = None
    """Only `sync` goes without."""
    by: _Short = "operator"
    """Who asks: a user's name, or `operator`; for the history."""
    digest: _Short | None = None
    """Which snapshot: its digest, a commit that it was made from, or the beginning of one. For `rollback`, `pin`, `revoke`, `unpreview`."""
    branch: _Short | None = None
    """For `preview` and `unpreview`."""
    why: _Short | None = None
    """The reason, for `revoke`."""


Handler = Callable[[Request], Awaitable[dict[str, object]]]


def socket_of(state: Path) -> Path:
    """Where the socket lies."""
    return state / "run" / "sync.sock"


@contextlib.asynccontextmanager
async def listening(state: Path, handle: Handler) -> AsyncIterator[None]:
    """Answer requests while the context lasts."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            request = _understood(await asyncio.wait_for(reader.readline(), _IDLE_SECONDS))
            answer = {"error": MISUNDERSTOOD} if request is None else await handle(request)
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


def _understood(line: bytes) -> Request | None:
    try:
        return Request.model_validate_json(line)
    except ValidationError:
        return None


async def ask(state: Path, do: Do, *, tenant: str | None = None, timeout: float = 60.0, **arguments: str | None) -> dict[str, Any]:
    """Ask the running sync to do something; waits for the outcome, at most `timeout` seconds. `arguments` are those of `Request`.

    Answers what `Request` says; `error` is a sentence or None. Raises OSError where no sync runs, TimeoutError (which is one) where it
    takes too long, in which case it may still be done.
    """
    wanted = {"do": do, "tenant": tenant, **arguments}
    async with asyncio.timeout(timeout):
        with _short(socket_of(state)) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=_ANSWER_LIMIT)
        try:
            writer.write(json.dumps({key: value for key, value in wanted.items() if value is not None}).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        finally:
            writer.close()
    if not line.endswith(b"\n"):
        raise ConnectionError("the sync ended before it answered")
    answer: dict[str, Any] = json.loads(line)
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
