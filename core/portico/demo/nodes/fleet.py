"""The site's hold on its nodes: starts their daemons, attaches to those that still run, sends jobs, tells what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from portico.demo.nodes import wire
from portico.demo.nodes.client import Directory, Node, NodeDownError
from portico.demo.nodes.daemon import NodeSettings
from portico.demo.nodes.step import LOST, Command, Outcome

log = logging.getLogger(__name__)
START_TIMEOUT = 20.0
"""Seconds until a started daemon must listen."""


class Attachment:
    """One attached node: jobs in, outcomes out."""

    def __init__(self, node: Node, ended: Callable[[str, Outcome], None]) -> None:
        self.node = node
        self.jobs: dict[str, Outcome | None] = {}
        self._ended = ended
        self._started: dict[str, asyncio.Future[int]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the node's daemon is connected."""
        return self._listening is not None and not self._listening.done()

    async def open(self) -> None:
        """Attach; NodeDownError where no daemon listens."""
        try:
            connection = await wire.connect(self.node.path)
        except OSError as error:
            raise NodeDownError(f"{self.node.name} is down") from error
        reader, writer = await asyncio.open_connection(sock=connection, limit=wire.LINE_LIMIT)
        try:
            writer.write(wire.encode({"op": "attach"}))
            hello = wire.decode(await reader.readline())
        except (OSError, ValueError) as error:
            writer.close()
            raise NodeDownError(f"{self.node.name} went down") from error
        self.jobs = {job: Outcome(**outcome) if outcome else None for job, outcome in hello["jobs"].items()}
        self._writer = writer
        self._listening = asyncio.get_running_loop().create_task(self._listen(reader, writer))

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self._heard(wire.decode(line))
        except OSError as error:
            log.info("lost the connection to node %s: %s", self.node.name, error)
        finally:
            writer.close()
            for waiting in self._started.values():
                if not waiting.done():
                    waiting.set_exception(NodeDownError(f"{self.node.name} went down"))
            for job, outcome in list(self.jobs.items()):
                if outcome is None:
                    self._settle(job, Outcome(exit_code=None, reason=LOST))

    def _heard(self, message: dict[str, Any]) -> None:
        if "outcome" in message:
            self._settle(message["job"], Outcome(**message["outcome"]))
        elif (waiting := self._started.pop(message["job"], None)) is not None and not waiting.done():
            waiting.set_result(message["pid"])

    def _settle(self, job: str, outcome: Outcome) -> None:
        self.jobs[job] = outcome
        self._ended(job, outcome)

    def _say(self, message: dict[str, Any]) -> None:
        if self._writer is not None and self.alive:
            self._writer.write(wire.encode(message))

    async def run(self, command: Command) -> int:
        """Start a job; the process id of its supervisor. NodeDownError where the node goes down meanwhile."""
        if not self.alive:
            raise NodeDownError(f"{self.node.name} is down")
        self._started[command.job] = asyncio.get_running_loop().create_future()
        self.jobs[command.job] = None
        self._say({"op": "run", "command": asdict(command)})
        return await self._started[command.job]

    def end(self, job: str) -> None:
        """End a job's process tree; its outcome follows."""
        self._say({"op": "end", "job": job})

    def forget(self, job: str) -> None:
        """The outcome has been recorded."""
        self.jobs.pop(job, None)
        self._say({"op": "forget", "job": job})

    async def leave(self) -> None:
        """End all jobs of the node and the node itself; returns when it is gone."""
        self._say({"op": "leave"})
        if self._listening is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening


class Fleet:
    """All nodes of a site. `addresses`: where jobs of each node listen; `ended` is called with each job's outcome."""

    def __init__(
        self,
        *,
        directory: Path,
        addresses: Mapping[str, str],
        isolated: bool,
        egress_file: Path,
        patience: float,
        ended: Callable[[str, Outcome], None],
    ) -> None:
        self._directory = directory
        self._addresses = addresses
        self.isolated = isolated
        self._egress_file = egress_file
        self._patience = patience
        self._ended = ended
        self._names = Directory(directory, frozenset(addresses))
        self._attachments: dict[str, Attachment] = {}
        self._starting: set[asyncio.Task[Attachment]] = set()
        self._locks = {name: asyncio.Lock() for name in addresses}

    def node(self, name: str) -> Node:
        """The node of that name; KeyError where there is none."""
        return self._names[name]

    def environment(self, name: str) -> dict[str, str]:
        """What a job must know of its node's network."""
        return {} if self.isolated else {"PORTICO_BIND": self._addresses[name]}

    async def attach_running(self) -> dict[str, dict[str, Outcome | None]]:
        """Attach to the daemons that an earlier server left: their jobs, by node."""
        found = {}
        for name in self._addresses:
            attachment = Attachment(self._names[name], self._ended)
            with contextlib.suppress(OSError):
                await attachment.open()
                self._attachments[name] = attachment
                found[name] = dict(attachment.jobs)
        return found

    async def up(self, name: str) -> Attachment:
        """The node, started where it isn't. NodeDownError where it can't be. A start under way goes on when the caller is cancelled."""
        starting = asyncio.get_running_loop().create_task(self._up(name))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        return await asyncio.shield(starting)

    async def _up(self, name: str) -> Attachment:
        async with self._locks[name]:
            attachment = self._attachments.get(name)
            if attachment is None or not attachment.alive:
                attachment = Attachment(self._names[name], self._ended)
                try:
                    await attachment.open()
                except NodeDownError:
                    await self._start(name)
                    await attachment.open()
                self._attachments[name] = attachment
            return attachment

    async def _start(self, name: str) -> None:
        settings = NodeSettings(
            name=name,
            socket=str(self._names[name].path),
            address=self._addresses[name],
            isolated=self.isolated,
            egress_file=str(self._egress_file),
            patience=self._patience,
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "portico.demo",
            "node",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        if process.stdin is None or process.stdout is None:
            raise NodeDownError(name)
        process.stdin.write(json.dumps(asdict(settings)).encode())
        process.stdin.close()
        try:
            async with asyncio.timeout(START_TIMEOUT):
                line = await process.stdout.readline()
        except TimeoutError as error:
            process.kill()
            raise NodeDownError(f"{name} does not start") from error
        if line.strip() != b"ready":
            raise NodeDownError(f"{name} does not start")
        log.info("node %s is up", name)

    def end(self, name: str, job: str) -> None:
        """End a job on that node, if it runs there."""
        if (attachment := self._attachments.get(name)) is not None:
            attachment.end(job)

    def forget(self, name: str, job: str) -> None:
        """That job's outcome has been recorded."""
        if (attachment := self._attachments.get(name)) is not None:
            attachment.forget(job)

    async def leave(self) -> None:
        """End all nodes and what runs on them."""
        if self._starting:
            await asyncio.wait(list(self._starting))
        await asyncio.gather(*(attachment.leave() for attachment in self._attachments.values()))
