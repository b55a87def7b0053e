"""What has become of the versions, and which of them may come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from portico.tenants import history
from portico.tenants.history import Entry, Event, UnknownVersionError

START = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = "a" * 40, "b" * 40, "ab" + "c" * 38


def entry(number: int, event: Event, commit: str = "", digest: str = "", **more: str) -> Entry:
    return Entry(at=START + timedelta(minutes=number), event=event, commit=commit, digest=digest, **more)


PAST = [  # newest first
    entry(5, Event.REFUSED, "d" * 40, finding="templates/home.html:1: x"),
    entry(4, Event.ROLLED_BACK, A, "1" * 32, by="operator"),
    entry(3, Event.LIVE, C, "3" * 32),
    entry(2, Event.LIVE, B, "2" * 32),
    entry(1, Event.LIVE, A, "1" * 32),
]
STORED = {"1" * 32, "2" * 32, "3" * 32}


def test_entries_come_back_newest_first(tmp_path: Path) -> None:
    for each in reversed(PAST):
        history.append(tmp_path, "juniq", each)

    assert history.read(tmp_path, "juniq") == PAST
    assert history.read(tmp_path, "coec") == []


@pytest.mark.parametrize("torn", [b'{"at": "2026-01-', b"\xff\xfe", b"null", b"\n\n"])
def test_a_line_that_was_cut_off_costs_nothing_but_itself(tmp_path: Path, torn: bytes) -> None:
    history.append(tmp_path, "juniq", PAST[-1])
    with history.path_of(tmp_path, "juniq").open("ab") as file:
        file.write(torn)
    history.append(tmp_path, "juniq", PAST[-2])

    assert history.read(tmp_path, "juniq") == [PAST[-2], PAST[-1]]


def test_a_history_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = history.path_of(tmp_path, "juniq")
    path.parent.mkdir()
    path.write_text((PAST[-1].model_dump_json() + "\n") * 2 * history.KEPT)
    history.append(tmp_path, "juniq", PAST[-2])

    assert len(history.read(tmp_path, "juniq")) == history.KEPT
    assert history.read(tmp_path, "juniq")[0] == PAST[-2]


def test_each_version_that_was_live_counts_once_by_its_newest_entry() -> None:
    assert [(each.commit, each.event) for each in history.lives(PAST)] == [(A, Event.ROLLED_BACK), (C, Event.LIVE), (B, Event.LIVE)]


@pytest.mark.parametrize(
    ("stored", "revoked", "live", "expected"),
    [
        (STORED, (), "1" * 32, [C, B]),
        (STORED, ("3" * 32,), "1" * 32, [B]),
        ({"1" * 32, "2" * 32}, (), "1" * 32, [B]),
        (STORED, (), None, [A, C, B]),
        ((), (), None, []),
    ],
)
def test_what_may_come_back(stored: set[str], revoked: tuple[str, ...], live: str | None, expected: list[str]) -> None:
    assert [each.commit for each in history.returnable(PAST, stored=stored, revoked=revoked, live=live)] == expected


@pytest.mark.parametrize("name", [A, A[:7], "1" * 32, "1111"])
def test_a_version_is_found_by_the_beginning_of_its_commit_or_digest(name: str) -> None:
    assert history.find(PAST, name, stored=STORED, revoked=()).commit == A


@pytest.mark.parametrize(
    ("name", "stored", "revoked", "sentence"),
    [
        ("aaa", STORED, (), "named by 4 or more digits"),
        ("--upload-pack=x", STORED, (), "neither"),
        ("dddd", STORED, (), "No version that was live begins with dddd"),
        ("2222", STORED, ("2" * 32,), "was revoked"),
        ("2222", {"1" * 32}, (), "is not kept any more"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(name: str, stored: set[str], revoked: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UnknownVersionError, match=sentence):
        history.find(PAST, name, stored=stored, revoked=revoked)


def test_a_beginning_of_two_versions_names_both() -> None:
    past = [entry(1, Event.LIVE, "abcd1" + "0" * 35, "1" * 32), entry(0, Event.LIVE, "abcd2" + "0" * 35, "2" * 32)]
    with pytest.raises(UnknownVersionError, match=r"abcd1.*abcd2"):
        history.find(past, "abcd", stored=STORED, revoked=())
