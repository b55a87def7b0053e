"""Servers that repositories are fetched from: git over HTTP with and without a password, an sshd, and servers that mean harm."""

from __future__ import annotations

import base64
import contextlib
import os
import pwd
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.sshd import Sshd


class Quiet(BaseHTTPRequestHandler):
    """A handler that doesn't write into the test's output."""

    def log_message(self, *_: object) -> None:
        """The test's output is for the test."""


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer HTTP at a port of the loopback; gives the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def git_over_http(
    root: Path, *, password: Callable[[], str | None] = lambda: None, user: str = "git", before: Callable[[str], None] = lambda _: None
) -> type[BaseHTTPRequestHandler]:
    """Git's own HTTP backend for the repositories below `root`, open to all where the password is None.

    `before` is called with the path of each request that is let in.
    """

    class Backend(Quiet):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            wanted = password()
            if wanted is not None and self.headers.get("Authorization") != basic(user, wanted):
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            before(path)
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "uploadpack.allowFilter",
                "GIT_CONFIG_VALUE_0": "true",
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            answer = subprocess.run(["git", "http-backend"], env=environment, input=body, stdout=subprocess.PIPE, check=True).stdout
            head, _, content = answer.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 -- the base class's naming

    return Backend


def basic(user: str, password: str) -> str:
    """What HTTP's basic authentication sends."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@contextlib.contextmanager
def listening(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that treats each connection as it likes; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    threading.Thread(target=_suppressed, args=(behave, connection), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in held:
                connection.close()


def _suppressed(behave: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        behave(connection)


class GitHost(Sshd):
    """OpenSSH's server, where this account may log in with a key and run git, once the file `go` is there."""

    def __init__(self, directory: Path) -> None:
        super().__init__("openssh", directory)
        self._account = pwd.getpwuid(os.getuid())
        self.user = self._account.pw_name
        self.go = directory / "go"
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as the system's own start script does

    def address(self, repository: Path) -> str:
        """The repository's address there."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}{repository}"

    def _configure(self) -> None:
        super()._configure()
        wait = self.directory / "wait"
        wait.write_text(f'#!/bin/sh\nwhile [ ! -e {self.go} ]; do sleep 0.05; done\nexec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')
        wait.chmod(0o755)
        with (self.directory / "sshd_config").open("a") as config:
            config.write(f"PermitRootLogin prohibit-password\nForceCommand {wait}\n")


@contextlib.contextmanager
def git_host() -> Iterator[GitHost]:
    """Such a server, running."""
    with tempfile.TemporaryDirectory(prefix="portico-git-host-") as directory:
        host = GitHost(Path(directory))
        host.start()
        try:
            yield host
        finally:
            host.kill()
