"""What the preview decides: who looks, which lines a finding shows, what has changed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import pytest
from portico.tenants.bundle import Tenant
from portico.tenants.findings import Finding
from portico.tenants.preview.personas import chosen, personas
from portico.tenants.preview.studio import lines
from portico.tenants.preview.watching import changes, marks

TENANT = Tenant.model_validate(
    {"title": "T", "contact": "/", "access": {"groups": ["staff"]}, "profiles": {"groups": {"gpu": ["*"], "staff": ["*"]}}}
)


def test_every_group_of_the_bundle_has_a_member_and_somebody_has_none():
    known = {persona.id: persona.user for persona in personas(TENANT)}
    assert set(known["ada"].groups) >= {"staff", "gpu"}
    assert known["emmy"].groups == ()
    assert known["admin"].admin
    assert [known["group-0"].groups, known["group-1"].groups] == [("staff",), ("gpu",)]
    assert len(known) == 5


@pytest.mark.parametrize(("name", "expected"), [("emmy", "emmy"), ("", "ada"), ("nobody", "ada"), ("group-1", "max")])
def test_an_unknown_persona_is_the_first(name: str, expected: str):
    assert chosen(TENANT, name).name == expected


@pytest.mark.parametrize(
    ("finding", "numbers"),
    [
        (("a.html", 3), [1, 2, 3, 4, 5]),
        (("a.html", 1), [1, 2, 3]),
        (("a.html", 6), [4, 5, 6]),
        (("a.html", 60), []),
        (("a.html", 0), []),
        (("themes/base/a.html", 3), []),
    ],
)
def test_a_finding_shows_the_lines_around_it(finding: tuple[str, int], numbers: list[int]):
    files = {"a.html": b"one\ntwo\nthree\nfour\nfive\n\xff" + b"x" * 500}
    shown = lines(files, Finding(*finding, 0, "Something.", ""))
    assert [number for number, _ in shown] == numbers
    assert all(len(text) <= 200 for _, text in shown)


def test_marks_tell_of_names_sizes_and_times_but_not_of_hidden_folders(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "templates").mkdir()
    page = tmp_path / "templates" / "page.html"
    page.write_text("one")
    first = marks([tmp_path, tmp_path / "away"])
    (tmp_path / ".git" / "index").write_text("x")
    assert marks([tmp_path]) == first
    stat = page.stat()
    os.utime(page, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    second = marks([tmp_path])
    page.rename(tmp_path / "other.html")
    third = marks([tmp_path])
    (tmp_path / "other.html").unlink()
    assert len({first, second, third, marks([tmp_path])}) == 4


async def test_changes_are_told_once_each_and_at_the_beginning(tmp_path: Path):
    watched, saved = tmp_path / "watched", tmp_path / "saved"
    watched.mkdir()
    saved.write_text("x")
    seen = aiter(changes([watched], period=0.001))
    await anext(seen)
    waiting = asyncio.ensure_future(anext(seen))
    await asyncio.sleep(0)
    assert not waiting.done()
    saved.rename(watched / "file")
    await asyncio.wait_for(waiting, 20)
    again = asyncio.ensure_future(anext(seen))
    done, _ = await asyncio.wait([again], timeout=0.05)
    assert not done
    again.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await again
