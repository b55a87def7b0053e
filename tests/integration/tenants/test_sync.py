"""From a push to a live portal, with real repositories and the sync as its own process."""

from __future__ import annotations

import json
import os
import signal
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from portico.tenants.trigger import MISUNDERSTOOD, ask, socket_of

from tests.support.bundles import BUNDLE, Remote, git, page
from tests.support.sync_service import Service
from tests.support.wait import until


async def test_a_push_is_live_in_under_a_second_and_a_half(following: Service, remote: Remote) -> None:
    """No process is restarted for it."""
    before = following.pid
    commit = remote.push({"static/css/tenant.css": "body { color: green }"})
    began = time.monotonic()
    status = await following.live(commit)
    assert time.monotonic() - began < 1.5
    assert following.pid == before
    snapshot = following.store.current("test")
    assert snapshot is not None
    assert status.snapshot == snapshot.digest
    assert status.error is None
    file = snapshot.static_file("css/tenant.css")
    assert file is not None
    assert b"green" in file.read_bytes()


async def test_a_template_error_leaves_the_last_good_one_live_and_is_named(following: Service, remote: Remote) -> None:
    good = following.status()
    commit = remote.push({"templates/landing.html": "fine\n{{ portal.titel }}\n"})
    status = await following.refused(commit)
    assert status.error == "templates/landing.html:2:11: Portal has no field 'titel'. Did you mean 'title'?"
    assert (status.commit, status.snapshot, status.activated_at) == (good.commit, good.snapshot, good.activated_at)
    assert following.store.live("test") == good.snapshot
    mended = remote.push({"templates/landing.html": page("fine {{ portal.title }}")})
    assert (await following.live(mended)).error is None


async def test_an_unknown_key_is_named_with_a_suggestion(following: Service, remote: Remote) -> None:
    status = await following.refused(remote.push({"tenant.toml": BUNDLE["tenant.toml"] + 'taglime = "x"\n'}))
    assert status.error == "tenant.toml:3:1: There is no key 'taglime'. Did you mean 'tagline'?"
    assert status.findings[0].line == 3


async def test_a_deleted_file_is_gone(following: Service, remote: Remote) -> None:
    await following.live(remote.push({"static/extra.txt": "x", "templates/pages/extra.html": page("x")}))
    before = following.store.current("test")
    await following.live(remote.push({"static/extra.txt": None, "templates/pages/extra.html": None}))
    after = following.store.current("test")
    assert before is not None
    assert after is not None
    assert before.static_file("extra.txt") is not None
    assert before.has_page("extra")
    assert after.static_file("extra.txt") is None
    assert not after.has_page("extra")


async def test_what_has_no_place_in_a_bundle_is_refused(following: Service, remote: Remote) -> None:
    """Hostile inputs 1, 2 and 16."""
    (remote.work / "static/passwd.txt").symlink_to("/etc/passwd")
    (remote.work / "static/etc").symlink_to("/etc")
    (remote.work / "static/-rf.txt").write_text("x")
    status = await following.refused(remote.commit())
    said = {finding.file: finding.what for finding in status.findings}
    assert said["static/passwd.txt"] == said["static/etc"] == "This is a symbolic link."
    assert said["static/-rf.txt"] == "This file name can't be used."


async def test_a_submodule_is_refused(following: Service, remote: Remote) -> None:
    """Hostile input 28."""
    head = git(remote.work, "rev-parse", "HEAD").strip()
    git(remote.work, "update-index", "--add", "--cacheinfo", f"160000,{head},modules")
    git(remote.work, "commit", "--quiet", "-m", "Add a submodule")
    git(remote.work, "push", "--quiet", str(remote.path), "HEAD:refs/heads/main")
    status = await following.refused(git(remote.work, "rev-parse", "HEAD").strip())
    assert str(status.findings[0]).startswith("modules: This is a submodule.")


async def test_sizes_and_numbers_are_limited(following: Service, remote: Remote) -> None:
    """Hostile inputs 4 and 5."""
    status = await following.refused(remote.push({"static/huge.txt": b"x" * 5_000_001}))
    assert "5,000,001 bytes; 5,000,000 are allowed" in (status.error or "")
    many = {f"static/f{number}.txt": "x" for number in range(2_001)}
    status = await following.refused(remote.push({"static/huge.txt": None, **many}))
    assert "more than 2,000 files" in (status.error or "")


