"""Login nodes for tests: real SSH servers in processes of their own, which can be killed, stopped and started again on the same port.

Two kinds: asyncssh's server, which resolves `node01` as a login node resolves its cluster's names, and OpenSSH's sshd, run by an
ordinary user, which resolves what this machine resolves, so that there the node is the machine itself by its own name.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import psutil
from portico.settings.models import LoginNode

Kind = Literal["asyncssh", "openssh"]
OPENSSH_SERVER = Path("/usr/sbin/sshd")
NO_SUCH_NODE = "node99"


def free_port() -> int:
    """A port of the loopback that nobody listens at, below the range from which outgoing connections are served."""
    while True:
        port = random.randint(10_000, 16_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def own_name() -> str | None:
    """This machine's name, where it resolves to an address that a test can listen at."""
    name = socket.gethostname().lower()
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.bind((socket.gethostbyname(name), 0))
        return name if re.fullmatch(r"[a-z]([a-z0-9.-]*[a-z0-9])?", name) and not name.startswith("localhost") else None
    return None


def why_not(kind: Kind) -> str | None:
    """Why this kind of server can't run here, or None."""
    if kind == "openssh" and not OPENSSH_SERVER.exists():
        return "OpenSSH's server is not installed"
    if kind == "openssh" and own_name() is None:
        return "this machine's own name doesn't resolve"
    return None


def make_key(path: Path) -> Path:
    """A new key pair without a passphrase."""
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


class Sshd:
    """A login node under a test's control."""

    def __init__(self, kind: Kind, directory: Path) -> None:
        self.kind = kind
        self.directory = directory
        self.port = free_port()
        self.node = "node01" if kind == "asyncssh" else str(own_name())
        self.node_address = "127.0.0.1" if kind == "asyncssh" else socket.gethostbyname(self.node)
        self._account = pwd.getpwnam("nobody") if os.getuid() == 0 and kind == "openssh" else pwd.getpwuid(os.getuid())
        self.user = self._account.pw_name
        self.user_key = make_key(directory / "user_key")
        self.host_key = make_key(directory / "host_key")
        self.known_hosts = directory / "known_hosts"
        self.trust()
        shutil.copyfile(directory / "user_key.pub", directory / "authorized_keys")
        self._process: subprocess.Popen[str] | None = None

    def trust(self) -> None:
        """Put the present host key on record."""
        kind, key, *_ = self.host_key.with_suffix(".pub").read_text().split()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def login_node(self, **changes: Any) -> LoginNode:
        """How the operator configures it; answers are awaited briefly."""
        values: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "key_file": self.user_key,
            "known_hosts_file": self.known_hosts,
            "node_pattern": rf"node[0-9]+|{re.escape(self.node)}",
            "connect_timeout": 5,
            "alive_interval": 1,
        }
        return LoginNode(**{**values, **changes})

    def start(self) -> None:
        """Listen; returns when it does."""
        asked = {"stdin": subprocess.DEVNULL, "text": True, "start_new_session": True}
        if self.kind == "asyncssh":
            config = {"port": self.port, "node": self.node, "directory": str(self.directory), "user": self.user}
            self._process = subprocess.Popen([sys.executable, __file__, json.dumps(config)], stdout=subprocess.PIPE, **asked)
            output, awaited = self._process.stdout, "listening"
        else:
            self._configure()
            if os.getuid() == 0:
                asked |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
            command = [str(OPENSSH_SERVER), "-D", "-e", "-f", str(self.directory / "sshd_config")]
            self._process = subprocess.Popen(command, stderr=subprocess.PIPE, **asked)
            output, awaited = self._process.stderr, "Server listening"
        assert output is not None
        said = []
        for line in output:
            said.append(line)
            if awaited in line:
                return
        raise RuntimeError("".join(said))

    def _configure(self) -> None:
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.directory / 'authorized_keys'}",
            "PidFile none",
            "StrictModes no",
            "UsePAM yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100",
        ]
        (self.directory / "sshd_config").write_text("\n".join(lines) + "\n")
        if os.getuid() == 0:
            for path in (self.directory, *self.directory.iterdir()):
                if path != self.user_key:
                    os.chown(path, self._account.pw_uid, self._account.pw_gid)
            self.directory.chmod(0o755)

    def _processes(self) -> list[psutil.Process]:
        if self._process is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def freeze(self) -> list[psutil.Process]:
        """Let it and its connections hang silently; return the processes."""
        frozen: dict[int, psutil.Process] = {}
        while fresh := [process for process in self._processes() if process.pid not in frozen]:
            for process in fresh:
                frozen[process.pid] = process
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
                    while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
                        time.sleep(0.001)  # until then it may fork a child that would be missed
        return list(frozen.values())

    def thaw(self) -> None:
        """Let them go on."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def kill(self) -> None:
        """End it and every connection to it, without a word."""
        for process in self.freeze():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait()
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
            self._process = None


@contextlib.contextmanager
def running_sshd(kind: Kind) -> Iterator[Sshd]:
    """A login node of this kind, in a directory that an ordinary user can reach."""
    directory = Path(tempfile.mkdtemp(prefix="portico-sshd-"))
    sshd = Sshd(kind, directory)
    sshd.start()
    try:
        yield sshd
    finally:
        sshd.kill()
        shutil.rmtree(directory)


async def _serve(config: dict[str, Any]) -> None:
    """asyncssh's server: one user, one node's name, forwards only."""
    import asyncssh

    class Server(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self._connection = conn

        def begin_auth(self, username: str) -> bool:
            return True

        def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
            if dest_host != config["node"]:
                raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, f"no such node: {dest_host}")
            return self._connection.forward_connection("127.0.0.1", dest_port)

    directory = Path(config["directory"])
    await asyncssh.listen(
        "127.0.0.1",
        config["port"],
        server_factory=Server,
        server_host_keys=[str(directory / "host_key")],
        authorized_client_keys=str(directory / "authorized_keys"),
    )
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
