"""Profile folders: made, checked, locked and told apart from those that somebody else has open."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from runner.browser import processes
from runner.errors import Conflict, SetupError

LOCK = "lock"
IDLE = "idle"
MARKER = "runner-account"
"""Inside the browser's own folder, so that it goes wherever that is moved: whose login is in there."""
README = "README.txt"
README_TEXT = """This folder belongs to the runner: it is the browser profile of one account.

  chromium/   what the browser keeps: cookies, local storage, cache. It holds the account's sign-in, so treat
              this folder like a password: only its owner may read it, and it belongs in no shared backup.
  checkpoints/  the last login states known to be good, sealed with the runner's key.
  lock        held by the browser for as long as it runs, so that the account is never open twice. Leave it alone.
  idle        there while that browser is kept warm and has nothing to do: it closes for whoever takes this away.

Deleting the folder while no browser runs signs the account out; the runner makes a new one and signs in again.
"""
SINGLETONS = ("SingletonLock", "SingletonCookie", "SingletonSocket")
LOCK_WAIT_S = 1.0
GIVE_WAY_S = 3.0
"""How long an idle browser may take to close for somebody else; its owner, who does not let it go, is frozen."""
_LOCK_POLL_S = 0.02


class CorruptProfile(SetupError):
    """What is in the folder is not what a browser puts there; a new one can take its place."""


def user_data_dir(profile_dir: Path) -> Path:
    """Chromium's own folder inside the profile folder."""
    return profile_dir / "chromium"


def lock_file(profile_dir: Path) -> Path:
    """The file that the browser holds locked for as long as it lives."""
    return profile_dir / LOCK


def idle_file(profile_dir: Path) -> Path:
    """The file that says that the browser which holds the lock is idle."""
    return profile_dir / IDLE


def offer(profile_dir: Path) -> None:
    """Say that the browser on this profile is idle, and gives way to whoever asks. Raises OSError."""
    idle_file(profile_dir).touch(mode=0o600)


def claim(profile_dir: Path) -> bool:
    """Take an idle browser for oneself, its own owner too; False when it is not idle, or somebody was quicker.

    Only one can remove a file: so its owner never uses a browser again that was given to somebody else.
    """
    try:
        idle_file(profile_dir).unlink()
    except OSError:
        return False
    return True


def prepare(profile_dir: Path, *, account: str, browser_major: int) -> None:
    """Make the folder ready for a launch: there, private, writable, not newer than the browser, nothing stale in it.

    Raises SetupError for a folder that cannot be used, CorruptProfile when a new one could, Conflict when a browser
    has it open.
    """
    make(profile_dir, account)
    with locked(profile_dir, account=account):
        try:
            user_data_dir(profile_dir).mkdir(mode=0o700, exist_ok=True)
            refuse_foreign(profile_dir, account)
            refuse_newer(profile_dir, account, browser_major)
            _clear_singletons(profile_dir, account)
            _mark(profile_dir, account)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as garbage:
            raise CorruptProfile(
                f"The browser profile of account {account} is broken: {garbage.filename} is not what it should be.",
                cure=f"Put it aside: runner profiles reset {account}",
            ) from garbage
        except OSError as error:
            raise _unusable(profile_dir, account, error) from error


@contextlib.contextmanager
def locked(profile_dir: Path, *, account: str) -> Iterator[None]:
    """Hold the profile's lock ourselves for a moment. Raises Conflict when a browser has it.

    One that is idle is closed for us, wherever its owner is; its owner, when it does not answer, has nothing to lose.
    """
    handle = os.open(lock_file(profile_dir), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(handle, profile_dir, account)
        idle_file(profile_dir).unlink(missing_ok=True)  # left by one that was killed
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, profile_dir: Path, account: str) -> None:
    until = time.monotonic() + LOCK_WAIT_S
    idle: list[psutil.Process] = []
    while not _try_lock(handle):
        now = time.monotonic()
        if claim(profile_dir):
            # Whose browser it is now: while its owner closes it, somebody else may be quicker with one of their own.
            idle = processes.with_descendants(processes.browsers_on(user_data_dir(profile_dir)))
            until = now + GIVE_WAY_S
        elif now > until:
            if not idle:
                raise taken(profile_dir, account)
            processes.kill(idle)
            until, idle = now + LOCK_WAIT_S, []
        time.sleep(_LOCK_POLL_S)


