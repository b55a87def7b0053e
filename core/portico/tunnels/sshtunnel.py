"""The driver `sshtunnel`: the package of that name on paramiko, one connection a login node, within this process.

For machines without an ssh client. Its forwards end with the process; the next one connects anew and listens on the same ports. The
host key is checked, and a silent hang is noticed, since the package does neither (`portico.tunnels.login`, `_watch`).
"""

from __future__ import annotations

import asyncio
import logging

import paramiko

from portico.settings.models import LoginNode
from portico.tunnels.driver import CONNECT_MARGIN, MISSED_PROBES, Listener
from portico.tunnels.errors import ConnectionLostError, LoginNodeError, Trouble, sentence
from portico.tunnels.forwarder import Forwarder
from portico.tunnels.login import log_in, read_key
from portico.tunnels.threads import in_thread

_log = logging.getLogger(__name__)


class SshTunnelConnection:
    """A transport, its listeners, and the watch over it."""

    found: frozenset[Listener] = frozenset()

    def __init__(self, login_node: LoginNode, transport: paramiko.Transport, forwarder: Forwarder) -> None:
        self._login_node = login_node
        self._transport = transport
        self._forwarder = forwarder
        self._watching = asyncio.create_task(self._watch(), name=f"watch {login_node.host}")

    async def listen(self, listener: Listener) -> None:
        """Listen; the answer is immediate."""
        self._check()
        self._forwarder.add(listener)

    async def unlisten(self, listener: Listener) -> None:
        """Close the listener; connections that it has accepted go on until an end closes them."""
        self._check()
        self._forwarder.remove(listener)

    async def lost(self) -> str:
        """Wait for the transport's end."""
        await asyncio.wait([self._watching])
        trouble = Trouble.LOST if self._watching.cancelled() else self._watching.result()
        return sentence(trouble, self._login_node)

    async def close(self, *, keep: bool) -> None:
        """End the connection; this driver's can't outlive the process."""
        del keep
        self._watching.cancel()
        await self._end()

    def _check(self) -> None:
        if not self._transport.is_active():
            raise ConnectionLostError(sentence(Trouble.LOST, self._login_node))

    async def _end(self) -> None:
        """Stop listening at once; the transport's own thread may need a moment."""
        self._forwarder.remove_all()
        await in_thread(self._transport.close, name=f"close {self._login_node.host}")

    async def _watch(self) -> Trouble:
        """Wait for the transport to end, by itself or because nobody at the other side answers any more."""
        ended = asyncio.create_task(in_thread(self._transport.join, name=f"end of {self._login_node.host}"))
        hung = asyncio.create_task(self._hang())
        try:
            await asyncio.wait([ended, hung], return_when=asyncio.FIRST_COMPLETED)
            trouble = Trouble.TIMED_OUT if hung.done() else Trouble.LOST
            await self._end()
            return trouble
        finally:
            ended.cancel()
            hung.cancel()

    async def _hang(self) -> None:
        """Ask the server for a sign of life at each interval; return when one has been missing for too long.

        A server that doesn't know the request says so, which is a sign of life as well.
        """
        interval = self._login_node.alive_interval
        while True:
            await asyncio.sleep(interval)
            probe = in_thread(self._probe, name=f"probe {self._login_node.host}")
            try:
                async with asyncio.timeout(interval * MISSED_PROBES):
                    await probe
            except TimeoutError:
                return
            except (paramiko.SSHException, EOFError, OSError) as error:
                _log.info("no probe of %s: %s", self._login_node.host, error)

    def _probe(self) -> None:
        self._transport.global_request("keepalive@openssh.com", wait=True)


class SshTunnelDriver:
    """Connects to one login node with paramiko."""

    def __init__(self, *, login_node: LoginNode) -> None:
        self._login_node = login_node

    async def connect(self) -> SshTunnelConnection:
        """Log in, in a thread."""
        login_node = self._login_node
        key = read_key(login_node)
        login = in_thread(lambda: log_in(login_node, key), name=f"login {login_node.host}", unwanted=paramiko.Transport.close)
        try:
            async with asyncio.timeout(login_node.connect_timeout + CONNECT_MARGIN):
                transport = await login
        except TimeoutError as error:
            raise LoginNodeError(Trouble.TIMED_OUT, login_node) from error
        return SshTunnelConnection(login_node, transport, Forwarder(login_node, key, transport))

    async def adopt(self) -> None:
        """Nothing outlives the process."""

    async def clean(self) -> None:
        """Nothing is left over."""
