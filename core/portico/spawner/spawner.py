"""The Spawner: what JupyterHub sees of a lab that the backend runs.

Guarantees:

- Nothing is started that the offer, computed again from fresh claims, doesn't hold; a refusal is an HTTP error that names the field.
- The id of a start is in the hub's database before the backend hears it, so a hub that dies in between finds its lab again.
- `poll` never raises and says "finished" only when the backend said `ended`; nobody's silence ends a lab.
- A stop returns only when the backend has recorded it, and is taken up again after a restart of the hub.

No polling: the backend's events say when a lab is up, where it is, and when it ended. How the job is run is the backend's business.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import jupyterhub
from jupyterhub.objects import Server
from jupyterhub.spawner import Spawner
from pydantic import ValidationError
from tornado import web
from traitlets import Any as AnyTrait
from traitlets import Float

from portico import logs
from portico.api import Event, LabRequest, LabState, Reachability
from portico.offers import Refused
from portico.spawner.client import BackendClient, RefusalError, UnavailableError, UnknownLabError
from portico.spawner.desk import Desk
from portico.spawner.eventlog import EventLog
from portico.spawner.follow import PAUSES, Follower
from portico.words import say

log = logging.getLogger(__name__)

AWAY = say("start_away", "The portal's backend can't be reached, so nothing was started. Try again in a minute.")


class StartRefused(web.HTTPError):
    """A start that isn't granted: `fields` maps each refused field to a sentence."""

    def __init__(self, status: int, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(status, message)
        self.fields = fields or {}
        self.sentence = message


class AdoptedServer(Server):  # type: ignore[misc] # jupyterhub has no annotations
    """The server of a lab that ran before this hub did.

    It is taken over as it is: whether it answers at this moment is a fact of its own, which the events tell. A hub that waited for it would
    end a lab because of a tunnel.
    """

    events: EventLog

    async def wait_up(self, *_: object, **__: object) -> SimpleNamespace:
        """Return at once; raises TimeoutError, which JupyterHub takes for "gone", where the lab has ended."""
        if self.events.ended:
            raise TimeoutError("The lab has ended.")
        return SimpleNamespace(headers={"X-JupyterHub-Version": jupyterhub.__version__})


class PorticoSpawner(Spawner):  # type: ignore[misc] # jupyterhub has no annotations
    """One named server of one user: a lab at the backend."""

    backend: BackendClient = AnyTrait(help="The hub's client of the backend.").tag(config=True)
    desk: Desk = AnyTrait(help="Where the hub decides what may be started.").tag(config=True)
    hand_over_patience = Float(10.0, help="Seconds for which a start is offered to a backend that doesn't answer.").tag(config=True)
    stop_patience = Float(30.0, help="Seconds that a stop waits for the site's confirmation; the backend goes on without us.").tag(
        config=True
    )

    def __init__(self, **kwargs: Any) -> None:
        self.lab_id: str | None = None
        self.events = EventLog()
        self.stopping = False
        self.accepted = asyncio.Event()
        """Set once the backend has the lab."""
        self.reserved = False
        """A start is on its way here, though JupyterHub doesn't know yet: the name is taken."""
        self.correlation_id = ""
        self.last: Event | None = None
        """How the previous start ended, while none is under way."""
        self._follower: Follower | None = None
        self._stop_task: asyncio.Task[None] | None = None
        super().__init__(**kwargs)
        # The options are checked and used in `start`; none of them sets a trait.
        self.apply_user_options = _nothing

    # What the hub keeps

    def get_state(self) -> dict[str, Any]:
        """What a restarted hub must know."""
        state: dict[str, Any] = super().get_state()
        if self.lab_id is not None:
            latest = self.events.latest
            state |= {"lab": self.lab_id, "stopping": self.stopping, "latest": latest and latest.model_dump(mode="json")}
        elif self.last is not None:
            state["last"] = self.last.model_dump(mode="json")
        if self.correlation_id:
            state["correlation_id"] = self.correlation_id
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the lab again that this server was before the restart."""
        super().load_state(state)
        self.correlation_id = str(state.get("correlation_id", ""))
        self.last = _event(state.get("last"))
        lab = state.get("lab")
        if not lab:
            return
        self.lab_id = str(lab)
        self.events = EventLog(_event(state.get("latest")))
        if self.orm_spawner.server is not None:
            server = AdoptedServer(orm_server=self.orm_spawner.server)
            server.events = self.events
            self.server = server
        self._follow()
        if state.get("stopping"):
            self.ask_to_stop()

    def clear_state(self) -> None:
        """Forget the lab; what came of it stays for the page."""
        super().clear_state()
        if self.lab_id is not None:
            self.last = self.events.latest
            if self._follower is not None:
                self._follower.stop()
        self.lab_id, self._follower, self.stopping = None, None, False
        self.events = EventLog()

    # What JupyterHub asks

    async def start(self) -> tuple[str, int]:
        """Start a lab, and return `(address, port)` the moment it answers."""
        self.correlation_id = logs.bound().get("correlation_id") or uuid.uuid4().hex
        with logs.bind(user=self.user.name, correlation_id=self.correlation_id):
            request = await self._request()
            self.lab_id, self.last = uuid.uuid4().hex, None
            with logs.bind(lab=self.lab_id):
                self._keep()
                await self._hand_over(self.lab_id, request)
                return await self._published()

    async def poll(self) -> int | None:
        """None while the lab may run, 0 when it surely doesn't."""
        if self.lab_id is None or self.events.ended:
            return 0
        await self._reroute()
        return None

    async def stop(self, now: bool = False) -> None:
        """Have the lab stopped: returns when it has ended, or after `stop_patience` once the backend has recorded the stop."""
        lab, events = self.lab_id, self.events
        if lab is None:
            return
        await self.ask_to_stop()
        try:
            async with asyncio.timeout(self.stop_patience):
                while not events.ended:
                    await events.changed(events.version)
        except TimeoutError:
            log.info("Lab %s is not confirmed to have ended yet; the backend goes on", lab)

    def ask_to_stop(self) -> asyncio.Future[None]:
        """Ask the backend to stop the lab, until it has recorded that. What follows comes as events."""
        if self._stop_task is None or self._stop_task.done():
            self.stopping = True
            self._keep()
            self._follow()
            self._stop_task = asyncio.create_task(self._record_stop(self.lab_id, self.events), name=f"stop {self.lab_id}")
        return asyncio.shield(self._stop_task)

    def run_post_stop_hook(self) -> Any:
        """Take the lab's API token back. JupyterHub does so only in the process that made it, and this one may have been started since."""
        note = f"Server at {self.user.server_url(self.name)}"
        for token in [token for token in self.user.api_tokens if token.note == note]:
            self.user.db.delete(token)
        self.user.db.commit()
        return super().run_post_stop_hook()

    async def get_url(self) -> str:
        """Where a lab that was found again is. For one that was still starting, this goes on with the start."""
        while self.events.address is None and not self.events.ended:
            await self.events.changed(self.events.version)
        return f"http://{self.events.address}" if self.events.address else str(self.server.url)

    async def progress(self) -> AsyncIterator[dict[str, object]]:
        """The events, in the shape of JupyterHub's own progress page."""
        events, seen = self.events, 0
        while True:
            version = events.version
            for event in events.events:
                if event.id > seen:
                    seen = event.id
                    yield {"progress": event.percent, "message": event.message}
            if events.ended:
                return
            await events.changed(version)

    # How it is done

    async def _request(self) -> LabRequest:
        """The body of the start; raises StartRefused."""
        auth_state = await self.user.get_auth_state() or {}
        token = auth_state.get("access_token")
        if not token:
            raise StartRefused(403, say("start_login_expired", "Your login has expired. Log in again, and start the lab then."))
        if not self.name:
            raise StartRefused(400, "Labs have names at this portal: start one at servers/<name>.", {"name": "A lab needs a name."})
        checked = await self.desk.check(auth_state, self.user_options)
        if isinstance(checked, Refused):
            raise StartRefused(checked.status, checked.sentence, {refusal.field: refusal.message for refusal in checked.refusals})
        choice, wish = checked
        snapshot = self.desk.snapshot()
        environment = {key: str(value) for key, value in self.get_env().items() if value is not None}
        # The port is picked at the node, and what the operator doesn't list isn't passed on.
        environment.pop("JUPYTERHUB_SERVICE_URL", None)
        environment.pop("JPY_API_TOKEN", None)
        try:
            return LabRequest(
                user=self.user.name,
                name=self.name,
                title=wish.title,
                choice=choice,
                environment=environment,
                prefix=self.server.base_url,
                overrides=snapshot.overrides if snapshot else {},
                access_token=token,
            )
        except ValidationError as error:
            log.error("The request of %s can't be written: %s", self._log_name, error.errors(include_input=False, include_url=False))
            raise StartRefused(
                400,
                say("start_odd_name", "This lab can't be started: its name or your user name has characters that no site accepts."),
            ) from error

    async def _hand_over(self, lab: str, request: LabRequest) -> None:
        """PUT until the backend answers; the id makes it one lab however often. Raises StartRefused."""
        deadline = time.monotonic() + self.hand_over_patience
        delivered = False
        for attempt in range(10_000):
            try:
                await self.backend.put_lab(lab, request)
                self._follow()
                self.accepted.set()
                return
            except RefusalError as error:
                self.events.end(error.sentence)
                raise StartRefused(error.status, error.sentence, {error.field: error.sentence} if error.field else {}) from error
            except (UnavailableError, UnknownLabError) as error:
                delivered = delivered or not isinstance(error, UnavailableError) or error.delivered
                log.warning("Lab %s could not be handed over: %s", lab, error)
                if time.monotonic() > deadline:
                    if not delivered:
                        self.events.end(AWAY)
                    raise StartRefused(503, AWAY) from error
            await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])

    async def _published(self) -> tuple[str, int]:
        """Wait until the lab answers through its tunnel; raises StartRefused where it ends before."""
        while True:
            version, latest = self.events.version, self.events.latest
            if self.events.ended:
                raise StartRefused(500, latest.sentence if latest else say("end_somehow", "The lab ended."))
            if latest and latest.state is LabState.RUNNING and latest.reachability is Reachability.UP and latest.address:
                host, _, port = latest.address.rpartition(":")
                return host, int(port)
            await self.events.changed(version)

    async def _record_stop(self, lab: str | None, events: EventLog) -> None:
        if lab is None:
            return
        attempt = 0
        while not events.ended:
            auth_state = await self.user.get_auth_state() or {}
            try:
                await self.backend.delete_lab(lab, access_token=auth_state.get("access_token"))
                return
            except UnknownLabError:
                events.end(say("end_stopped", "Stopped on request."))
                await self._on_event(events.latest)
                return
            except RefusalError as error:
                log.error("The backend refuses to stop lab %s: %s", lab, error.sentence)
            except UnavailableError as error:
                log.warning("The stop of lab %s is not recorded yet: %s", lab, error)
            await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
            attempt += 1

    def _follow(self) -> None:
        if self._follower is None and self.lab_id is not None:
            self._follower = Follower(self.backend, self.lab_id, self.events, on_event=self._on_event)
            self._follower.start()

    async def _on_event(self, event: Event | None) -> None:
        """Keep what is new; tell JupyterHub of an end; move the route where the address changed."""
        self._keep()
        if event is not None and event.state is LabState.ENDED:
            # Whoever starts, stops or checks the lab now sees the end by itself.
            if not self.pending:
                await self.poll_and_notify()
        else:
            await self._reroute()

    async def _reroute(self) -> None:
        """Lead the route to where the lab is now. While a start is under way, JupyterHub does that itself."""
        address = self.events.address
        if not address or not self.ready:
            return
        host, _, port = address.rpartition(":")
        if (self.server.ip, self.server.port) == (host, int(port)):
            return
        log.info("Lab %s is at %s now", self.lab_id, address)
        self.server.ip, self.server.port = host, int(port)
        self.user.db.commit()
        await self.user.settings["proxy"].add_user(self.user, self.name)

    def _keep(self) -> None:
        """Write the state down now."""
        self.orm_spawner.state = self.get_state()
        self.user.db.commit()


def _nothing(_spawner: Spawner, _options: dict[str, Any]) -> None:
    return None


def _event(value: object) -> Event | None:
    try:
        return Event.model_validate(value) if value else None
    except ValidationError:
        return None
