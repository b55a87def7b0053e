"""What a tenant may start: hostile inputs 32 to 40 as far as they concern the backend, each field by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from portico.api import Choice, LabRequest
from portico.managers.checks import Place, Refusal, content, place, recorded
from portico.settings.models import Grant, Settings
from pydantic import ValidationError

from tests.support import backend


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    systems = [backend.system("aurora"), backend.system("borealis"), backend.system("cirrus")]
    grants = [Grant(system="aurora"), Grant(system="borealis", partitions=["batch"], projects=["QSim"])]
    return backend.settings(tmp_path, systems=systems, grants=grants)


def choice(**changes: Any) -> Choice:
    return Choice.model_validate(backend.request(**changes)["choice"])


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"system": "cirrus"}, 403, "choice.system"),
        ({"system": "nowhere"}, 403, "choice.system"),
        ({"partition": "nowhere"}, 403, "choice.partition"),
        ({"system": "borealis", "partition": "gpus", "gpus": 1}, 403, "choice.partition"),
        ({"system": "borealis", "project": "combust"}, 403, "choice.project"),
        ({"profile": "rstudio"}, 400, "choice.profile"),
        ({"nodes": 5}, 400, "choice.nodes"),
        ({"gpus": 1}, 400, "choice.gpus"),
        ({"partition": "gpus", "gpus": 0}, 400, "choice.gpus"),
        ({"partition": "gpus", "gpus": 5}, 400, "choice.gpus"),
        ({"runtime": 9}, 400, "choice.runtime"),
        ({"runtime": 1441}, 400, "choice.runtime"),
    ],
)
def test_each_field_is_checked(settings: Settings, changes: dict[str, Any], status: int, field: str) -> None:
    refusal = place(settings, settings.tenant("juniq"), choice(**changes))
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.field) == (status, field)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"partition": "gpus", "gpus": 4},
        {"nodes": 4, "runtime": 1440},
        {"system": "borealis", "project": "qsim"},
        {"partition": "login"},
    ],
)
def test_what_is_granted_may_start(settings: Settings, changes: dict[str, Any]) -> None:
    where = place(settings, settings.tenant("juniq"), choice(**changes))
    assert isinstance(where, Place)
    assert where.partition.name == changes.get("partition", "batch")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project", "a,uid:root"),
        ("project", "a\r\nX-Header: 1"),
        ("account", "a b"),
        ("account", "-x"),
        ("profile", "../../x"),
        ("nodes", -1),
        ("nodes", 1.5),
        ("nodes", float("nan")),
        ("nodes", 10**9),
        ("gpus", -1),
        ("runtime", 10**9),
        ("runtime", "many"),
    ],
)
def test_nonsense_is_no_choice_at_all(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        choice(**{field: value})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "a\x00b"}, "title"),
        ({"environment": {"JUPYTERHUB_USER": "a\x00b"}}, "environment.JUPYTERHUB_USER"),
        ({"overrides": {"plugin": {"a": [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}}}, "overrides"),
    ],
)
def test_what_travels_with_a_lab_is_checked(changes: dict[str, Any], field: str) -> None:
    refusal = content(LabRequest.model_validate(backend.request(**changes)))
    assert refusal is not None
    assert (refusal.status, refusal.field) == (400, field)


def test_a_lab_that_runs_is_known_even_if_it_would_not_be_granted_any_more(settings: Settings) -> None:
    where = recorded(settings, choice(system="cirrus", partition="removed", profile="removed"))
    assert where is not None
    assert (where.system.name, where.partition.name) == ("cirrus", "removed")
    assert recorded(settings, choice(system="nowhere")) is None
