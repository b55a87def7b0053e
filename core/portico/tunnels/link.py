"""The link to one login node: one connection for all of the system's forwards, and the way back after it is lost.

A link connects once however many callers want it (single flight). A lost connection is an event that the driver reports. The link
then tells that the forwards are down, tries again with growing pauses, puts every forward back on the port it had, and tells where one
has moved because somebody else took its port meanwhile. It decides; drivers talk.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from portico.api import Health, Reachability
from portico.tunnels.driver import Connection, Driver, Listener
from portico.tunnels.errors import ConnectionLostError, LoginNodeError, PortTakenError, TunnelError
from portico.tunnels.forwards import Forward, Published
from portico.tunnels.ports import Ports

_log = logging.getLogger(__name__)
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts to reconnect while there are forwards to heal; the last one repeats."""
_LONG_PAUSE = 30.0
"""Seconds, where only the operator can help, or where nobody waits: sites lock out who knocks too often."""
_LOSS = 2.0
"""Seconds in which the driver reports the loss of a connection that has failed somebody already."""
_AT_ONCE = 16
"""Forwards that are put back at the same time."""

Notify = Callable[[str, Reachability, str | None], None]


@dataclass(frozen=True, slots=True)
class SystemState:
    """Whether a login node can be reached, and if not, why."""

    health: Health = Health.UNKNOWN
    message: str = ""
    """A sentence; empty while it is up."""
    checked_at: datetime | None = None