async def test_hooks_and_filters_of_a_repository_never_run(following: Service, remote: Remote, tmp_path: Path) -> None:
    """Hostile input 28."""
    witness = tmp_path / "ran"
    for hook in ("post-checkout", "post-merge", "reference-transaction", "post-receive"):
        path = remote.path / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {hook} >> {witness}.{hook}\n")
        path.chmod(0o755)
    git(remote.path, "config", "filter.evil.smudge", f"touch {witness}")
    git(remote.path, "config", "uploadpack.packObjectsHook", f"touch {witness}; true")
    await following.live(remote.push({".gitattributes": "* filter=evil\n", "static/css/tenant.css": "a { color: red }"}))
    assert not witness.exists()
    assert not Path(f"{witness}.post-checkout").exists()
    assert not list((following.state / "mirrors").glob("*.git/hooks"))


async def test_a_forced_push_is_followed(following: Service, remote: Remote) -> None:
    """Hostile input 24."""
    await following.live(remote.push({"static/a.txt": "a"}))
    git(remote.work, "reset", "--quiet", "--hard", "HEAD~1")
    await following.live(remote.push({"static/b.txt": "b"}))
    snapshot = following.store.current("test")
    assert snapshot is not None
    assert snapshot.static_file("a.txt") is None
    assert snapshot.static_file("b.txt") is not None


async def test_a_deleted_branch_leaves_the_last_good_one_live(following: Service, remote: Remote) -> None:
    """Hostile input 25; the branch comes back and is followed again."""
    good = following.status()
    git(remote.path, "update-ref", "-d", "refs/heads/main")
    await until(lambda: following.status().error == "The repository has no branch 'main'.")
    assert following.store.live("test") == good.snapshot
    commit = remote.push({"static/a.txt": "a"})
    assert (await following.live(commit)).error is None


async def test_a_repository_that_is_away_comes_back(following: Service, remote: Remote) -> None:
    good = following.status()
    away = remote.path.with_name("away.git")
    remote.path.rename(away)
    await until(lambda: following.status().error is not None)
    assert following.store.live("test") == good.snapshot
    away.rename(remote.path)
    await until(lambda: following.status().error is None)


async def test_the_trigger_answers_when_the_check_is_done(service: Service, remote: Remote) -> None:
    service._poll = 3600
    service.follow("test", str(remote.path))
    first = remote.push(dict(BUNDLE))
    await service.start()
    await service.live(first)
    look = partial(ask, service.state, "sync")
    second = remote.push({"static/a.txt": "a"})
    assert (await look(tenant="test"))["commit"] == second
    third = remote.push({"templates/home.html": "{% nonsense %}"})
    answer = await look(tenant="test")
    assert (answer["commit"], answer["candidate"]) == (second, third)
    assert str(answer["error"]).startswith("templates/home.html:1")
    everything = await look()
    assert [tenant["tenant"] for tenant in everything["tenants"]] == ["test"]
    assert await look(tenant="nobody") == {"error": "There is no tenant 'nobody'."}
    assert await ask(service.state, "preview", tenant="test", color="red") == {"error": MISUNDERSTOOD}
    assert socket_of(service.state).stat().st_mode & 0o077 == 0


async def test_tenants_do_not_disturb_each_other(service: Service, remote: Remote, tmp_path: Path) -> None:
    other_root = tmp_path / "other"
    other_root.mkdir()
    other = Remote(other_root)
    service.follow("test", str(remote.path))
    service.follow("other", str(other.path), "portal")
    broken = remote.push({"tenant.toml": "nonsense"})
    fine = other.push({f"portal/{path}": content for path, content in BUNDLE.items()} | {"elsewhere.txt": "x"})
    await service.start()
    assert (await service.live(fine, "other")).error is None
    assert (await service.refused(broken)).commit is None
    assert service.store.current("test") is None


