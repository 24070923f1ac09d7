"""Profile folders: private, explained, refused when they cannot be used, cleared only under the lock."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys

import pytest

from runner.browser import processes, profiles
from runner.errors import Conflict, SetupError


def prepare(profile, major=156):
    profiles.prepare(profile, account="amy", browser_major=major)


@pytest.fixture
def profile(tmp_path):
    return tmp_path / "profiles" / "amy"


def test_a_new_folder_is_private_and_explains_itself(profile):
    prepare(profile)
    assert stat.S_IMODE(profile.stat().st_mode) == 0o700
    assert "browser profile of one account" in (profile / "README.txt").read_text()
    assert profiles.holder(profile) is None


def test_a_folder_that_others_may_read_is_closed_to_them(profile):
    profile.mkdir(parents=True, mode=0o755)
    prepare(profile)
    assert stat.S_IMODE(profile.stat().st_mode) == 0o700


def test_a_read_only_folder_names_account_folder_and_cure(profile):
    profile.mkdir(parents=True)
    profile.chmod(0o500)
    with pytest.raises(SetupError) as caught:
        prepare(profile)
    for expected in ("amy", str(profile), "chmod u+rwx", "profiles.dir"):
        assert expected in str(caught.value)


def test_a_file_where_the_folder_should_be_is_a_clear_error(profile):
    profile.parent.mkdir(parents=True)
    profile.write_text("in the way")
    with pytest.raises(SetupError, match="amy"):
        prepare(profile)


def test_a_profile_of_a_newer_chromium_is_refused(profile):
    prepare(profile)
    (profiles.user_data_dir(profile) / "Last Version").write_text("157.0.1.2")
    with pytest.raises(SetupError, match=r"account amy was last used by Chromium 157\.0\.1\.2.*older \(156\)"):
        prepare(profile)
    prepare(profile, major=157)


def test_locks_that_a_dead_browser_left_are_removed(profile):
    prepare(profile)
    folder = profiles.user_data_dir(profile)
    for name in profiles.SINGLETONS:
        (folder / name).symlink_to("another-host-4711")
    prepare(profile)
    assert [name for name in profiles.SINGLETONS if (folder / name).is_symlink()] == []


def test_locks_are_left_alone_while_somebody_holds_the_profile(profile):
    prepare(profile)
    link = profiles.user_data_dir(profile) / "SingletonLock"
    link.symlink_to("another-host-4711")
    with profiles.lock_file(profile).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert profiles.holder(profile) == os.getpid()
        with pytest.raises(Conflict, match=rf"amy's profile is open in another browser \(pid {os.getpid()}, since"):
            prepare(profile)
    assert link.is_symlink()


@pytest.mark.parametrize("written", ["whole", "relative"])
def test_a_browser_that_a_person_opened_there_is_respected(profile, written):
    prepare(profile)
    folder = profiles.user_data_dir(profile)
    code = "print(flush=True); input()"
    flag = f"--user-data-dir={folder if written == 'whole' else folder.relative_to(profile.parent)}"
    command = [sys.executable, "-c", code, flag]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=profile.parent) as theirs:
        theirs.stdout.readline()
        (folder / "SingletonLock").symlink_to(f"{socket.gethostname()}-{theirs.pid}")
        with pytest.raises(Conflict, match=f"did not start .pid {theirs.pid}"):
            prepare(profile)
        theirs.stdin.write(b"\n")


SAYS_ITS_FLAGS = '#!/bin/sh\necho "$@"\n'


@pytest.mark.parametrize("has_flock", [True, False], ids=["flock", "python"])
def test_the_shim_starts_the_browser_with_the_lock_or_says_75(profile, tmp_path, has_flock):
    prepare(profile)
    browser = tmp_path / "browser"
    browser.write_text(SAYS_ITS_FLAGS)
    browser.chmod(0o755)
    shim = os.path.join(os.path.dirname(profiles.__file__), "flocked.sh")
    environment = {
        "PATH": os.environ["PATH"] if has_flock else str(tmp_path),
        "RUNNER_PROFILE_LOCK": str(profiles.lock_file(profile)),
        "RUNNER_CHROMIUM": str(browser),
        "RUNNER_PYTHON": sys.executable,
        "RUNNER_FLOCKED_PY": shim.replace(".sh", ".py"),
    }
    command = [shutil.which("sh"), shim, "--one", "two words"]
    free = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert free.stdout == "--one two words\n"
    with profiles.lock_file(profile).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        taken = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (taken.returncode, taken.stdout) == (75, "")


def test_a_browser_folder_that_was_moved_from_another_account_is_refused(profile):
    prepare(profile)
    other = profile.with_name("ben")
    other.mkdir()
    profiles.user_data_dir(profile).rename(profiles.user_data_dir(other))
    with pytest.raises(SetupError, match="belongs to account 'amy', not to ben") as caught:
        profiles.prepare(other, account="ben", browser_major=156)
    assert "runner profiles reset ben" in caught.value.cure


@pytest.mark.parametrize("name", ["Last Version", "SingletonLock", "runner-account"])
def test_garbage_in_the_browsers_folder_is_said_to_be_that(profile, name):
    prepare(profile)
    (profiles.user_data_dir(profile) / name).unlink(missing_ok=True)
    (profiles.user_data_dir(profile) / name).mkdir()
    with pytest.raises(profiles.CorruptProfile, match=name):
        prepare(profile)


# ── One that is idle gives way ─────────────────────────────────────────────────────────────────────────────────

HOLDS = """
import fcntl, os, sys, time
handle = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
while os.path.exists(sys.argv[2]) or sys.argv[3] == "frozen":
    time.sleep(0.01)
"""


@pytest.mark.parametrize("how", ["well", "frozen"])
def test_an_idle_browser_gives_way_to_whoever_asks_and_is_ended_when_its_owner_does_not_answer(
    profile, how, monkeypatch
):
    monkeypatch.setattr(profiles, "GIVE_WAY_S", 30.0 if how == "well" else 0.1)
    prepare(profile)
    profiles.offer(profile)
    flag = f"{processes.FLAG}{profiles.user_data_dir(profile)}"
    files = [str(profiles.lock_file(profile)), str(profiles.idle_file(profile))]
    with subprocess.Popen([sys.executable, "-c", HOLDS, *files, how, flag], stdout=subprocess.PIPE) as browser:
        browser.stdout.readline()
        prepare(profile)
        assert browser.wait(timeout=30) == (0 if how == "well" else -signal.SIGKILL)


def test_only_one_gets_an_idle_browser(profile):
    prepare(profile)
    profiles.offer(profile)
    assert [profiles.claim(profile), profiles.claim(profile)] == [True, False]


def test_what_a_killed_runner_said_of_its_browser_says_nothing_of_the_next_one(profile):
    prepare(profile)
    profiles.offer(profile)
    prepare(profile)
    assert not profiles.claim(profile)
