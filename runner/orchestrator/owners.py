"""Who holds a Lease: one running process of ours, told apart from every other one that ever had its pid."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PROC = Path("/proc")
STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process by host, boot, pid and start time, none of which a clock that is set can change.

    `str()` gives the form that stands in the database.
    """

    host: str
    boot: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.host}/{self.boot}/{self.pid}/{self.started}"

    @classmethod
    def parse(cls, text: str) -> Owner:
        """The reverse of `str()`. Raises ValueError."""
        host, boot, pid, started = text.rsplit("/", 3)
        return cls(host=host, boot=boot, pid=int(pid), started=int(started))

    @classmethod
    def this_process(cls) -> Owner:
        """The process that runs this code."""
        pid = os.getpid()
        return cls(host=socket.gethostname(), boot=_boot(), pid=pid, started=_started(pid))

    def is_alive(self) -> bool | None:
        """Whether that process still runs; None when it is on another host and cannot be seen from here."""
        if self.host != socket.gethostname():
            return None
        if self.boot != _boot():
            return False
        try:
            return _started(self.pid) == self.started
        except psutil.NoSuchProcess:
            return False


def is_alive(owner: str) -> bool | None:
    """The same for an owner as it stands in the database; False for a text that no runner wrote."""
    try:
        return Owner.parse(owner).is_alive()
    except ValueError:
        return False


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped (SIGSTOP, Ctrl-Z, a debugger)."""
    try:
        return psutil.Process(pid).status() in STOPPED
    except psutil.NoSuchProcess:
        return False


def is_runner(pid: int) -> bool:
    """Whether a process is one of our commands, by its command line: it may hold nothing yet that names it."""
    try:
        words = psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    is_python = bool(words) and Path(words[0]).name.startswith("python")
    return is_python and any(Path(word).name == "runner" or "runner.cli" in word for word in words[1:])


def described(owner: str | None) -> str:
    """An owner in words for a person: "process 4711 on this machine"."""
    if owner is None:
        return "nobody"
    try:
        parsed = Owner.parse(owner)
    except ValueError:
        return owner
    where = "this machine" if parsed.host == socket.gethostname() else parsed.host
    return f"process {parsed.pid} on {where}"


def _boot() -> str:
    # Where the system gives no boot id, start times are absolute and differ between two boots by themselves.
    return BOOT_ID.read_text().strip()[:8] if BOOT_ID.exists() else "-"


def _started(pid: int) -> int:
    """When the process was started, in ticks that no setting of the clock moves.

    On Linux these are ticks since boot. psutil adds them to the boot's wall-clock time, which the kernel works out anew
    from the present time: after a step of the clock every live process would look like another one, hence dead.
    """
    if not (PROC / "self" / "stat").exists():
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            raise psutil.NoSuchProcess(pid)
        return int(process.create_time() * 100)
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    # "4711 (a name (of any kind)) S …": the state is the third field, the start the twenty-second.
    state, *rest = stat.rpartition(")")[2].split()
    if state in ("Z", "X"):
        raise psutil.NoSuchProcess(pid)
    return int(rest[18])
