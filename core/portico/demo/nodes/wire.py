"""What is said on a node's Unix socket: one JSON object a line, and connected sockets handed over beside a line.

A caller says first what it wants: `{"op": "dial", "port": N}` is answered with a line and, where the connection stands, the socket itself;
`{"op": "attach"}` makes the connection the site's: commands go in, outcomes come out, until either side closes.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LINE_LIMIT = 1 << 20
_PATH_LIMIT = 100  # sockaddr_un holds 108 bytes on Linux, 104 elsewhere


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """A name of the Unix socket `path` that is short enough for the kernel, however long the path is."""
    if len(os.fsencode(path)) < _PATH_LIMIT:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def encode(message: dict[str, Any]) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message of a line; ValueError where it is none."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a message")
    return message


async def connect(path: Path) -> socket.socket:
    """A connection to a node's daemon; OSError where there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        with address(path) as name:
            await asyncio.get_running_loop().sock_connect(connection, name)
    except BaseException:
        connection.close()
        raise
    return connection


async def read_line(connection: socket.socket) -> bytes:
    """The first line from a non-blocking socket; the peer sends nothing after it until it is answered."""
    loop = asyncio.get_running_loop()
    line = b""
    while not line.endswith(b"\n"):
        if len(line) > LINE_LIMIT:
            raise ValueError("a line without end")
        part = await loop.sock_recv(connection, 65536)
        if not part:
            raise ConnectionResetError("the other side closed")
        line += part
    return line


async def receive_with_socket(connection: socket.socket) -> tuple[dict[str, Any], socket.socket | None]:
    """The answer to `dial`: a message and the socket that came with it."""
    await _readable(connection)
    data, ancillary, _flags, _address = connection.recvmsg(4096, socket.CMSG_SPACE(array.array("i").itemsize))
    received = _first_descriptor(ancillary)
    if not data:
        raise ConnectionResetError("the node closed the connection")
    return decode(data), None if received is None else socket.socket(fileno=received)


def _first_descriptor(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors = array.array("i")
            descriptors.frombytes(content[: descriptors.itemsize])
            return descriptors[0]
    return None


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(connection, tell)
    try:
        await ready
    finally:
        loop.remove_reader(connection)
