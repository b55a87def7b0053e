"""Reads bundles out of git repositories: what is new, and the files of a commit.

Nothing is ever checked out, so no hook, filter, submodule or LFS program runs. A repository on this machine is asked by reading its ref,
which starts no process. GitPython reads refs, and trees and blobs from the mirror's object store; git itself fetches and asks other
servers (`mirrors`, `gitcommand`). Objects are measured before they are read.
Addresses and branches are checked against patterns first (`addresses`), options are fixed, `--` stands before addresses, and every call has
a time limit.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import git
from git.exc import BadName, BadObject
from git.objects.fun import tree_entries_from_data

from portico.tenants import gitcommand
from portico.tenants.addresses import BranchMissingError, RepositoryError, check_branch, check_directory
from portico.tenants.ancestry import UNKNOWN, Move, compare
from portico.tenants.commits import Commit, parse
from portico.tenants.findings import Refused, refuse
from portico.tenants.layers import Entry, admit
from portico.tenants.mirrors import Mirror

__all__ = ["BranchMissingError", "Commit", "Move", "Repository", "RepositoryError", "read_commit"]

TREE_LIMIT = 10_000
"""Entries that are looked at in one directory tree."""
DEPTH_LIMIT = 16
"""Directories within each other."""
TEXT_LIMIT = 1_000_000
"""Bytes of a file that is read by itself."""
TREE_BYTES = 4_000_000
"""Bytes of one directory's listing, or of a commit's text: both are read at once."""
REMEMBERED = 20
"""Commits of which is remembered what they say of themselves: each look into a mirror costs two processes."""
_LINK, _SUBMODULE, _TREE, _BLOB = 0o120000, 0o160000, 0o040000, 0o100000
_KIND = 0o170000


@dataclass(frozen=True)
class _Seen:
    """A commit, and the id of the bundle's directory in it: None where there is none, Refused where it can't be one."""

    commit: Commit
    content: str | Refused | None


class Repository:
    """One tenant's branch and directory of a repository, whose mirror others may share."""

    def __init__(self, mirror: Mirror, *, branch: str, directory: str = "", follow: bool = True) -> None:
        self.mirror = mirror
        self.branch = check_branch(branch)
        self._directory = check_directory(directory)
        self._tip: str | None = None
        self._remembered: OrderedDict[str, _Seen] = OrderedDict()
        if follow:
            mirror.follow(branch)

    @property
    def failures(self) -> int:
        """How often in a row it didn't answer; what costs nothing to ask never counts as failing."""
        return 0 if isinstance(self.mirror.address, Path) else self.mirror.failures

    def at(self, branch: str) -> Repository:
        """The same directory at another branch, which is asked for when somebody asks; raises RepositoryError for an impossible name."""
        return Repository(self.mirror, branch=branch, directory=self._directory, follow=False)

    async def tip(self, *, since: float | None = None) -> str:
        """The commit that the branch is at; raises RepositoryError, BranchMissingError.

        The answer is of `since` (of `time.monotonic`) or later, by default of now.
        """
        self._tip = await self.mirror.tip(self.branch, since=time.monotonic() if since is None else since)
        return self._tip

    async def fetch(self) -> str:
        """Bring the branch's newest commit into the mirror and answer it; raises RepositoryError."""
        return await self.mirror.fetch(self.branch, tip=self._tip)

    async def files(self, commit: str) -> dict[str, bytes]:
        """The bundle's files at a commit of the mirror; raises Refused, or RepositoryError where the mirror lacks it."""
        return await self.mirror.read(partial(_read, commit=commit, directory=self._directory))

    async def content(self, commit: str) -> str | None:
        """The id of the bundle's directory at a commit of the mirror: equal ids, equal files. None where there is no such directory."""
        content = (await self._seen(commit)).content
        if isinstance(content, Refused):
            raise Refused(content.findings)
        return content

    async def text(self, commit: str, path: str) -> str:
        """One file at a commit of the mirror, at most `TEXT_LIMIT` bytes; raises RepositoryError where it is none that can be read."""
        return await self.mirror.read(partial(_text, commit=commit, path=path))

    async def about(self, commit: str) -> Commit:
        """What a commit of the mirror says of itself; raises RepositoryError where the mirror lacks it."""
        return (await self._seen(commit)).commit

    async def move(self, old: str, new: str) -> Move:
        """How the branch came from one commit to a newer one of the mirror; never fails, but may not know.

        Asks the repository only where more than one commit was pushed at once.
        """
        try:
            if old in (await self.about(new)).parents:
                return Move(forced=False, commits=1)
            commits, ends = await self.mirror.commits(self.branch)
            return compare(old, await self._made_at(old), commits, ends) if new in commits else UNKNOWN
        except (RepositoryError, Refused):
            return UNKNOWN

    async def _seen(self, commit: str) -> _Seen:
        found = self._remembered.get(commit)
        if found is None:
            found = self._remembered[commit] = await self.mirror.read(partial(_look, commit=commit, directory=self._directory))
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return found

    async def _made_at(self, commit: str) -> datetime | None:
        try:
            return (await self.about(commit)).committed_at
        except RepositoryError:
            return None


