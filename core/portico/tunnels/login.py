"""A login with paramiko that is as strict as ssh's: host key first, one key, no questions, bounded in time. It blocks."""

from __future__ import annotations

import logging
import os
import socket
import stat
import time
from pathlib import Path

import paramiko

from portico.settings.models import LoginNode
from portico.tunnels.errors import LoginNodeError, Trouble
from portico.tunnels.known_hosts import KnownKeys, read_known_keys

_LOG = "portico.tunnels.paramiko"
logging.getLogger(_LOG).setLevel(logging.CRITICAL)  # what goes wrong is raised here and told once, without tracebacks
_NETWORK_TROUBLES = (
    (socket.gaierror, Trouble.UNRESOLVED),
    (ConnectionRefusedError, Trouble.REFUSED),
    (TimeoutError, Trouble.TIMED_OUT),
)
_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")


def read_key(login_node: LoginNode) -> paramiko.PKey:
    """The private key; LoginNodeError where it can't be used, or where others may read it, as ssh has it."""
    try:
        found = Path(login_node.key_file).stat()
        if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077:
            raise LoginNodeError(Trouble.KEY_UNUSABLE, login_node)
        return paramiko.PKey.from_path(login_node.key_file)
    except (OSError, ValueError, TypeError, paramiko.SSHException, paramiko.UnknownKeyType) as error:
        raise LoginNodeError(Trouble.KEY_UNUSABLE, login_node) from error


def log_in(login_node: LoginNode, key: paramiko.PKey) -> paramiko.Transport:
    """An authenticated connection to a host whose key is on record. Raises LoginNodeError, within about `connect_timeout`."""
    known = read_known_keys(login_node.known_hosts_file, host=login_node.host, port=login_node.port)
    deadline = time.monotonic() + login_node.connect_timeout
    transport = paramiko.Transport(_connect(login_node))
    try:
        _authenticate(transport, login_node, known, key, deadline)
    except BaseException as error:
        transport.close()
        if isinstance(error, (paramiko.SSHException, EOFError, OSError)):
            trouble = Trouble.TIMED_OUT if time.monotonic() >= deadline else Trouble.CLOSED
            raise LoginNodeError(trouble, login_node) from error
        raise
    return transport


def _connect(login_node: LoginNode) -> socket.socket:
    try:
        return socket.create_connection((login_node.host, login_node.port), timeout=login_node.connect_timeout)
    except OSError as error:
        trouble = next((trouble for kind, trouble in _NETWORK_TROUBLES if isinstance(error, kind)), Trouble.UNREACHABLE)
        raise LoginNodeError(trouble, login_node) from error


def _authenticate(transport: paramiko.Transport, login_node: LoginNode, known: KnownKeys, key: paramiko.PKey, deadline: float) -> None:
    """Negotiate, check the host's key, and only then log in."""
    transport.set_log_channel(_LOG)
    options = transport.get_security_options()
    wanted = {name for kind in known.kinds() for name in (_RSA_SIGNATURES if kind == "ssh-rsa" else (kind,))}
    # Kinds on record come first. The others stay: a host that shows another kind has changed, which must be told from an outage.
    options.key_types = sorted(options.key_types, key=lambda name: name not in wanted)
    transport.banner_timeout = transport.handshake_timeout = _left(deadline)
    transport.start_client(timeout=_left(deadline))
    if (trouble := known.verdict(transport.get_remote_server_key().asbytes())) is not None:
        raise LoginNodeError(trouble, login_node)
    transport.auth_timeout = _left(deadline)
    try:
        transport.auth_publickey(login_node.user, key)
    except paramiko.AuthenticationException as error:
        if time.monotonic() >= deadline or not transport.is_active():
            raise
        raise LoginNodeError(Trouble.DENIED, login_node) from error
    if not transport.is_authenticated():
        raise LoginNodeError(Trouble.DENIED, login_node)  # the site asks for a second factor


def _left(deadline: float) -> float:
    return max(0.1, deadline - time.monotonic())
