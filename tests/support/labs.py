"""Start labs at a running installation and look at them from outside, as a user and as an operator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from tests.support.installation import Up
from tests.support.visitor import Visitor

T = TypeVar("T")

CHOICES: dict[str, dict[str, Any]] = {
    "juniq": {"system": "borealis", "account": "qubit1", "project": "qsim", "partition": "emulator"},
    "coec": {"system": "aurora", "account": "flame1", "project": "combust", "partition": "batch"},
    "eurocc": {"system": "aurora", "account": "teach1", "project": "training26", "partition": "devel"},
}
"""What each portal's own demo user may start there."""
USERS = {"juniq": "qubit", "coec": "flame", "eurocc": "teach"}


def wait_for(condition: Callable[[], T], *, limit: float = 30.0, interval: float = 0.05) -> T:
    """Ask until the condition holds, and answer its value; raises TimeoutError with the last value after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {value!r} after {limit} s")
        time.sleep(interval)


@contextmanager
def visitor(installation: Up, tenant: str, user: str | None = None) -> Iterator[Visitor]:
    """Somebody logged in at a portal; the portal's own demo user where none is named."""
    name = user or USERS[tenant]
    with Visitor(installation.address(tenant)) as somebody:
        home = somebody.log_in(name, installation.password(name))
        assert home.status_code == 200, home.text
        yield somebody


def choice(tenant: str, **changes: object) -> dict[str, object]:
    """The start form's fields for this portal's own demo user."""
    return {"profile": "jupyterlab", "nodes": 1, "gpus": 0, "runtime": 60, **CHOICES[tenant], **changes}


@contextmanager
def lab(installation: Up, tenant: str, *, title: str) -> Iterator[tuple[Visitor, dict[str, Any]]]:
    """A running lab that answers: its user, and its entry in `portico status` with `since`, the time of the request. It is stopped at
    the end.
    """
    with visitor(installation, tenant) as user:
        since = time.time()
        answer = user.start(**choice(tenant, title=title))
        assert answer.status_code in (302, 303), answer.text
        name = answer.headers["location"].rstrip("/").split("/")[-1]
        entry = wait_for(lambda: running(installation, tenant, name), limit=90)
        wait_for(lambda: page_answers(user, name))
        yield user, {**entry, "since": since}
        user.post(f"/hub/labs/{name}/stop")
        wait_for(lambda: not [item for item in installation.status()["labs"] if item["id"] == entry["id"]])


def running(installation: Up, tenant: str, name: str) -> dict[str, Any] | None:
    """The lab's entry in the status once it runs and can be reached."""
    for entry in installation.status()["labs"]:
        if (entry["tenant"], entry["name"], entry["state"], entry["reachability"]) == (tenant, name, "running", "up"):
            return entry
    return None


def page_answers(user: Visitor, name: str) -> bool:
    """Whether the lab itself answers at its address behind the gateway."""
    return lab_version(user, name) is not None


def lab_version(user: Visitor, name: str) -> str | None:
    """What the lab's own API tells of itself without a login; None where the lab is out of reach."""
    try:
        answer = user.http.get(f"/user/{user.name}/{name}/api", follow_redirects=False)
    except httpx.HTTPError:
        return None
    return answer.json().get("version") if answer.status_code == 200 else None
