"""A part is killed while a lab runs: what must go on goes on, what must come back comes back, and nothing is forgotten.

Faults 1, 3, 12 and 15 of the list, each with one lab on a whole installation.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time

import httpx
import pytest

from tests.support.installation import up
from tests.support.labs import lab, lab_version, page_answers, wait_for


def hub_answers(user):
    """Whether the hub itself answers: whoever is logged in is led on from the landing page; the gateway alone would say 503."""
    try:
        return user.http.get("/hub/login", follow_redirects=False).status_code == 302
    except httpx.HTTPError:
        return False


def test_a_killed_hub_is_back_within_a_second_and_its_labs_never_stop(installation):
    with lab(installation, "juniq", title="hub killed") as (user, entry):
        before = installation.status()
        pids = {tenant["name"]: tenant["pid"] for tenant in before["tenants"]}
        os.kill(pids["juniq"], signal.SIGKILL)
        killed = time.monotonic()
        answers = 0
        while not hub_answers(user):
            assert lab_version(user, entry["name"]) is not None
            answers += 1
            assert time.monotonic() - killed < 1.0, "the hub is away for over a second"
        assert page_answers(user, entry["name"])

        after = {tenant["name"]: tenant["pid"] for tenant in installation.status()["tenants"]}
        assert after["juniq"] not in (None, pids["juniq"])
        assert {name: pid for name, pid in after.items() if name != "juniq"} == {n: p for n, p in pids.items() if n != "juniq"}
        home = user.http.get("/hub/home").text
        assert f'data-lab="{entry["name"]}"' in home
        assert 'data-state="running"' in home


def test_a_killed_backend_comes_back_and_stops_the_lab_that_it_started_before(installation):
    with lab(installation, "coec", title="backend killed") as (user, entry):
        first = installation.status()["backend"]["pid"]
        os.kill(first, signal.SIGKILL)
        # With OpenSSH the forward lives in a process of its own: the lab's page answers all the while.
        wait_for(lambda: lab_version(user, entry["name"]) is not None and _back(installation, first), limit=20)
        known = next(item for item in installation.status()["labs"] if item["id"] == entry["id"])
        assert known["address"] == entry["address"]
        # Leaving the block stops the lab through the new backend, and waits until it is gone.


def test_with_the_driver_sshtunnel_a_killed_backend_brings_the_page_back_on_the_same_address(tmp_path_factory):
    state = tmp_path_factory.mktemp("sshtunnel") / "state"
    with (
        up(state, module="tests.support.up_with_sshtunnel") as installation,
        lab(installation, "coec", title="one process") as (user, entry),
    ):
        first = installation.status()["backend"]["pid"]
        os.kill(first, signal.SIGKILL)
        killed = time.monotonic()
        wait_for(lambda: lab_version(user, entry["name"]) is None, limit=5, interval=0.01)
        wait_for(lambda: lab_version(user, entry["name"]) is not None, limit=15)
        assert time.monotonic() - killed < 10
        wait_for(lambda: _back(installation, first))
        assert _entry(installation, entry)["address"] == entry["address"]


def _back(installation, first):
    pid = installation.status()["backend"]["pid"]
    return pid not in (None, first) and bool(installation.status()["labs"])


def test_a_killed_login_node_breaks_the_page_and_its_return_heals_it_on_the_same_address(installation):
    with lab(installation, "eurocc", title="login node killed") as (user, entry):
        os.kill(installation.pid("portico.demo login-node"), signal.SIGKILL)
        wait_for(lambda: lab_version(user, entry["name"]) is None, limit=5, interval=0.01)
        # The supervisor starts it again, and the forwards come back by themselves.
        wait_for(lambda: page_answers(user, entry["name"]), limit=15)
        wait_for(lambda: _entry(installation, entry)["reachability"] == "up", limit=15)
        assert _entry(installation, entry)["address"] == entry["address"]


def _entry(installation, lab):
    return next(item for item in installation.status()["labs"] if item["id"] == lab["id"])


def test_a_labs_port_refuses_whoever_does_not_come_through_the_tunnel(installation):
    """The node's name means nothing outside the login node, and the lab's port is no port of any address of this machine."""
    with lab(installation, "juniq", title="no way in") as (user, entry):
        assert page_answers(user, entry["name"])
        node, port = where_it_listens(installation, entry)
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo(node, port)
        for address in ("127.0.0.1", *addresses_of_this_machine()):
            with pytest.raises(ConnectionRefusedError), socket.create_connection((address, port), timeout=3):
                pass


def where_it_listens(installation, entry):
    """Node and port, from the file that the lab left in its job directory."""
    for file in installation.state.glob("demo/site/**/portico.json"):
        told = json.loads(file.read_text())
        if file.stat().st_mtime > entry["since"]:
            return told["node"], told["port"]
    raise LookupError("no lab has told where it listens")


def addresses_of_this_machine():
    """Every IPv4 address of an interface."""
    listing = subprocess.run(["hostname", "-I"], check=True, capture_output=True, text=True).stdout
    return [address for address in listing.split() if "." in address]
