"""Start, look at and stop labs of a running backend."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from portico.api import Event, Lab
from pyunicore.client import Client, Job
from pyunicore.credentials import OIDCToken

from tests.support import backend
from tests.support.backend_process import event_with, events

PREFIX = "/user/qubit/lab/"


async def start(client: httpx.AsyncClient, token: str, **changes: Any) -> str:
    """Start a trivial lab; its id."""
    lab = backend.lab_id()
    answer = await client.put(f"/labs/{lab}", json=backend.request(**{"access_token": token, "profile": "trivial", **changes}))
    assert answer.status_code == 201, answer.text
    return lab


async def look(client: httpx.AsyncClient, lab: str) -> Lab:
    """The lab as the backend tells it."""
    answer = await client.get(f"/labs/{lab}")
    assert answer.status_code == 200, answer.text
    return Lab.model_validate(answer.json())


async def stop(client: httpx.AsyncClient, lab: str, **headers: str) -> Event:
    """Stop the lab; the event with which it ended."""
    answer = await client.delete(f"/labs/{lab}", headers=headers)
    assert answer.status_code in (200, 202), answer.text
    return await end(client, lab)


async def end(client: httpx.AsyncClient, lab: str) -> Event:
    """Wait for the lab's last event."""
    last = [event async for event in events(client, lab)][-1]
    assert last.state == "ended"
    return last


@asynccontextmanager
async def running(client: httpx.AsyncClient, token: str, **changes: Any) -> AsyncIterator[tuple[str, str]]:
    """A lab that answers: its id and address. Stopped at the end."""
    lab = await start(client, token, **changes)
    address = (await event_with(client, lab, "ready")).address
    assert address is not None
    yield lab, address
    await stop(client, lab)


async def page(address: str) -> str | None:
    """What the lab answers at its published address; None where nothing does."""
    async with httpx.AsyncClient(timeout=5, trust_env=False) as browser:
        try:
            return (await browser.get(f"http://{address}{PREFIX}")).text
        except httpx.HTTPError:
            return None


async def answers(address: str) -> bool:
    """Whether it is the lab that answers there."""
    return await page(address) == f"lab at {PREFIX}"


def jobs(url: str, token: str, lab: str) -> list[Job]:
    """The site's own view: all jobs of this lab, ended ones too."""
    client = Client(OIDCToken(token), url)
    return [job for job in client.get_jobs(num=500) if lab in job.properties["tags"]]


def status(job: Job) -> str:
    """The job's status now."""
    return str(Job(job.transport, job.resource_url, cache_time=0).properties["status"])


def imported(job: Job) -> Any:
    """What the launcher is told, read by the lab's own user in the job's directory; only while the job waits."""
    return json.loads(job.working_dir.stat("lab.json").read())
