"""UNICORE job descriptions, and what a job's answers mean: pure, without a connection.

UNICORE joins a job's arguments unquoted into a shell line, and writes its environment into a script. So neither holds anything but the
operator's own words: whatever comes from a user travels in `lab.json`, an imported file that the launcher reads and removes.
Formats: the UNICORE REST API's job description, https://unicore-docs.readthedocs.io/en/latest/user-docs/rest-api/job-description/.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from portico.api import Choice, Report
from portico.managers import launcher
from portico.managers.checks import Place

LAUNCHER = "portico_launcher.py"
WHEREABOUTS = launcher.WHEREABOUTS
WHEREABOUTS_LIMIT = 4096
"""Bytes of the lab's own file that are looked at; what is longer isn't the launcher's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """All that a site needs to start one lab. Holds secrets, which its `repr` leaves out."""

    lab: str
    choice: Choice
    place: Place
    prefix: str
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    overrides: dict[str, dict[str, object]] = field(default_factory=dict)
    report_url: str | None = None
    report_token: str = field(default="", repr=False)
    notify_url: str | None = None


class Phase(Enum):
    """How far a job is, whatever kind of site runs it."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing of the job runs any more."""
        return self in (Phase.SUCCEEDED, Phase.FAILED)


_PHASES = {
    "UNDEFINED": Phase.ACCEPTED,
    "READY": Phase.ACCEPTED,
    "STAGINGIN": Phase.ACCEPTED,
    "QUEUED": Phase.QUEUED,
    "RUNNING": Phase.RUNNING,
    "STAGINGOUT": Phase.RUNNING,
    "SUCCESSFUL": Phase.SUCCEEDED,
    "FAILED": Phase.FAILED,
}


def phase(status: str) -> Phase | None:
    """The phase of a UNICORE job status; None for one that we don't know, which decides nothing."""
    return _PHASES.get(status)


def describe(submission: Submission) -> dict[str, object]:
    """The job description of a lab."""
    system, partition, choice = submission.place.system, submission.place.partition, submission.choice
    job: dict[str, object] = {
        "Name": f"portico-{submission.lab[:8]}",
        "Tags": [submission.lab],
        "Executable": shlex.quote(system.python),
        "Arguments": ["-I", "-S", LAUNCHER],
        "Imports": [_inline(LAUNCHER, _launcher()), _inline(launcher.DESCRIPTION, json.dumps(_lab(submission)))],
    }
    if partition.interactive:
        job["Job type"] = "INTERACTIVE"
    else:
        job["Resources"] = {"Queue": choice.partition, "Nodes": choice.nodes, "Runtime": choice.runtime * 60}
        if choice.gpus:
            job["Resources"]["GPUsPerNode"] = choice.gpus  # type: ignore[index]
    if submission.notify_url:
        job["Notification"] = submission.notify_url
    return job


def whereabouts(data: bytes) -> Report | None:
    """Node and port from the file that the launcher leaves; None where it isn't that (the lab's user can write it)."""
    if len(data) > WHEREABOUTS_LIMIT:
        return None
    try:
        report = Report.model_validate_json(data)
    except ValidationError:
        return None
    return report if report.node and report.port else None


def preferences(choice: Choice) -> str:
    """The header with which UNICORE picks login and group. Both are identifiers, without comma or line break."""
    return f"uid:{choice.account},group:{choice.project}"


def _lab(submission: Submission) -> dict[str, object]:
    system, profile = submission.place.system, submission.place.profile
    lab: dict[str, object] = {
        "command": profile.command,
        "setup": profile.setup,
        "environment": {**system.environment, **profile.environment, **submission.environment},
        "prefix": submission.prefix,
        "overrides": submission.overrides,
    }
    if submission.report_url:
        lab["report"] = {"url": submission.report_url, "token": submission.report_token}
    return lab


def _inline(name: str, text: str) -> dict[str, str]:
    return {"From": "inline://dummy", "To": name, "Data": text}


@cache
def _launcher() -> str:
    return Path(launcher.__file__).read_text(encoding="utf-8")
