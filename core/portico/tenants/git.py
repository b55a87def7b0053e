"""Reads bundles out of git repositories: what is new, fetched into a mirror, and the files of a commit.

Nothing is ever checked out, so no hook, filter, submodule or LFS program runs. A repository on this machine is asked by reading its ref,
which starts no process. GitPython reads refs, and trees and blobs from the mirror's object store; git itself fetches and asks other
servers.
Addresses and branches are checked against patterns first, options are fixed, `--` stands before addresses, and every call has a time limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TypeVar

import git
from git.exc import BadName, BadObject
from git.objects.fun import tree_entries_from_data

from portico.logs import redact
from portico.tenants.findings import refuse
from portico.tenants.layers import Entry, admit

Result = TypeVar("Result")

TIMEOUT = 30.0
"""Seconds that one call of git may take."""
TREE_LIMIT = 10_000
"""Entries that are looked at in one directory tree."""

_HOST = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_REMOTE = (
    re.compile(rf"https?://{_HOST}(:\d{{1,5}})?/[A-Za-z0-9._~%/+-]+"),
    re.compile(rf"ssh://([a-z_][a-z0-9_-]{{0,31}}@)?{_HOST}(:\d{{1,5}})?/[A-Za-z0-9._~/+-]+"),
    re.compile(rf"[a-z_][a-z0-9_-]{{0,31}}@{_HOST}:[A-Za-z0-9._~][A-Za-z0-9._~/+-]*"),
)
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_DIRECTORY = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LINK, _SUBMODULE, _TREE, _BLOB = 0o120000, 0o160000, 0o040000, 0o100000
_KIND = 0o170000
_LIVE = "refs/heads/live"
CONFIG = "gitconfig"
"""Git's configuration, beside the mirrors."""

_FETCH_OPTIONS = (
    "--quiet",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-write-fetch-head",
    "--depth=1",
    "--update-shallow",
    "--force",
)

_CONFIG = """\
[protocol]
\tallow = never
[protocol "file"]
\tallow = always
[protocol "http"]
\tallow = always
[protocol "https"]
\tallow = always
[protocol "ssh"]
\tallow = always
[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tcommitGraph = false
[credential]
\thelper =
[fetch]
\tfsckObjects = true
\trecurseSubmodules = false
\twriteCommitGraph = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[http]
\tfollowRedirects = false
\tlowSpeedLimit = 1000
\tlowSpeedTime = 10
"""
"""All of git's configuration. A repository may belong to another account: that the operator lists it is her consent."""


class RepositoryError(Exception):
    """A repository can't be asked or fetched from. The text is a sentence and holds no credential."""


def check_address(repository: str) -> Path | str:
    """A local repository's path, or a remote's address; raises RepositoryError for anything else (hostile inputs 27 and 31)."""
    local = repository.removeprefix("file://")
    if local.startswith("/") and "\0" not in local and "\n" not in local:
        return Path(local)
    if any(pattern.fullmatch(repository) for pattern in _REMOTE) and ".." not in repository:
        return repository
    if re.match(r"[a-z]+://[^/]*@", repository) and not repository.startswith("ssh://"):
        raise RepositoryError("The repository's address holds a credential. Take it out.")
    raise RepositoryError("The repository's address can't be used: write an absolute path or an address with https, http or ssh.")


