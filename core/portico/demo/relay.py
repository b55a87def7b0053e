"""Carry bytes between two connections, both ways, with the slower side's pace and with half-closes passed on.

`Pipe` is one end: an asyncio protocol, which asyncssh accepts as a channel's session too (its callbacks have the same names).
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol


class Channel(Protocol):
    """What asyncio's transports and asyncssh's channels have in common."""

    def write(self, data: bytes, /) -> None:
        """Send."""

    def write_eof(self) -> None:
        """Send no more."""

    def pause_reading(self) -> None:
        """Let the other side wait."""

    def resume_reading(self) -> None:
        """Go on."""

    def close(self) -> None:
        """Close when all is sent."""


class Pipe(asyncio.Protocol):
    """One end; `join` ties two of them. What arrives before that is kept."""

    def __init__(self) -> None:
        self._channel: Channel | None = None
        self._peer: Pipe | None = None
        self._early: list[bytes] = []
        self._ended = False  # we heard all
        self._finished = False  # we said all
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def join(self, peer: Pipe) -> None:
        """Tie this end and `peer`."""
        self._peer, peer._peer = peer, self
        for one in (self, peer):
            one._pass_on()

    def _pass_on(self) -> None:
        """Give the peer what came before it was there."""
        if self._peer is None or self._peer._channel is None:
            return
        for data in self._early:
            self._peer._channel.write(data)
        self._early.clear()
        if self._ended:
            self._peer._end()
        if self.closed.done():
            self._peer._channel.close()

    def _end(self) -> None:
        self._finished = True
        if self._channel is None or self.closed.done():
            return
        if self._ended:
            self._channel.close()
            return
        try:
            self._channel.write_eof()
        except (OSError, RuntimeError, NotImplementedError):
            self._channel.close()

    def close(self) -> None:
        """Close this end, and with it the other."""
        if self._channel is not None and not self.closed.done():
            self._channel.close()

    def session_started(self) -> None:
        """Do nothing: asyncssh says this where asyncio says nothing."""

    def connection_made(self, transport: Any) -> None:
        """Our connection stands."""
        self._channel = transport
        if self._peer is not None:
            self._peer._pass_on()

    def data_received(self, data: bytes, _kind: object = None) -> None:
        """Pass on."""
        if self._peer is None or self._peer._channel is None:
            self._early.append(data)
        elif not self._peer.closed.done():
            self._peer._channel.write(data)

    def eof_received(self) -> bool:
        """Pass the half-close on; our writing side stays open."""
        self._ended = True
        if self._peer is not None and not self._early:
            self._peer._end()
        return not self._finished

    def pause_writing(self) -> None:
        """We are slow: the peer reads no more."""
        if self._peer is not None and self._peer._channel is not None and not self._peer.closed.done():
            self._peer._channel.pause_reading()

    def resume_writing(self) -> None:
        """We have caught up."""
        if self._peer is not None and self._peer._channel is not None and not self._peer.closed.done():
            self._peer._channel.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        """Close the peer when it has sent what it has."""
        if not self.closed.done():
            self.closed.set_result(None)
        if self._peer is not None and self._peer._channel is not None and not self._peer.closed.done():
            self._peer._channel.close()
