"""What a driver of tunnels must do: connect to a login node, listen on this machine's loopback, and say when the connection ends.

A driver makes no decision: which port, when to try again and whom to tell are the link's (`portico.tunnels.link`). It guarantees
that it listens on 127.0.0.1 only, that `listen` returns when and only when the listener is its own, and that the host key was
verified before anything else was sent. The contract suite `tests/contract/test_tunnels.py` is the definition in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

CONNECT_MARGIN = 2.0
"""Seconds that a driver gives its client on top of `connect_timeout`, so that the client can still say what it waited for."""
MISSED_PROBES = 3
"""Liveness probes without an answer that end a connection."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """A local port that leads to a port of a node."""

    local_port: int
    node: str
    port: int


class Connection(Protocol):
    """One authenticated connection to a login node, over which any number of listeners forward."""

    @property
    def found(self) -> frozenset[Listener]:
        """The listeners that an adopted connection came with; empty for a new one."""
        ...

    async def listen(self, listener: Listener) -> None:
        """Forward, or find that it is forwarded already. Raises PortTakenError or ConnectionLostError."""
        ...

    async def unlisten(self, listener: Listener) -> None:
        """Close the listener; nothing happens where there is none. Raises ConnectionLostError."""
        ...

    async def lost(self) -> str:
        """Wait until the connection has ended; return why, in a sentence."""
        ...

    async def close(self, *, keep: bool) -> None:
        """Let go of the connection. With `keep` a driver that can leaves it and its listeners at work for the next process."""
        ...


class Driver(Protocol):
    """A way to connect to one login node."""

    async def connect(self) -> Connection:
        """Connect and authenticate. Raises LoginNodeError within `connect_timeout` and `CONNECT_MARGIN`."""
        ...

    async def adopt(self) -> Connection | None:
        """Take over what an earlier process left at work, where there is something and this driver can."""
        ...

    async def clean(self) -> None:
        """End whatever is left over of this login node's connections, adopted or not."""
        ...
