"""Reach a port of a node: what the site and its login node can do and nobody else."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path

from portico.demo.nodes import wire

DIAL_TIMEOUT = 10.0
"""Seconds."""


class NodeDownError(OSError):
    """The node does not answer."""


@dataclass(frozen=True)
class Node:
    """A node by its name and its daemon's Unix socket."""

    name: str
    path: Path

    async def dial(self, port: int) -> socket.socket:
        """A non-blocking socket connected to that port of the node.

        ConnectionRefusedError: nobody listens there. NodeDownError: the node itself does not answer.
        """
        try:
            async with asyncio.timeout(DIAL_TIMEOUT):
                return await self._dial(port)
        except TimeoutError as error:
            raise NodeDownError(f"{self.name} does not answer") from error

    async def _dial(self, port: int) -> socket.socket:
        try:
            connection = await wire.connect(self.path)
        except OSError as error:
            raise NodeDownError(f"{self.name} is down") from error
        with connection:
            await asyncio.get_running_loop().sock_sendall(connection, wire.encode({"op": "dial", "port": port}))
            answer, target = await wire.receive_with_socket(connection)
        if target is None:
            raise ConnectionRefusedError(str(answer.get("error", "refused")))
        target.setblocking(False)
        return target


class Directory:
    """The names that exist here: every node's socket lies in one directory under its name."""

    def __init__(self, directory: Path, names: frozenset[str]) -> None:
        self._directory = directory
        self._names = names

    def __getitem__(self, name: str) -> Node:
        """The node of that name; KeyError for any other name."""
        if name not in self._names:
            raise KeyError(name)
        return Node(name=name, path=self._directory / f"{name}.sock")