class Repository:
    """One tenant's branch and directory of a repository. `mirror` is a directory of its own below the state."""

    def __init__(self, address: str, *, branch: str, directory: str, mirror: Path, workers: Executor, timeout: float = TIMEOUT) -> None:
        self._address = check_address(address)
        if not _BRANCH.fullmatch(branch) or ".." in branch or branch.endswith((".lock", "/", ".")):
            raise RepositoryError(f"{branch!r} can't be the name of a branch.")
        if not _DIRECTORY.fullmatch(directory):
            raise RepositoryError(f"{directory!r} can't be a directory of a repository.")
        self._branch = branch
        self._directory = directory
        self._mirror = mirror
        self._workers = workers
        self._timeout = timeout
        self._source: git.Repo | None = None

    async def tip(self) -> str:
        """The commit that the branch is at now; raises RepositoryError. Starts no process for a repository on this machine."""
        if isinstance(self._address, Path):
            return await self._run(self._local_tip)
        answer = await self._git("ls-remote", "--quiet", "--", self._address, f"refs/heads/{self._branch}", cwd=self._mirror.parent)
        commit = answer.split("\t")[0].strip()
        if not _COMMIT.fullmatch(commit):
            raise RepositoryError(f"The repository has no branch {self._branch!r}.")
        return commit

    async def fetch(self) -> str:
        """Bring the branch's newest commit into the mirror and answer it; raises RepositoryError."""
        try:
            if not (self._mirror / "HEAD").is_file():
                self._mirror.mkdir(parents=True, exist_ok=True)
                await self._git("init", "--quiet", "--bare", "--template=", "--", str(self._mirror), cwd=self._mirror)
            refspec = f"+refs/heads/{self._branch}:{_LIVE}"
            await self._git("fetch", *_FETCH_OPTIONS, "--", str(self._address), refspec, cwd=self._mirror)
            return await self._run(partial(_read_ref, self._mirror, _LIVE))
        except BaseException:
            # The mirror is a cache, and a git that was killed leaves locks in it: the next fetch begins afresh.
            shutil.rmtree(self._mirror, ignore_errors=True)
            raise

    async def files(self, commit: str) -> dict[str, bytes]:
        """The bundle's files at a commit of the mirror; raises Refused, or RepositoryError where the mirror lacks it."""
        return await self._run(partial(read_commit, self._mirror, commit, self._directory))

    def _local_tip(self) -> str:
        if self._source is None:
            try:
                self._source = git.Repo(self._address, expand_vars=False)
            except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
                raise RepositoryError("There is no git repository at the configured path.") from error
        try:
            return str(git.SymbolicReference.dereference_recursive(self._source, f"refs/heads/{self._branch}"))
        except (ValueError, OSError) as error:
            self._source = None
            raise RepositoryError(f"The repository has no branch {self._branch!r}.") from error

    async def _run(self, function: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._workers, function)

    async def _git(self, *arguments: str, cwd: Path) -> str:
        """Run git with nothing but our own configuration; its whole process group ends with the time limit or a cancellation."""
        process = await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            cwd=cwd,
            env=_environment(self._config()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), self._timeout)
        except TimeoutError as error:
            raise RepositoryError(f"The repository didn't answer within {self._timeout:.0f} s.") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            raise RepositoryError(_reason(err.decode(errors="replace"), self._branch))
        return out.decode(errors="replace")

    def _config(self) -> Path:
        path = self._mirror.parent / CONFIG
        if not path.is_file() or path.read_text() != _CONFIG:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{secrets.token_hex(8)}")
            temporary.write_text(_CONFIG)
            temporary.replace(path)
        return path


def _environment(config: Path) -> dict[str, str]:
    kept = ("PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "https_proxy", "http_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY")
    return {key: os.environ[key] for key in kept if key in os.environ} | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes -oConnectTimeout=10",
        "LC_ALL": "C",
    }


def _reason(stderr: str, branch: str) -> str:
    if "couldn't find remote ref" in stderr:
        return f"The repository has no branch {branch!r}."
    lines = [line.strip() for line in stderr.splitlines() if line.startswith(("fatal:", "error:", "ssh:"))]
    return f"The repository can't be fetched from: {redact(lines[0])[:200] if lines else 'git failed'}."


def _read_ref(repository: Path, ref: str) -> str:
    with contextlib.closing(git.Repo(repository, expand_vars=False)) as repo:
        return str(git.SymbolicReference.dereference_recursive(repo, ref))


def read_commit(repository: Path, commit: str, directory: str = "") -> dict[str, bytes]:
    """The files of a commit below a directory, out of a bare repository's object store; raises Refused, RepositoryError."""
    with contextlib.closing(git.Repo(repository, expand_vars=False)) as repo:
        repo.git.update_environment(**_environment(repository.parent / CONFIG))
        try:
            tree = repo.commit(commit).tree
            root = tree / directory if directory else tree
        except KeyError as error:
            raise refuse(
                "", f"The commit has no directory {directory!r}.", "Push it there, or ask the operator to name another."
            ) from error
        except (BadName, BadObject, ValueError) as error:
            raise RepositoryError(f"The mirror lacks the commit {commit[:12]}.") from error
        if not isinstance(root, git.Tree):
            raise refuse(directory, "This is a file and not a directory.")
        blobs: dict[str, git.Blob] = {}
        admitted = admit(_walk(root, "", blobs, [TREE_LIMIT]))
        return {entry.path: bytes(blobs[entry.path].data_stream.read()) for entry in admitted}


def _walk(tree: git.Tree, folder: str, blobs: dict[str, git.Blob], left: list[int]) -> Iterator[Entry]:
    for sha, mode, name in sorted(tree_entries_from_data(tree.data_stream.read()), key=lambda item: item[2]):
        left[0] -= 1
        if left[0] < 0:
            raise refuse("", f"The bundle has more than {TREE_LIMIT:,} entries.", "Remove what the portal doesn't show.")
        path = f"{folder}/{name}" if folder else name
        kind = mode & _KIND
        if kind == _TREE and name.startswith("."):
            continue
        if kind == _TREE:
            yield from _walk(git.Tree(tree.repo, sha, mode, path), path, blobs, left)
        elif kind == _BLOB:
            blob = blobs[path] = git.Blob(tree.repo, sha, mode, path)
            yield Entry(path, blob.size)
        else:
            yield Entry(path, 0, {_LINK: "a symbolic link", _SUBMODULE: "a submodule"}.get(kind, "a special entry"))
