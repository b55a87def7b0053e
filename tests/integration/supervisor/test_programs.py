"""A program that dies is started again; one that is stopped has surely ended."""

import asyncio
import os
import signal
import sys

import pytest
from portico.supervisor.programs import NotStarted, Program, Running, pause_before_restart

from tests.support.wait import until


def python(tmp_path, code, **ready):
    return Running(Program(name="sample", argv=[sys.executable, "-c", code], output=tmp_path / "sample.out", **ready))


@pytest.mark.parametrize(("failures", "pause"), [(0, 0), (1, 0), (2, 0.5), (3, 1), (4, 2), (7, 15), (50, 15)])
def test_the_first_death_costs_no_pause_and_later_ones_more_and_more(failures, pause):
    assert pause_before_restart(failures) == pause


async def test_a_killed_program_runs_again(tmp_path):
    running = python(tmp_path, "import signal; signal.pause()")
    running.start()
    await running.ready()
    first = running.pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: running.pid not in (None, first))
    await running.stop(patience=5)
    assert running.pid is None


async def test_a_restart_is_no_death(tmp_path, caplog):
    caplog.set_level("INFO")
    running = python(tmp_path, "import signal; signal.pause()")
    running.start()
    for _ in range(4):
        await running.ready()
        first = running.pid
        running.restart()
        await until(lambda first=first: running.pid not in (None, first), limit=5)
    await running.stop(patience=5)
    assert {record.levelname for record in caplog.records} == {"INFO"}


async def test_a_program_that_ignores_the_request_to_end_is_killed(tmp_path):
    code = "import signal, pathlib, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); pathlib.Path(sys.argv[1]).touch(); signal.pause()"
    ready = tmp_path / "ready"
    running = Running(Program(name="stubborn", argv=[sys.executable, "-c", code, str(ready)], output=tmp_path / "out", ready_file=ready))
    running.start()
    await running.ready()
    pid = running.pid
    await running.stop(patience=0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_program_that_cannot_start_says_its_last_words(tmp_path):
    running = python(tmp_path, "raise SystemExit('the disk is full')", ready_file=tmp_path / "never")
    running.start()
    with pytest.raises(NotStarted, match="the disk is full"):
        async with asyncio.timeout(20):
            await running.ready()
    await running.stop(patience=1)
