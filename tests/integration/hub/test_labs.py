"""A lab from the form to its end, as a user sees it, and what a hub that dies finds again."""

import signal
import time

import httpx
import pytest
from portico.api import LabState

from tests.integration.hub.world import GOOD, World, answering, until
from tests.support.visitor import Visitor


def start(visitor: Visitor, title: str, **changes: object) -> str:
    """Start a lab by the form; answers its name."""
    answer = visitor.start(**{**GOOD, "title": title, **changes})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].split("/")[-1]


def row(visitor: Visitor, name: str) -> str:
    """What the home page says of the lab, from its row's beginning to the next row."""
    page = visitor.http.get("/hub/home").text
    at = page.index(f"/hub/labs/{name}/events")
    return page[page.rindex("<li", 0, at) : page.index("</li>", at)]


def lab_answers(visitor: Visitor, name: str) -> str:
    answer = visitor.http.get(f"/user/{visitor.name}/{name}/", follow_redirects=False)
    return answer.text if answer.status_code == 200 else ""


def clean(world: World, visitor: Visitor, name: str) -> None:
    visitor.post(f"/hub/labs/{name}/stop")
    until(lambda: 'data-can-stop="no"' in row(visitor, name))


def test_a_lab_starts_is_followed_opens_and_stops(world: World) -> None:
    with world.logged_in() as visitor, answering("hello from the lab") as address:
        name = start(visitor, "Grover's search")
        assert name == "grover-s-search"
        lab = world.lab(name)
        world.backend.tell(lab, LabState.QUEUED, percent=20, message="Waiting in the queue.")
        world.backend.tell(lab, LabState.STARTING, percent=50, message="It begins.")
        world.backend.run(lab, address)
        messages = []
        for message in visitor.events(name):
            messages.append(message)
            if message["can_open"]:
                break
        assert [message["id"] for message in messages][:4] == [1, 2, 3, 4]
        assert messages[-1]["state"] == "running"
        assert messages[-1]["open_url"] == f"/user/qubit/{name}/"
        assert visitor.http.get(messages[-1]["open_url"]).text == "hello from the lab"
        assert 'data-can-open="yes"' in row(visitor, name)
        assert visitor.post(f"/hub/labs/{name}/stop").status_code == 303
        until(lambda: not lab_answers(visitor, name))
        assert "Stopped as you asked." in row(visitor, name)
        assert world.backend.labs[lab].deletes == 1


def test_the_backend_gets_the_choice_the_labs_environment_and_the_users_token(world: World) -> None:
    with world.logged_in() as visitor:
        name = start(visitor, "What travels", nodes=2)
        request = world.backend.labs[world.lab(name)].request
        assert request["choice"] == {**GOOD, "nodes": 2, "gpus": 0, "profile": "jupyterlab"}
        assert request["prefix"] == f"/user/qubit/{name}/"
        assert request["title"] == "What travels"
        assert request["environment"]["JUPYTERHUB_USER"] == "qubit"
        assert request["environment"]["JUPYTERHUB_API_URL"] == f"http://127.0.0.1:{world.hub_port}/hub/api"
        claims = httpx.get(f"{world.idp}/userinfo", headers={"Authorization": f"Bearer {request['access_token']}"})
        assert claims.json()["preferred_username"] == "qubit"
        token = request["environment"]["JUPYTERHUB_API_TOKEN"]
        assert world.whose(token) == "qubit"
        clean(world, visitor, name)
        until(lambda: world.whose(token) is None)
        log = (world.state / "logs" / "hub-juniq.jsonl").read_text()
        assert request["access_token"] not in log
        assert token not in log


def test_the_route_stands_at_once_when_the_lab_is_up(world: World) -> None:
    with world.logged_in() as visitor, answering() as address:
        name = start(visitor, "Quick")
        lab = world.lab(name)
        began = time.monotonic()
        world.backend.run(lab, address)
        until(lambda: lab_answers(visitor, name))
        assert time.monotonic() - began < 0.5
        clean(world, visitor, name)


def test_a_stop_in_the_queue_ends_the_start(world: World) -> None:
    with world.logged_in() as visitor:
        name = start(visitor, "Queued")
        lab = world.lab(name)
        world.backend.tell(lab, LabState.QUEUED)
        clean(world, visitor, name)
        assert world.backend.labs[lab].deletes == 1
        assert 'data-can-run="yes"' in row(visitor, name)


def test_a_failed_start_says_why_and_can_be_repeated(world: World) -> None:
    with world.logged_in() as visitor, answering() as address:
        name = start(visitor, "Fails")
        world.backend.tell(world.lab(name), LabState.ENDED, message="The site has no node left for you.")
        until(lambda: "The site has no node left for you." in visitor.http.get(f"/hub/labs/{name}").text)
        first = world.lab(name)
        assert until(lambda: visitor.post("/hub/start", name=name)).status_code == 303
        lab = until(lambda: world.lab(name) != first and world.lab(name))
        world.backend.run(str(lab), address)
        until(lambda: lab_answers(visitor, name))
        clean(world, visitor, name)


