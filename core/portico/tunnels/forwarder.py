"""The package sshtunnel, made fit for many forwards over one verified connection.

Used as it comes, sshtunnel 0.5.1 reads `~/.ssh/config`, tries every key of `~/.ssh` and of an agent, checks no host key, listens on all
interfaces, connects without a timeout, hides why it failed, knows its forwards only before it starts, keeps a polling thread for each,
starts a thread for each connection without any bound, and waits with `select`, which fails in a process with more than 1,024 open
files. `Forwarder` gives it fixed arguments and a transport that is connected and verified already, lets listeners come and go,
accepts on the event loop, bounds the threads and replaces the wait. What remains is sshtunnel's: servers, handlers and channels.

Calls belong to the event loop's thread; connections that were accepted are carried by threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import threading
from typing import Any

import paramiko
import sshtunnel

from portico.settings.models import LoginNode
from portico.tunnels.driver import Listener
from portico.tunnels.errors import PortTakenError

_log = logging.getLogger(__name__)
_MOST_CONNECTIONS = 512
"""Connections that one login node's forwards carry at the same time; one more is closed at once. Each has two threads."""
_CHUNK = 32_768


class Forwarder(sshtunnel.SSHTunnelForwarder):  # type: ignore[misc]  # the package has no types
    """The listeners over one transport."""

    def __init__(self, login_node: LoginNode, key: paramiko.PKey, transport: paramiko.Transport) -> None:
        super().__init__(
            (login_node.host, login_node.port),
            ssh_config_file=None,
            ssh_username=login_node.user,
            ssh_pkey=key,
            allow_agent=False,
            host_pkey_directories=[],
            compression=False,
            set_keepalive=0.0,
            local_bind_address=("127.0.0.1", 0),
            remote_bind_address=("unused.invalid", 1024),  # the constructor wants one; it is never bound, since `start` is not called
            logger=logging.getLogger("portico.tunnels.sshtunnel.package"),
        )
        self._transport = transport
        self._servers: dict[Listener, Any] = {}
        self._slots = threading.BoundedSemaphore(_MOST_CONNECTIONS)

    def add(self, listener: Listener) -> None:
        """Listen on 127.0.0.1. Raises PortTakenError."""
        if listener in self._servers:
            return
        try:
            self._make_ssh_forward_server((listener.node, listener.port), ("127.0.0.1", listener.local_port))
        except sshtunnel.BaseSSHTunnelForwarderError as error:
            raise PortTakenError(f"Port {listener.local_port} of this machine is taken.") from error
        server = self._server_list.pop()
        server.timeout = 0
        server.socket.setblocking(False)
        self._servers[listener] = server
        asyncio.get_running_loop().add_reader(server.fileno(), server.handle_request)

    def remove(self, listener: Listener) -> None:
        """Stop listening; connections that were accepted go on."""
        server = self._servers.pop(listener, None)
        if server is not None:
            asyncio.get_running_loop().remove_reader(server.fileno())
            server.server_close()
            self.tunnel_is_up.pop(server.server_address, None)

    def remove_all(self) -> None:
        """Stop listening altogether."""
        for listener in list(self._servers):
            self.remove(listener)

    def _make_ssh_forward_server_class(self, remote_address_: object) -> object:
        return functools.partial(_BoundedServer, slots=self._slots)

    def _make_ssh_forward_handler_class(self, remote_address_: object) -> type[Any]:
        handler: type[Any] = super()._make_ssh_forward_handler_class(remote_address_)
        return type("Handler", (_FullDuplex, handler), {})


class _BoundedServer(sshtunnel._ThreadingForwardServer):  # type: ignore[misc]
    request_queue_size = 128

    def __init__(self, *args: Any, slots: threading.BoundedSemaphore, **kwargs: Any) -> None:
        self._slots = slots
        super().__init__(*args, **kwargs)

    def process_request(self, request: socket.socket, client_address: object) -> None:
        if not self._slots.acquire(blocking=False):
            _log.warning("too many connections through one login node; one more to %s was closed", self.remote_address)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: socket.socket, client_address: object) -> None:
        """A far end that refuses is an everyday event, whose connection is closed by the caller."""
        _log.info("no connection to %s", self.remote_address)


class _FullDuplex:
    """Carries a connection with a thread for each direction, so that neither waits for the other."""

    request: socket.socket

    def _redirect(self, channel: paramiko.Channel) -> None:
        incoming = threading.Thread(target=self._carry_back, args=(channel,), name="tunnel, back", daemon=True)
        incoming.start()
        with contextlib.suppress(OSError):
            while data := self.request.recv(_CHUNK):
                channel.sendall(data)
            channel.shutdown_write()
        incoming.join()

    def _carry_back(self, channel: paramiko.Channel) -> None:
        with contextlib.suppress(OSError):
            while data := channel.recv(_CHUNK):
                self.request.sendall(data)
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)  # wakes the other direction