def read_commit(repository: Path, commit: str, directory: str = "") -> dict[str, bytes]:
    """The files of a commit below a directory, out of a bare repository's object store; raises Refused, RepositoryError."""
    with _opened(repository) as repo:
        root = _directory(repo, _commit(repo, commit), directory)
        if root is None:
            raise refuse("", f"The commit has no directory {directory!r}.", "Push it there, or ask the operator to name another.")
        blobs: dict[str, git.Blob] = {}
        admitted = admit(_walk(root, "", blobs, [TREE_LIMIT]))
        return {entry.path: bytes(blobs[entry.path].data_stream.read()) for entry in admitted}


def _read(repository: Path, *, commit: str, directory: str) -> dict[str, bytes]:
    return read_commit(repository, commit, directory)


def _look(repository: Path, *, commit: str, directory: str) -> _Seen:
    with _opened(repository) as repo:
        about = _commit(repo, commit)
        try:
            root = _directory(repo, about, directory)
        except Refused as refused:
            return _Seen(about, refused)
        return _Seen(about, None if root is None else str(root.hexsha))


def _text(repository: Path, *, commit: str, path: str) -> str:
    folder, _, name = path.rpartition("/")
    with _opened(repository) as repo:
        tree = _directory(repo, _commit(repo, commit), folder)
        entries = {} if tree is None else {entry: (sha, mode) for sha, mode, entry in tree_entries_from_data(_listing(tree))}
        sha, mode = entries.get(name, (b"", 0))
        if mode & _KIND != _BLOB:
            raise RepositoryError(f"The commit {commit[:12]} has no file {path}.")
        blob = git.Blob(repo, sha, mode, path)
        if blob.size > TEXT_LIMIT:
            raise RepositoryError(f"{path} has {blob.size:,} bytes; {TEXT_LIMIT:,} are allowed.")
        try:
            return bytes(blob.data_stream.read()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise RepositoryError(f"{path} isn't UTF-8 text.") from error


@contextlib.contextmanager
def _opened(repository: Path) -> Iterator[git.Repo]:
    try:
        opened = git.Repo(repository, expand_vars=False)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
        raise RepositoryError("The mirror of the repository is gone; it is fetched again.") from error
    with contextlib.closing(opened) as repo:
        repo.git.update_environment(**gitcommand.environment(repository.with_suffix(".gitconfig")))
        try:
            yield repo
        except (BadObject, ValueError, LookupError) as error:
            raise RepositoryError("The repository holds an object that can't be read.") from error


def _commit(repo: git.Repo, commit: str) -> Commit:
    try:
        if repo.odb.info(bytes.fromhex(commit)).size > TREE_BYTES:
            raise RepositoryError("The commit's message is too long. Write a shorter one.")
        return parse(commit, repo.odb.stream(bytes.fromhex(commit)).read())
    except (BadName, BadObject, ValueError) as error:
        raise RepositoryError(f"The mirror lacks the commit {commit[:12]}.") from error


def _directory(repo: git.Repo, commit: Commit, directory: str) -> git.Tree | None:
    """The directory, found without reading more than the listings on the way; None where there is none."""
    tree = git.Tree(repo, bytes.fromhex(commit.tree), _TREE, "")
    for part in directory.split("/") if directory else ():
        entries = {name: (sha, mode) for sha, mode, name in tree_entries_from_data(_listing(tree))}
        if part not in entries:
            return None
        sha, mode = entries[part]
        if mode & _KIND != _TREE:
            raise refuse(directory, "This is a file and not a directory.")
        tree = git.Tree(repo, sha, mode, part)
    return tree


def _listing(tree: git.Tree) -> bytes:
    if tree.size > TREE_BYTES:
        raise refuse("", f"The bundle has more than {TREE_LIMIT:,} entries.", "Remove what the portal doesn't show.")
    return bytes(tree.data_stream.read())


def _walk(tree: git.Tree, folder: str, blobs: dict[str, git.Blob], left: list[int]) -> Iterator[Entry]:
    for sha, mode, name in sorted(tree_entries_from_data(_listing(tree)), key=lambda item: item[2]):
        left[0] -= 1
        if left[0] < 0:
            raise refuse("", f"The bundle has more than {TREE_LIMIT:,} entries.", "Remove what the portal doesn't show.")
        path = f"{folder}/{name}" if folder else name
        kind = mode & _KIND
        if kind == _TREE and name.startswith("."):
            continue
        if kind == _TREE:
            if path.count("/") >= DEPTH_LIMIT:
                raise refuse(path, f"Directories are nested more than {DEPTH_LIMIT} deep.", "Put the files further up.")
            yield from _walk(git.Tree(tree.repo, sha, mode, path), path, blobs, left)
        elif kind == _BLOB:
            blob = blobs[path] = git.Blob(tree.repo, sha, mode, path)
            yield Entry(path, blob.size)
        else:
            yield Entry(path, 0, {_LINK: "a symbolic link", _SUBMODULE: "a submodule"}.get(kind, "a special entry"))
