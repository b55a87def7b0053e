"""Whatever a repository or its server does, the last good version stays, it is said in a sentence, and the neighbour keeps her pace.

Hostile inputs 6, 24 to 29 and 31, against a running sync. What needs smaller limits than the product's, and what is seen of keys and
tokens meanwhile, is in tests/integration/tenants (test_git.py and test_access.py).
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from portico.tenants import history
from portico.tenants.history import Event

from tests.support.bundles import BUNDLE, Remote, git
from tests.support.git_servers import Quiet, git_over_http, listening, serving
from tests.support.sync_service import Service
from tests.support.wait import until


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.stop()


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path)


async def followed(service: Service, remote: Remote, address: str | None = None) -> str:
    """Start the sync with one tenant whose first commit is live; answers the commit."""
    commit = remote.push(dict(BUNDLE))
    service.follow("test", address or str(remote.path))
    await service.start()
    await service.live(commit)
    return commit


def logged(service: Service) -> list[dict[str, object]]:
    return [json.loads(line) for line in (service.state / "logs/sync.jsonl").read_text().splitlines()]


async def test_a_blob_that_inflates_is_refused_by_its_size(service: Service, remote: Remote) -> None:
    """6: 100 MB of zeros arrive as 100 kB, and nobody unfolds them."""
    good = await followed(service, remote)
    git(remote.work, "config", "core.bigFileThreshold", "1m")
    (remote.work / "static/zeros.txt").write_bytes(b"")
    os.truncate(remote.work / "static/zeros.txt", 100_000_000)
    status = await service.refused(remote.commit())
    assert str(status.findings[0]).startswith("static/zeros.txt: This file has 100,000,000 bytes")
    assert status.commit == good
    assert psutil.Process(service.pid).memory_info().rss < 200_000_000
    assert sum(path.lstat().st_size for path in (service.state / "mirrors").rglob("*")) < 5_000_000


async def test_a_rewritten_branch_is_followed_and_said(service: Service, remote: Remote) -> None:
    """24; one push of several commits is no rewriting."""
    first = await followed(service, remote)
    for number in range(3):
        (remote.work / "static/a.txt").write_text(str(number))
        git(remote.work, "add", "--all")
        git(remote.work, "commit", "--quiet", "-m", f"Change {number}")
    moved = remote.commit("Change the last")
    await service.live(moved)
    git(remote.work, "reset", "--quiet", "--hard", first)
    rewritten = remote.push({"static/b.txt": "b"}, "Rewrite\n\nwithout the others")
    await service.live(rewritten)
    said = [line["message"] for line in logged(service) if "rewritten" in str(line["message"])]
    assert said == [f"the branch was rewritten: {moved[:12]} no longer leads to {rewritten[:12]}"]
    noted = [entry for entry in history.read(service.state, "test") if entry.event is Event.FORCE_PUSHED]
    assert [entry.commit for entry in noted] == [rewritten]
    snapshot = service.store.current("test")
    assert snapshot is not None
    assert [snapshot.static_file(name) is not None for name in ("a.txt", "b.txt")] == [False, True]


async def test_a_deleted_branch_leaves_the_last_good_one(service: Service, remote: Remote, tmp_path: Path) -> None:
    """25: over HTTP, where nobody reads a ref; the branch comes back and is followed without a long wait."""
    with serving(git_over_http(tmp_path)) as address:
        good = await followed(service, remote, f"{address}/bundle.git")
        live = service.store.live("test")
        git(remote.path, "update-ref", "-d", "refs/heads/main")
        await until(lambda: service.status().error == "The repository has no branch 'main'.")
        assert (service.store.live("test"), service.status().commit) == (live, good)
        assert Event.BRANCH_GONE in [entry.event for entry in history.read(service.state, "test")]
        await service.live(remote.push({"static/a.txt": "a"}))
        assert service.status().error is None


def silent(connection: socket.socket) -> None:
    """Take the request and say nothing."""


def slow(connection: socket.socket) -> None:
    """Say one byte of the answer at a time, for a minute."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nX-Slow: " + b"x" * 60:
        connection.sendall(bytes([byte]))
        time.sleep(1)