def test_a_lab_that_ends_by_itself_leaves_the_portal_by_itself(world: World) -> None:
    with world.logged_in() as visitor, answering() as address:
        name = start(visitor, "Runtime over")
        lab = world.lab(name)
        world.backend.run(lab, address)
        until(lambda: lab_answers(visitor, name))
        world.backend.tell(lab, LabState.ENDED, message="The runtime is over.")
        until(lambda: not lab_answers(visitor, name))
        assert "The runtime is over." in row(visitor, name)


def test_a_new_address_of_the_same_lab_moves_the_route(world: World) -> None:
    with world.logged_in() as visitor, answering("one") as first, answering("two") as second:
        name = start(visitor, "Moves")
        lab = world.lab(name)
        world.backend.run(lab, first)
        assert until(lambda: lab_answers(visitor, name)) == "one"
        world.backend.tell(lab, LabState.RUNNING, up="down", address=first)
        world.backend.run(lab, second)
        until(lambda: lab_answers(visitor, name) == "two")
        clean(world, visitor, name)


def test_a_killed_hub_answers_again_and_shows_its_labs_as_running(world: World) -> None:
    with world.logged_in() as visitor, answering("still here") as address:
        running, waiting = start(visitor, "Running"), start(visitor, "Waiting")
        lab = world.lab(running)
        world.backend.run(lab, address)
        until(lambda: lab_answers(visitor, running))
        world.end_hub(signal.SIGKILL)
        assert lab_answers(visitor, running) == "still here"
        world.start_hub()
        assert 'data-state="running"' in row(visitor, running)
        assert 'data-can-open="yes"' in row(visitor, running)
        assert lab_answers(visitor, running) == "still here"
        world.backend.run(world.lab(waiting), address)
        until(lambda: lab_answers(visitor, waiting))
        assert [entry.puts for entry in world.backend.labs.values() if entry.request["name"] in (running, waiting)] == [1, 1]
        token = world.backend.labs[lab].request["environment"]["JUPYTERHUB_API_TOKEN"]
        assert world.whose(token) == "qubit"
        clean(world, visitor, running)
        clean(world, visitor, waiting)
        assert world.backend.labs[lab].deletes == 1
        until(lambda: world.whose(token) is None)


def test_a_hub_that_restarts_while_the_backend_is_away_stops_no_lab(world: World) -> None:
    with world.logged_in() as visitor, answering("still here") as address:
        name = start(visitor, "Nobody to ask")
        lab = world.lab(name)
        world.backend.run(lab, address)
        until(lambda: lab_answers(visitor, name))
        world.backend.silent = True
        world.end_hub(signal.SIGKILL)
        world.start_hub()
        assert lab_answers(visitor, name) == "still here"
        until(lambda: 'data-reachability="unknown"' in row(visitor, name))
        assert 'data-state="running"' in row(visitor, name)
        world.backend.silent = False
        until(lambda: 'data-reachability="up"' in row(visitor, name))
        assert world.backend.labs[lab].deletes == 0
        clean(world, visitor, name)


def test_a_stop_that_the_backend_cannot_hear_yet_is_recorded_when_it_is_back_even_after_a_restart(world: World) -> None:
    with world.logged_in() as visitor, answering() as address:
        name = start(visitor, "Stop later")
        lab = world.lab(name)
        world.backend.run(lab, address)
        until(lambda: lab_answers(visitor, name))
        world.backend.silent = True
        assert visitor.post(f"/hub/labs/{name}/stop").status_code == 303
        assert 'data-state="stopping"' in row(visitor, name)
        world.end_hub(signal.SIGKILL)
        world.start_hub()
        assert 'data-state="stopping"' in row(visitor, name)
        world.backend.silent = False
        until(lambda: world.backend.labs[lab].deletes)
        until(lambda: 'data-can-run="yes"' in row(visitor, name))


def test_a_start_that_nobody_hears_fails_with_a_sentence_and_leaves_nothing_behind(world: World) -> None:
    with world.logged_in() as visitor:
        world.backend.stop()
        name = start(visitor, "Nobody home")
        until(lambda: "can&#39;t be reached" in visitor.http.get(f"/hub/labs/{name}").text)
        world.backend.start()
        assert 'data-can-run="yes"' in row(visitor, name)
        assert name not in [lab.request["name"] for lab in world.backend.labs.values()]


@pytest.mark.parametrize("path", ["/hub/spawn-pending/qubit/{name}", "/user/qubit/{name}/lab/tree/x.ipynb", "/hub/spawn/qubit/{name}"])
def test_addresses_of_a_stopped_lab_lead_to_its_page(world: World, path: str) -> None:
    with world.logged_in() as visitor:
        name = start(visitor, "Stopped")
        clean(world, visitor, name)
        page = visitor.http.get(path.format(name=name))
        assert page.url.path == f"/hub/labs/{name}"
        assert page.status_code == 200
