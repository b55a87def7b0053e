"""Which addresses, branches and directories of repositories are used at all. Pure: everything is refused before git runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from portico.settings.repositories import holds_credential

_HOST = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_REMOTE = (
    re.compile(rf"https?://{_HOST}(:\d{{1,5}})?/[A-Za-z0-9._~%/+-]+"),
    re.compile(rf"ssh://([a-z_][a-z0-9_-]{{0,31}}@)?{_HOST}(:\d{{1,5}})?/[A-Za-z0-9._~/+-]+"),
    re.compile(rf"[a-z_][a-z0-9_-]{{0,31}}@{_HOST}:[A-Za-z0-9._~][A-Za-z0-9._~/+-]*"),
)
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_DIRECTORY = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?")


class RepositoryError(Exception):
    """A repository can't be asked or fetched from. The text is a sentence for the tenant admin; it holds no credential and no path."""


class BranchMissingError(RepositoryError):
    """The repository answers, and has no such branch."""

    def __init__(self, branch: str) -> None:
        super().__init__(f"The repository has no branch {branch!r}.")


def check_address(repository: str, roots: Sequence[Path] = ()) -> Path | str:
    """A local repository's path, or a remote's address; raises RepositoryError for anything else (hostile inputs 27 and 31).

    With `roots`, a local repository must really lie below one of them, whatever symbolic links say.
    """
    local = repository.removeprefix("file://")
    if local.startswith("/") and "\0" not in local and "\n" not in local:
        path = Path(local)
        if roots and not any(path.resolve().is_relative_to(root.resolve()) for root in roots):
            raise RepositoryError("The repository lies outside the directories that the operator allows.")
        return path
    if holds_credential(repository):
        raise RepositoryError("The repository's address holds a credential. Take it out.")
    if any(pattern.fullmatch(repository) for pattern in _REMOTE) and ".." not in repository:
        return repository
    raise RepositoryError("The repository's address can't be used: write an absolute path or an address with https, http or ssh.")


def check_branch(branch: str) -> str:
    """The branch; raises RepositoryError for what git could take for something else."""
    if not _BRANCH.fullmatch(branch) or ".." in branch or "//" in branch or branch.endswith((".lock", "/", ".")):
        raise RepositoryError(f"{branch!r} can't be the name of a branch.")
    return branch


def check_directory(directory: str) -> str:
    """The directory within the repository; raises RepositoryError."""
    if not _DIRECTORY.fullmatch(directory):
        raise RepositoryError(f"{directory!r} can't be a directory of a repository.")
    return directory
