"""What a tenant admin installs: the package alone, from a wheel, in an environment of its own, outside the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.installation import ROOT


def uv() -> str:
    """The installer that `./portico` uses: the machine's, or the one that it has fetched."""
    found = shutil.which("uv") or str(ROOT / ".portico" / "uv" / "bin" / "uv")
    assert Path(found).is_file(), "uv is missing; ./portico test fetches it"
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of the installed package."""
    place = tmp_path_factory.mktemp("wheel")

    def run(*arguments: object) -> None:
        subprocess.run([uv(), *arguments, "--quiet"], check=True, timeout=900)

    run("build", "--wheel", "--out-dir", place / "dist", ROOT)
    (wheel,) = (place / "dist").glob("*.whl")
    run("venv", "--python", sys.executable, place / "env")
    run("pip", "install", "--python", place / "env" / "bin" / "python", wheel)
    return place / "env" / "bin" / "portico"


@pytest.fixture
def desk(tmp_path: Path) -> dict[str, object]:
    """Where the tenant admin works: an empty directory, an empty home, nothing of the checkout."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    return {"cwd": tmp_path / "work", "env": {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}}


def test_new_check_and_explain(installed: Path, desk: dict[str, object]):
    def portico(*arguments: str) -> str:
        return subprocess.run([installed, *arguments], check=True, capture_output=True, text=True, timeout=120, **desk).stdout

    assert "portico preview fenix" in portico("new", "fenix", "--from", "juniq")
    checked = json.loads(portico("check", "fenix", "--format", "json"))
    assert checked["good"], checked
    assert checked["pages"] > 20
    assert "JupyterLab is not installed here" in checked["notes"][0]
    assert "themes/base/templates/home.html" in portico("explain", "fenix", "home.html")
    assert "themes/base/templates/home.html" in portico("explain", "juniq", "home.html")
    assert json.loads(portico("new", "own") and portico("check", "own", "--format", "json"))["good"]


def test_preview(installed: Path, desk: dict[str, object]):
    subprocess.run([installed, "new", "fenix"], check=True, capture_output=True, **desk)
    with subprocess.Popen([installed, "preview", "fenix", "--port", "0"], stdout=subprocess.PIPE, text=True, **desk) as process:
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found
            with httpx.Client(base_url=found.group(), timeout=60) as http:
                assert "data-choices" in http.get("/").text
                with http.stream("GET", "/preview/events") as events:
                    news = (json.loads(line.removeprefix("data: ")) for line in events.iter_lines() if line.startswith("data: "))
                    state = next(state for state in news if state["check"] != "checking")
                assert (state["check"], state["findings"]) == ("good", [])
                assert "One place to compute together" in http.get("/page/landing/plain").text
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
