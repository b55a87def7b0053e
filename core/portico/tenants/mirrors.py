"""The local copies of repositories: one for each address and credential, however many tenants live in it.

Tenants of one repository share one mirror, one question what is new, and one fetch. A question that was asked after a caller wanted to know
answers that caller too, so nobody gets an answer from before she asked. Each mirror runs one git at a time. Mirrors don't wait for each
other, but for a common bound on how many gits run: those that failed last have a small bound of their own, so that a forge that hangs
holds up nobody else's repository.

A mirror is a cache. Whatever goes wrong with it, it is removed and fetched again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import git

from portico.settings.models import Source
from portico.tenants import gitcommand
from portico.tenants.addresses import BranchMissingError, RepositoryError, check_address
from portico.tenants.ancestry import DEPTH, Listed, listed
from portico.tenants.gitcommand import Access, GitFailedError

Result = TypeVar("Result")

TIMEOUT = 30.0
"""Seconds that a question to a repository may take; a fetch may take twice as long."""
PACKS = 50
"""Packs (a fetch brings one) after which a mirror begins afresh: cheaper than packing them anew."""
SIZE_LIMIT = 2 * gitcommand.FILE_LIMIT
"""Bytes of a mirror on disk."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--update-shallow", "--force")


@dataclass
class Lanes:
    """How many gits may run at once: in all, and for repositories that failed last."""

    usual: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(32))
    failing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(16))


@dataclass(frozen=True)
class _Answer:
    """What a repository said: its branches, or why not."""

    asked: float
    branches: frozenset[str]
    tips: Mapping[str, str] = field(default_factory=dict)
    error: RepositoryError | None = None


