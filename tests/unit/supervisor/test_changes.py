"""What a saved configuration means for what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from portico.settings.models import Settings
from portico.supervisor.changes import Plan, plan, taken


def tenant(name: str, **changes: Any) -> dict[str, Any]:
    files = {f"{key}_file": f"/secrets/{name}-{key}" for key in ("client_secret", "backend_token", "cookie_secret", "crypt_key")}
    return {"name": name, "host": f"{name}.localhost", "repository": f"/srv/{name}.git", "client_id": name, **files, **changes}


def settings(*tenants: dict[str, Any], port: int = 8000) -> Settings:
    return Settings.model_validate(
        {
            "state": Path("/state"),
            "gateway": {"port": port, "auth_token_file": "/x"},
            "backend": {"database_url": "x", "operator_token_file": "/x", "encryption_key_file": "/x"},
            "identity_provider": {"title": "x", "authorize_url": "http://x/", "token_url": "http://x/", "userinfo_url": "http://x/"},
            "tenants": list(tenants),
        }
    )


A, B, C = tenant("a"), tenant("b"), tenant("c")

CASES = [
    (settings(A, B), settings(A, B), Plan(), "nothing has changed"),
    (settings(A), settings(A, B, C), Plan(added=("b", "c")), "new: b, c"),
    (settings(A, B), settings(B), Plan(removed=("a",)), "gone: a"),
    (settings(A, B), settings(A, tenant("b", lab_limit=7)), Plan(changed=("b",)), "changed: b"),
    (settings(A, B), settings(B, A), Plan(), "nothing has changed"),
    (settings(A), settings(A, port=9), Plan(fixed=("gateway",)), "only a restart changes gateway"),
    (
        settings(A, B),
        settings(tenant("b", branch="next"), C, port=9),
        Plan(("c",), ("a",), ("b",), ("gateway",)),
        "new: c; gone: a; changed: b; only a restart changes gateway",
    ),
]


@pytest.mark.parametrize(("before", "after", "expected", "sentence"), CASES, ids=[case[3] for case in CASES])
def test_what_leads_from_one_configuration_to_the_other(before: Settings, after: Settings, expected: Plan, sentence: str) -> None:
    found = plan(before, after)

    assert (found, found.sentence) == (expected, sentence)
    assert found.empty == (not (expected.added or expected.removed or expected.changed))


def test_what_waits_for_a_restart_stays_as_it_was() -> None:
    now = taken(settings(A), settings(A, B, port=9))

    assert [each.name for each in now.tenants] == ["a", "b"]
    assert now.gateway.port == 8000
