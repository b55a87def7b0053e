"""What becomes of one tenant's versions, action by action, without a repository and without a process."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from portico.tenants import history
from portico.tenants.commits import Commit
from portico.tenants.findings import Refused
from portico.tenants.history import UnknownVersionError
from portico.tenants.status import Status
from portico.tenants.store import CURRENT, Store
from portico.tenants.versions import Versions

from tests.support.bundles import BUNDLE, encoded

START = datetime(2026, 1, 1, tzinfo=UTC)


def commit_of(letter: str) -> str:
    return {"A": "a1", "B": "b2", "C": "c3"}[letter] * 20


class Tenant:
    """Versions that are called by letters: each has a file that holds its letter, and a commit of its own."""

    def __init__(self, root: Path, themes: Path) -> None:
        self.state, self.themes = root / "state", themes
        self.begin()
        self.status = self.versions.recall(Status(tenant="test"))

    def begin(self) -> None:
        self.store = Store(self.state / "snapshots")
        self.versions = Versions("test", state=self.state, themes=self.themes, store=self.store)

    def restart(self, known: Status | None = None) -> None:
        """As after a restart of the sync that had written `known` last."""
        self.begin()
        self.status = self.versions.recall(known or self.status)

    def push(self, letter: str) -> None:
        about = Commit(commit_of(letter), f"Version {letter}", START, START, ())
        self.status = self.versions.accept(self.status, encoded({**BUNDLE, "static/a.txt": letter}), about)

    def served(self) -> str:
        """The letter that visitors get; empty while they get none."""
        snapshot = Store(self.state / "snapshots").current("test")
        file = snapshot.static_file("a.txt") if snapshot else None
        return file.read_text() if file else ""


@pytest.fixture
def tenant(tmp_path: Path, themes: Path) -> Tenant:
    return Tenant(tmp_path, themes)


def change_theme(tenant: Tenant) -> None:
    """The same bundle makes another snapshot now."""
    (tenant.themes / "base/static/css/base.css").write_text("body { color: black }\n")


@pytest.mark.parametrize(
    ("pushed", "back", "served"),
    [("AB", 1, "A"), ("ABC", 1, "B"), ("ABC", 2, "A"), ("ABA", 1, "B")],
)
def test_each_rollback_without_a_name_goes_one_version_further_back(tenant: Tenant, pushed: str, back: int, served: str) -> None:
    for letter in pushed:
        tenant.push(letter)
    for _ in range(back):
        tenant.status = tenant.versions.rollback(tenant.status, None, "ada")
    assert tenant.served() == served


def test_before_the_first_version_there_is_none(tenant: Tenant) -> None:
    for letter in "AB":
        tenant.push(letter)
    tenant.status = tenant.versions.rollback(tenant.status, None, "ada")
    with pytest.raises(UnknownVersionError, match="no earlier version"):
        tenant.versions.rollback(tenant.status, None, "ada")
    tenant.status = tenant.versions.rollback(tenant.status, commit_of("B"), "ada")
    assert tenant.served() == "B"


@pytest.mark.parametrize("do", ["pin", "revoke"])
def test_what_is_live_since_a_theme_changed_can_be_named_like_any_version(tenant: Tenant, do: str) -> None:
    tenant.push("A")
    change_theme(tenant)
    tenant.push("A")
    if do == "pin":
        assert tenant.versions.pin(tenant.status, None, "ada").hold == "pinned"
    else:
        assert tenant.status.snapshot in tenant.versions.revoke(tenant.status, None, "ada", "").revoked


def test_what_went_live_just_before_the_sync_was_killed_comes_into_the_history(tenant: Tenant) -> None:
    tenant.push("A")
    history.path_of(tenant.state, "test").unlink()
    tenant.restart(Status(tenant="test"))
    tenant.push("A")
    assert [(entry.event, entry.commit) for entry in history.read(tenant.state, "test")] == [("live", commit_of("A"))]
    tenant.push("A")
    assert len(history.read(tenant.state, "test")) == 1


def test_a_revoked_version_stays_away_after_a_restart_also_where_it_was_the_only_one(tenant: Tenant) -> None:
    tenant.push("A")
    tenant.status = tenant.versions.revoke(tenant.status, None, "ada", "")
    tenant.restart()
    with pytest.raises(Refused, match="revoked"):
        tenant.push("A")
    assert tenant.served() == ""


@pytest.mark.parametrize("pushed", ["A", "AB"])
def test_a_revocation_that_was_cut_off_is_brought_to_its_end(tenant: Tenant, pushed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sync is killed when the history knows of it and nothing else does."""
    for letter in pushed:
        tenant.push(letter)
    before = tenant.status

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("activate", "deactivate", "remove"):
        monkeypatch.setattr(tenant.store, name, killed)
    with pytest.raises(KeyboardInterrupt):
        tenant.versions.revoke(before, None, "ada", "")
    assert tenant.served() == pushed[-1]

    tenant.restart(before)
    assert tenant.served() == pushed[:-1]
    with pytest.raises(Refused, match="revoked"):
        tenant.push(pushed[-1])
    assert not tenant.store.has("test", str(before.snapshot))


