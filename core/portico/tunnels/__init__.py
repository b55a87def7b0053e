"""Tunnels: the labs' ports, brought to this machine through the systems' login nodes, by drivers behind one contract."""

from portico.tunnels.errors import LoginNodeError, TargetError, Trouble, TunnelError
from portico.tunnels.forwards import Forward, Published, check_target
from portico.tunnels.link import SystemState
from portico.tunnels.manager import TunnelManager, end_tunnels

__all__ = [
    "Forward",
    "LoginNodeError",
    "Published",
    "SystemState",
    "TargetError",
    "Trouble",
    "TunnelError",
    "TunnelManager",
    "check_target",
    "end_tunnels",
]
