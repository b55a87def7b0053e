"""A backend whose labs do what a test says: what a real site can't be asked for on demand (a refusal, a silence, an end at this moment).

It keeps the API's contract: PUT is idempotent, DELETE only records, events are numbered and resumable.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from portico.api import PROBLEM_MEDIA_TYPE, Event, LabState, Reachability
from portico.words import parts


@dataclass
class ScriptedLab:
    request: dict[str, Any]
    events: list[Event] = field(default_factory=list)
    puts: int = 0
    deletes: int = 0


def problem(status: int, kind: str, detail: str, at: str | None = None) -> Response:
    body = {"type": f"/problems/{kind}", "title": kind, "status": status, "detail": detail, "field": at}
    return Response(json.dumps(body), status_code=status, media_type=PROBLEM_MEDIA_TYPE)


class ScriptedBackend:
    """Runs in a thread on a port of its own. `silent` makes it answer 503 to everything."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.labs: dict[str, ScriptedLab] = {}
        self.health: dict[str, tuple[str, str]] = {}
        self.refuse: tuple[int, str, str] | None = None
        self.silent = False
        self.ends_when_asked = True
        self.tokens: set[str] = set()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    # What a test does

    def start(self) -> None:
        config = uvicorn.Config(
            self._app(), host="127.0.0.1", port=self.port, log_level="error", lifespan="off", timeout_graceful_shutdown=0
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)

    def stop(self) -> None:
        assert self._server
        assert self._thread
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    def tell(
        self, lab: str, state: LabState, *, up: str = "unknown", address: str | None = None, percent: int = 50, message: str = ""
    ) -> None:
        events = self.labs[lab].events
        events.append(
            Event(
                id=len(events) + 1,
                at=datetime.now(UTC),
                state=state,
                reachability=Reachability(up),
                percent=percent,
                step=state.value,
                message=str(message) or f"The lab is {state.value}.",
                said=list(parts(message)),
                address=address,
            )
        )

    def run(self, lab: str, address: str) -> None:
        self.tell(lab, LabState.RUNNING, up="up", address=address, percent=100, message="The lab answers.")

    # What it answers

    def _app(self) -> Any:
        app = FastAPI()

        @app.put("/labs/{lab}")
        async def put(lab: str, request: Request) -> Response:
            if self.refuse:
                return problem(self.refuse[0], "not-granted", self.refuse[1], self.refuse[2])
            known = self.labs.setdefault(lab, ScriptedLab(await request.json()))
            known.puts += 1
            if not known.events:
                self.tell(lab, LabState.SUBMITTED, percent=5)
            return JSONResponse(self._lab(lab), status_code=201)

        @app.get("/labs/{lab}/events")
        async def events(lab: str, request: Request) -> Response:
            if lab not in self.labs:
                return problem(404, "unknown-lab", "There is no such lab.")
            after = int(request.headers.get("last-event-id", 0))
            return StreamingResponse(self._stream(self.labs[lab], after, request), media_type="text/event-stream")

        @app.delete("/labs/{lab}")
        async def delete(lab: str) -> Response:
            if lab not in self.labs:
                return problem(404, "unknown-lab", "There is no such lab.")
            self.labs[lab].deletes += 1
            if self.labs[lab].events[-1].state is not LabState.ENDED:
                self.tell(lab, LabState.STOPPING)
                if self.ends_when_asked:
                    self.tell(lab, LabState.ENDED, message="Stopped as you asked.")
            return JSONResponse(self._lab(lab), status_code=202)

        @app.get("/systems")
        async def systems() -> list[dict[str, Any]]:
            names = {"borealis": "Borealis", "aurora": "Aurora"}
            return [
                {"name": name, "title": title, "kind": "unicore", "health": health, "message": message}
                for name, title in names.items()
                for health, message in [self.health.get(name, ("up", ""))]
            ]

        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            headers = dict(scope.get("headers", ()))
            self.tokens.add(headers.get(b"authorization", b"").decode())
            await (problem(503, "away", "Not now.") if self.silent else app)(scope, receive, send)

        return guarded

    def _lab(self, lab: str) -> dict[str, Any]:
        known = self.labs[lab]
        now = known.events[-1]
        return {
            "id": lab,
            "tenant": "juniq",
            "user": known.request["user"],
            "name": known.request["name"],
            "choice": known.request["choice"],
            "state": now.state,
            "reachability": now.reachability,
            "created_at": now.at.isoformat(),
            "updated_at": now.at.isoformat(),
        }

    async def _stream(self, lab: ScriptedLab, after: int, request: Request) -> AsyncIterator[str]:
        while not self.silent and not await request.is_disconnected():
            for event in [event for event in lab.events if event.id > after]:
                after = event.id
                yield f"id: {event.id}\ndata: {event.model_dump_json()}\n\n"
                if event.state is LabState.ENDED:
                    return
            await asyncio.sleep(0.01)