def half_closed(connection: socket.socket) -> None:
    """Begin an answer, end one's own side, and keep the other side open."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n001e# service=git")
    connection.shutdown(socket.SHUT_WR)


async def test_remotes_that_hang_delay_nobody_else(service: Service, remote: Remote, tmp_path: Path) -> None:
    """26: twelve tenants whose servers are silent or slow, four whose servers break off, and one whose pushes are live meanwhile."""
    with serving(git_over_http(tmp_path)) as alive, listening(silent) as one, listening(slow) as two, listening(half_closed) as three:
        for number in range(6):
            service.follow(f"silent-{number}", f"{one}/{number}.git")
            service.follow(f"slow-{number}", f"{two}/{number}.git")
        for number in range(4):
            service.follow(f"broken-{number}", f"{three}/{number}.git")
        await followed(service, remote, f"{alive}/bundle.git")
        for number in range(4):
            await until(lambda number=number: service.status(f"broken-{number}").error)
        for number in range(5):
            await service.live(remote.push({"static/a.txt": str(number)}))
        unanswered = [f"{kind}-{number}" for kind in ("silent", "slow") for number in range(6)]
        assert [name for name in unanswered if service.status(name).checked_at is not None] == []
        assert "can't be fetched from" in str(service.status("broken-0").error)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"address": "ext::sh -c touch% {witness}"}, "address can't be used"),
        ({"address": "--upload-pack=touch {witness}"}, "address can't be used"),
        ({"address": "ssh://-oProxyCommand=touch {witness}/x"}, "address can't be used"),
        ({"address": "file://{outside}/bundle.git"}, "outside the directories that the operator allows"),
        ({"address": "{outside}/bundle.git"}, "outside the directories that the operator allows"),
        ({"address": "{inside}/link/bundle.git"}, "outside the directories that the operator allows"),
    ],
)
async def test_an_address_that_could_do_harm_is_refused_before_git_runs(
    service: Service, tmp_path: Path, entry: dict[str, str], says: str
) -> None:
    """27"""
    inside, outside, witness = tmp_path / "inside", tmp_path / "outside", tmp_path / "witness"
    inside.mkdir()
    outside.mkdir()
    Remote(outside).push(dict(BUNDLE))
    (inside / "link").symlink_to(outside)
    service.top["repository_roots"] = [inside]
    service.follow("test", entry["address"].format(inside=inside, outside=outside, witness=witness))
    await service.start()
    await until(lambda: service.status().error)
    assert says in str(service.status().error)
    assert service.store.live("test") is None
    assert not witness.exists()
    assert not list(service.state.glob("mirrors/*"))


@pytest.mark.parametrize("branch", ["--upload-pack=touch", "-f", "a b", "@{-1}", "main\nx"])
def test_a_branch_that_could_be_an_option_is_refused_with_the_settings(service: Service, branch: str) -> None:
    """27"""
    service.follow("test", "/srv/git/x.git", branch=branch)
    assert "tenants.0.branch: String should match pattern" in service.refused_settings()


@pytest.mark.parametrize(
    "address",
    ["https://user:hunter2@git.example.org/x.git", "https://hunter2@git.example.org/x.git", "https://git.example.org/x.git?token=hunter2"],
)
def test_a_credential_in_an_address_is_refused_with_the_settings_and_not_shown(service: Service, address: str) -> None:
    """31"""
    service.follow("test", address)
    said = service.refused_settings()
    assert "holds a credential" in said
    assert "hunter2" not in said
    assert not service.state.exists()


async def test_nothing_of_a_repository_is_ever_executed(
    service: Service, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """28: filters, hooks on both sides, a helper for large files, and a configuration in the repository."""
    witness, programs = tmp_path / "witness", tmp_path / "programs"
    witness.mkdir()
    programs.mkdir()
    for name in ("git-lfs", "git-evil"):
        program = programs / name
        program.write_text(f"#!/bin/sh\ntouch {witness}/{name}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    await followed(service, remote)
    mirror = next((service.state / "mirrors").glob("*.git"))
    for folder in (remote.path / "hooks", mirror / "hooks"):
        folder.mkdir(exist_ok=True)
        for hook in ("post-checkout", "post-merge", "reference-transaction", "fsmonitor-watchman", "pre-auto-gc"):
            (folder / hook).write_text(f"#!/bin/sh\ntouch {witness}/{hook}\n")
            (folder / hook).chmod(0o755)
    (remote.path / "hooks/reference-transaction").unlink()  # the pusher's side runs this one, and may
    for key in ("filter.lfs.smudge", "filter.lfs.process", "core.fsmonitor", "uploadpack.packObjectsHook", "core.sshCommand"):
        git(remote.path, "config", key, f"touch {witness}/{key}; true")
    await service.live(remote.push({".gitattributes": "* filter=lfs diff=lfs\n", "static/a.txt": "a"}))
    assert list(witness.iterdir()) == []


async def test_a_pointer_to_a_large_file_is_refused_by_name(service: Service, remote: Remote) -> None:
    """28"""
    good = await followed(service, remote)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    status = await service.refused(remote.push({"static/picture.png": pointer}))
    assert str(status.findings[0]).startswith("static/picture.png")
    assert status.commit == good


async def test_a_submodule_is_refused_by_name(service: Service, remote: Remote) -> None:
    """28"""
    good = await followed(service, remote)
    git(remote.work, "update-index", "--add", "--cacheinfo", f"160000,{good},modules")
    (remote.work / ".gitmodules").write_text('[submodule "modules"]\n\tpath = modules\n\turl = ext::sh -c touch% /tmp/x\n')
    git(remote.work, "add", ".gitmodules")
    git(remote.work, "commit", "--quiet", "-m", "Add a submodule")
    git(remote.work, "push", "--quiet", str(remote.path), "HEAD:refs/heads/main")
    await until(lambda: service.status().error)
    assert service.status().commit == good


async def test_a_redirect_is_not_followed(service: Service, remote: Remote, tmp_path: Path) -> None:
    """29: neither of the question nor of the fetch; the internal server hears nothing."""
    remote.push(dict(BUNDLE))
    heard: list[str] = []
    with serving(git_over_http(tmp_path, before=heard.append)) as inside:

        class Redirect(Quiet):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"{inside}{self.path}")
                self.end_headers()

            do_POST = do_GET  # noqa: N815 -- the base class's naming

        with serving(Redirect) as outside:
            service.follow("test", f"{outside}/bundle.git")
            await service.start()
            await until(lambda: service.status().error)
            assert "can't be fetched from" in str(service.status().error)
    assert heard == []
    assert service.store.live("test") is None


def push_tree(remote: Remote, tree: str, *head: str) -> str:
    """Push a commit with this tree and further lines in its head; answers the commit."""
    who = "tester <tester@example.org> 1700000000 +0000"
    text = "\n".join([f"tree {tree}", f"author {who}", f"committer {who}", *head, "", "Change", ""])
    commit = git(remote.work, "hash-object", "-t", "commit", "-w", "--stdin", content=text).strip()
    git(remote.work, "push", "--quiet", "--force", str(remote.path), f"{commit}:refs/heads/main")
    return commit


async def test_directories_without_end_are_refused(service: Service, remote: Remote) -> None:
    """5"""
    good = await followed(service, remote)
    tree = git(remote.work, "write-tree").strip()
    for _ in range(300):
        tree = git(remote.work, "mktree", content=f"040000 tree {tree}\td\n").strip()
    status = await service.refused(push_tree(remote, tree))
    assert "Directories are nested more than 16 deep." in str(status.error)
    assert status.commit == good


async def test_a_commit_that_claims_nonsense_is_read(service: Service, remote: Remote) -> None:
    """17"""
    await followed(service, remote)
    tree = git(remote.work, "write-tree").strip()
    await service.live(push_tree(remote, tree, "encoding nonsense"))


async def test_a_message_without_end_is_refused(service: Service, remote: Remote) -> None:
    good = await followed(service, remote)
    tree = git(remote.work, "write-tree").strip()
    push_tree(remote, tree, "", "x" * 5_000_000)
    await until(lambda: service.status().error == "The commit's message is too long. Write a shorter one.")
    assert service.status().commit == good
