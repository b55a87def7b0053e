"""The operator's own list of tenants, followed in her repository as a bundle is followed in its tenant's.

The sync fetches, and writes what it found to `<state>/tenant-list/`; what the list means is for the supervisor to judge. The file
outlives both, so that an installation comes up with its tenants while the repository is out of reach.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from portico.settings.models import TenantList
from portico.tenants.findings import Refused
from portico.tenants.following import Followed
from portico.tenants.git import Repository, RepositoryError
from portico.tenants.mirrors import Mirrors

log = logging.getLogger(__name__)

BROKEN = "The look at the list of tenants failed inside the product; the sync's log says more."


class Fetched(BaseModel):
    """The newest list that could be read, and why there is none newer."""

    model_config = ConfigDict(frozen=True)

    origin: str = ""
    """Of which repository, branch and file, so that the list of another is not taken for this one's."""
    commit: str | None = None
    text: str = ""
    error: str | None = None
    """A sentence; None while the repository answers and has the file."""


def origin_of(source: TenantList) -> str:
    """Where a list comes from, as one text."""
    return f"{source.file} of {source.repository}, branch {source.branch}"


def read(path: Path, source: TenantList | None = None) -> Fetched:
    """What is known of a list; nothing where it was never read, or is another's than `source`."""
    try:
        found = Fetched.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        found = Fetched()
    return found if source is None or found.origin == origin_of(source) else Fetched(origin=origin_of(source))


def write(path: Path, fetched: Fetched) -> None:
    """Replace it by one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.new")
    temporary.write_text(fetched.model_dump_json(indent=1), encoding="utf-8")
    temporary.replace(path)


def path_of(state: Path) -> Path:
    """Where the newest list lies."""
    return state / "tenant-list" / "fetched.json"


class Listing(Followed):
    """Follows the list."""

    def __init__(self, source: TenantList, *, state: Path, mirrors: Mirrors) -> None:
        self._source = source
        self._path = path_of(state)
        self._mirrors = mirrors
        self._fetched = read(self._path, source)

    async def check(self, *, force: bool = False, since: float | None = None) -> Fetched:
        """Look once; with `force` the file is read again although the branch hasn't moved. Never fails: the answer says why not."""
        try:
            repository = self._repository = self._repository or Repository(self._mirrors.of(self._source), branch=self._source.branch)
            commit = await repository.tip(since=since)
            if force or commit != self._fetched.commit:
                commit = await repository.fetch()
                text = await repository.text(commit, self._source.file)
                self._put(Fetched(origin=self._fetched.origin, commit=commit, text=text))
            elif self._fetched.error is not None:
                self._put(self._fetched.model_copy(update={"error": None}))
        except (RepositoryError, Refused, OSError) as error:
            if self._fetched.error != str(error):
                log.warning("the list of tenants: %s", error)
                self._put(self._fetched.model_copy(update={"error": str(error)}))
        except Exception:
            if self._fetched.error != BROKEN:
                log.exception("the look at the list of tenants failed")
                self._put(self._fetched.model_copy(update={"error": BROKEN}))
        return self._fetched

    def _put(self, fetched: Fetched) -> None:
        if fetched != self._fetched or not self._path.exists():
            write(self._path, fetched)
        self._fetched = fetched
