"""Processes found by their profile, killed with their children, and never mistaken for a later one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from runner.browser import processes

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
input()
"""


@pytest.fixture
def family(tmp_path) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """A process that looks like a browser on tmp_path, and its child."""
    command = [sys.executable, "-c", PARENT, f"--user-data-dir={tmp_path}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        yield psutil.Process(parent.pid), child
        processes.kill(each for each in (psutil.Process(parent.pid), child) if processes.is_running(each))


async def test_a_browser_is_found_by_exactly_its_profile(family, tmp_path):
    parent, _ = family
    assert processes.browsers_on(tmp_path) == [parent]
    assert processes.browsers_on(tmp_path / "other") == []
    assert processes.browsers_on(tmp_path.parent) == []


async def test_a_tree_dies_whole_and_its_end_is_awaited(family):
    parent, child = family
    tree = processes.with_descendants([parent])
    assert tree == [parent, child]
    assert not await processes.ended(tree, 0.05)
    assert processes.kill(tree) == tree
    assert await processes.ended(tree, 10)
    assert processes.kill(tree) == []


async def test_another_process_with_the_same_pid_is_left_alone(family):
    parent, _ = family
    earlier = psutil.Process(parent.pid)
    earlier._ident = (parent.pid, earlier.create_time() - 1000)  # as it is known from before the pid was used again
    assert processes.kill([earlier]) == []
    assert await processes.ended([earlier], 5), "the one that is meant has ended"
    assert processes.is_running(parent)
