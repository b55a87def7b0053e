"""The tunnel manager: forwards from ports of this machine's loopback, through login nodes, to the labs' ports on their nodes.

It checks every target, keeps one link a login node, and tells of every change. Which labs there are, and which node and port belong to
which, is for the managers' records; so is remembering the local ports, with which `restore` is called after a restart. With the driver
`openssh` forwards go on while no manager runs, and the next one adopts them; with `sshtunnel` they end with the process and come back
on the same ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from portico.api import Reachability
from portico.settings.models import LoginNode
from portico.tunnels.driver import Driver
from portico.tunnels.errors import TargetError
from portico.tunnels.forwards import Forward, Published, check_target
from portico.tunnels.link import Link, SystemState
from portico.tunnels.openssh import OpenSshDriver, end_masters
from portico.tunnels.ports import Ports
from portico.tunnels.runs import Run, socket_directory, tidy
from portico.tunnels.sshtunnel import SshTunnelDriver

_log = logging.getLogger(__name__)


class OnChange(Protocol):
    """Who is told when a forward comes, goes or moves; may be asynchronous, and is called one change after the other."""

    def __call__(self, lab: str, reachability: Reachability, address: str | None, /) -> Awaitable[None] | None:
        """Take a change: a lab's id, whether its forward stands, and its address where it has one."""
        ...


