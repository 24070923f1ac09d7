from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from runner.orchestrator import owners
from runner.orchestrator.owners import Owner


def test_this_process_is_alive_and_keeps_its_name() -> None:
    me = Owner.this_process()
    assert me.is_alive() is True
    assert Owner.this_process() == me
    assert owners.is_alive(str(me)) is True


def test_an_owner_survives_being_written_down() -> None:
    me = replace(Owner.this_process(), host="a/strange/host")
    assert Owner.parse(str(me)) == me


def test_a_process_that_was_killed_is_dead_even_before_its_parent_collects_it() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(Owner.this_process(), pid=child.pid, started=owners._started(child.pid))
    assert owner.is_alive() is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, not collected: a zombie
    assert owner.is_alive() is False
    child.communicate()
    assert owner.is_alive() is False


def test_a_later_process_with_the_same_pid_is_another_one() -> None:
    me = Owner.this_process()
    assert replace(me, started=me.started - 1).is_alive() is False


def test_an_owner_of_an_earlier_boot_is_dead() -> None:
    assert replace(Owner.this_process(), boot="0badcafe").is_alive() is False


def test_an_owner_on_another_host_cannot_be_told() -> None:
    assert replace(Owner.this_process(), host="elsewhere").is_alive() is None


def test_a_text_that_no_runner_wrote_is_nobody() -> None:
    assert owners.is_alive("w1") is False


def test_a_clock_that_is_set_does_not_make_a_live_process_look_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    # The kernel's boot time is worked out from the present time of day, and psutil builds start times on it.
    me = Owner.this_process()
    day_s = 86_400
    boot_s, now_s = psutil.boot_time(), time.time()
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_s + day_s)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: now_s + day_s)
    monkeypatch.setattr(time, "time", lambda: now_s + day_s)
    assert me.is_alive() is True


def test_without_proc_the_system_s_own_start_time_tells_processes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "PROC", Path("there is no such file"))
    me = Owner.this_process()
    assert me.started == int(psutil.Process().create_time() * 100)
    assert me.is_alive() is True
    assert replace(me, pid=2**22 + 1).is_alive() is False


def test_an_owner_is_described_in_words() -> None:
    me = Owner.this_process()
    assert owners.described(str(me)) == f"process {me.pid} on this machine"
    assert owners.described(str(replace(me, host="shop-2"))) == f"process {me.pid} on shop-2"
    assert owners.described(None) == "nobody"
    assert owners.described("w1") == "w1"
