"""Versions come back at once, stay as long as they should, and never come back where they were revoked (hostile inputs 24, 25 and 30)."""

from __future__ import annotations

from typing import Any

import pytest
from portico.tenants.history import read
from portico.tenants.snapshot import Snapshot
from portico.tenants.store import Store

from tests.support.bundles import BUNDLE, Remote, git
from tests.support.sync_service import Service
from tests.support.wait import until


@pytest.fixture
async def three(following: Service, remote: Remote) -> list[str]:
    """The commits of three versions, each of which was live; the last still is."""
    commits = [git(remote.work, "rev-parse", "HEAD").strip()]
    for number in (2, 3):
        commits.append(remote.push({"static/a.txt": str(number)}, message=f"Version {number}"))
        await following.live(commits[-1])
    return commits


def live(service: Service) -> Snapshot:
    """What visitors get, seen by a store of one's own as a hub has it."""
    snapshot = Store(service.state / "snapshots").current("test")
    assert snapshot
    return snapshot


def events(service: Service) -> list[str]:
    return [entry.event.value for entry in read(service.state, "test")]


def served(service: Service) -> str:
    file = live(service).static_file("a.txt")
    return file.read_text() if file else ""


async def test_a_rollback_is_live_at_once_and_stays_until_the_branch_moves_on(following: Service, remote: Remote, three: list[str]) -> None:
    answer = await following.ask("rollback", by="ada")
    assert (answer["commit"], answer["hold"], answer["behind"], answer["error"]) == (three[1], "rolled back", 1, None)
    assert served(following) == "2"

    await following.ask("sync")
    assert served(following) == "2"
    assert (following.status().behind, following.status().candidate) == (1, three[2])
    following.stop()
    await following.start()
    await following.ask("sync")
    assert served(following) == "2"

    await following.live(remote.push({"static/a.txt": "4"}))
    assert served(following) == "4"
    assert (following.status().hold, following.status().behind) == (None, 0)
    assert events(following)[:2] == ["live", "rolled_back"]
    assert read(following.state, "test")[1].by == "ada"


async def test_a_rollback_outlasts_a_push_into_a_neighbours_directory(service: Service, remote: Remote) -> None:
    """Whether the sync sees it by itself, is asked to look, or was away."""
    service.follow("test", str(remote.path), "portal")
    for number in (1, 2):
        pushed = remote.push({f"portal/{path}": text for path, text in BUNDLE.items()} | {"portal/static/a.txt": f"{number}"})
        if number == 1:
            await service.start()
        await service.live(pushed)
    await service.ask("rollback")
    await service.taken(remote.push({"neighbour/x.txt": "x"}))
    assert served(service) == "1"
    service.stop()
    elsewhere = remote.push({"neighbour/x.txt": "y"})
    await service.start()
    status = await service.taken(elsewhere)
    assert (served(service), status.hold, status.behind) == ("1", "rolled back", 3)

    await service.live(remote.push({"portal/static/a.txt": "3"}))
    assert served(service) == "3"


@pytest.mark.parametrize("name", ["commit", "digest"])
async def test_a_version_is_chosen_by_its_commit_or_its_digest(following: Service, three: list[str], name: str) -> None:
    first = next(entry for entry in read(following.state, "test") if entry.commit == three[0])
    version = three[0][:8] if name == "commit" else first.digest[:8]

    assert (await following.ask("rollback", digest=version))["commit"] == three[0]
    assert served(following) == ""


async def test_a_pin_stays_whatever_is_pushed_until_it_is_taken_out(following: Service, remote: Remote, three: list[str]) -> None:
    assert (await following.ask("pin", digest=three[0]))["hold"] == "pinned"
    newest = remote.push({"static/a.txt": "5"})
    status = await following.taken(newest)
    assert (status.commit, status.error, served(following)) == (three[0], None, "")
    assert status.behind == 3

    answer = await following.ask("unpin")
    assert (answer["commit"], answer["hold"]) == (newest, None)
    assert served(following) == "5"
    assert events(following)[:3] == ["live", "unpinned", "pinned"]


async def test_a_revoked_version_never_goes_live_again(following: Service, remote: Remote, three: list[str]) -> None:
    """Hostile input 30."""
    bad = live(following)
    answer = await following.ask("revoke", why="a picture that isn't ours")
    assert answer["commit"] == three[1]
    assert served(following) == "2"
    assert not bad.root.exists()

    for do in ("rollback", "pin"):
        assert "was revoked" in (await following.ask(do, digest=three[2]))["error"]
    assert (await following.ask("sync"))["error"] == "This version was revoked, so it can't go live again. Change something and push again."
    assert served(following) == "2"
    again = remote.push({"static/a.txt": "2"})
    remote.push({"static/a.txt": "3"}, message="The same once more")
    assert again
    await until(lambda: "revoked" in (following.status().error or ""))
    assert live(following).digest != bad.digest

    good = remote.push({"static/a.txt": "6"})
    await following.live(good)
    assert served(following) == "6"