class TunnelManager:
    """All tunnels of one backend process.

    Args:
        systems: The login node of each system.
        directory: Where the driver `openssh` keeps control sockets and their records, made with mode 0700 when it is needed. Only one
            manager at a time may use it.
        on_change: Told of every change that no caller waits for: connections lost and healed, addresses moved.
    """

    def __init__(self, systems: Mapping[str, LoginNode], directory: Path, on_change: OnChange) -> None:
        self._systems = dict(systems)
        self._sockets = socket_directory(directory)
        self._on_change = on_change
        self._changes: asyncio.Queue[tuple[str, Reachability, str | None]] = asyncio.Queue()
        self._telling: asyncio.Task[None] | None = None
        ports = Ports()
        self._links = {
            name: Link(system=name, driver=_driver(name, login_node, self._sockets), ports=ports, notify=self._notify)
            for name, login_node in self._systems.items()
        }

    async def start(self) -> None:
        """Adopt live connections of an earlier process, and end those that are no longer configured. Connects to nothing."""
        self._telling = asyncio.create_task(self._tell(), name="tunnel changes")
        configured = (name for name, login_node in self._systems.items() if login_node.driver == "openssh")
        await end_masters(self._sockets, but=configured)
        await asyncio.gather(*(link.start() for link in self._links.values()))

    async def close(self, *, keep: bool) -> None:
        """Let go of everything. With `keep` the driver `openssh` leaves its connections at work; else every connection is ended."""
        await asyncio.gather(*(link.close(keep=keep) for link in self._links.values()))
        if not keep:
            await end_masters(self._sockets)
        tidy(self._sockets)
        if self._telling is not None:
            self._changes.put_nowait(("", Reachability.UNKNOWN, None))
            await self._telling

    async def warm(self, system: str) -> None:
        """Connect to a login node ahead of time, and stay connected. Raises LoginNodeError, and goes on trying."""
        await self._link(system).warm()

    async def open(self, forward: Forward, *, local_port: int | None = None) -> str:
        """Forward, and return the address `127.0.0.1:PORT`.

        Opened again, a forward keeps its address. `local_port` is taken when nobody else listens there. Raises TargetError for what
        may not be forwarded to, LoginNodeError where the login node can't be reached, and TunnelError for the rest.
        """
        link = self._check(forward)
        owner = link.owner(forward.node, forward.port)
        if owner not in (None, forward.id):
            raise TargetError(f"{forward.node}:{forward.port} belongs to another lab.")
        return await link.open(forward, local_port=local_port)

    async def drop(self, lab: str) -> None:
        """End a lab's forward. Nothing happens where there is none."""
        for link in self._links.values():
            await link.drop(lab)

    async def restore(self, recorded: Iterable[tuple[Forward, int | None]]) -> None:
        """Want the forwards on record, each on the local port on record; call it once after `start`, with all of them.

        Forwards over adopted connections go on uninterrupted, and what no record names is closed. The others are connected in the
        background. `on_change` tells of each forward when it stands.
        """
        wanted: dict[str, list[tuple[Forward, int | None]]] = {name: [] for name in self._links}
        for forward, local_port in recorded:
            try:
                self._check(forward)
            except TargetError as error:
                _log.warning("lab %s is not forwarded to any more: %s", forward.id, error)
                self._notify(forward.id, Reachability.DOWN, None)
            else:
                wanted[forward.system].append((forward, local_port))
        await asyncio.gather(*(self._links[name].restore(forwards) for name, forwards in wanted.items()))

    def reachability(self, lab: str) -> Reachability:
        """Whether a lab's forward stands. What is behind it, `dial` can tell."""
        return next(
            (found for link in self._links.values() if (found := link.reachability(lab)) is not Reachability.UNKNOWN), Reachability.UNKNOWN
        )

    def address(self, lab: str) -> str | None:
        """Where a lab's forward listens, or will again once it is healed."""
        return next((found for link in self._links.values() if (found := link.address(lab)) is not None), None)

    async def dial(self, lab: str, *, probe: Callable[[str], Awaitable[bool]] | None = None, patience: float = 0.5) -> Reachability:
        """Ask whether something answers at the far end, through the forward.

        `probe` is given the address and says whether it got an answer; errors count as none. Without it a connection is made that
        must not be closed at once, that is, within `patience` seconds. `unknown` where the lab has no forward.
        """
        address = self.address(lab)
        if address is None or self.reachability(lab) is Reachability.UNKNOWN:
            return Reachability.UNKNOWN
        try:
            answered = await (probe(address) if probe is not None else _stays_open(Published(address), patience))
        except (OSError, TimeoutError):
            answered = False
        return Reachability.UP if answered else Reachability.DOWN

    def systems_state(self) -> dict[str, SystemState]:
        """Every login node's state, for health."""
        return {name: link.state for name, link in self._links.items()}

    def _link(self, system: str) -> Link:
        try:
            return self._links[system]
        except KeyError:
            raise TargetError(f"There is no system {system!r:.80}.") from None

    def _check(self, forward: Forward) -> Link:
        link = self._link(forward.system)
        check_target(forward, self._systems[forward.system])
        return link

    def _notify(self, lab: str, reachability: Reachability, address: str | None) -> None:
        self._changes.put_nowait((lab, reachability, address))

    async def _tell(self) -> None:
        """Call `on_change` in the order of events; a slow or failing one delays no healing."""
        while (change := await self._changes.get())[0]:
            try:
                told = self._on_change(*change)
                if inspect.isawaitable(told):
                    await told
            except Exception:
                _log.exception("nobody could be told that lab %s is %s", change[0], change[1])


def _driver(system: str, login_node: LoginNode, sockets: Path) -> Driver:
    if login_node.driver == "sshtunnel":
        return SshTunnelDriver(login_node=login_node)
    return OpenSshDriver(system=system, login_node=login_node, directory=sockets)


async def end_tunnels(directory: Path) -> None:
    """End whatever a manager that is gone has left at work below this directory: for who stops an installation for good.

    Also the files of a start that never came to a master go, so nothing may be starting any more.
    """
    sockets = socket_directory(directory)
    await end_masters(sockets)
    for run in list(Run.of(sockets)):
        run.forget()
    tidy(sockets)


async def _stays_open(published: Published, patience: float) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", published.port)
    try:
        async with asyncio.timeout(patience):
            return await reader.read(1) != b""
    except TimeoutError:
        return True
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