async def test_nothing_is_started_while_nothing_moves(following: Service) -> None:
    """Polling a repository on this machine costs a read, and no process."""
    process = psutil.Process(following.pid)
    children = {child.pid for child in process.children(recursive=True)}
    checked = following.status().checked_at
    spent = sum(process.cpu_times()[:2])
    await until(lambda: following.status().checked_at != checked)
    assert {child.pid for child in process.children(recursive=True)} == children
    assert sum(process.cpu_times()[2:4]) < 5
    assert sum(process.cpu_times()[:2]) - spent < 0.5


async def test_a_restart_finds_what_was_live_and_takes_changed_themes(following: Service) -> None:
    before = following.status()
    assert following.stop() == 0
    assert not socket_of(following.state).exists()
    await following.start()
    await until(lambda: following.status().checked_at != before.checked_at)
    same = following.status()
    assert (same.snapshot, same.activated_at) == (before.snapshot, before.activated_at)
    following.stop()
    (following.themes / "base/static/css/base.css").write_text("body { color: black }")
    await following.start()
    await until(lambda: following.status().snapshot != before.snapshot)
    assert following.status().commit == before.commit


async def test_a_killed_sync_leaves_no_process_and_goes_on(following: Service, remote: Remote) -> None:
    children = psutil.Process(following.pid).children(recursive=True)
    following.stop(signal.SIGKILL)
    await until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))
    commit = remote.push({"static/a.txt": "a"})
    socket_of(following.state).unlink(missing_ok=True)
    await following.start()
    await following.live(commit)


async def test_the_log_tells_what_happened(following: Service, remote: Remote) -> None:
    commit = remote.push({"templates/home.html": "{{"})
    await following.refused(commit)
    lines = [json.loads(line) for line in (following.state / "logs/sync.jsonl").read_text().splitlines()]
    refused = next(line for line in lines if line.get("commit") == commit)
    assert refused["tenant"] == "test"
    assert refused["process"] == "sync"
    assert "templates/home.html:1" in refused["message"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ext::sh -c 'touch /tmp/x'", "address can't be used"),
        ("--upload-pack=touch", "address can't be used"),
        ("http://-oProxyCommand=x/", "address can't be used"),
        ("ssh://-oProxyCommand=x/y", "address can't be used"),
        ("relative/path", "address can't be used"),
        ("/no/such/repository", "no git repository"),
    ],
)
async def test_an_address_that_could_do_harm_is_refused(service: Service, address: str, says: str) -> None:
    """Hostile input 27: git isn't started."""
    service.follow("test", address)
    await service.start()
    await until(lambda: service.status().error)
    assert says in (service.status().error or "")
    assert os.listdir(service.state / "sync") == ["test.json"]


async def test_tenants_of_one_repository_share_its_copy_and_not_their_pushes(service: Service, remote: Remote) -> None:
    """A push into one's directory changes nothing of the other's, and both know the commit."""
    commit = remote.push({f"{name}/{path}": content for name in ("a", "b") for path, content in BUNDLE.items()})
    for name in ("a", "b"):
        service.follow(name, str(remote.path), name)
    await service.start()
    before = {name: await service.live(commit, name) for name in ("a", "b")}
    assert len(list((service.state / "mirrors").glob("*.git"))) == 1
    pushed = remote.push({"a/static/css/tenant.css": "body { color: green }"})
    after = {name: await service.live(pushed, name) for name in ("a", "b")}
    assert after["a"].snapshot != before["a"].snapshot
    assert (after["b"].snapshot, after["b"].activated_at) == (before["b"].snapshot, before["b"].activated_at)
    lines = [json.loads(line) for line in (service.state / "logs/sync.jsonl").read_text().splitlines()]
    assert [line["tenant"] for line in lines if line.get("commit") == pushed] == ["a"]
    broken = remote.push({"b/tenant.toml": "nonsense"})
    refused = await service.refused(broken, "b")
    assert refused.commit == pushed
    elsewhere = remote.push({"a/static/css/tenant.css": "body { color: red }"})
    await service.live(elsewhere, "a")
    await until(lambda: service.status("b").candidate == elsewhere)
    assert (service.status("b").error, service.status("b").commit) == (refused.error, pushed)
