"""The SSH login node: the only way from outside to the nodes' ports.

One user, public keys only, no shell, no command, no reverse forwards. It forwards to the node names that it was given, which exist here and
nowhere else; anything else is refused.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable
from pathlib import Path

import asyncssh

from portico import logs
from portico.demo.configuration import LoginNodeConfig
from portico.demo.nodes.client import Directory, Node
from portico.demo.relay import Pipe

log = logging.getLogger(__name__)
_KEEPALIVE = 15
"""Seconds between our own probes of a silent client."""


class LoginNode(asyncssh.SSHServer):  # type: ignore[misc]  # asyncssh is not checked here
    """What one connection may do."""

    def __init__(self, *, user: str, keys: asyncssh.SSHAuthorizedKeys, nodes: Directory) -> None:
        self._user = user
        self._keys = keys
        self._nodes = nodes
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A client is there; it is nobody yet."""
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        """Everybody must show a key; only one user has any."""
        if username == self._user and self._connection is not None:
            self._connection.set_authorized_keys(self._keys)
        return True

    def password_auth_supported(self) -> bool:
        """No passwords."""
        return False

    def kbdint_auth_supported(self) -> bool:
        """Nor what asks for them."""
        return False

    def session_requested(self) -> bool:
        """No shell, no command, no subsystem."""
        return False

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        """No reverse forwards."""
        return False

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Awaitable[Pipe]:
        """A forward to a node's port."""
        try:
            node = self._nodes[dest_host]
        except KeyError:
            log.warning("refused to forward to %r: no such node", dest_host)
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "no such node") from None
        return _forward(node, dest_port)


async def _forward(node: Node, port: int) -> Pipe:
    try:
        connection = await node.dial(port)
    except OSError as error:
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, str(error)) from error
    _, inside = await asyncio.get_running_loop().create_connection(Pipe, sock=connection)
    outside = Pipe()
    outside.join(inside)
    return outside


async def serve(config: LoginNodeConfig) -> None:
    """Until SIGTERM or SIGINT."""
    nodes = Directory(config.node_directory, frozenset(config.nodes))
    keys = asyncssh.read_authorized_keys(str(config.authorized_keys_file))
    server = await asyncssh.listen(
        config.address,
        config.port,
        server_factory=lambda: LoginNode(user=config.user, keys=keys, nodes=nodes),
        server_host_keys=[str(config.host_key_file)],
        keepalive_interval=_KEEPALIVE,
        reuse_address=True,
        agent_forwarding=False,
        gss_host=None,
        server_version="PorticoDemo",
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log.info("login node listens on %s:%d", config.address, config.port)
    await stop.wait()
    server.close()


def main(path: Path) -> None:
    """Run with the configuration in `path`."""
    config = LoginNodeConfig.read(path)
    logs.configure("demo-login-node", file=config.log_file)
    asyncio.run(serve(config))
