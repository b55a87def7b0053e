"""`portico logs` shows the lines of all processes by time, and only those that are asked for."""

import json

import pytest
from portico.supervisor.journal import Filter, read, tail

LAB = "5f0c1e9b8a7d4c3e9f00112233445566"
LINES = {
    "hub-juniq.jsonl": [
        {"timestamp": "2026-11-23T10:00:01", "tenant": "juniq", "user": "qubit", "message": "logged in"},
        {"timestamp": "2026-11-23T10:00:04", "tenant": "juniq", "user": "qubit", "lab": LAB, "message": "started"},
    ],
    "backend.jsonl": [
        {"timestamp": "2026-11-23T10:00:02", "tenant": "coec", "user": "flame", "lab": "77", "message": "queued"},
        {"timestamp": "2026-11-23T10:00:03", "message": "a line of nobody"},
    ],
}


@pytest.fixture
def directory(tmp_path):
    for name, entries in LINES.items():
        (tmp_path / name).write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "messages"),
    [
        (Filter(), ["logged in", "queued", "a line of nobody", "started"]),
        (Filter(tenant="juniq"), ["logged in", "started"]),
        (Filter(user="flame"), ["queued"]),
        (Filter(lab=LAB), ["started"]),
        (Filter(lab=LAB[:8]), ["started"]),
        (Filter(tenant="juniq", user="flame"), []),
    ],
)
def test_lines_come_by_time_and_filtered(directory, wanted, messages):
    assert [entry["message"] for entry in read(directory, wanted)] == messages


def test_a_half_written_line_is_no_line_yet(directory):
    with (directory / "backend.jsonl").open("a") as file:
        file.write('{"timestamp": "2026-11-23T10:00:09", "mess')
    assert [entry["message"] for entry in read(directory, Filter())][-1] == "started"


def test_following_goes_on_with_what_is_written_later(directory):
    lines = tail(directory, Filter(tenant="juniq"), interval=0.01)
    assert [next(lines)["message"], next(lines)["message"]] == ["logged in", "started"]
    with (directory / "hub-juniq.jsonl").open("a") as file:
        file.write(json.dumps({"timestamp": "2026-11-23T10:00:10", "tenant": "juniq", "message": "later"}) + "\n")
    assert next(lines)["message"] == "later"
