"""A commit is read as far as it makes sense, whatever its author wrote."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from portico.tenants.commits import Commit, parse

TREE, ONE, TWO = "a" * 40, "1" * 40, "2" * 40
EPOCH = datetime.fromtimestamp(0, UTC)


def raw(*lines: str, message: str = "Change\n\nfor a reason\n") -> bytes:
    head = [f"tree {TREE}", *lines]
    return ("\n".join(head) + f"\n\n{message}").encode()


def test_a_commit_is_read() -> None:
    author, committer = "author A <a@x> 1700000000 +0100", "committer C <c@x> 1700000060 -0500"
    assert parse("c", raw(f"parent {ONE}", f"parent {TWO}", author, committer)) == Commit(
        id="c",
        subject="Change",
        authored_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        committed_at=datetime(2023, 11, 14, 22, 14, 20, tzinfo=UTC),
        parents=(ONE, TWO),
        tree=TREE,
    )


@pytest.mark.parametrize(
    ("content", "subject", "time"),
    [
        (raw("author A <a> 99999999999999999 +0000"), "Change", EPOCH),
        (raw("author A <a> -1 +0000"), "Change", EPOCH),
        (raw("author nobody"), "Change", EPOCH),
        (raw("author A <a> 1 +0000", "encoding nonsense"), "Change", datetime.fromtimestamp(1, UTC)),
        (raw(message=""), "", EPOCH),
        (raw(message="\n \n" + "x" * 500), "x" * 200, EPOCH),
        (raw(message="") + b"\xff\xfe", "\ufffd\ufffd", EPOCH),
    ],
)
def test_what_makes_no_sense_is_left_out(content: bytes, subject: str, time: datetime) -> None:
    commit = parse("c", content)
    assert (commit.subject, commit.authored_at, commit.committed_at) == (subject, time, EPOCH)


@pytest.mark.parametrize("content", [b"", b"tree x\n\n", raw("parent --option"), b"\x00" * 100])
def test_what_is_no_commit_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no commit"):
        parse("c", content)
