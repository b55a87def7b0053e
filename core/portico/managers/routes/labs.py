"""`/labs`: start, look, follow, stop, and what labs tell of themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import SecretStr

from portico.api import USER_TOKEN_HEADER, Event, Lab, LabRequest, LabState, Report
from portico.logs import bind
from portico.managers.keys import Secrets
from portico.managers.routes.callers import TheLab, TheService, TheTenant, caller

router = APIRouter(tags=["labs"])

HEARTBEAT = 15.0
"""Seconds between two signs of life in an event stream."""


@router.put("/labs/{lab}", status_code=201, responses={200: {"model": Lab, "description": "It was started before."}})
async def start(lab: TheLab, request: LabRequest, response: Response, service: TheService, tenant: TheTenant) -> Lab:
    """Start a lab under an id of the caller's choice. Repeated, it changes nothing but the user's token."""
    with bind(user=request.user, lab=lab):
        record, created = await service.labs.start(tenant, lab, request)
    response.status_code = 201 if created else 200
    return record.public()


@router.get("/labs")
async def labs(service: TheService, tenant: TheTenant, *, ended: bool = False) -> list[Lab]:
    """The tenant's labs, oldest first; with `ended=true` those that have ended as well."""
    return [record.public() for record in await service.labs.all(tenant.name, with_ended=ended)]


@router.get("/labs/{lab}")
async def look(lab: TheLab, service: TheService, tenant: TheTenant) -> Lab:
    """One lab."""
    return (await service.labs.get(tenant.name, lab)).public()


@router.get("/labs/{lab}/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(
    lab: TheLab, service: TheService, tenant: TheTenant, last_event_id: Annotated[str, Header(alias="Last-Event-ID")] = "0"
) -> StreamingResponse:
    """The lab's events as server-sent events, from the one after `Last-Event-ID` on, live, until `ended`."""
    after = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) < 10 else 0
    stream = await service.labs.follow(tenant.name, lab, after=after, heartbeat=HEARTBEAT)
    return StreamingResponse(
        _lines(stream), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


@router.delete("/labs/{lab}", status_code=202, responses={200: {"model": Lab, "description": "It has ended already."}})
async def stop(
    lab: TheLab,
    response: Response,
    service: TheService,
    tenant: TheTenant,
    user_token: Annotated[SecretStr | None, Header(alias=USER_TOKEN_HEADER)] = None,
) -> Lab:
    """Stop a lab: answers once that is recorded. The record stays until the site has confirmed it."""
    renewed = Secrets(user_token) if user_token is not None else None
    record = await service.labs.stop(tenant.name, lab, renewed=renewed)
    response.status_code = 200 if record.standing.state is LabState.ENDED else 202
    return record.public()


@router.post("/labs/{lab}/report", status_code=204)
async def report(lab: TheLab, told: Report, request: Request, service: TheService) -> None:
    """What a lab tells of itself, with its own token."""
    await service.labs.report(lab, caller(request).token, told)


async def _lines(stream: AsyncIterator[Event | None]) -> AsyncIterator[str]:
    async for event in stream:
        yield ": still here\n\n" if event is None else f"id: {event.id}\ndata: {event.model_dump_json()}\n\n"
