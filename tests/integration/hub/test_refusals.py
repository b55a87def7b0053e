"""What the offer doesn't hold is refused on the server, whichever way it is asked for (bar 8; hostile inputs 32 to 42)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.hub.world import GOOD, World, until
from tests.support.visitor import Visitor

FORBIDDEN = [
    ("system", "juwels"),
    ("account", "somebody1"),
    ("project", "combust"),
    ("project", "foreign"),
    ("partition", "gpus"),
    ("partition", "batch"),
    ("profile", "quantum"),
    ("nodes", 3),
    ("gpus", 1),
    ("runtime", 9999),
]
MALFORMED = [
    ("nodes", "-1"),
    ("nodes", "1.5"),
    ("runtime", "NaN"),
    ("runtime", "1e9"),
    ("project", "qsim,group:root"),
    ("account", "qubit1\r\nX-Evil: 1"),
    ("profile", "../../x"),
    ("image", "docker.io/evil"),
]
CASES = [*((403, *case) for case in FORBIDDEN), *((400, *case) for case in MALFORMED)]


def by_form(visitor: Visitor, path: str = "/hub/start", **fields: object) -> httpx.Response:
    return visitor.post(path, **fields)


def by_api(visitor: Visitor, name: str, options: Any, **more: Any) -> httpx.Response:
    headers = {"X-XSRFToken": visitor.xsrf}
    return visitor.http.post(f"/hub/api/users/qubit/servers/{name}", json=options, headers=headers, follow_redirects=False, **more)


@pytest.fixture(scope="module")
def visitor(hub_world: World) -> Any:
    with hub_world.logged_in() as somebody:
        forget_labs(somebody)
        yield somebody
        forget_labs(somebody)


def labs(visitor: Visitor) -> list[str]:
    """The names of all of the user's labs; JupyterHub's unnamed server is none."""
    servers = visitor.http.get("/hub/api/users/qubit?include_stopped_servers").json()["servers"]
    return [name for name in servers if name]


def forget_labs(visitor: Visitor) -> None:
    """Stop and remove all labs, as a script would."""
    for name in labs(visitor):
        headers = {"X-XSRFToken": visitor.xsrf}
        visitor.http.request("DELETE", f"/hub/api/users/qubit/servers/{name}", json={"remove": True}, headers=headers)
    until(lambda: not labs(visitor))


@pytest.mark.parametrize(("status", "field", "value"), CASES)
def test_posted_by_hand_each_field_is_refused_and_named(world: World, visitor: Visitor, status: int, field: str, value: object) -> None:
    before = len(world.backend.labs)
    answer = by_form(visitor, **{**GOOD, "title": "By hand", field: value})
    assert answer.status_code == status
    if field != "image":
        assert f'id="{field}-error"' in answer.text
    assert "JUNIQ" in answer.text
    assert len(world.backend.labs) == before


@pytest.mark.parametrize(("status", "field", "value"), CASES)
def test_posted_to_the_api_each_field_is_refused_and_named(world: World, visitor: Visitor, status: int, field: str, value: object) -> None:
    before = len(world.backend.labs)
    answer = by_api(visitor, "by-api", {**GOOD, field: value})
    assert answer.status_code == status
    assert answer.json()["field"] == field
    assert answer.json()["message"].startswith(f"{field}: ")
    assert len(world.backend.labs) == before
    assert "by-api" not in labs(visitor)


@pytest.mark.parametrize("path", ["/hub/spawn", "/hub/spawn/qubit", "/hub/spawn/qubit/other"])
def test_jupyterhubs_own_form_address_checks_as_well(world: World, visitor: Visitor, path: str) -> None:
    before = len(world.backend.labs)
    assert by_form(visitor, path, **{**GOOD, "project": "combust"}).status_code == 403
    assert len(world.backend.labs) == before


@pytest.mark.parametrize("options", [[], "x", 7, {"user_options": []}, {"user_options": {f"k{n}": n for n in range(10_000)}}])
def test_options_that_are_none_are_refused(world: World, visitor: Visitor, options: Any) -> None:
    assert by_api(visitor, "by-api", options).status_code in (400, 413)


def test_options_beyond_all_measure_are_refused(world: World, visitor: Visitor) -> None:
    assert by_api(visitor, "by-api", {"title": "x" * 1_000_000}).status_code == 413
    assert by_form(visitor, **{**GOOD, "title": "x" * 1_000_000}).status_code == 413
    deep = '{"system":' * 1000 + "1" + "}" * 1000
    headers = {"X-XSRFToken": visitor.xsrf, "Content-Type": "application/json"}
    assert visitor.http.post("/hub/api/users/qubit/servers/deep", content=deep, headers=headers).status_code == 400


def test_a_server_without_a_name_is_refused(world: World, visitor: Visitor) -> None:
    answer = visitor.http.post("/hub/api/users/qubit/server", json=GOOD, headers={"X-XSRFToken": visitor.xsrf})
    assert answer.status_code == 400
    assert "servers/<name>" in answer.json()["message"]


def test_stored_options_are_checked_when_they_are_started(world: World, visitor: Visitor) -> None:
    headers = {"X-XSRFToken": visitor.xsrf}
    stored = visitor.http.put("/hub/api/users/qubit/servers/stored", json={**GOOD, "project": "combust"}, headers=headers)
    assert stored.status_code == 201
    assert by_api(visitor, "stored", None).status_code == 403
    assert visitor.post("/hub/start", name="stored").status_code == 403
    page = visitor.http.get("/hub/home").text
    assert "It can&#39;t be started again. You have no project combust" in page
    visitor.http.request("DELETE", "/hub/api/users/qubit/servers/stored", json={"remove": True}, headers=headers)


def test_a_start_from_elsewhere_is_refused(world: World, visitor: Visitor) -> None:
    before = len(world.backend.labs)
    assert visitor.http.post("/hub/start", data=GOOD, follow_redirects=False).status_code == 403
    assert visitor.http.post("/hub/start", data={**GOOD, "_xsrf": "x"}, follow_redirects=False).status_code == 403
    assert visitor.http.post("/hub/api/users/qubit/servers/evil", json=GOOD, follow_redirects=False).status_code == 403
    assert visitor.http.get("/hub/start", params=GOOD, follow_redirects=False).headers["location"] == "/hub/home"
    visitor.http.get("/hub/spawn", params=GOOD, follow_redirects=False)
    assert len(world.backend.labs) == before


def test_a_system_that_is_down_is_not_on_offer(world: World, visitor: Visitor) -> None:
    world.backend.health["borealis"] = ("down", "It is being cooled.")
    until(lambda: 'value="borealis"' not in visitor.http.get("/hub/home").text)
    assert by_form(visitor, **GOOD).status_code == 403
    assert by_api(visitor, "down", GOOD).json()["field"] == "system"
    world.backend.health.clear()
    until(lambda: 'value="borealis"' in visitor.http.get("/hub/home").text)


def test_the_backends_own_refusal_reaches_the_user_with_its_field(world: World, visitor: Visitor) -> None:
    world.backend.refuse = (403, "This portal has no access to the project qsim at Borealis.", "choice.project")
    answer = by_form(visitor, **{**GOOD, "title": "Refused behind"})
    assert answer.status_code == 403
    assert "This portal has no access to the project qsim at Borealis." in answer.text
    answer = by_api(visitor, "behind", GOOD)
    assert answer.status_code == 403
    assert "no access to the project qsim" in answer.json()["message"]


def test_no_more_labs_than_allowed_start_at_once(world: World, visitor: Visitor) -> None:
    forget_labs(visitor)
    limit = world.settings.tenants[0].lab_limit
    with ThreadPoolExecutor(8) as pool:
        posts = [{**GOOD, "title": f"At once {number}"} for number in range(limit + 3)]
        answers = list(pool.map(lambda fields: by_form(visitor, **fields), posts))
    assert sorted(answer.status_code for answer in answers) == [303] * limit + [403] * 3
    assert "which is the most that this portal allows" in next(answer.text for answer in answers if answer.status_code == 403)
    for answer in answers:
        if answer.status_code == 303:
            visitor.post(f"{answer.headers['location']}/stop")


def test_nobody_starts_or_sees_another_users_labs(world: World, visitor: Visitor) -> None:
    world.claims("other", {"preferred_username": "other"})
    with world.logged_in("other", "other") as other:
        assert by_api(other, "x", GOOD).status_code == 404
        assert other.http.get("/user/qubit/lab/").status_code == 404
        assert other.post("/hub/spawn/qubit/x", **GOOD).status_code == 404
        assert other.post("/hub/labs/whatever/stop").status_code == 404
        assert "without an account" in other.http.get("/hub/home").text
        assert other.post("/hub/start", **GOOD).status_code == 403
