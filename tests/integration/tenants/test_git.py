"""Repositories on other machines: asked and fetched from over HTTP, within limits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from portico.tenants.findings import Refused
from portico.tenants.git import Repository, RepositoryError
from portico.tenants.mirrors import Mirror

from tests.support.bundles import BUNDLE, Remote, git
from tests.support.wait import until


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as workers:
        yield workers


def opened(
    address: str, mirror: Path, workers: ThreadPoolExecutor, *, branch: str = "main", directory: str = "", timeout: float = 30
) -> Repository:
    return Repository(Mirror(address, directory=mirror, workers=workers, timeout=timeout), branch=branch, directory=directory)


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def git_over_http(root: Path) -> type[BaseHTTPRequestHandler]:
    """Git's own HTTP backend for the repositories below `root`."""

    class Backend(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            answer = subprocess.run(["git", "http-backend"], env=environment, input=body, stdout=subprocess.PIPE, check=True).stdout
            head, _, content = answer.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 -- the base class's naming

        def log_message(self, *_: object) -> None:
            """The test's output is for the test."""

    return Backend


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


async def test_a_redirect_is_not_followed(remote: Remote, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    """Hostile input 29."""
    remote.push(dict(BUNDLE))
    with serving(git_over_http(tmp_path)) as inside:

        class Redirect(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"{inside}{self.path}")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """As above."""

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
