"""What a node's jobs may reach outside: a few ports of the host's loopback, at the same address and port inside.

A small helper process stays in the host's network and makes the connections; the node's daemon, inside its own network, listens, asks the
helper for a connected socket and carries the bytes. The helper connects to the ports of a file, read anew each time, and to nothing else: a
portal that is added while the nodes run has a hub of its own.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import functools
import json
import os
import signal
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from portico.demo.nodes import namespace, wire
from portico.demo.relay import Pipe

LOOPBACK = "127.0.0.1"
_PORT = struct.Struct("!H")


@dataclass
class Helper:
    """The connection to the process that stayed outside."""

    pid: int
    channel: socket.socket
    lock: asyncio.Lock


def write_ports(file: Path, ports: Iterable[int]) -> None:
    """Say which ports may be reached, by one rename."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps(sorted(set(ports))), encoding="utf-8")
    new.replace(file)


def read_ports(file: Path) -> frozenset[int]:
    """The ports of the file; none where it can't be read."""
    try:
        return frozenset(map(int, json.loads(file.read_bytes())))
    except (OSError, ValueError, TypeError):
        return frozenset()


def start_helper(file: Path) -> Helper:
    """Fork the helper; to be called before the network is left."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            namespace.end_with_parent(signal.SIGKILL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            ours.close()
            _help(theirs, file)
        finally:
            os._exit(0)
    theirs.close()
    ours.setblocking(False)
    return Helper(pid=pid, channel=ours, lock=asyncio.Lock())


def _help(channel: socket.socket, file: Path) -> None:
    while request := channel.recv(_PORT.size):
        (port,) = _PORT.unpack(request)
        try:
            if port not in read_ports(file):
                raise PermissionError(port)
            with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
                connection.setblocking(False)
                channel.sendmsg([wire.encode({})], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [connection.fileno()]))])
        except OSError:
            channel.send(wire.encode({}))


async def serve(helper: Helper, file: Path, look: asyncio.Event) -> None:
    """Listen inside on each of the ports, until cancelled; whenever `look` is set, on those that have come since."""
    loop = asyncio.get_running_loop()
    relays: set[asyncio.Task[None]] = set()

    def accept(port: int) -> Pipe:
        inside = Pipe()
        relay = loop.create_task(_relay(helper, port, inside))
        relays.add(relay)
        relay.add_done_callback(relays.discard)
        return inside

    async with contextlib.AsyncExitStack() as stack:
        listening: set[int] = set()
        while True:
            look.clear()
            for port in read_ports(file) - listening:
                with contextlib.suppress(OSError):  # a job has the port inside: the next look may find it free
                    await stack.enter_async_context(await loop.create_server(functools.partial(accept, port), LOOPBACK, port))
                    listening.add(port)
            await look.wait()


async def _relay(helper: Helper, port: int, inside: Pipe) -> None:
    try:
        connection = await _connected(helper, port)
        _, outside = await asyncio.get_running_loop().create_connection(Pipe, sock=connection)
    except OSError:
        inside.close()
        return
    inside.join(outside)


async def _connected(helper: Helper, port: int) -> socket.socket:
    """A socket of the host's network, connected to that port; ConnectionRefusedError where nobody listens."""
    async with helper.lock:
        await asyncio.get_running_loop().sock_sendall(helper.channel, _PORT.pack(port))
        _answer, connection = await wire.receive_with_socket(helper.channel)
    if connection is None:
        raise ConnectionRefusedError(port)
    return connection
