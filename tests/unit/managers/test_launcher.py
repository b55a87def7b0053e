"""The launcher as a site runs it: one file in the job's directory, the lab's process in its place."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from portico.managers import launcher
from portico.managers.jobs import LAUNCHER

WEB = "import http.server as h, os; h.ThreadingHTTPServer(('{address}', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
LAB = [sys.executable, "-c", WEB]


class Job:
    """A job's directory with the launcher in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        shutil.copy(launcher.__file__, directory / LAUNCHER)

    def start(self, command: list[str], **lab: Any) -> subprocess.Popen[str]:
        (self.directory / "lab.json").write_text(json.dumps({"command": command, "environment": {}, "prefix": "/p/", **lab}))
        return subprocess.Popen(
            [sys.executable, "-I", "-S", LAUNCHER],
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "PORTICO_BIND": "127.0.0.1", "SLURMD_NODENAME": "node07"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, command: list[str], **lab: Any) -> subprocess.CompletedProcess[str]:
        process = self.start(command, **lab)
        out, err = process.communicate(timeout=20)
        return subprocess.CompletedProcess([], process.returncode, out, err)

    @property
    def told(self) -> dict[str, Any] | None:
        path = self.directory / "portico.json"
        return json.loads(path.read_text()) if path.exists() else None


class Listener(ThreadingHTTPServer):
    """Takes reports."""

    def __init__(self, *statuses: int) -> None:
        self.reports: list[tuple[str, str, dict[str, Any]]] = []
        self.statuses = list(statuses)
        super().__init__(("127.0.0.1", 0), _Reports)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class _Reports(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.reports.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


@pytest.fixture
def listener() -> Iterator[Callable[..., Listener]]:
    made: list[Listener] = []

    def make(*statuses: int) -> Listener:
        made.append(Listener(*statuses))
        return made[-1]

    yield make
    for each in made:
        each.shutdown()
        each.server_close()


def until(condition: Callable[[], Any], limit: float = 20) -> Any:
    end = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
    return value


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_lab_tells_where_it_listens(job: Job, listener: Callable[..., Listener]) -> None:
    backend = listener(503)
    target = {"url": f"http://127.0.0.1:{backend.server_port}/labs/x/report", "token": "t0ken"}
    process = job.start(LAB, report=target)
    told = until(lambda: job.told)
    until(lambda: len(backend.reports) == 2)
    end(process)
    assert told["node"] == "node07"
    assert backend.reports == [("/labs/x/report", "Bearer t0ken", told)] * 2


def test_a_lab_without_a_way_out_leaves_the_file_all_the_same(job: Job) -> None:
    process = job.start(LAB, report={"url": "http://127.0.0.1:9/report", "token": "t0ken"})
    assert until(lambda: job.told)["node"] == "node07"
    end(process)


def test_credentials_leave_the_directory_at_once(job: Job) -> None:
    assert job.run(["ls"], environment={"TOKEN": "s3cret"}).stdout.split() == [LAUNCHER]


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_the_labs(job: Job, code: int) -> None:
    assert job.run([sys.executable, "-c", f"raise SystemExit({code})"]).returncode == code


def test_signals_reach_the_lab_itself(job: Job) -> None:
    process = job.start(LAB)
    until(lambda: job.told)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM


def test_nothing_is_left_when_a_lab_ends_before_it_listens(job: Job) -> None:
    process = job.start([sys.executable, "-c", "pass"])
    process.communicate(timeout=10)  # ends only when the reporting process has closed its output, too
    assert job.told is None


def test_a_lab_has_no_children_that_it_does_not_know(job: Job) -> None:
    assert job.run(["sh", "-c", "ps -o pid= --ppid $$ | wc -l"]).stdout.split() == ["2"]  # ps and wc


def test_a_missing_command_is_named(job: Job) -> None:
    answer = job.run(["no-such-lab"])
    assert answer.returncode == 127
    assert "no-such-lab" in answer.stderr


def test_environment_address_and_prefix_arrive(job: Job) -> None:
    show = "import os, sys; print(sys.argv[1:], os.environ['WHO'], os.environ['JUPYTERHUB_SERVICE_URL'])"
    answer = job.run([sys.executable, "-c", show, "--ip={address}", "--base={prefix}"], environment={"WHO": "$(id) `id` '\""})
    assert answer.stdout.startswith("['--ip=127.0.0.1', '--base=/p/'] $(id) `id` '\" http://127.0.0.1:")


def test_the_operators_lines_run_before_the_lab_in_its_shell(job: Job) -> None:
    answer = job.run(["sh", "-c", 'echo "$GREETING $1"', "lab", "$(id)"], setup=["export GREETING=hello"])
    assert answer.stdout == "hello $(id)\n"


def test_the_tenants_settings_lie_where_jupyterlab_looks(job: Job) -> None:
    overrides = {"@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Dark"}}
    find = "cat ${JUPYTER_CONFIG_PATH%%:*}/labconfig/default_setting_overrides.json; echo $JUPYTER_CONFIG_PATH"
    answer = job.run(["sh", "-c", find], overrides=overrides, environment={"JUPYTER_CONFIG_PATH": "/etc/site"})
    assert json.loads(answer.stdout.partition("}}")[0] + "}}") == overrides
    assert answer.stdout.strip().endswith(":/etc/site")
