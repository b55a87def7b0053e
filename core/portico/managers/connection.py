"""The way from here to one lab: tunnel, first answer, and whether it keeps answering.

Readiness is an event: nothing here waits by guess before the lab's whereabouts are known, and then the questions follow each other in
milliseconds. That a connection is lost never ends a lab.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field

from portico.api import Reachability
from portico.managers.journal import Journal
from portico.managers.lab import LabTask
from portico.managers.lifecycle import Answered, Located, Noted, Published, Silent
from portico.managers.probe import answers
from portico.tunnels import Forward, TunnelError, TunnelManager
from portico.words import say

log = logging.getLogger(__name__)

FIRST_TIMEOUT = 20.0
"""Seconds that the first answer may take; a lab's first page loads much."""
EAGER = 0.01
"""Seconds between the first questions; grows to `PATIENT`."""
PATIENT = 0.5
CALM = 10.0
"""Seconds between two questions to a lab that answers."""
ALIVE_TIMEOUT = 5.0
RETRY = 1.0
"""Seconds until a tunnel that can't be had is tried again; grows to 15."""


@dataclass(slots=True)
class Connection:
    """Brings a lab within reach and watches over it, until cancelled."""

    task: LabTask
    tunnels: TunnelManager
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the tunnel manager tells of a change."""

    @property
    def _journal(self) -> Journal:
        return self.task.journal

    async def run(self) -> None:
        """Wait until the lab is somewhere; open; ask until it answers; watch."""
        await self.task.located.wait()
        node, port = self.task.whereabouts or ("", 0)
        record = self._journal.record
        forward = Forward(id=record.id, system=record.choice.system, node=node, port=port)
        _, address = await asyncio.gather(self._journal.tell(Located(node, port)), self._open(forward))
        await self._publish(address)
        await self._watch(forward, address)

    async def _open(self, forward: Forward) -> str:
        """Until the tunnel stands; its address."""
        pause = RETRY
        kept = self._journal.record.standing.address
        local_port = int(kept.rpartition(":")[2]) if kept else None
        while True:
            try:
                return await self.tunnels.open(forward, local_port=local_port)
            except TunnelError as error:
                log.warning("no tunnel: %s", error)
                await self._journal.tell(Noted(say("trouble_unreached", "The lab runs, but can't be reached yet.").then(error.sentence)))
            await self._change_or(pause)
            pause = min(2 * pause, 15.0)

    async def _publish(self, address: str) -> None:
        """Tell the address, and meanwhile ask the lab until it answers."""
        told = asyncio.ensure_future(self._journal.tell(Published(address)))
        pause = EAGER
        while not await answers(address, self._journal.record.prefix, timeout=FIRST_TIMEOUT):
            await told
            if self.tunnels.reachability(self._journal.record.id) is not Reachability.UP:
                await self._journal.tell(Silent(self.tunnels.reachability(self._journal.record.id)))
            await asyncio.sleep(pause)
            pause = min(1.3 * pause, PATIENT)
        await told
        await self._journal.tell(Answered())

    async def _watch(self, forward: Forward, address: str) -> None:
        """Tell whenever the lab's reachability changes."""
        misses = 0
        while True:
            await self._change_or(CALM if misses == 0 else PATIENT)
            moved = self.tunnels.address(forward.id)
            if moved is not None and moved != address:
                address, misses = moved, 0
                await self._publish(address)
                continue
            reachability = self.tunnels.reachability(forward.id)
            if reachability is not Reachability.UP:
                misses += 1
                await self._journal.tell(Silent(reachability))
            elif await answers(address, self._journal.record.prefix, timeout=ALIVE_TIMEOUT):
                misses = 0
                await self._journal.tell(Answered())
            else:
                misses += 1
                if misses > 1:  # one miss may be a restart of the lab's own server, or a busy moment
                    await self._journal.tell(Silent(Reachability.DOWN))

    async def _change_or(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changed.wait()
        self.changed.clear()
