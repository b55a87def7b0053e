"""docs/first-portal.md, done as it stands there: its commands are run, its edits are made, its pictures are taken."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import tomli_w
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.person import log_in, start, stop
from tests.support.bundles import git
from tests.support.installation import ROOT, Up, up
from tests.support.labs import wait_for

pytestmark = pytest.mark.browser

GUIDE = ROOT / "docs" / "first-portal.md"
SECONDS = re.compile(r"\d+\.\d+ s")


class Step(NamedTuple):
    """A block of code of the guide: `sh`, `diff`, `output`; `about` is the file of a diff."""

    kind: str
    about: str
    text: str


def steps() -> list[Step]:
    return [Step(*found) for found in re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)]


class Desk:
    """Where the tenant admin sits: a directory, and a shell that knows `portico`."""

    def __init__(self, root: Path) -> None:
        self.work, self.repository = root / "work", root / "fenix.git"
        programs, home = root / "bin", root / "home"
        for folder in (self.work, programs, home):
            folder.mkdir()
        git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(self.repository))
        (home / ".gitconfig").write_text("[user]\nname = Tenant admin\nemail = admin@localhost\n")
        command = programs / "portico"
        command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}/core exec {sys.executable} -m portico.cli "$@"\n')
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(home), "REPOSITORY": str(self.repository)}

    def run(self, text: str) -> str:
        return subprocess.run(
            ["bash", "-e"], input=text, cwd=self.work, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def edit(self, step: Step) -> None:
        """Make a change as the guide shows it: lines with - become the lines with +."""
        file = self.work / step.about
        text = file.read_text()
        old, new = ("".join(line[1:] for line in step.text.splitlines(True) if line[0] == sign).rstrip("\n") for sign in "-+")
        assert text.count(old) == 1, f"{step.about} has no single {old!r}"
        file.write_text(text.replace(old, new))

    @contextlib.contextmanager
    def previewing(self, text: str) -> Iterator[str]:
        """The guide's preview, at any port that is free; yields its address."""
        command = [*text.split(), "--port", "0"]
        with subprocess.Popen(command, cwd=self.work, env=self.environment, stdout=subprocess.PIPE, text=True) as process:
            try:
                found = re.search(r"http://\S+", process.stdout.readline())
                assert found
                yield found.group()
            finally:
                process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("guide") / "state") as running:
        yield running


def admit(installation: Up, repository: Path) -> None:
    """What the operator does: an entry as docs/operator.md has it, its secrets, and saved."""
    found = re.search(r"## A new portal\n\n((?:    .*\n)+)", (ROOT / "docs" / "operator.md").read_text())
    (entry,) = tomllib.loads(re.sub(r"(?m)^    ", "", found.group(1)))["tenants"]
    file = installation.state / "portico.toml"
    for key in [key for key in entry if key.endswith("_file")]:
        secret = installation.state / entry[key]
        secret.write_text("ab" * 32)
        secret.chmod(0o600)
        entry[key] = str(secret)
    content = tomllib.loads(file.read_text())
    entry |= {"repository": str(repository), "host": "fenix.localhost"}
    file.write_text(tomli_w.dumps({**content, "tenants": [*content["tenants"], entry]}))
    wait_for(lambda: any(tenant["name"] == "fenix" and tenant["commit"] for tenant in installation.status()["tenants"]))


def test_the_guide_leads_from_nothing_to_a_live_portal(installation: Up, tmp_path: Path, visit: Callable[..., Page], artifacts: Path):
    desk, page = Desk(tmp_path), visit(width=1200)
    page.set_viewport_size({"width": 1200, "height": 700})
    todo = iter(steps())

    def following(kind: str) -> Step:
        step = next(todo)
        assert step.kind == kind, step
        return step

    def picture(name: str) -> None:
        page.screenshot(path=artifacts / f"guide-{name}.png")

    desk.run(following("sh").text)
    with desk.previewing(following("sh").text) as address:
        page.goto(address)
        inner: FrameLocator = page.frame_locator("[data-page]")
        expect(page.get_by_role("button", name="Nothing to mend")).to_be_visible()
        expect(inner.get_by_role("heading", level=1)).to_have_text("One place to compute together")
        picture("new")
        desk.edit(following("diff"))
        desk.edit(following("diff"))
        expect(inner.get_by_role("heading", level=1)).to_have_text("Rise from the ashes, with more cores")
        expect(inner.get_by_role("link", name="Log in")).to_have_css("background-color", "rgb(156, 44, 16)")
        expect(page.get_by_role("button", name="Nothing to mend")).to_be_visible()
        picture("changed")
        desk.edit(following("diff"))
        expect(page.get_by_role("region", name="One thing to mend")).to_contain_text("templates/landing.html:3")
        picture("mistake")
        desk.edit(following("diff"))
        expect(page.get_by_role("button", name="Nothing to mend")).to_be_visible()
    checked = desk.run(following("sh").text)
    assert SECONDS.sub("", checked) == SECONDS.sub("", following("output").text)
    desk.run(following("sh").text)

    admit(installation, desk.repository)
    page.goto(f"http://fenix.localhost:{installation.port}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Rise from the ashes, with more cores")
    picture("live")
    # It is a whole portal: one logs in, and a lab opens.
    user = visit()
    log_in(user, installation, "fenix", "flame")
    stop(user, installation, "fenix", start(user))

    desk.edit(following("diff"))
    desk.run(following("sh").text)
    assert next(todo, None) is None

    def calmer() -> bool:
        page.reload()
        return page.get_by_role("link", name="Log in").evaluate("link => getComputedStyle(link).backgroundColor") == "rgb(61, 79, 159)"

    wait_for(calmer)


def test_the_guide_has_no_picture_that_is_not_taken():
    named = set(re.findall(r"images/guide-(\w+)\.png", GUIDE.read_text()))
    taken = set(re.findall(r'picture\("(\w+)"\)', Path(__file__).read_text()))
    assert named == taken
    assert all((ROOT / "docs" / "images" / f"guide-{name}.png").is_file() for name in named)
