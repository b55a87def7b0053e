"""`/hub/labs/<name>/events`: a lab's events, live, to whoever looks at a page about it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from jupyterhub.user import User
from tornado import web
from tornado.iostream import StreamClosedError

from portico import api
from portico.api import LabState
from portico.hub import views
from portico.hub.handlers.base import PortalHandler
from portico.spawner.spawner import PorticoSpawner

HEARTBEAT = 15.0
"""Seconds between signs of life, for what stands between."""
LONGEST = 600.0
"""Seconds after which a stream ends; the browser comes back, and its login is checked again."""
SETTLING = 0.1
"""Seconds between two looks while JupyterHub takes a lab over that it found again: it has no event for that."""


class Events(PortalHandler):
    """Server-sent events.

    What is said is in the reader's language.
    Each message is `{id, at, percent, step, message, state, reachability, open_url, can_open, can_stop, correlation_id}`.
    """

    def get_content_type(self) -> str:
        """What `EventSource` expects."""
        return "text/event-stream"

    @web.authenticated
    async def get(self, name: str) -> None:
        """Follow the lab from the event after `Last-Event-ID`. 204 where nothing is to be followed: then a browser doesn't come back."""
        user = self.named(name)
        spawner = user.spawners.get(name)
        if spawner is None or not (spawner.active or spawner.lab_id):
            self.set_status(204)
            return
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        last = self.request.headers.get("Last-Event-ID", "")
        try:
            await self._follow(user, spawner, int(last) if last.isascii() and last.isdigit() else 0)
        except StreamClosedError:
            self.log.debug("The reader of %s's events is gone", name)

    def on_connection_close(self) -> None:
        """The reader is gone: `_follow` sees it at its next turn."""
        self._gone = True

    _gone = False

    async def _follow(self, user: User, spawner: PorticoSpawner, seen: int) -> None:
        end = time.monotonic() + LONGEST
        told: tuple[object, ...] = ()
        log = spawner.events
        while not self._gone and time.monotonic() < end:
            if spawner.events is not log and not log.ended:
                # Started again, or just begun: what follows are the events of another start.
                log, seen = spawner.events, 0
            version = log.version
            for event in log.events:
                if event.id > seen:
                    seen = event.id
                    told = self._tell(user, spawner, event, current=event is log.latest)
            now = views.standing(spawner, None)
            if log.latest is not None and told != (now.state, now.reachability, now.can_open) and not log.ended:
                # No event, but news: the route stands, or the backend doesn't answer.
                told = self._tell(user, spawner, log.latest, current=True)
            await self.flush()
            if log.ended or not (spawner.active or spawner.lab_id):
                return
            await self._news(spawner, log.changed(version))

    def _tell(self, user: User, spawner: PorticoSpawner, event: api.Event, *, current: bool) -> tuple[object, ...]:
        """Write one message. What can be done now is told with the newest event only."""
        now = views.standing(spawner, None)
        state = now.state if current and event.state is not LabState.ENDED else views.word(event)
        reachability = now.reachability if current and event.state is not LabState.ENDED else event.reachability
        can_open = current and now.can_open and event.state is not LabState.ENDED
        message: Mapping[str, Any] = {
            "id": event.id,
            "at": views.moment(event.at),
            "percent": event.percent,
            "step": event.step,
            "message": self.speak(event.sentence),
            "state": state,
            "reachability": reachability.value,
            "open_url": views.open_url(user.name, spawner.name),
            "can_open": can_open,
            "can_stop": current and now.can_stop,
            "correlation_id": spawner.correlation_id,
        }
        self.write(f"id: {event.id}\ndata: {json.dumps(message)}\n\n")
        return now.state, now.reachability, now.can_open

    async def _news(self, spawner: PorticoSpawner, changed: Any) -> None:
        """Wait for an event, for the end of a start, or for the next sign of life."""
        waiting = {asyncio.ensure_future(changed)}
        start = spawner._spawn_future if spawner.pending == "spawn" else None
        timeout = SETTLING if spawner.pending == "check" else HEARTBEAT
        try:
            done, _ = await asyncio.wait({*waiting, *([start] if start else [])}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()
        if not done and timeout == HEARTBEAT:
            self.write(": still here\n\n")