def taken(profile_dir: Path, account: str) -> Conflict:
    """The error for a profile that is open elsewhere, with the pid and start of whoever has it."""
    pid = holder(profile_dir)
    since = processes.started_at(pid) if pid else None
    who = f"pid {pid}" if pid else "a process that cannot be seen from here"
    when = f", since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
    return Conflict(
        f"{account}'s profile is open in another browser ({who}{when}).",
        cure="Wait until that browser is closed, or close it; one account is never open in two.",
    )


def holder(profile_dir: Path) -> int | None:
    """The pid of the process that holds the profile's lock; None when it is free."""
    try:
        file = lock_file(profile_dir).stat()
    except FileNotFoundError:
        return None
    open_in = [each.pid for each in processes.browsers_on(user_data_dir(profile_dir))]
    table = Path("/proc/locks")
    if table.exists():
        pids = _flock_pids(table.read_text(), file)
        return next(iter([*(pid for pid in open_in if pid in pids), *pids]), None)
    return open_in[-1] if open_in else None


def _flock_pids(table: str, file: os.stat_result) -> list[int]:
    # A line: "12: FLOCK  ADVISORY  WRITE 4711 08:01:131074 0 EOF", with device numbers in hexadecimal.
    where = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    rows = [line.split() for line in table.splitlines()]
    return [int(row[4]) for row in rows if len(row) >= 6 and row[1] == "FLOCK" and row[5] == where]


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make(profile_dir: Path, account: str) -> None:
    """Make the folder itself, private and explained. Raises SetupError."""
    try:
        profile_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(profile_dir.stat().st_mode)
        # Root may write anywhere; a folder that its owner made read-only is still not ours to write to.
        if not mode & stat.S_IWUSR:
            raise PermissionError(13, "the folder is read-only")
        if mode & 0o077:
            profile_dir.chmod(0o700)
        readme = profile_dir / README
        if not readme.exists():
            readme.write_text(README_TEXT, encoding="utf-8")
        lock_file(profile_dir).touch(mode=0o600)
    except OSError as error:
        raise _unusable(profile_dir, account, error) from error


def _unusable(profile_dir: Path, account: str, error: OSError) -> SetupError:
    return SetupError(
        f"The profile folder of account {account} cannot be used: {profile_dir}: {error.strerror or error}.",
        cure=f'Make it writable (chmod u+rwx "{profile_dir}", and look at its owner and the free disk space), '
        "or set profiles.dir to another folder.",
    )


def _mark(profile_dir: Path, account: str) -> None:
    marker = user_data_dir(profile_dir) / MARKER
    if not marker.exists():
        marker.write_text(account + "\n", encoding="utf-8")


def refuse_foreign(profile_dir: Path, account: str) -> None:
    """A browser folder that was moved here from another account holds that account's login. Raises SetupError."""
    try:
        owner = (user_data_dir(profile_dir) / MARKER).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return  # a new one
    if owner != account:
        raise SetupError(
            f"The browser profile in {profile_dir} belongs to account {owner!r}, not to {account}.",
            cure=f"Move it back to where it came from, or put it aside: runner profiles reset {account}",
        )


def refuse_newer(profile_dir: Path, account: str, browser_major: int) -> None:
    """A newer Chromium has migrated its databases: an older one would drop what it cannot read, cookies first."""
    try:
        written_by = (user_data_dir(profile_dir) / "Last Version").read_text(errors="replace").strip()
    except FileNotFoundError:
        return
    major = written_by.partition(".")[0]
    if major.isdecimal() and int(major) > browser_major:
        raise SetupError(
            f"The profile of account {account} was last used by Chromium {written_by}, "
            f"and the browser found here is older ({browser_major}).",
            cure=f"Set browser.path to a Chromium of version {major} or newer, or move the profile into the trash: "
            f"runner profiles reset {account}",
        )


def _clear_singletons(profile_dir: Path, account: str) -> None:
    """Remove what a killed browser left; only called while the profile's lock is ours."""
    folder = user_data_dir(profile_dir)
    link = folder / SINGLETONS[0]
    if link.is_symlink():
        host, _, pid = os.readlink(link).rpartition("-")
        if host == socket.gethostname() and pid.isdecimal() and processes.has_open(int(pid), folder):
            # Nobody holds our lock, and yet a browser is open here: a person started it without the runner.
            raise Conflict(
                f"{account}'s profile is open in a browser that the runner did not start (pid {pid}).",
                cure="Close that browser first.",
            )
    for name in SINGLETONS:
        (folder / name).unlink(missing_ok=True)
