"""The operator saves `portico.toml`: portals come and go while everything else runs on."""

from __future__ import annotations

import shutil
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import tomli_w

from tests.support.installation import ROOT, Up, portico, up
from tests.support.labs import lab, page_answers, wait_for
from tests.support.visitor import Visitor, landing


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """An installation whose configuration a test may change."""
    with up(tmp_path_factory.mktemp("fleet") / "state") as running:
        yield running


def configuration(own: Up) -> dict[str, Any]:
    return tomllib.loads((own.state / "portico.toml").read_text())


def save(own: Up, content: dict[str, Any]) -> None:
    (own.state / "portico.toml").write_text(tomli_w.dumps(content))


def fenix(own: Up) -> dict[str, Any]:
    """A new community's entry, with its repository and its secrets."""
    work = own.state / "fenix"
    shutil.copytree(ROOT / "tenants" / "coec", work, dirs_exist_ok=True)
    for command in (["init", "--quiet", "--initial-branch=main"], ["add", "--all"], ["commit", "--quiet", "--allow-empty", "-m", "Begin"]):
        subprocess.run(["git", "-c", "user.name=Admin", "-c", "user.email=admin@localhost", *command], cwd=work, check=True)
    entry = {"name": "fenix", "host": "fenix.localhost", "repository": str(work), "client_id": "fenix", "grants": [{"system": "aurora"}]}
    for key in ("client_secret", "backend_token", "cookie_secret", "crypt_key"):
        file = own.state / "secrets" / f"fenix-{key}"
        file.write_text("ab" * 32)
        file.chmod(0o600)
        entry[f"{key}_file"] = str(file)
    return entry


@contextmanager
def visited(address: str) -> Iterator[list[int]]:
    """Load the portal's first page again and again meanwhile; gives the status of each answer, 0 for none."""
    answers: list[int] = []
    over = threading.Event()

    def visit() -> None:
        with Visitor(address) as visitor:
            while not over.is_set():
                try:
                    answers.append(visitor.http.get("/hub/login").status_code)
                except httpx.HTTPError:
                    answers.append(0)

    visitors = [threading.Thread(target=visit) for _ in range(3)]
    for each in visitors:
        each.start()
    try:
        wait_for(lambda: 200 in answers)
        yield answers
    finally:
        over.set()
        for each in visitors:
            each.join()


def test_portals_come_and_go_and_their_labs_run_on(own: Up) -> None:
    before = {tenant["name"]: tenant["pid"] for tenant in own.status()["tenants"]}
    backend = own.status()["backend"]["pid"]
    content = configuration(own)
    with lab(own, "eurocc", title="stays") as (user, entry):
        # A new one comes, and nobody else notices.
        save(own, {**content, "tenants": [*content["tenants"], fenix(own)]})
        wait_for(lambda: "CoEC" in landing(own.address("fenix")), limit=20)
        wait_for(lambda: own.status()["ready"])
        assert {tenant["name"]: tenant["pid"] for tenant in own.status()["tenants"] if tenant["name"] in before} == before
        assert own.status()["backend"]["pid"] == backend

        # Two go: the portal is gone, the lab runs on.
        with visited(own.address("eurocc")) as answers:
            save(own, {**content, "tenants": [tenant for tenant in content["tenants"] if tenant["name"] != "eurocc"]})
            wait_for(lambda: 404 in answers)
        assert set(answers) == {200, 404}, "what had begun was answered, and nothing was broken off"
        with Visitor(own.address("eurocc")) as visitor:
            assert "There is no portal at this address" in visitor.http.get("/hub/login").text
        wait_for(lambda: [tenant["name"] for tenant in own.status()["tenants"]] == ["juniq", "coec"], limit=20)
        wait_for(lambda: not landing(own.address("eurocc")) and not landing(own.address("fenix")))
        assert page_answers(user, entry["name"])
        assert entry["id"] in {item["id"] for item in own.status()["labs"]}

        # A file that can't be used changes nothing, and says so.
        (own.state / "portico.toml").write_text("tenants = 1\n")
        wait_for(lambda: own.status()["settings_error"])
        assert "not in force" in portico("status", "--state", str(own.state)).stdout
        assert landing(own.address("juniq"))

        # It comes back, with all that was its own.
        save(own, content)
        wait_for(lambda: landing(own.address("eurocc")), limit=20)
        wait_for(lambda: own.status()["settings_error"] is None)
        wait_for(lambda: 'data-state="running"' in user.http.get("/hub/home").text)
        assert page_answers(user, entry["name"])


def test_an_entry_without_its_secrets_is_refused_by_the_name_of_the_file(own: Up) -> None:
    content = configuration(own)
    entry = {**fenix(own), "crypt_key_file": str(own.state / "nowhere")}
    save(own, {**content, "tenants": [*content["tenants"], entry]})

    error = wait_for(lambda: own.status()["settings_error"])
    file = own.state / "portico.toml"
    assert error == f"{file}: fenix's crypt_key_file: there is no file {own.state / 'nowhere'}; make it, with the secret in it."
    assert len(own.status()["tenants"]) == 3
