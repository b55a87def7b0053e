"""The forges' web hooks, taken by the running sync: what they set off, and what they answer to strangers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from pathlib import Path

import httpx
import pytest
from portico.tenants.hook_server import BODY_LIMIT, BURST

from tests.support.bundles import BUNDLE, Remote, git
from tests.support.git_servers import git_over_http, serving
from tests.support.sync_service import Service
from tests.support.wait import until

SECRET = "a secret of many characters"


class Forge:
    """Signs as GitHub does, and sends to the sync's own port with the tenant's host."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def send(
        self,
        *,
        host: str = "test.localhost",
        secret: str = SECRET,
        branch: str = "main",
        path: str = "/hooks/git",
        body: bytes | None = None,
    ) -> httpx.Response:
        content = json.dumps({"ref": f"refs/heads/{branch}", "repository": {"clone_url": "file:///etc"}}).encode() if body is None else body
        headers = {
            "Host": f"{host}:8000",
            "X-GitHub-Event": "push",
            "X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()}",
        }
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._service.hooks_port}") as client:
            return await client.post(path, content=content, headers=headers)


@pytest.fixture
async def forge(service: Service, remote: Remote, tmp_path: Path) -> Forge:
    """A sync that would look again in an hour, if no hook came."""
    secret = tmp_path / "hook-secret"
    secret.write_text(SECRET + "\n")
    commit = remote.push(dict(BUNDLE))
    service.follow("test", str(remote.path), poll_interval=3600, webhook_secret_file=secret)
    service.follow("mute", str(remote.path), poll_interval=3600)
    await service.start()
    await service.live(commit)
    await service.live(commit, "mute")
    return Forge(service)


async def test_a_signed_push_is_answered_at_once_and_live_soon(forge: Forge, service: Service, remote: Remote) -> None:
    commit = remote.push({"static/a.txt": "a"})
    answer = await forge.send()
    assert (answer.status_code, answer.json()["outcome"]) == (202, "the repository is looked at")
    await service.live(commit)


async def test_only_the_followed_branch_sets_something_off(forge: Forge, service: Service, remote: Remote) -> None:
    git(remote.work, "push", "--quiet", str(remote.path), "HEAD:refs/heads/other")
    checked = service.status().checked_at
    answer = await forge.send(branch="other")
    assert answer.status_code == 202
    assert answer.json()["outcome"].startswith("nothing to do")
    answer = await forge.send(body=b"{}")
    assert answer.json()["outcome"].startswith("nothing to do")
    assert service.status().checked_at == checked


async def test_strangers_learn_nothing(forge: Forge, service: Service, tmp_path: Path) -> None:
    """A wrong secret, a tenant without one and a host that nobody has are answered with the same bytes."""
    checked = service.status().checked_at
    answers = [
        await forge.send(secret="another secret of length"),
        await forge.send(secret=""),
        await forge.send(host="mute.localhost"),
        await forge.send(host="nobody.localhost"),
    ]
    assert {(answer.status_code, answer.headers["content-type"], answer.text) for answer in answers} == {
        (403, "application/problem+json", answers[0].text)
    }
    assert answers[0].json()["type"] == "/problems/forbidden"
    assert service.status().checked_at == checked
    assert SECRET not in (service.state / "logs/sync.jsonl").read_text()


async def test_a_replaced_secret_counts_at_once(forge: Forge, tmp_path: Path) -> None:
    new = "the new secret of many characters"
    assert (await forge.send(secret=new)).status_code == 403
    (tmp_path / "hook-secret").write_text(f"{new}\n{SECRET}\n")
    assert (await forge.send(secret=new)).status_code == 202
    assert (await forge.send()).status_code == 202
    (tmp_path / "hook-secret").unlink()
    assert (await forge.send()).status_code == 403


async def test_calls_are_limited_for_each_tenant(forge: Forge) -> None:
    """The bodies of unknown hosts' calls, which come first, cost the tenant nothing."""
    answers = await asyncio.gather(*(forge.send(host="nobody.localhost") for _ in range(4 * int(BURST))))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["type"] == "/problems/too-many-requests"
    assert (await forge.send()).status_code == 202


async def test_what_is_no_hook_is_a_problem_document(forge: Forge, service: Service) -> None:
    large = await forge.send(body=b"x" * (BODY_LIMIT + 1))
    elsewhere = await forge.send(path="/hooks/git/more")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.hooks_port}") as client:
        read = await client.get("/hooks/git", headers={"Host": "test.localhost"})
    answers = (large, elsewhere, read)
    assert [answer.status_code for answer in answers] == [413, 404, 405]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
    assert [answer.json()["status"] for answer in answers] == [413, 404, 405]


async def test_a_deleted_branch_is_noticed_by_its_hook(forge: Forge, service: Service, remote: Remote) -> None:
    git(remote.path, "update-ref", "-d", "refs/heads/main")
    await forge.send()
    await until(lambda: service.status().error == "The repository has no branch 'main'.")


async def test_a_hook_ends_the_wait_for_a_repository_that_failed(service: Service, remote: Remote, tmp_path: Path) -> None:
    """Also a hook at the host of a neighbour who lives in the same repository."""
    secret = tmp_path / "hook-secret"
    secret.write_text(SECRET + "\n")
    commit = remote.push(dict(BUNDLE))
    password = "not yet"
    with serving(git_over_http(tmp_path, password=lambda: password)) as address:
        for name in ("test", "other"):
            service.follow(name, f"{address}/bundle.git", poll_interval=1800, webhook_secret_file=secret)
        await service.start()
        for name in ("test", "other"):
            await until(lambda name=name: service.status(name).error)
        password = None
        assert (await Forge(service).send()).status_code == 202
        for name in ("test", "other"):
            await service.live(commit, name)