async def test_where_nothing_is_left_the_portal_has_no_version_and_says_so(following: Service, remote: Remote) -> None:
    answer = await following.ask("revoke")
    assert answer["snapshot"] is None
    assert following.store.live("test") is None
    assert "no earlier one" in str(following.status().error)
    assert (await following.ask("rollback"))["error"] == "There is no earlier version that could come back."
    await following.live(remote.push({"static/a.txt": "7"}))


CANNOT = [
    ({"do": "rollback", "digest": "zz"}, "named by 4 or more digits"),
    ({"do": "rollback", "digest": "0000000"}, "No version that was live begins with 0000000"),
    ({"do": "unpin"}, "The branch is followed already."),
    ({"do": "unpreview", "branch": "none"}, "There is no preview of 'none'."),
    ({"do": "preview", "branch": "none"}, "no branch 'none'"),
    ({"do": "preview", "branch": "--upload-pack=x"}, "can't be the name of a branch"),
    ({"do": "erase"}, "Send a line of JSON such as"),
    ({"do": "history", "tenant": "nobody"}, "There is no tenant 'nobody'."),
]


async def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(following: Service, three: list[str]) -> None:
    before = live(following).digest
    for request, sentence in CANNOT:
        arguments: dict[str, Any] = dict(request)
        assert sentence in (await following.ask(arguments.pop("do"), arguments.pop("tenant", "test"), **arguments))["error"]
    assert "is live already" in (await following.ask("rollback", digest=three[2]))["error"]
    assert live(following).digest == before


async def test_a_branchs_candidate_is_kept_for_a_preview_and_not_live(following: Service, remote: Remote, three: list[str]) -> None:
    git(remote.work, "push", "--quiet", str(remote.path), "HEAD:refs/heads/summer")
    (remote.work / "static/a.txt").write_text("summer")
    git(remote.work, "commit", "--quiet", "-am", "Summer")
    git(remote.work, "push", "--quiet", str(remote.path), "HEAD:refs/heads/summer")

    answer = await following.ask("preview", branch="summer")
    assert (answer["findings"], answer["error"]) == ([], None)
    snapshot = Store(following.state / "snapshots").snapshot("test", answer["digest"])
    assert snapshot
    assert (snapshot.root / "static/a.txt").read_text() == "summer"
    assert served(following) == "3"
    assert [preview.branch for preview in following.status().previews] == ["summer"]

    (remote.work / "tenant.toml").write_text("nonsense")
    git(remote.work, "commit", "--quiet", "-am", "Broken")
    git(remote.work, "push", "--quiet", str(remote.path), "HEAD:refs/heads/summer")
    assert (await following.ask("preview", branch="summer"))["findings"][0]["file"] == "tenant.toml"
    assert (await following.ask("unpreview", branch="summer"))["previews"] == []


async def test_a_force_push_is_followed_and_written_down(following: Service, remote: Remote, three: list[str]) -> None:
    git(remote.work, "reset", "--quiet", "--hard", three[0])
    other = remote.push({"static/a.txt": "another way"})
    await following.live(other)

    assert served(following) == "another way"
    assert events(following)[:2] == ["live", "force_pushed"]


async def test_several_commits_in_one_push_are_no_force(following: Service, remote: Remote, three: list[str]) -> None:
    for number in range(3):
        (remote.work / "static/a.txt").write_text(f"quick {number}")
        git(remote.work, "commit", "--quiet", "-am", f"Quick {number}")
    await following.live(remote.commit())

    assert "force_pushed" not in events(following)


async def test_a_deleted_branch_keeps_the_last_good_version_and_says_so(following: Service, remote: Remote, three: list[str]) -> None:
    git(remote.path, "update-ref", "-d", "refs/heads/main")
    await until(lambda: "no branch 'main'" in (following.status().error or ""))

    assert served(following) == "3"
    await until(lambda: events(following)[0] == "branch_gone")


async def test_the_last_ten_that_were_live_are_kept_and_what_is_held(following: Service, remote: Remote) -> None:
    store = following.store
    for number in range(14):
        await following.live(remote.push({"static/a.txt": f"number {number}"}))
    digests = [entry.digest for entry in read(following.state, "test") if entry.event == "live"]

    assert len(store.digests("test")) == 15
    store.collect("test", digests[:10], grace=0)
    store.collect_blobs(grace=0)
    assert store.digests("test") == set(digests[:10])
    wanted = {record.sha256 for digest in digests[:10] for record in Snapshot.open(store._root / "test" / digest).manifest.files.values()}
    assert {path.name for path in (store._root / ".blobs").iterdir()} == wanted
    assert (await following.ask("rollback", digest=digests[11]))["error"].endswith("is not kept any more; push it again.")
    assert (await following.ask("rollback", digest=digests[9]))["error"] is None
