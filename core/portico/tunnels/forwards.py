"""What may be forwarded: a lab's own port on a compute node of its system, and nothing else.

Pure. The targets come from the managers' own records, but what is recorded there was reported by a lab, so that every target is
checked here once more before a driver sees it (hostile inputs 53 to 58). Whether a node belongs to the lab that names it is for
the manager, which knows the other labs; whether a name can be resolved at all is for the login node.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from portico.api import LabId
from portico.settings.models import Host, LoginNode
from portico.tunnels.errors import TargetError

_LAB_ID: TypeAdapter[str] = TypeAdapter(LabId)
_HOST: TypeAdapter[str] = TypeAdapter(Host)
_LOOPBACK_NAMES = re.compile(r"(?:.*\.)?localhost(?:\.localdomain|[46])?|localhost\..*|ip6-(?:localhost|loopback)|loopback")
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Forward:
    """One lab's way in: `port` of `node`, as the login node of `system` resolves it."""

    id: str
    """The lab's id, 32 hexadecimal digits."""
    system: str
    node: str
    port: int


@dataclass(frozen=True, slots=True)
class Published:
    """Where a forward is reached: an address of this machine's loopback."""

    address: str
    """`127.0.0.1:PORT`."""

    @classmethod
    def at(cls, local_port: int) -> Published:
        """The loopback address of a local port."""
        return cls(f"127.0.0.1:{local_port}")

    @property
    def port(self) -> int:
        """The local port."""
        return int(self.address.rpartition(":")[2])


def check_target(forward: Forward, login_node: LoginNode) -> None:
    """Refuse whatever isn't a port of a compute node; TargetError says why, in a sentence.

    A node's name must match the pattern of host names and, as a whole, the system's `node_pattern`, and must be no IP address in any
    of its spellings, no name of the loopback or of a cloud's metadata service, and not the login node. Ports run from 1024 to 65535.
    """
    if not _matches(_LAB_ID, forward.id):
        raise TargetError("A lab's id has 32 hexadecimal digits.")
    node: Any = forward.node
    if not _matches(_HOST, node):
        raise TargetError(f"{node!r:.80} is not a host name.")
    if _is_address(node):
        raise TargetError(f"{node!r} is an IP address; labs are reached by the names of their nodes.")
    if _LOOPBACK_NAMES.fullmatch(node) or node in _METADATA_NAMES:
        raise TargetError(f"{node!r} is not a compute node.")
    if _is_same_host(node, login_node.host):
        raise TargetError(f"{node!r} is the login node itself.")
    if not re.fullmatch(login_node.node_pattern, node):
        raise TargetError(f"{node!r} is not a node of {forward.system!r}.")
    port: Any = forward.port
    if type(port) is not int or not 1024 <= port <= 65535:
        raise TargetError(f"{port!r:.20} is not a port from 1024 to 65535.")


def _matches(pattern: TypeAdapter[str], value: object) -> bool:
    try:
        pattern.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _is_address(name: str) -> bool:
    """Whether a resolver takes the name for an IPv4 address: `10.1`, `0x7f000001` and `2130706433` are spellings too."""
    if _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
        return True
    try:
        socket.inet_aton(name)
    except OSError:
        return False
    return True


def _is_same_host(node: str, login_host: str) -> bool:
    """Whether the two name one host, one of them perhaps in short."""
    if _is_address(login_host):
        return node == login_host
    return node == login_host or login_host.startswith(f"{node}.") or node.startswith(f"{login_host}.")
