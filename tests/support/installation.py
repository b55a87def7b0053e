"""A whole installation as `portico up` brings it up, for tests that look at it from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portico.supervisor.client import ask_status
from portico.supervisor.ports import is_free

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0


def free_port() -> int:
    """A port that nobody listens at now, out of a range that the kernel doesn't hand out by itself."""
    start = 20000 + os.getpid() % 5000
    return next(port for port in range(start, start + 5000) if is_free(port))


def environment() -> dict[str, str]:
    """The environment in which the command line runs as the checkout's script would run it."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONDONTWRITEBYTECODE", "PORTICO_STATE")}
    return {**kept, "PORTICO_CHECKOUT": str(ROOT), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def portico(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end."""
    command = [sys.executable, "-m", "portico.cli", *arguments]
    return subprocess.run(command, env=environment(), text=True, capture_output=True, check=check, timeout=60)


@dataclass
class Up:
    """A running installation."""

    state: Path
    port: int
    process: subprocess.Popen[str]
    seconds: float
    """From the command to ready."""

    def status(self) -> dict[str, Any]:
        """What `portico status --json` answers now, asked without a process of its own each time."""
        return ask_status(self.state).model_dump(mode="json")

    def tenant(self, name: str) -> dict[str, Any]:
        """One tenant of the status."""
        return next(tenant for tenant in self.status()["tenants"] if tenant["name"] == name)

    def address(self, tenant: str) -> str:
        """The portal's address."""
        return f"http://{tenant}.localhost:{self.port}"

    def password(self, user: str) -> str:
        """A demo user's password."""
        return next(item["password"] for item in self.status()["users"] if item["name"] == user)

    def pid(self, command_part: str) -> int:
        """The process of this installation whose command line holds this text."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    mark = f"PORTICO_STATE={self.state}".encode()
                    if command_part in command and mark in (entry / "environ").read_bytes().split(b"\0"):
                        return int(entry.name)
        raise LookupError(command_part)


@contextlib.contextmanager
def up(state: Path, *, port: int | None = None, module: str = "portico.cli") -> Iterator[Up]:
    """Bring the demo up, and take it down at the end. `module` is run in place of the command line, with its arguments."""
    port = port or free_port()
    command = ["-m", module, "up", "--port", str(port), "--state", str(state)]
    with _running(command, state, port, "http://juniq.localhost") as running:
        yield running


@contextlib.contextmanager
def serve(config: Path, state: Path, port: int) -> Iterator[Up]:
    """Run the installation of an operator's configuration, and take it down at the end."""
    with _running(["-m", "portico.cli", "serve", "--config", str(config)], state, port, "Portico is ready.") as running:
        yield running


@contextlib.contextmanager
def _running(command: list[str], state: Path, port: int, ready: str) -> Iterator[Up]:
    began = time.monotonic()
    output = state.parent / f"{state.name}.stdout"
    errors = state.parent / f"{state.name}.stderr"
    with output.open("w") as out, errors.open("w") as err:
        process = subprocess.Popen(
            [sys.executable, *command], env=environment(), cwd=ROOT, stdout=out, stderr=err, text=True, start_new_session=True
        )
    try:
        while ready not in output.read_text():
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{errors.read_text()}")
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"{' '.join(command)} is not ready after {PATIENCE} s:\n{errors.read_text()}")
            time.sleep(0.05)
        yield Up(state=state, port=port, process=process, seconds=time.monotonic() - began)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