@dataclass(slots=True, eq=False)
class _Entry:
    """A forward that is wanted."""

    forward: Forward
    local_port: int | None
    kept: bool
    """Whether it outlives the calls that open it: one of them has succeeded, or it is restored."""
    reachability: Reachability = Reachability.UNKNOWN
    connection: Connection | None = None
    """The connection that carries it."""
    waiting: int = 0
    """Calls that are opening it."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def address(self) -> str | None:
        return Published.at(self.local_port).address if self.local_port is not None else None

    def listener(self, port: int) -> Listener:
        return Listener(local_port=port, node=self.forward.node, port=self.forward.port)


class Link:
    """The forwards through one login node."""

    def __init__(self, *, system: str, driver: Driver, ports: Ports, notify: Notify) -> None:
        self.state = SystemState()
        self._system = system
        self._driver = driver
        self._ports = ports
        self._notify = notify
        self._entries: dict[str, _Entry] = {}
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._healing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._warm = False

    async def start(self) -> None:
        """Adopt what an earlier process left at work."""
        connection = await self._driver.adopt()
        if connection is not None:
            _log.info("adopted the connection to the login node of %s with %d listeners", self._system, len(connection.found))
            self._take(connection)

    async def close(self, *, keep: bool) -> None:
        """Let go of the connection, and end it unless `keep`."""
        tasks = [task for task in (*self._tasks, self._healing, self._connecting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close(keep=keep)
            self._connection = None
        if not keep:
            await self._driver.clean()

    async def warm(self) -> None:
        """Connect now, and stay connected. Raises LoginNodeError; the link goes on trying nevertheless."""
        self._warm = True
        try:
            await self._connected()
        except LoginNodeError:
            self._heal()
            raise

    async def open(self, forward: Forward, *, local_port: int | None) -> str:
        """Forward, and return the address. Raises TunnelError, after which nothing is left of a forward that is new."""
        entry = self._entries.get(forward.id)
        if entry is not None and entry.forward != forward:
            await self.drop(forward.id)
            entry = None
        if entry is None:
            entry = self._entries[forward.id] = _Entry(forward, local_port, kept=False)
        entry.waiting += 1
        try:
            return await self._open(entry)
        finally:
            entry.waiting -= 1
            if not entry.kept and not entry.waiting and self._entries.get(forward.id) is entry:
                del self._entries[forward.id]
                self._spawn(self._remove(entry))

    async def _open(self, entry: _Entry) -> str:
        for attempt in itertools.count():
            try:
                connection = await self._connected()
                # A caller that gives up must not leave a listener that nobody knows: the placing goes on and cleans up by itself.
                await asyncio.shield(self._spawn(self._place(entry, connection)))
            except ConnectionLostError:
                if attempt or self._watching is None:
                    raise
                await asyncio.wait([self._watching], timeout=_LOSS)
            else:
                if connection is self._connection:
                    break
        if entry.reachability is Reachability.DOWN:
            self._tell(entry, Reachability.UP)
        entry.reachability, entry.kept = Reachability.UP, True
        assert entry.address is not None  # noqa: S101 -- for the type checker: what is placed has a port
        return entry.address

    async def drop(self, lab: str) -> None:
        """End a forward: its listener closes, its port is free again. Nothing happens where there is none."""
        entry = self._entries.pop(lab, None)
        if entry is not None:
            await self._remove(entry)

    async def _remove(self, entry: _Entry) -> None:
        """Close the listener of a forward that is wanted no longer."""
        async with entry.lock:
            if entry.connection is not None and entry.connection is self._connection and entry.local_port is not None:
                try:
                    await entry.connection.unlisten(entry.listener(entry.local_port))
                except ConnectionLostError:
                    _log.info("the forward of lab %s went with its connection", entry.forward.id)
            self._ports.release(entry.local_port)

    async def restore(self, recorded: Iterable[tuple[Forward, int | None]]) -> None:
        """Want these forwards, on these ports. Those of an adopted connection stand when this returns; the others come by themselves."""
        found = {(listener.node, listener.port): listener.local_port for listener in (self._connection.found if self._connection else ())}
        for forward, recorded_port in recorded:
            # A process that was killed between opening and recording left a port that the connection alone knows of.
            local_port = recorded_port or found.get((forward.node, forward.port))
            if forward.id not in self._entries:
                self._entries[forward.id] = _Entry(forward, local_port, kept=True)
                if local_port is not None:
                    self._ports.promise(local_port)
        connection = self._connection
        if connection is None:
            self._heal()
            return
        wanted = {entry.listener(entry.local_port) for entry in self._entries.values() if entry.local_port is not None}
        for listener in connection.found - wanted:
            _log.info("closing port %d of %s, which no record names", listener.local_port, self._system)
            await connection.unlisten(listener)
        await self._place_all(connection)

    def reachability(self, lab: str) -> Reachability:
        """Whether the forward stands; `unknown` where there is none or it was not tried yet."""
        entry = self._entries.get(lab)
        return entry.reachability if entry is not None else Reachability.UNKNOWN

    def address(self, lab: str) -> str | None:
        """Where the forward listens, or will again."""
        entry = self._entries.get(lab)
        return entry.address if entry is not None else None

    def owner(self, node: str, port: int) -> str | None:
        """The lab whose forward goes to this port of this node."""
        return next((lab for lab, entry in self._entries.items() if (entry.forward.node, entry.forward.port) == (node, port)), None)

    async def _connected(self) -> Connection:
        """The connection; one attempt serves everybody who waits."""
        if self._connection is not None:
            return self._connection
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(), name=f"connect {self._system}")
            self._connecting.add_done_callback(self._connect_ended)
        return await asyncio.shield(self._connecting)

    def _connect_ended(self, task: asyncio.Task[Connection]) -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # read here, since every caller may have given up

    async def _connect(self) -> Connection:
        try:
            connection = await self._driver.connect()
        except LoginNodeError as error:
            self._went_down(str(error))
            raise
        _log.info("connected to the login node of %s", self._system)
        self._take(connection)
        self._spawn(self._place_all(connection))
        return connection

    def _take(self, connection: Connection) -> None:
        self._connection = connection
        self.state = SystemState(Health.UP, "", datetime.now(UTC))
        self._watching = self._spawn(self._watch(connection))

    async def _watch(self, connection: Connection) -> None:
        """Wait for the connection's end, tell, and start to heal."""
        message = await connection.lost()
        if self._connection is connection:
            self._connection = None
            self._went_down(message)
            self._heal()

    def _went_down(self, message: str) -> None:
        _log.warning("%s: %s", self._system, message)
        self.state = SystemState(Health.DOWN, message, datetime.now(UTC))
        for entry in self._entries.values():
            if entry.kept:
                self._tell(entry, Reachability.DOWN)

    def _tell(self, entry: _Entry, reachability: Reachability, *, moved: bool = False) -> None:
        if entry.reachability is not reachability or moved:
            entry.reachability = reachability
            self._notify(entry.forward.id, reachability, entry.address)

    def _heal(self) -> None:
        if self._healing is None or self._healing.done():
            self._healing = asyncio.create_task(self._reconnect(), name=f"heal {self._system}")

    async def _reconnect(self) -> None:
        """Try until there is a connection, or nobody who wants one."""
        pauses = itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1]))
        while self._connection is None and (self._entries or self._warm):
            try:
                await self._connected()
            except LoginNodeError as error:
                pause = next(pauses)
                if error.trouble.needs_operator or (not self._entries and pause == _PAUSES[-1]):
                    pause = _LONG_PAUSE
                await asyncio.sleep(pause)
            except Exception:
                _log.exception("an attempt to connect %s failed in an unforeseen way", self._system)
                await asyncio.sleep(_LONG_PAUSE)

    async def _place_all(self, connection: Connection) -> None:
        """Put every forward in place, and tell what became of each."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def place(entry: _Entry) -> None:
            async with gate:
                before = entry.local_port
                try:
                    await self._place(entry, connection)
                except ConnectionLostError:
                    return  # the watch tells, and heals
                except TunnelError as error:
                    _log.warning("lab %s: %s", entry.forward.id, error)
                    self._tell(entry, Reachability.DOWN)
                else:
                    self._tell(entry, Reachability.UP, moved=before is not None and entry.local_port != before)

        await asyncio.gather(*(place(entry) for entry in list(self._entries.values()) if entry.kept))

    async def _place(self, entry: _Entry, connection: Connection) -> None:
        """Have the forward listen on this connection: on its own port, or on another one where somebody else has taken that."""
        async with entry.lock:
            if entry.connection is connection:
                return
            port = await self._listen(entry, connection)
            listener = entry.listener(port)
            if self._entries.get(entry.forward.id) is not entry:
                await connection.unlisten(listener)
                raise TunnelError("The tunnel was dropped while it was being opened.")
            if entry.local_port != port:
                self._ports.release(entry.local_port)
            self._ports.promise(port)
            entry.local_port, entry.connection = port, connection

    async def _listen(self, entry: _Entry, connection: Connection) -> int:
        for port in self._ports.candidates(entry.local_port):
            try:
                await connection.listen(entry.listener(port))
            except PortTakenError:
                continue
            return port
        raise TunnelError("No local port is free for the tunnel.")

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned_ended)
        return task

    def _spawned_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, TunnelError):
            _log.error("%s: %r", self._system, error, exc_info=error)
