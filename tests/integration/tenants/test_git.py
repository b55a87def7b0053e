"""Repositories on other machines: asked and fetched from over HTTP, within limits."""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
import subprocess
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from portico.tenants import gitcommand, mirrors
from portico.tenants.findings import Refused
from portico.tenants.git import TEXT_LIMIT, Move, Repository, RepositoryError
from portico.tenants.mirrors import Lanes, Mirror

from tests.support.bundles import BUNDLE, Remote, git
from tests.support.git_servers import Quiet, git_over_http, listening, serving
from tests.support.wait import until


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as workers:
        yield workers


def opened(
    address: str, mirror: Path, workers: ThreadPoolExecutor, *, branch: str = "main", directory: str = "", timeout: float = 30
) -> Repository:
    return Repository(Mirror(address, directory=mirror, workers=workers, timeout=timeout), branch=branch, directory=directory)


async def test_a_bundle_is_read_over_http(remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    first = remote.push({f"portals/test/{path}": content for path, content in BUNDLE.items()})
    with serving(git_over_http(tmp_path)) as address:
        repository = opened(f"{address}/bundle.git", tmp_path / "m/test.git", workers, directory="portals/test")
        assert await repository.tip() == first
        assert await repository.fetch() == first
        assert set(await repository.files(first)) == set(BUNDLE)
        second = remote.push({"portals/test/static/a.txt": "a"})
        assert await repository.tip() == second
        assert await repository.fetch() == second
        assert (await repository.files(second))["static/a.txt"] == b"a"
        elsewhere = opened(f"{address}/bundle.git", tmp_path / "m/gone.git", workers, branch="gone")
        with pytest.raises(RepositoryError, match="no branch 'gone'"):
            await elsewhere.tip()
        with pytest.raises(RepositoryError, match="no branch 'gone'"):
            await elsewhere.fetch()


async def test_one_file_is_read_within_limits(remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    files = {"list/a.toml": "Grüße", "big": b"x" * (TEXT_LIMIT + 1), "bytes": b"\xff"}
    repository = opened(str(remote.path), tmp_path / "m/test.git", workers)
    remote.push(files)
    commit = await repository.fetch()
    assert await repository.text(commit, "list/a.toml") == "Grüße"
    for path, says in (
        ("list", f"The commit {commit[:12]} has no file list."),
        ("list/b.toml", f"The commit {commit[:12]} has no file list/b.toml."),
        ("nowhere/a.toml", f"The commit {commit[:12]} has no file nowhere/a.toml."),
        ("big", "big has 1,000,001 bytes; 1,000,000 are allowed."),
        ("bytes", "bytes isn't UTF-8 text."),
    ):
        with pytest.raises(RepositoryError) as caught:
            await repository.text(commit, path)
        assert str(caught.value) == says


async def test_a_redirect_is_not_followed(remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    """Hostile input 29."""
    remote.push(dict(BUNDLE))
    with serving(git_over_http(tmp_path)) as inside:

        class Redirect(Quiet):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"{inside}{self.path}")
                self.end_headers()

        with serving(Redirect) as outside:
            repository = opened(f"{outside}/bundle.git", tmp_path / "m/test.git", workers)
            with pytest.raises(RepositoryError, match="can't be fetched from"):
                await repository.tip()
            with pytest.raises(RepositoryError, match="can't be fetched from"):
                await repository.fetch()


async def test_a_silent_server_is_left_after_the_time_limit(tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    """Hostile input 26; git and its helpers are gone afterwards, also when the question is called off."""
    silent = await asyncio.start_server(lambda reader, writer: asyncio.Event().wait(), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/x.git"

    def running() -> list[psutil.Process]:
        # Other tests' installations may be children of this process too; they run no git for their local repositories.
        return [
            child
            for child in psutil.Process().children(recursive=True)
            if child.name().startswith("git") and child.status() != psutil.STATUS_ZOMBIE
        ]

    repository = opened(address, tmp_path / "m/test.git", workers, timeout=0.5)
    (tmp_path / "m").mkdir()
    began = time.monotonic()
    with pytest.raises(RepositoryError, match="didn't answer"):
        await repository.tip()
    assert time.monotonic() - began < 3
    await until(lambda: not running())
    patient = opened(address, tmp_path / "m/test.git", workers)
    asking = asyncio.create_task(patient.tip())
    await until(running)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: not running())
    silent.close()


@pytest.mark.parametrize("branch", ["-f", "--upload-pack=x", "a..b", "a b", "x.lock", "a\nb", "@{-1}", ""])
async def test_a_branch_that_could_be_an_option_is_refused(tmp_path: Path, workers: ThreadPoolExecutor, branch: str) -> None:
    """Hostile input 27."""
    with pytest.raises(RepositoryError, match="can't be the name of a branch"):
        opened("/x", tmp_path, workers, branch=branch)


async def test_a_directory_that_is_missing_is_said(remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    commit = remote.push(dict(BUNDLE))
    repository = opened(str(remote.path), tmp_path / "m/test.git", workers, directory="portal")
    await repository.fetch()
    with pytest.raises(Refused, match="The commit has no directory 'portal'"):
        await repository.files(commit)


async def test_a_hundred_thousand_files_are_refused_in_bounded_time(remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    """Hostile input 5."""
    blob = git(remote.work, "hash-object", "-w", "--stdin", content="x").strip()
    listing = "".join(f"100644 blob {blob}\tf{number}.txt\n" for number in range(100_000))
    tree = git(remote.work, "mktree", content=listing).strip()
    commit = git(remote.work, "commit-tree", tree, "-m", "Many").strip()
    git(remote.work, "push", "--quiet", str(remote.path), f"{commit}:refs/heads/main")
    repository = opened(str(remote.path), tmp_path / "m/test.git", workers)
    await repository.fetch()
    began = time.monotonic()
    with pytest.raises(Refused, match="more than"):
        await repository.files(commit)
    assert time.monotonic() - began < 5


async def test_how_a_branch_moved_is_told_without_its_content(remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    """Hostile input 24: a forced push is seen as such, over a repository's own path and over HTTP."""
    first = remote.push(dict(BUNDLE))
    with serving(git_over_http(tmp_path)) as address:
        near = opened(str(remote.path), tmp_path / "near/test.git", workers)
        far = opened(f"{address}/bundle.git", tmp_path / "far/test.git", workers)
        for repository in (near, far):
            await repository.fetch()
        second = remote.push({"static/a.txt": "a"}, "Add a\n\nfor a reason")
        third = remote.push({"static/b.txt": "b"})
        for repository in (near, far):
            assert await repository.tip() == await repository.fetch() == third
            assert await repository.move(second, third) == Move(forced=False, commits=1)
            assert await repository.move(first, third) == Move(forced=False, commits=2)
            assert (await repository.about(third)).parents == (second,)
            assert (await repository.about(first)).subject == "Change"
        git(remote.work, "reset", "--quiet", "--hard", first)
        other = remote.push({"static/c.txt": "c"}, "Rewrite\n\nthe history")
        for repository in (near, far):
            assert await repository.tip() == await repository.fetch() == other
            assert await repository.move(third, other) == Move(forced=True, commits=None)
            assert (await repository.about(other)).subject == "Rewrite"
            assert set(await repository.files(other)) == {*BUNDLE, "static/c.txt"}
    for copy in tmp_path.glob("*/*.commits.git"):
        kinds = git(copy, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
        assert set(kinds) == {"commit"}


def write_pack(repository: Path, objects: list[tuple[int, bytes, int, bytes]]) -> None:
    """A pack of these objects, as (type, what stands before the content, size, content); every count of bytes is the author's claim."""
    packed = b"PACK" + struct.pack(">II", 2, len(objects))
    for kind, reference, size, content in objects:
        head, left = (kind << 4) | (size & 15), size >> 4
        while left:
            packed += bytes([head | 128])
            head, left = left & 127, left >> 7
        packed += bytes([head]) + reference + zlib.compress(content, 9)
    packed += hashlib.sha1(packed).digest()
    subprocess.run(["git", "index-pack", "--stdin"], cwd=repository, input=packed, check=True, capture_output=True)


def varint(number: int) -> bytes:
    """A size as a delta holds it."""
    parts = []
    while number > 127:
        parts.append(128 | number & 127)
        number >>= 7
    return bytes([*parts, number])


def delta_bomb(repository: Path, copies: int) -> str:
    """A commit with a file of `copies` times 16 MB, of which nobody keeps more than one: a delta says so. Answers the commit."""
    block = b"\0" * 0xFFFFFF
    base, whole = hashlib.sha1(b"blob %d\0" % len(block) + block), hashlib.sha1(b"blob %d\0" % (copies * len(block)))
    for _ in range(copies):
        whole.update(block)
    delta = varint(len(block)) + varint(copies * len(block)) + b"\xf0\xff\xff\xff" * copies
    write_pack(repository, [(3, b"", len(block), block), (7, base.digest(), len(delta), delta)])
    tree = git(repository, "mktree", content=f"100644 blob {base.hexdigest()}\ta.txt\n100644 blob {whole.hexdigest()}\tb.txt\n").strip()
    commit = git(repository, "commit-tree", tree, "-m", "Bomb").strip()
    git(repository, "update-ref", "refs/heads/main", commit)
    return commit


async def test_a_delta_that_unfolds_ends_at_the_limit_of_memory(
    remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hostile input 6, with a tenth of the limits: nothing of it stays, and the branch is followed again when it is mended."""
    monkeypatch.setattr(gitcommand, "MEMORY", 150_000_000)
    delta_bomb(remote.path, 20)
    repository = opened(str(remote.path), tmp_path / "m/test.git", workers)
    with pytest.raises(RepositoryError, match="needs more memory or time"):
        await repository.fetch()
    assert not (tmp_path / "m/test.git").exists()
    mended = remote.push(dict(BUNDLE))
    assert await repository.fetch() == mended


async def test_a_pack_that_is_too_large_ends_at_the_limit_of_a_file(
    remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hostile input 6."""
    monkeypatch.setattr(gitcommand, "FILE_LIMIT", 1_000_000)
    remote.push({**BUNDLE, "static/large.bin": os.urandom(3_000_000)})
    repository = opened(str(remote.path), tmp_path / "m/test.git", workers)
    with pytest.raises(RepositoryError, match="The repository is too large"):
        await repository.fetch()
    assert not (tmp_path / "m/test.git").exists()


async def test_a_blob_that_inflates_is_measured_and_not_read(remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    """Hostile input 6: 200 MB of zeros come as 200 kB, and are refused by their size."""
    (remote.work / "zeros.txt").write_bytes(b"")
    os.truncate(remote.work / "zeros.txt", 200_000_000)
    git(remote.work, "config", "core.bigFileThreshold", "1m")
    commit = remote.commit()
    repository = opened(str(remote.path), tmp_path / "m/test.git", workers)
    await repository.fetch()
    assert sum(path.stat().st_size for path in (tmp_path / "m").rglob("*")) < 1_000_000
    before = psutil.Process().memory_info().rss
    with pytest.raises(Refused, match="200,000,000 bytes"):
        await repository.files(commit)
    assert psutil.Process().memory_info().rss - before < 50_000_000


async def test_a_mirror_begins_afresh_before_it_grows_old(
    remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "PACKS", 3)
    repository = opened(str(remote.path), tmp_path / "m/test.git", workers)
    for number in range(8):
        commit = remote.push({**BUNDLE, "static/a.txt": str(number)})
        assert await repository.tip() == await repository.fetch() == commit
        assert (await repository.files(commit))["static/a.txt"] == str(number).encode()
        assert len(list((tmp_path / "m/test.git/objects/pack").glob("*.pack"))) <= 3


async def test_repositories_that_hang_hold_up_each_other_and_nobody_else(
    tmp_path: Path, workers: ThreadPoolExecutor, remote: Remote
) -> None:
    """Hostile input 26: after its first failure a repository has to queue with the other failing ones."""
    commit = remote.push(dict(BUNDLE))
    lanes = Lanes(usual=asyncio.Semaphore(2), failing=asyncio.Semaphore(1))
    (tmp_path / "m").mkdir()

    def one(address: str, name: str) -> Mirror:
        return Mirror(address, directory=tmp_path / f"m/{name}.git", workers=workers, lanes=lanes, timeout=20)

    with listening(lambda connection: None) as silent, serving(git_over_http(tmp_path)) as alive:
        hanging = [one(f"{silent}/{number}.git", str(number)) for number in range(8)]
        for mirror in hanging:
            mirror.failures = 1
        asking = [asyncio.create_task(mirror.tip("main", since=0)) for mirror in hanging]
        assert await one(f"{alive}/bundle.git", "alive").tip("main", since=0) == commit
        assert not any(task.done() for task in asking)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_one_answer_serves_all_who_asked_before_it(tmp_path: Path, workers: ThreadPoolExecutor, remote: Remote) -> None:
    commit = remote.push(dict(BUNDLE))
    asked: list[str] = []
    with serving(git_over_http(tmp_path, before=asked.append)) as address:
        mirror = Mirror(f"{address}/bundle.git", directory=tmp_path / "m/test.git", workers=workers)
        (tmp_path / "m").mkdir()
        tenants = [Repository(mirror, branch="main", directory=name) for name in ("a", "b", "c")]
        since = time.monotonic()
        assert await asyncio.gather(*(tenant.tip(since=since) for tenant in tenants)) == [commit] * 3
        questions = len(asked)
        assert await asyncio.gather(*(tenant.fetch() for tenant in tenants)) == [commit] * 3
        fetched = len(asked)
        assert questions == asked.count("/bundle.git/info/refs") + asked.count("/bundle.git/git-upload-pack") - (fetched - questions)
        await tenants[0].tip()
        assert len(asked) - fetched == questions


async def test_branches_of_one_mirror_do_not_disturb_each_other(tmp_path: Path, workers: ThreadPoolExecutor, remote: Remote) -> None:
    first = remote.push(dict(BUNDLE))
    git(remote.work, "push", "--quiet", str(remote.path), "HEAD:refs/heads/topic")
    with serving(git_over_http(tmp_path)) as address:
        mirror = Mirror(f"{address}/bundle.git", directory=tmp_path / "m/test.git", workers=workers)
        (tmp_path / "m").mkdir()
        main, topic = Repository(mirror, branch="main"), Repository(mirror, branch="topic")
        second = remote.push({"static/a.txt": "a"})
        for repository, commit in ((main, second), (topic, first)):
            assert await repository.tip() == await repository.fetch() == commit
        git(remote.path, "update-ref", "-d", "refs/heads/topic")
        git(remote.work, "push", "--quiet", str(remote.path), "HEAD:refs/heads/topic/below")
        with pytest.raises(RepositoryError, match="no branch 'topic'"):
            await topic.tip()
        below = topic.at("topic/below")
        assert await below.tip() == await below.fetch() == second
        assert mirror.failures == 0
        assert "static/a.txt" in await main.files(second)
        assert "static/a.txt" not in await topic.files(first)
