"""What the site knows of a job, and keeps on disk so that a restarted server knows it too.

A record holds no secret: the description, whose environment may, is a file of its own that is removed when the job starts.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from portico.demo.site.descriptions import BATCH, DEFAULT_NAME

UNDEFINED, READY, STAGINGIN, QUEUED, RUNNING, STAGINGOUT, SUCCESSFUL, FAILED = (
    "UNDEFINED",
    "READY",
    "STAGINGIN",
    "QUEUED",
    "RUNNING",
    "STAGINGOUT",
    "SUCCESSFUL",
    "FAILED",
)
FINAL = frozenset({SUCCESSFUL, FAILED})
KEPT = 24 * 3600
"""Seconds for which a finished job is kept, as `terminationTime` says."""
UNKNOWN = "N/A"


@dataclass
class JobRecord:
    """A job's public side. Times are seconds since the epoch."""

    id: str
    owner: str
    uid: str
    group: str | None
    partitions: list[str]
    """Those that the owner may use."""
    submitted: float
    status: str = UNDEFINED
    message: str = ""
    name: str = DEFAULT_NAME
    job_type: str = BATCH
    tags: list[str] = field(default_factory=list)
    queue: str = UNKNOWN
    batch_id: str = UNKNOWN
    hosts: list[str] = field(default_factory=list)
    """The nodes of the job; its script runs on the first."""
    exit_code: int | None = None
    log: list[str] = field(default_factory=list)
    reached: dict[str, float] = field(default_factory=dict)
    """When it reached each state."""
    notification_url: str | None = None
    notified_states: list[str] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)
    """The description as submitted, without environment and imports."""
    deleted: bool = False

    @property
    def final(self) -> bool:
        """Whether it is over."""
        return self.status in FINAL

    def say(self, line: str) -> None:
        """Add to the job's log, in the real server's form."""
        self.log.append(f"{time.strftime('%a %b %d %H:%M:%S UTC %Y', time.gmtime())}: {line}")


@dataclass(frozen=True)
class JobFiles:
    """Where a job's files are, below its own directory."""

    top: Path

    @property
    def working(self) -> Path:
        """The job's working directory."""
        return self.top / "uspace"

    @property
    def temporary(self) -> Path:
        """TMPDIR."""
        return self.top / "tmp"

    @property
    def script(self) -> Path:
        """What the shell runs."""
        return self.top / "script"

    @property
    def description(self) -> Path:
        """The job description, until the job starts."""
        return self.top / "description.json"

    @property
    def record(self) -> Path:
        """The record."""
        return self.top / "record.json"

    def make(self) -> None:
        """The directories, for the owner only."""
        for directory in (self.top, self.working, self.temporary):
            directory.mkdir(mode=0o700)

    def save(self, record: JobRecord) -> None:
        """Replace the record as a whole."""
        new = self.record.with_suffix(".new")
        new.write_text(json.dumps(asdict(record)), encoding="utf-8")
        new.replace(self.record)


def stored(directory: Path) -> list[JobRecord]:
    """All records below a site's job directory, oldest first. A job without a whole record was never answered for."""
    found = []
    for path in directory.glob("*/record.json"):
        try:
            found.append(JobRecord(**json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):
            continue
    return sorted(found, key=lambda record: record.submitted)
