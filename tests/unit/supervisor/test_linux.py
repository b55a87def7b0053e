"""The process tree: who descends from whom, and who carries a mark."""

import os
import subprocess
import sys

from portico.supervisor.linux import descendants, marked, parents


def test_descendants_come_the_nearest_first():
    table = {2: 1, 3: 1, 4: 2, 5: 4, 9: 8}
    assert descendants(1, table) == [2, 3, 4, 5]
    assert descendants(4, table) == [5]
    assert descendants(9, table) == []


def test_this_process_has_the_parent_that_the_kernel_says():
    assert parents()[os.getpid()] == os.getppid()


def test_a_process_is_found_by_the_mark_in_its_environment(tmp_path):
    mark = str(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PORTICO_TEST_MARK": mark},
    )
    try:
        child.stdout.readline()
        assert marked("PORTICO_TEST_MARK", mark) == [child.pid]
        assert marked("PORTICO_TEST_MARK", mark + "/deeper") == []
    finally:
        child.kill()
        child.communicate()
