"""What a browser sends is a wish: a start that the offer doesn't hold is refused on the server, for each field and each way.

Hostile inputs 32 to 34, 36, 37 and 39, posted by hand to a running installation; 41 without the form's token.
"""

from __future__ import annotations

import httpx
import pytest

from tests.support.labs import choice, visitor

REFUSED = [
    ("system", "borealis", 403),
    ("system", "nowhere", 403),
    ("account", "flame1", 403),
    ("project", "combust", 403),
    ("partition", "gpus", 403),
    ("partition", "nowhere", 403),
    ("profile", "nowhere", 403),
    ("project", "training26,x\r\nuid:root", 400),
    ("nodes", "-1", 400),
    ("nodes", "1e9", 400),
    ("runtime", "nan", 400),
    ("gpus", "1.5", 400),
]


def labs(installation):
    return {(entry["tenant"], entry["name"]) for entry in installation.status()["labs"]}


@pytest.mark.parametrize(("field", "value", "status"), REFUSED)
def test_a_form_posted_by_hand_is_refused_by_name(installation, field, value, status):
    before = labs(installation)
    with visitor(installation, "eurocc") as user:
        answer = user.start(**choice("eurocc", title="by hand", **{field: value}))
    assert answer.status_code == status, answer.text
    assert f'id="{field}' in answer.text or f"#{field}" in answer.text or field in answer.text
    assert labs(installation) == before


@pytest.mark.parametrize(("field", "value", "status"), REFUSED)
def test_options_posted_past_the_form_are_refused_by_name(installation, field, value, status):
    before = labs(installation)
    with visitor(installation, "eurocc") as user:
        user.http.get("/hub/home")
        answer = user.http.post(
            f"/hub/api/users/{user.name}/servers/by-hand",
            json=choice("eurocc", **{field: value}),
            headers={"X-XSRFToken": user.xsrf},
        )
    assert answer.status_code == status, answer.text
    assert field in answer.text
    assert labs(installation) == before


def test_a_start_without_the_forms_token_is_refused(installation):
    before = labs(installation)
    with visitor(installation, "eurocc") as user:
        answer = user.http.post("/hub/start", data=choice("eurocc"), headers={"Origin": "http://elsewhere.example"})
        assert answer.status_code == 403
    assert labs(installation) == before


def test_another_portals_session_means_nothing_here(installation):
    with visitor(installation, "eurocc") as user:
        cookies = {cookie.name: cookie.value or "" for cookie in user.http.cookies.jar}
    other = installation.address("juniq").replace("juniq.localhost", "127.0.0.1")
    answer = httpx.get(f"{other}/hub/home", headers={"Host": "juniq.localhost"}, cookies=cookies, follow_redirects=False)
    assert answer.status_code == 302
    assert "/hub/login" in answer.headers["location"]