class Mirror:
    """One repository. `directory` is the mirror's own, made when needed; git's configuration lies beside it."""

    def __init__(
        self,
        address: str,
        *,
        directory: Path,
        workers: Executor,
        access: Access | None = None,
        roots: Sequence[Path] = (),
        lanes: Lanes | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.address = check_address(address, roots)
        self.directory = directory
        self.config = directory.with_suffix(".gitconfig")
        self.failures = 0
        """How often in a row the repository didn't answer."""
        self._access = access or Access()
        self._workers = workers
        self._lanes = lanes or Lanes()
        self._timeout = timeout
        self._branches: set[str] = set()
        self._turn = asyncio.Lock()
        self._last: _Answer | None = None
        self._source: git.Repo | None = None
        # A file system that hangs holds this thread and no other.
        self._own_thread = ThreadPoolExecutor(1, thread_name_prefix="repository")

    def follow(self, branch: str) -> None:
        """Ask for this branch too, whenever the repository is asked."""
        self._branches.add(branch)

    def forgive(self) -> None:
        """Treat it as healthy again: somebody says that it has changed."""
        self.failures = 0

    async def tip(self, branch: str, *, since: float) -> str:
        """The commit that a branch is at, as seen at `since` (of `time.monotonic`) or later; raises RepositoryError, BranchMissingError.

        Starts no process for a repository on this machine.
        """
        if isinstance(self.address, Path):
            async with self._counting():
                return await self._local(partial(self._local_tip, self.address, branch))
        async with self._turn:
            answer = self._last
            if answer is None or answer.asked < since or branch not in answer.branches:
                answer = self._last = await self._ask(branch)
        if answer.error is not None:
            raise answer.error
        if branch not in answer.tips:
            raise BranchMissingError(branch)
        return answer.tips[branch]

    async def fetch(self, branch: str, *, tip: str | None = None, depth: int = 1) -> str:
        """Have a branch's newest commits in the mirror and answer the newest; raises RepositoryError. Nothing to do where `tip` is."""
        ref = _ref(branch)
        async with self._turn:
            if tip is not None and await self.run(partial(read_ref, self.directory, ref)) == tip:
                return tip
            try:
                async with self._counting():
                    await self._prepare(self.directory)
                    await self._git(*_FETCH, f"--depth={depth}", "--", str(self.address), f"+refs/heads/{branch}:{ref}", cwd=self.directory)
                    await self.run(self._bounded)
                fetched = await self.run(partial(read_ref, self.directory, ref))
            except BranchMissingError:
                raise
            except GitFailedError as error:
                if "couldn't find remote ref" in error.complaints:
                    self.failures = 0
                    raise BranchMissingError(branch) from error
                await self._discard(self.directory)
                raise
            except BaseException:
                await self._discard(self.directory)
                raise
        if fetched is None:
            raise RepositoryError("The repository's branch came without its commit.")
        return fetched

    async def commits(self, branch: str) -> tuple[dict[str, Listed], frozenset[str]]:
        """The branch's newest commits without their content, and those of them whose parents were left out; raises RepositoryError.

        They come into a copy of their own beside the mirror: git would fetch what such a copy lacks whenever it reads from it.
        """
        copy, ref = self.directory.with_suffix(".commits.git"), _ref(branch)
        # A repository that leaves things out must be named by an address.
        address = self.address.as_uri() if isinstance(self.address, Path) else self.address
        async with self._turn:
            try:
                await self._prepare(copy)
                only = ("--filter=tree:0", f"--depth={DEPTH}")
                await self._git(*_FETCH, *only, "--", address, f"+refs/heads/{branch}:{ref}", cwd=copy)
                listing = await self._git("rev-list", f"--max-count={5 * DEPTH}", "--timestamp", "--parents", ref, cwd=copy)
                return listed(listing), await self.run(partial(_shallow, copy))
            except BaseException:
                await self._discard(copy)
                raise

    async def read(self, function: Callable[[Path], Result]) -> Result:
        """Call a function with the mirror's directory in a worker, while nothing else changes it."""
        async with self._turn:
            return await self.run(partial(function, self.directory))

    async def run(self, function: Callable[[], Result]) -> Result:
        """Call what blocks in a worker."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, function)

    async def _ask(self, branch: str) -> _Answer:
        asked, branches = time.monotonic(), frozenset({*self._branches, branch})
        names = [f"refs/heads/{name}" for name in sorted(branches)]
        try:
            async with self._counting():
                answer = await self._git("ls-remote", "--quiet", "--", str(self.address), *names, cwd=self.directory.parent)
        except RepositoryError as error:
            return _Answer(asked, branches, error=error)
        return _Answer(asked, branches, tips=_tips(answer, branches))

    async def _git(self, *arguments: str, cwd: Path) -> str:
        self._access.usable()
        gitcommand.write_config(self.config, gitcommand.configuration(self.address, self._access))
        limit = 2 * self._timeout if arguments[0] == "fetch" else self._timeout
        async with self._lanes.failing if self.failures else self._lanes.usual:
            return await gitcommand.run(*arguments, cwd=cwd, config=self.config, timeout=limit, scrub=self._access.scrubbed)

    async def _prepare(self, directory: Path) -> None:
        if await self.run(partial(_grown, directory / "objects" / "pack")):
            await self._discard(directory)
        if not (directory / "HEAD").is_file():
            directory.mkdir(parents=True, exist_ok=True)
            await self._git("init", "--quiet", "--bare", "--template=", "--", str(directory), cwd=directory)

    def _bounded(self) -> None:
        size = sum(path.lstat().st_size for path in self.directory.rglob("*"))
        if size > SIZE_LIMIT:
            raise RepositoryError(f"The repository is too large: its newest commit may take {SIZE_LIMIT // 1_000_000} MB.")

    async def _discard(self, directory: Path) -> None:
        """Remove a copy; a git that was killed has left locks in it."""
        await self.run(partial(shutil.rmtree, directory, ignore_errors=True))

    @contextlib.asynccontextmanager
    async def _counting(self) -> AsyncIterator[None]:
        try:
            yield
        except BranchMissingError:
            self.failures = 0
            raise
        except RepositoryError:
            self.failures += 1
            raise
        self.failures = 0

    async def _local(self, function: Callable[[], Result]) -> Result:
        """Ask a repository on this machine; its file system may hang."""
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.get_running_loop().run_in_executor(self._own_thread, function)
        except TimeoutError as error:
            raise RepositoryError(f"The repository didn't answer within {self._timeout:.0f} s.") from error

    def _local_tip(self, path: Path, branch: str) -> str:
        if self._source is None:
            try:
                self._source = git.Repo(path, expand_vars=False)
            except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
                raise RepositoryError("There is no git repository at the configured path.") from error
        try:
            return str(git.SymbolicReference.dereference_recursive(self._source, f"refs/heads/{branch}"))
        except (ValueError, OSError) as error:
            self._source = None
            if not (path / "HEAD").is_file() and not (path / ".git").exists():
                raise RepositoryError("There is no git repository at the configured path.") from error
            raise BranchMissingError(branch) from error


class Mirrors:
    """All mirrors of an installation, below `<state>/mirrors`."""

    def __init__(self, root: Path, *, workers: Executor, roots: Sequence[Path] = (), timeout: float = TIMEOUT) -> None:
        self._root = root
        self._open = partial(Mirror, workers=workers, roots=roots, lanes=Lanes(), timeout=timeout)
        self._mirrors: dict[str, Mirror] = {}

    def of(self, source: Source) -> Mirror:
        """The mirror of a repository; raises RepositoryError for an address that can't be used."""
        name = name_of(source)
        if name not in self._mirrors:
            self._mirrors[name] = self._open(source.repository, directory=self._root / f"{name}.git", access=Access.of(source))
        return self._mirrors[name]

    def sweep(self, sources: Sequence[Source]) -> None:
        """Remove the mirrors of repositories that nobody lists any more. Blocks."""
        kept = {name_of(source) for source in sources}
        for path in self._root.glob("*"):
            if path.name.partition(".")[0] not in kept:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def name_of(source: Source) -> str:
    """The name of the mirror: the same for those with the same address and credential."""
    digest = hashlib.sha256(repr((source.repository, Access.of(source))).encode()).hexdigest()[:12]
    last = re.sub(r"[^A-Za-z0-9_-]+", "-", source.repository.rstrip("/").rpartition("/")[2].removesuffix(".git"))
    return f"{last[:40]}-{digest}"


def read_ref(repository: Path, ref: str) -> str | None:
    """The commit that a ref of a mirror points to; None where there is none."""
    try:
        with contextlib.closing(git.Repo(repository, expand_vars=False)) as repo:
            return str(git.SymbolicReference.dereference_recursive(repo, ref))
    except (git.InvalidGitRepositoryError, git.NoSuchPathError, ValueError, OSError):
        return None


def _grown(packs: Path) -> bool:
    """Whether a copy is better begun afresh, before what it has gathered is taken for the size of the newest commit."""
    sizes = [path.lstat().st_size for path in packs.glob("*.pack")]
    return len(sizes) >= PACKS or sum(sizes) > gitcommand.FILE_LIMIT


def _shallow(repository: Path) -> frozenset[str]:
    """The commits at which a shallow copy ends."""
    try:
        return frozenset((repository / "shallow").read_text().split())
    except FileNotFoundError:
        return frozenset()


def _ref(branch: str) -> str:
    """Where a mirror keeps a branch: by a digest, since `a` and `a/b` may follow each other."""
    return f"refs/portico/{hashlib.sha256(branch.encode()).hexdigest()[:20]}"


def _tips(listing: str, branches: frozenset[str]) -> dict[str, str]:
    """What `git ls-remote` lists, for these branches; names that only end like them are somebody else's."""
    found = {}
    for line in listing.splitlines():
        commit, _, ref = line.partition("\t")
        branch = ref.removeprefix("refs/heads/")
        if _COMMIT.fullmatch(commit) and ref == f"refs/heads/{branch}" and branch in branches:
            found[branch] = commit
    return found
