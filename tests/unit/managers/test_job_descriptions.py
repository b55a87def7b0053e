"""What UNICORE is told of a lab, and what its answers mean: hostile inputs 35 and 37."""

from __future__ import annotations

import json
from typing import Any

import pytest
from portico.api import Choice
from portico.managers.checks import Place
from portico.managers.jobs import Phase, Submission, describe, phase, preferences, whereabouts
from portico.settings.models import Profile

from tests.support import backend

EVIL = "'; touch /tmp/owned; $(reboot) `id` \"}]\n#"


def submission(partition: str = "batch", **changes: Any) -> Submission:
    system = backend.system(environment={"SITE": "1", "BOTH": "site"})
    where = Place(
        system,
        next(each for each in system.partitions if each.name == partition),
        Profile(
            name="jupyterlab", title="x", command=["lab", "--port={port}"], setup=["module load Jupyter"], environment={"BOTH": "profile"}
        ),
    )
    choice = Choice.model_validate(
        backend.request(partition=partition, gpus=2 if partition == "gpus" else 0, nodes=2, runtime=30)["choice"]
    )
    return Submission(lab="ab" * 16, choice=choice, place=where, prefix="/user/x/y/", **changes)


def lab(description: dict[str, Any]) -> dict[str, Any]:
    return json.loads(next(each["Data"] for each in description["Imports"] if each["To"] == "lab.json"))


@pytest.mark.parametrize(
    ("partition", "expected"),
    [
        ("batch", {"Resources": {"Queue": "batch", "Nodes": 2, "Runtime": 1800}}),
        ("gpus", {"Resources": {"Queue": "gpus", "Nodes": 2, "Runtime": 1800, "GPUsPerNode": 2}}),
        ("login", {"Job type": "INTERACTIVE"}),
    ],
)
def test_resources(partition: str, expected: dict[str, object]) -> None:
    job = describe(submission(partition))
    assert {key: job[key] for key in ("Resources", "Job type") if key in job} == expected


def test_a_job_can_be_found_by_its_lab() -> None:
    assert describe(submission())["Tags"] == ["ab" * 16]


def test_nothing_of_a_user_stands_outside_of_the_imported_file() -> None:
    job = describe(submission(environment={"JUPYTERHUB_API_TOKEN": "s3cret", "TITLE": EVIL}, overrides={"plugin": {"key": EVIL}}))
    inside = lab(job)
    assert inside["environment"] == {"SITE": "1", "BOTH": "profile", "JUPYTERHUB_API_TOKEN": "s3cret", "TITLE": EVIL}
    assert inside["overrides"] == {"plugin": {"key": EVIL}}
    outside = json.dumps({key: value for key, value in job.items() if key != "Imports"})
    assert "s3cret" not in outside
    assert "touch" not in outside
    assert "Environment" not in job


def test_a_lab_reports_only_where_there_is_somebody_to_report_to() -> None:
    assert "report" not in lab(describe(submission()))
    with_report = describe(submission(report_url="http://backend/labs/x/report", report_token="t0ken", notify_url="http://backend/n"))
    assert lab(with_report)["report"] == {"url": "http://backend/labs/x/report", "token": "t0ken"}
    assert with_report["Notification"] == "http://backend/n"


def test_secrets_are_not_shown() -> None:
    shown = repr(submission(environment={"TOKEN": "s3cret"}, report_token="t0ken"))
    assert "s3cret" not in shown
    assert "t0ken" not in shown


def test_the_preferences_name_login_and_group() -> None:
    assert preferences(submission().choice) == "uid:qubit1,group:qsim"


@pytest.mark.parametrize(
    ("status", "expected", "final"),
    [
        ("UNDEFINED", Phase.ACCEPTED, False),
        ("READY", Phase.ACCEPTED, False),
        ("STAGINGIN", Phase.ACCEPTED, False),
        ("QUEUED", Phase.QUEUED, False),
        ("RUNNING", Phase.RUNNING, False),
        ("STAGINGOUT", Phase.RUNNING, False),
        ("SUCCESSFUL", Phase.SUCCEEDED, True),
        ("FAILED", Phase.FAILED, True),
    ],
)
def test_phases(status: str, expected: Phase, final: bool) -> None:
    assert phase(status) is expected
    assert expected.final is final


def test_an_unknown_status_decides_nothing() -> None:
    assert phase("SUSPENDED") is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"node":"node01"}',
        b'{"port":4000}',
        b'{"node":"-oProxyCommand=x","port":4000}',
        b'{"node":"node01","port":22}',
        b'{"node":"node01","port":70000}',
        b'{"node":"node01","port":4000,"more":1}',
        b'{"node":"node01","port":4000}' + b" " * 5000,
    ],
)
def test_a_file_that_is_not_the_launchers_says_nothing(data: bytes) -> None:
    assert whereabouts(data) is None


def test_where_a_lab_listens() -> None:
    report = whereabouts(b'{"node": "node01", "port": 40123}')
    assert report is not None
    assert (report.node, report.port) == ("node01", 40123)
