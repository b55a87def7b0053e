"""The driver `openssh`: one multiplexed ssh master a login node, which carries every forward and outlives this process.

ssh is started with an argument list and fixed options (`portico.tunnels.ssh_command`). It goes to a session of its own once the login
is done, so that neither a Ctrl-C in the terminal nor a SIGKILL of the backend ends it: labs stay reachable, and the next process adopts
the master by its control socket. Master and manager talk over that socket (`portico.tunnels.mux`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from portico.settings.models import LoginNode
from portico.tunnels.driver import CONNECT_MARGIN, Listener
from portico.tunnels.errors import ConnectionLostError, LoginNodeError, Trouble, TunnelError, sentence
from portico.tunnels.mux import MuxClient
from portico.tunnels.runs import Run
from portico.tunnels.ssh_command import ENVIRONMENT, master_command, trouble

_log = logging.getLogger(__name__)
_STRAY_AGE = 60.0
"""Seconds after which a run without a control socket can't be a login that is still under way."""


class OpenSshConnection:
    """A master, new or adopted, and the conversation with it."""

    def __init__(self, *, login_node: LoginNode, run: Run, mux: MuxClient, found: frozenset[Listener] = frozenset()) -> None:
        self.found = found
        self._login_node = login_node
        self._run = run
        self._mux = mux

    async def listen(self, listener: Listener) -> None:
        """Forward; recorded first, so that a successor knows of the listener whatever happens in between."""
        try:
            self._run.opened(listener)
        except OSError as error:
            raise TunnelError(f"The tunnel can't be recorded: {error.strerror}.") from error
        try:
            await self._mux.open_forward(listener)
        except ConnectionLostError:
            self._end_hung_master()
            raise
        except Exception:
            self._run.closed(listener)
            raise

    async def unlisten(self, listener: Listener) -> None:
        """Close the listener; connections that it has accepted go on until an end closes them."""
        await self._mux.close_forward(listener)
        self._run.closed(listener)

    async def lost(self) -> str:
        """Wait for the master's end."""
        await self._mux.closed()
        kind = trouble(self._run.complaints())
        self._run.forget()
        return sentence(kind if kind is Trouble.TIMED_OUT else Trouble.LOST, self._login_node)

    async def close(self, *, keep: bool) -> None:
        """Leave the master at work, or end it."""
        if keep:
            self._mux.disconnect()
        else:
            await _terminate(self._mux)
            self._run.forget()

    def _end_hung_master(self) -> None:
        """A master that doesn't answer can't be trusted to forward: end it, which `lost` then reports."""
        _kill(self._mux)


class OpenSshDriver:
    """Starts and adopts the masters of one login node."""

    def __init__(self, *, system: str, login_node: LoginNode, directory: Path) -> None:
        self._system = system
        self._login_node = login_node
        self._directory = directory
        placeholder = master_command(login_node, control_path=Path("/-"), log=Path("/-"))
        self._login = hashlib.sha256("\0".join(placeholder).encode()).hexdigest()[:16]

    async def connect(self) -> OpenSshConnection:
        """Start a master; one of an earlier attempt that came late is ended."""
        try:
            await self.clean()
            run = Run.begin(self._directory, self._system, self._login)
        except OSError as error:
            _log.error("no ssh master can be recorded: %s", error)
            raise LoginNodeError(Trouble.OTHER, self._login_node) from error
        try:
            await self._log_in(run)
            mux = await MuxClient.connect(run.control_path)
        except (OSError, ConnectionLostError) as error:
            run.forget()
            raise LoginNodeError(Trouble.OTHER, self._login_node) from error
        except LoginNodeError:
            run.forget()
            raise
        return OpenSshConnection(login_node=self._login_node, run=run, mux=mux)

    async def _log_in(self, run: Run) -> None:
        """Run ssh until the login is done and the master has gone to the background."""
        command = master_command(self._login_node, control_path=run.control_path, log=run.log)
        with run.log.open("ab") as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=log,
                    env=ENVIRONMENT,
                    cwd="/",
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise LoginNodeError(Trouble.NO_CLIENT, self._login_node) from error
        try:
            async with asyncio.timeout(self._login_node.connect_timeout + CONNECT_MARGIN):
                status = await process.wait()
        except TimeoutError as error:
            raise LoginNodeError(Trouble.TIMED_OUT, self._login_node) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status != 0:
            complaints = run.complaints()
            _log.warning("ssh to %s ended with %d: %s", self._login_node.host, status, complaints.strip())
            raise LoginNodeError(trouble(complaints), self._login_node)

    async def adopt(self) -> OpenSshConnection | None:
        """Take over the newest live master that was started with the same settings; end every other one."""
        adopted: OpenSshConnection | None = None
        for run in list(Run.of(self._directory, self._system)):
            mux = await _reach(run)
            if mux is None:
                continue
            login, listeners = run.read()
            if adopted is None and login == self._login:
                adopted = OpenSshConnection(login_node=self._login_node, run=run, mux=mux, found=listeners)
            else:
                await _terminate(mux)
                run.forget()
        return adopted

    async def clean(self) -> None:
        """End the masters of this login node that nobody holds."""
        await end_masters(self._directory, self._system)


async def end_masters(directory: Path, system: str | None = None, *, but: Iterable[str] = ()) -> None:
    """End every master on record, of one system or of all but some."""
    spared = list(but)
    for run in list(Run.of(directory, system)):
        if any(run.belongs_to(name) for name in spared):
            continue
        mux = await _reach(run)
        if mux is not None:
            await _terminate(mux)
            run.forget()


async def _reach(run: Run) -> MuxClient | None:
    """The master of a run, or None; the files of a run that has surely ended are removed."""
    try:
        return await MuxClient.connect(run.control_path)
    except FileNotFoundError:
        if run.age() > _STRAY_AGE:
            run.forget()
    except (OSError, ConnectionLostError):
        run.forget()
    return None


async def _terminate(mux: MuxClient) -> None:
    try:
        await mux.terminate()
    except ConnectionLostError:
        _kill(mux)
    mux.disconnect()


def _kill(mux: MuxClient) -> None:
    if mux.pid > 1:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(mux.pid, signal.SIGKILL)
