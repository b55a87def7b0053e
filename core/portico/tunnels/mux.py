"""A client of OpenSSH's connection multiplexing: what `ssh -O forward`, `cancel`, `check` and `exit` say to a master, said directly.

The protocol is documented in OpenSSH's `PROTOCOL.mux` and is at version 4 since OpenSSH 5.6 of 2010. Speaking it here has three
reasons. A forward costs one message instead of a process. A failed forward gives an answer instead of an exit code. And the open
socket tells of the master's end at once, whether the master is a child of this process or an adopted one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
from pathlib import Path

from portico.tunnels.driver import Listener
from portico.tunnels.errors import ConnectionLostError, PortTakenError

_HELLO, _VERSION = 0x00000001, 4
_ALIVE_CHECK, _TERMINATE, _OPEN_FORWARD, _CLOSE_FORWARD = 0x10000004, 0x10000005, 0x10000006, 0x10000007
_OK, _DENIED, _FAILURE, _ALIVE = 0x80000001, 0x80000002, 0x80000003, 0x80000005
_FORWARD_LOCAL = 1
_LONGEST_MESSAGE = 256 * 1024
_ANSWER_TIMEOUT = 5.0
"""Seconds. A master answers within a millisecond; one that takes longer is stopped or hung."""


class RefusedError(Exception):
    """The master answered that it won't."""


class MuxClient:
    """A conversation with one master. `connect` makes it; `disconnect` leaves the master as it is."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._requests = itertools.count(1)
        self._answers: dict[int, asyncio.Future[tuple[int, bytes]]] = {}
        self._reading = asyncio.create_task(self._read(), name="mux reader")
        self.pid = 0
        """The master's process id."""

    @classmethod
    async def connect(cls, path: Path) -> MuxClient:
        """Reach the master that listens at `path`. OSError where nobody listens, ConnectionLostError where it doesn't answer."""
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(_message(struct.pack(">II", _HELLO, _VERSION)))
        client = cls(reader, writer)
        try:
            _, body = await client._ask(_ALIVE_CHECK)
            (client.pid,) = struct.unpack_from(">I", body)
        except BaseException:
            client.disconnect()
            raise
        return client

    async def open_forward(self, listener: Listener) -> None:
        """Have the master listen; at once where it does already. Raises PortTakenError where it can't."""
        try:
            await self._ask(_OPEN_FORWARD, _forward(listener))
        except RefusedError as error:
            raise PortTakenError(f"Port {listener.local_port} of this machine is taken.") from error

    async def close_forward(self, listener: Listener) -> None:
        """Have the master close a listener; nothing happens where it has none."""
        with contextlib.suppress(RefusedError):
            await self._ask(_CLOSE_FORWARD, _forward(listener))

    async def terminate(self) -> None:
        """Ask the master to end, and return once it has let go. Raises ConnectionLostError where it doesn't answer in time."""
        with contextlib.suppress(RefusedError):
            await self._ask(_TERMINATE, reply=False)
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT):
                await self.closed()
        except TimeoutError as error:
            raise ConnectionLostError("The ssh master doesn't end.") from error

    async def closed(self) -> None:
        """Wait for the end of the master, or of this conversation."""
        await asyncio.wait([self._reading])

    def disconnect(self) -> None:
        """End the conversation; the master and its listeners go on."""
        self._reading.cancel()
        self._writer.close()

    async def _ask(self, kind: int, body: bytes = b"", *, reply: bool = True) -> tuple[int, bytes]:
        if self._reading.done():
            raise ConnectionLostError("The ssh master has ended.")
        number = next(self._requests)
        answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        if reply:
            self._answers[number] = answer
        self._writer.write(_message(struct.pack(">II", kind, number) + body))
        if not reply:
            return _OK, b""
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT):
                status, rest = await answer
        except TimeoutError as error:
            raise ConnectionLostError("The ssh master doesn't answer.") from error
        finally:
            self._answers.pop(number, None)
        if status in (_DENIED, _FAILURE):
            raise RefusedError
        return status, rest

    async def _read(self) -> None:
        try:
            while True:
                (length,) = struct.unpack(">I", await self._reader.readexactly(4))
                if not 4 <= length <= _LONGEST_MESSAGE:
                    break
                self._take(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionLostError("The ssh master has ended."))
            self._writer.close()

    def _take(self, message: bytes) -> None:
        if len(message) < 8:
            return
        kind, number = struct.unpack_from(">II", message)
        answer = self._answers.get(number) if kind != _HELLO else None
        if answer is not None and not answer.done():
            answer.set_result((kind, message[8:]))


def _message(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


def _string(value: str) -> bytes:
    encoded = value.encode("ascii")
    return struct.pack(">I", len(encoded)) + encoded


def _forward(listener: Listener) -> bytes:
    """A local forward, bound to the loopback by its address (hostile input 63)."""
    here = _string("127.0.0.1") + struct.pack(">I", listener.local_port)
    there = _string(listener.node) + struct.pack(">I", listener.port)
    return struct.pack(">I", _FORWARD_LOCAL) + here + there
