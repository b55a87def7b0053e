"""UNICORE's port forwarding: an HTTP upgrade on a job's resource, then the raw bytes of a connection to a port of its node."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web

from portico.demo.nodes.client import Node
from portico.demo.relay import Pipe

PROTOCOL = "UNICORE-Socket-Forwarding"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1"})


class ForwardError(Exception):
    """The target can't be reached: 500 with this message."""


def wants_upgrade(request: web.Request) -> bool:
    """Whether the client asks to switch protocols."""
    return request.headers.get("Upgrade", "").lower() == PROTOCOL.lower()


async def connect(node: Node, *, host: str | None, port: str | None) -> socket.socket:
    """A connection to that port of the job's node; ForwardError for any other host, and where nobody listens."""
    if host is not None and host not in LOCAL_NAMES | {node.name}:
        raise ForwardError(f"Could not connect to backend service: unknown host {host}")
    try:
        return await node.dial(int(port or ""))
    except (ValueError, OverflowError) as error:
        raise ForwardError("Could not connect to backend service: no port is given") from error
    except OSError as error:
        raise ForwardError(f"Could not connect to backend service: {error}") from error


async def switch(request: web.Request, connection: socket.socket) -> web.StreamResponse:
    """Answer 101 and carry the bytes until both sides have closed."""
    loop = asyncio.get_running_loop()
    _, inside = await loop.create_connection(Pipe, sock=connection)
    transport = request.transport
    if not isinstance(transport, asyncio.Transport):
        inside.close()
        raise ForwardError("the client is gone")
    answer = web.StreamResponse(status=101, headers={"Connection": "Upgrade", "Upgrade": PROTOCOL})
    await answer.prepare(request)
    # From here on the bytes are the tunnel's: the client sends none before it has read the 101.
    http = transport.get_protocol()
    outside = Pipe()
    transport.set_protocol(outside)
    outside.connection_made(transport)
    outside.join(inside)
    try:
        await asyncio.wait([outside.closed, inside.closed], return_when=asyncio.ALL_COMPLETED)
    finally:
        inside.close()
        outside.close()
        http.connection_lost(None)
    return answer
