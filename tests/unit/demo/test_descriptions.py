"""What a UNICORE job description comes to."""

from __future__ import annotations

from typing import Any

import pytest
from portico.demo.site.descriptions import DescriptionError, Import, JobDescription, Notification, parse, read

READ: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "arguments are joined": ({"Executable": "ls", "Arguments": ["-l", 7]}, {"script": "ls -l 7\n"}),
    "no command, no script": ({}, {"script": ""}),
    "environment as an object": ({"Environment": {"A": 1}}, {"environment": {"A": "1"}}),
    "environment as a list": ({"Environment": ["A=b=c", "D="]}, {"environment": {"A": "b=c", "D": ""}}),
    "inline imports": (
        {"Imports": [{"From": "inline://x", "To": "f", "Data": "text"}, {"From": "inline://x", "To": "g", "Data": ["1", "2"]}]},
        {"imports": (Import("f", "text"), Import("g", "1\n2\n"))},
    ),
    "permissions of an import": (
        {"Imports": [{"From": "inline://x", "To": "f", "Data": "", "Permissions": "rwx"}]},
        {"imports": (Import("f", "", mode=0o700),)},
    ),
    "files to come, as pyunicore says it": ({"haveClientStageIn": "true"}, {"client_stage_in": True}),
    "files to come, as JSON says it": ({"haveClientStageIn": True}, {"client_stage_in": True}),
    "no files to come": ({"haveClientStageIn": "false"}, {"client_stage_in": False}),
    "resources are text": ({"Resources": {"Nodes": 2, "Queue": "batch"}}, {"resources": {"Nodes": "2", "Queue": "batch"}}),
    "the name": ({"Name": "mine", "ApplicationName": "theirs"}, {"name": "mine"}),
    "tags": ({"Tags": ["a", 1]}, {"tags": ("a", "1")}),
    "a notification": ({"Notification": "http://x/"}, {"notification": Notification(url="http://x/")}),
    "a notification of some states": (
        {"NotificationSettings": {"URL": "http://x/", "status": ["QUEUED"]}},
        {"notification": Notification(url="http://x/", states=("QUEUED",))},
    ),
    "the login node": ({"Job type": "interactive"}, {"job_type": "ON_LOGIN_NODE"}),
    "output files": ({"Stdout": "out/o", "Stderr": "e"}, {"stdout": "out/o", "stderr": "e"}),
}


@pytest.mark.parametrize("case", READ)
def test_a_description_is_read(case: str) -> None:
    raw, expected = READ[case]

    assert read(raw) == JobDescription(**expected)


@pytest.mark.parametrize(
    "raw",
    [
        {"Job type": "ALLOCATE"},
        {"Environment": {"A B": "c"}},
        {"Environment": {"A": "b\0"}},
        {"Imports": [{"To": "f", "From": "https://elsewhere/"}]},
        {"Imports": [{"To": "f", "From": "inline://"}]},
        {"Imports": ["f"]},
        {"Stdout": "../out"},
        {"Stderr": "/etc/passwd"},
    ],
    ids=str,
)
def test_a_description_that_makes_no_sense_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(DescriptionError):
        read(raw)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff"])
def test_what_is_no_json_object_is_no_description(body: bytes) -> None:
    with pytest.raises(ValueError, match="Could not submit job"):
        parse(body)
