"""The command line of an ssh master, and what its complaints mean. Pure.

Every option that matters is fixed here and no configuration file is read, so that neither a user's `~/.ssh/config` nor the machine's
`/etc/ssh/ssh_config` can loosen the host key check, add a proxy command or bind a listener elsewhere.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from portico.settings.models import LoginNode
from portico.tunnels.driver import MISSED_PROBES
from portico.tunnels.errors import Trouble

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
"""All that a master gets: it outlives this process, whose environment may hold secrets, and its complaints must be in English."""


def master_command(login_node: LoginNode, *, control_path: Path, log: Path) -> list[str]:
    """The argument list that starts a master: it exits with 0 once the login is done, leaving the master in a session of its own.

    ValueError where a path holds what ssh would expand.
    """
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _quoted(login_node.known_hosts_file),
        "GlobalKnownHostsFile": "none",
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PreferredAuthentications": "publickey",
        "ControlMaster": "yes",
        "ControlPersist": "no",
        "ExitOnForwardFailure": "yes",
        "GatewayPorts": "no",
        "PermitLocalCommand": "no",
        "ProxyCommand": "none",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ServerAliveInterval": str(login_node.alive_interval),
        "ServerAliveCountMax": str(MISSED_PROBES),
        "ConnectTimeout": str(math.ceil(login_node.connect_timeout)),
        "ConnectionAttempts": "1",
        # Errors, and the one notice of interest: at a lower level each connection to a lab that is gone would fill the log.
        "LogLevel": "ERROR",
        "IgnoreUnknown": "LogVerbose",
        "LogVerbose": "clientloop.c:server_alive_check():*",
    }
    command = ["ssh", "-F", "none", "-E", str(log), "-f", "-N", "-T", "-S", _escaped(control_path), "-i", _escaped(login_node.key_file)]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    return [*command, "-p", str(login_node.port), "-l", login_node.user, "--", login_node.host]


def _escaped(path: Path) -> str:
    """An absolute path in which ssh finds nothing to expand."""
    text = str(path.absolute())
    if re.search(r'["\\\n\r\0]|\$\{', text):
        raise ValueError(f"{text!r} can't be given to ssh; a path must hold no quote, backslash, line break or '${{'.")
    return text.replace("%", "%%")


def _quoted(path: Path) -> str:
    """The same for an option that takes a list of paths."""
    return f'"{_escaped(path)}"'


_COMPLAINTS = [
    (Trouble.KEY_CHANGED, r"REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|host key .* was revoked"),
    (Trouble.KEY_UNKNOWN, r"host key is known for|Host key verification failed|no matching host key type"),
    (Trouble.KEY_UNUSABLE, r"UNPROTECTED PRIVATE KEY|bad permissions|Load key |no such identity|Identity file .* not accessible"),
    (Trouble.DENIED, r"Permission denied|Too many authentication failures"),
    (Trouble.UNRESOLVED, r"Could not resolve hostname"),
    (Trouble.REFUSED, r"Connection refused"),
    (Trouble.TIMED_OUT, r"timed out|not responding"),
    (Trouble.UNREACHABLE, r"No route to host|Network is unreachable"),
    (Trouble.CLOSED, r"Connection (?:closed|reset)|closed by remote host|kex_exchange_identification|Broken pipe"),
]


def trouble(complaints: str) -> Trouble:
    """What ssh complains about, from its error output."""
    return next((kind for kind, pattern in _COMPLAINTS if re.search(pattern, complaints)), Trouble.OTHER)
