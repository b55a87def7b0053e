"""A portal's admin previews, pushes, rolls back, pins, revokes and follows again, all by the page of a running installation."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.support.labs import visitor, wait_for
from tests.support.visitor import Visitor

IDENTITY = ("-c", "user.name=Tenant admin", "-c", "user.email=admin@localhost")


class Clone:
    """A tenant admin's clone of EuroCC's repository."""

    def __init__(self, repository, path):
        self.path = path
        self._git("clone", "--quiet", str(repository), str(path), cwd=path.parent)
        self.first = self._git("rev-parse", "HEAD")

    def push(self, title, *, branch="main"):
        """Give the portal another title on a branch; answers the commit."""
        file = self.path / "tenant.toml"
        file.write_text(re.sub(r"(?m)^title = .*$", f'title = "{title}"', file.read_text(), count=1))
        self._git(*IDENTITY, "commit", "--quiet", "-am", f"Call it {title}")
        self._git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        return self._git("rev-parse", "HEAD")

    def back(self):
        """As it was."""
        self._git("reset", "--quiet", "--hard", self.first)

    def restore(self):
        self.back()
        self._git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/main")

    def _git(self, *arguments, cwd=None):
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(
            ["git", *arguments], cwd=cwd or self.path, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()


@pytest.fixture
def clone(installation, tmp_path):
    made = Clone(installation.tenant("eurocc")["repository"], tmp_path / "eurocc")
    yield made
    made.restore()
    wait_for(lambda: installation.tenant("eurocc")["commit"] == made.first)


def title(person):
    return re.search(r"<title>([^<]*)</title>", person.http.get("/hub/error/404").text).group(1)


def do(admin, action, **fields):
    answer = admin.post(f"/hub/portal/{action}", **fields)
    assert answer.status_code == 303, answer.text
    return admin.http.get(answer.headers["location"]).text


def digest_of(page, subject):
    """The digest behind the button that brings back the version of this subject."""
    row = next(row for row in page.split("<tr")[1:] if subject in row and "/hub/portal/rollback" in row)
    return re.search(r'name="digest" value="([0-9a-f]{32})"', row).group(1)


def test_an_admin_previews_a_branch_and_goes_back_and_forth(installation, clone):
    with visitor(installation, "eurocc") as admin, Visitor(installation.address("eurocc")) as other:
        admin.http.get("/hub/portal")
        clone.push("Summer", branch="summer")
        page = do(admin, "preview", branch="summer")
        link = re.search(r'value="http://[^/"]+(/hub/preview/[^"]+)"', page).group(1)
        with Visitor(installation.address("eurocc")) as follower:
            assert "Summer" in follower.http.get(link).text
            assert "You see a preview of branch summer" in follower.http.get("/hub/login").text
            assert "Summer" not in title(other)
            do(admin, "unpreview", digest=link.split("/")[-1].partition(".")[0])
            assert "The preview has ended." in follower.http.get("/hub/login").text

        clone.back()
        clone.push("One")
        do(admin, "sync")
        assert "One" in title(other)
        clone.push("Two")
        do(admin, "sync")
        assert "Two" in title(other)
        one = digest_of(admin.http.get("/hub/portal").text, "Call it One")
        page = do(admin, "rollback", digest=one)
        assert "Follow the branch again" in page
        assert "One" in title(other)
        clone.push("Three")
        do(admin, "sync")
        assert "Three" in title(other)

        assert "Pinned." in do(admin, "pin", digest=one)
        assert "One" in title(other)
        four = clone.push("Four")
        assert four[:12] in do(admin, "sync")
        assert "One" in title(other)
        do(admin, "unpin")
        assert "Four" in title(other)

        page = do(admin, "revoke", digest=installation.tenant("eurocc")["snapshot"], sure="yes")
        assert "Revoked" in page
        assert "Four" not in title(other)


def test_a_branch_that_cannot_be_previewed_says_why_and_where(installation, clone):
    with visitor(installation, "eurocc") as admin:
        admin.http.get("/hub/portal")
        clone.push('x"\ncolour = "red', branch="wrong")
        answer = admin.post("/hub/portal/preview", branch="wrong")
        assert answer.status_code == 422
        assert "tenant.toml" in answer.text
        assert "There is no key &#39;colour&#39;." in answer.text
        missing = admin.post("/hub/portal/preview", branch="no-such-branch")
        assert missing.status_code in (409, 422)
        assert "no-such-branch" in missing.text