def test_a_revoked_commit_stays_away_also_where_a_changed_theme_makes_another_snapshot_of_it(tenant: Tenant) -> None:
    for letter in "AB":
        tenant.push(letter)
    tenant.status = tenant.versions.revoke(tenant.status, None, "ada", "")
    change_theme(tenant)
    with pytest.raises(Refused, match="revoked"):
        tenant.push("B")
    tenant.restart()
    with pytest.raises(Refused, match="revoked"):
        tenant.push("B")
    tenant.push("C")
    assert tenant.served() == "C"


def test_what_takes_a_revoked_versions_place_is_not_the_same_commit_under_another_theme(tenant: Tenant) -> None:
    for letter in "AB":
        tenant.push(letter)
    change_theme(tenant)
    tenant.push("B")
    tenant.status = tenant.versions.revoke(tenant.status, None, "ada", "")
    assert tenant.served() == "A"
    with pytest.raises(UnknownVersionError, match="was revoked"):
        tenant.versions.rollback(tenant.status, commit_of("B"), "ada")


def test_a_torn_status_forgets_no_revocation(tenant: Tenant) -> None:
    for letter in "AB":
        tenant.push(letter)
    tenant.status = tenant.versions.revoke(tenant.status, None, "ada", "")
    tenant.restart(Status(tenant="test"))
    with pytest.raises(Refused, match="revoked"):
        tenant.push("B")
    assert (tenant.served(), tenant.status.commit) == ("A", commit_of("A"))


def test_a_reader_between_two_versions_gets_the_new_one(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one is removed between a hub's look at what is live and its opening it."""
    for letter in "AB":
        tenant.push(letter)
    old = str(tenant.store.live("test"))
    reader, links = Store(tenant.state / "snapshots"), [old]
    tenant.status = tenant.versions.revoke(tenant.status, None, "ada", "")
    monkeypatch.setattr(reader, "live", lambda name: links.pop() if links else tenant.store.live(name))
    found = reader.current("test")
    assert found
    assert found.digest == tenant.store.live("test") != old


def test_what_a_reader_has_got_renders_after_it_was_removed(tenant: Tenant) -> None:
    for letter in "AB":
        tenant.push(letter)
    seen = Store(tenant.state / "snapshots").current("test")
    assert seen
    tenant.versions.revoke(tenant.status, None, "ada", "")
    assert not seen.root.exists()
    assert seen.text("en", "hello") == "Hello"
    assert len(seen.composition.templates) == 2


def test_the_history_keeps_no_address_of_a_person(tenant: Tenant) -> None:
    tenant.push("A")
    kept = json.loads(history.path_of(tenant.state, "test").read_text())
    assert set(kept) == {"at", "event", "commit", "digest", "subject", "authored_at"}
    assert os.readlink(tenant.state / "snapshots/test" / CURRENT) == kept["digest"]
