"""What `portico new` makes: a bundle that passes every check, or a sentence and nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from portico.tenants.judge import judge
from portico.tenants.layers import read_directory, themes_directory
from portico.tenants.newcomers import CONTACT, NotMade, make, welcome


@pytest.mark.parametrize("source", ["", "juniq", "coec", "eurocc"])
def test_what_is_made_passes_every_check(tmp_path: Path, source: str):
    made = make("fenix", tmp_path, source=source)
    verdict = judge("fenix", read_directory(made.directory), themes_directory())
    assert verdict.findings == ()
    assert verdict.pages > 20
    assert [path.name for path in tmp_path.iterdir()] == ["fenix"]
    assert "portico preview fenix" in welcome(made, source)


@pytest.mark.parametrize("source", ["", "juniq"])
@pytest.mark.parametrize("title", ["Fenix", 'The "Fenix" \\ <portal> & Søn', "[fenix]"])
def test_title_and_contact_are_its_own(tmp_path: Path, source: str, title: str):
    made = make("fenix", tmp_path, source=source, title=title, contact="mailto:help@fenix.example")
    document = tomllib.loads((made.directory / "tenant.toml").read_text())
    assert (document["title"], document["contact"]) == (title, "mailto:help@fenix.example")
    assert judge("fenix", read_directory(made.directory), themes_directory()).findings == ()


def test_a_copy_keeps_what_nobody_renamed(tmp_path: Path):
    theirs = tomllib.loads(read_directory(make("one", tmp_path, source="juniq").directory)["tenant.toml"].decode())
    mine = tomllib.loads(read_directory(make("two", tmp_path).directory)["tenant.toml"].decode())
    assert theirs["contact"] != CONTACT == mine["contact"]
    assert theirs["links"][0]["page"] == "systems"
    assert (theirs["title"], mine["title"]) == ("One", "Two")


def test_a_directory_can_be_the_source(tmp_path: Path):
    first = make("first", tmp_path, title="First of all")
    second = make("second-one", tmp_path, source=str(first.directory))
    assert tomllib.loads((second.directory / "tenant.toml").read_text())["title"] == "Second One"


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("Fenix", {}, "can't be a tenant's name"),
        ("../fenix", {}, "can't be a tenant's name"),
        ("fenix", {"source": "junik"}, "Did you mean 'juniq'?"),
        ("fenix", {"source": "nothing-like-it"}, "There are: coec, eurocc, juniq."),
        ("fenix", {"source": "/"}, "can't be copied"),
        ("fenix", {"title": "two\nlines"}, "title"),
        ("fenix", {"contact": "javascript:alert(1)"}, "no contact"),
        ("taken", {}, "There is already"),
        ("empty-source", {"source": "EMPTY"}, "no bundle"),
    ],
)
def test_what_can_not_be_made_is_said_and_leaves_nothing(tmp_path: Path, name: str, values: dict[str, str], words: str):
    (tmp_path / "taken").mkdir()
    (tmp_path / "empty").mkdir()
    if values.get("source") == "EMPTY":
        values = {"source": str(tmp_path / "empty")}
    if values.get("source") == "/":
        (tmp_path / "empty" / "link").symlink_to("/etc/passwd")
        values = {"source": str(tmp_path / "empty")}
    with pytest.raises(NotMade, match=words.replace("?", r"\?")):
        make(name, tmp_path, **values)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "taken"]


def test_a_directory_that_can_not_be_written_is_said(tmp_path: Path):
    with pytest.raises(NotMade, match="Nothing can be made"):
        make("fenix", tmp_path / "not-there")
