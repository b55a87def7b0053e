"""Read a UNICORE job description: JSON in, a checked and frozen description out. Pure.

Source: UNICORE's job description format, and what UNICORE/X 11 was seen to accept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT_NAME = "UNICORE_Job"
INLINE = "inline://"
BATCH, ON_LOGIN_NODE = "BATCH", "ON_LOGIN_NODE"
_JOB_TYPES = {"": BATCH, "N/A": BATCH, "BATCH": BATCH, "NORMAL": BATCH, "ON_LOGIN_NODE": ON_LOGIN_NODE, "INTERACTIVE": ON_LOGIN_NODE}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NOTIFIED_BY_DEFAULT = ("RUNNING", "SUCCESSFUL", "FAILED")


class DescriptionError(ValueError):
    """The job can't be processed; the message is its `statusMessage`."""


@dataclass(frozen=True)
class Import:
    """A file to be there before the job starts: its content came with the job."""

    target: str
    content: str
    mode: int | None = None


@dataclass(frozen=True)
class Notification:
    """Whom to tell about which states; no address: nobody."""

    url: str | None = None
    states: tuple[str, ...] = NOTIFIED_BY_DEFAULT


@dataclass(frozen=True)
class JobDescription:
    """What a job asks for."""

    script: str = ""
    """Lines for the node's shell; empty: nothing is run, and the job is successful once its files are there."""
    environment: Mapping[str, str] = field(default_factory=dict)
    imports: tuple[Import, ...] = ()
    client_stage_in: bool = False
    """Wait for the client's own files until `action:start`."""
    resources: Mapping[str, str] = field(default_factory=dict)
    name: str = DEFAULT_NAME
    tags: tuple[str, ...] = ()
    notification: Notification = Notification()
    job_type: str = BATCH
    stdout: str = "stdout"
    stderr: str = "stderr"


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object that was sent; ValueError with the words of the real server's message where it is none."""
    try:
        raw = json.loads(body)
    except ValueError as error:
        raise ValueError(f"Could not submit job: org.json.JSONException: {error}") from error
    if not isinstance(raw, dict):
        raise ValueError("Could not submit job: org.json.JSONException: A JSONObject text must begin with '{' at 1 [character 2 line 1]")
    return raw


def read(raw: Mapping[str, Any]) -> JobDescription:
    """The description; DescriptionError where the job can't be processed."""
    kind = str(raw.get("Job type", "")).upper()
    if kind not in _JOB_TYPES:
        raise DescriptionError(f"No enum constant JobType.{kind}")
    return JobDescription(
        script=_script(raw),
        environment=_environment(raw.get("Environment")),
        imports=tuple(_import(entry) for entry in raw.get("Imports") or ()),
        client_stage_in=str(raw.get("haveClientStageIn", "")).lower() == "true",
        resources={str(key): str(value) for key, value in (raw.get("Resources") or {}).items()},
        name=str(raw.get("Name") or raw.get("ApplicationName") or DEFAULT_NAME),
        tags=tuple(str(tag) for tag in raw.get("Tags") or ()),
        notification=_notification(raw),
        job_type=_JOB_TYPES[kind],
        stdout=_file_name(raw.get("Stdout") or "stdout"),
        stderr=_file_name(raw.get("Stderr") or "stderr"),
    )


def _script(raw: Mapping[str, Any]) -> str:
    """As at the real server, arguments are joined unquoted into a shell line: who wants them literal quotes them."""
    if not raw.get("Executable"):
        return ""
    arguments = raw.get("Arguments")
    words = [raw["Executable"], *(arguments if isinstance(arguments, list) else ())]
    main = " ".join(str(word) for word in words)
    before, after = raw.get("User precommand"), raw.get("User postcommand")
    lines = [f"( {before}\n) > .UNICORE_PRE_0 2>&1 || exit"] if before else []
    lines.append(f"( {main}\n)" if after else main)
    if after:
        lines.append(f"_status=$?; [ $_status = 0 ] || exit $_status\n( {after}\n) > .UNICORE_POST_0 2>&1")
    return "\n".join(lines) + "\n"


def _environment(raw: object) -> dict[str, str]:
    """An object, or a list of `NAME=value`."""
    if raw is None:
        return {}
    if isinstance(raw, dict):
        pairs = [(str(name), str(value)) for name, value in raw.items()]
    elif isinstance(raw, list):
        pairs = [(name, value) for name, _, value in (str(entry).partition("=") for entry in raw)]
    else:
        return {}
    for name, value in pairs:
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            raise DescriptionError(f"Environment variable {name!r} can't be set")
    return dict(pairs)


def _import(raw: object) -> Import:
    if not isinstance(raw, dict) or "To" not in raw:
        raise DescriptionError("An import needs 'From' and 'To'")
    source = str(raw.get("From", ""))
    if source == INLINE:
        raise DescriptionError(f"Expected authority at index {len(INLINE)}: {INLINE}")
    if not source.startswith(INLINE):
        raise DescriptionError(f"Stage in from {source!r} is not supported here")
    data = raw.get("Data", "")
    return Import(
        target=str(raw["To"]),
        content="".join(f"{line}\n" for line in data) if isinstance(data, list) else str(data),
        mode=_mode(raw.get("Permissions")),
    )


def _mode(raw: object) -> int | None:
    """`rwx` letters for the owner, as UNICORE writes them."""
    if raw is None:
        return None
    return sum(bit for letter, bit in (("r", 0o400), ("w", 0o200), ("x", 0o100)) if letter in str(raw))


def _notification(raw: Mapping[str, Any]) -> Notification:
    settings = raw.get("NotificationSettings")
    if isinstance(settings, dict) and settings.get("URL"):
        states = settings.get("status")
        return Notification(url=str(settings["URL"]), states=tuple(str(state) for state in states) if states else NOTIFIED_BY_DEFAULT)
    return Notification(url=str(raw["Notification"])) if raw.get("Notification") else Notification()


def _file_name(raw: object) -> str:
    name = str(raw)
    if "\0" in name or name.startswith("/") or ".." in name.split("/"):
        raise DescriptionError(f"{name!r} is outside of the job's directory")
    return name
