"""A push changes the next page that a browser loads, without a process being restarted; a broken push changes nothing and says why."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import subprocess
import time

import httpx
import pytest

from tests.support.installation import portico
from tests.support.labs import wait_for
from tests.support.visitor import Visitor


@pytest.fixture
def checkout(installation, tmp_path):
    """A tenant admin's clone of CoEC's repository."""
    clone = tmp_path / "coec"
    repository = installation.tenant("coec")["repository"]
    subprocess.run(["git", "clone", "--quiet", repository, str(clone)], check=True)
    return clone


def push(clone, message):
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    identity = ["-c", "user.name=Tenant admin", "-c", "user.email=admin@localhost"]
    for command in (["add", "--all"], [*identity, "commit", "--quiet", "-m", message], ["push", "--quiet"]):
        subprocess.run(["git", *command], cwd=clone, env=environment, check=True, capture_output=True)
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True).stdout.strip()


def stylesheets(visitor):
    """The text of all style sheets of the landing page, as a browser would load them now."""
    page = visitor.http.get("/hub/login").text
    return "\n".join(visitor.http.get(url).text for url in re.findall(r'<link[^>]*rel="stylesheet"[^>]*href="([^"]+)"', page))


def processes(installation):
    status = installation.status()
    return [status["backend"]["pid"], *(tenant["pid"] for tenant in status["tenants"])]


def test_a_pushed_style_is_in_the_next_page_and_nothing_restarts(installation, checkout):
    before = processes(installation)
    with Visitor(installation.address("coec")) as visitor:
        assert "rebeccapurple" not in stylesheets(visitor)
        with (checkout / "static" / "css" / "tenant.css").open("a") as file:
            file.write("\nh1 { color: rebeccapurple; }\n")
        commit = push(checkout, "Colour the headings")
        pushed = time.monotonic()
        wait_for(lambda: "rebeccapurple" in stylesheets(visitor), limit=10)
        assert time.monotonic() - pushed < 2
        assert processes(installation) == before
        assert wait_for(lambda: installation.tenant("coec")["commit"] == commit)
        assert installation.tenant("coec")["error"] is None
        subprocess.run(["git", "reset", "--quiet", "--hard", "HEAD~1"], cwd=checkout, check=True)
        subprocess.run(["git", "push", "--quiet", "--force"], cwd=checkout, check=True, capture_output=True)
        wait_for(lambda: "rebeccapurple" not in stylesheets(visitor), limit=10)


def test_a_push_with_a_template_error_leaves_the_portal_as_it_was(installation, checkout):
    before = installation.tenant("coec")
    with Visitor(installation.address("coec")) as visitor:
        page = visitor.http.get("/hub/login").text
        template = checkout / "templates" / "landing.html"
        good = template.read_text()
        template.write_text('{% extends "theme:landing.html" %}\n\n{% block hero %}{{ portal.titel }}{% endblock %}\n')
        push(checkout, "Misspell a value")
        error = wait_for(lambda: installation.tenant("coec")["error"])
        assert "templates/landing.html:3" in error
        assert "titel" in error
        told = portico("status", "--state", str(installation.state)).stdout
        assert "templates/landing.html:3" in told
        after = installation.tenant("coec")
        assert (after["snapshot"], after["commit"]) == (before["snapshot"], before["commit"])
        assert visitor.http.get("/hub/login").text == page
        template.write_text(good)
        push(checkout, "Spell it right")
        assert wait_for(lambda: installation.tenant("coec")["error"] is None)


def test_asking_for_a_sync_answers_what_came_of_it(installation):
    answer = portico("sync", "eurocc", "--state", str(installation.state)).stdout
    assert installation.tenant("eurocc")["commit"] in answer


def test_a_web_hook_reaches_the_sync_through_the_gateway(installation):
    """At the tenant's own host, and with her own secret: another tenant's is none."""
    body = b'{"ref": "refs/heads/main"}'
    answers = {}
    for owner in ("eurocc", "coec"):
        secret = (installation.state / "secrets" / f"{owner}-webhook-secret").read_text().strip()
        headers = {
            "Host": f"eurocc.localhost:{installation.port}",
            "X-Gitea-Event": "push",
            "X-Gitea-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        }
        answers[owner] = httpx.post(f"http://127.0.0.1:{installation.port}/hooks/git", content=body, headers=headers)
    assert (answers["eurocc"].status_code, answers["coec"].status_code) == (202, 403)
    assert "Gitea says that main was pushed to" in portico("logs", "--state", str(installation.state), "--tenant", "eurocc").stdout
