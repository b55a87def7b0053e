"""An installation starts although some of its tenants have nothing to show yet: they hold nobody up, and come as soon as they can."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from portico.supervisor.repositories import make_repository

from tests.support.bundles import SVG, TOML, git, write_tree
from tests.support.installation import ROOT, portico, serve
from tests.support.labs import wait_for
from tests.support.operators import Operator
from tests.support.visitor import landing


def test_a_portal_without_a_version_holds_nobody_up(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    wrong = write_tree(tmp_path / "wrong", {"tenant.toml": f'{TOML}colour = "red"\n', "static/logo.svg": SVG, "static/favicon.svg": SVG})
    make_repository(tmp_path / "wrong.git", wrong)
    entries = [operator.entry(name) for name in ("own", "unborn", "wrong")]
    shutil.rmtree(tmp_path / "unborn.git")
    operator.configure(*entries, poll_interval=0.5)

    with serve(operator.file, operator.state, operator.port) as up:
        assert "CoEC" in landing(up.address("own"))
        assert up.status()["ready"]
        finding = "tenant.toml:3:1: "
        said = (tmp_path / "state.stderr").read_text()
        assert f"wrong has no version to show yet: {finding}" in said
        assert "unborn has no version to show yet: " in said
        told = portico("status", "--state", str(up.state)).stdout
        assert f"wrong has no version to show yet, since:\n{finding}" in told

        # What was missing comes, and each portal with it.
        make_repository(tmp_path / "unborn.git", ROOT / "tenants" / "eurocc")
        wait_for(lambda: "EuroCC" in landing(up.address("unborn")))
        work = tmp_path / "work-wrong"
        git(tmp_path, "clone", "--quiet", str(tmp_path / "wrong.git"), str(work))
        write_tree(work, {"tenant.toml": TOML})
        git(work, "commit", "--quiet", "--all", "-m", "Mend it")
        git(work, "push", "--quiet")
        wait_for(lambda: "<title>Test" in landing(up.address("wrong")))


def test_a_hub_that_cannot_start_is_named_and_a_missing_secret_too(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    entry = operator.entry("own")
    Path(entry["cookie_secret_file"]).write_text("not hexadecimal")
    operator.configure(entry)
    with pytest.raises(RuntimeError, match="The hub of own does not start"), serve(operator.file, operator.state, operator.port):
        pass
    Path(entry["cookie_secret_file"]).unlink()
    with (
        pytest.raises(RuntimeError, match="own's cookie_secret_file: there is no file"),
        serve(operator.file, operator.state, operator.port),
    ):
        pass
