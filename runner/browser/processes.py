"""Browser processes as the system sees them: found by profile, killed with all that they started, waited for.

Playwright puts Chromium in a session of its own, so neither a process group of ours nor the death of the driver
is sure to reach it; the path of the profile on its command line is. Processes are held as psutil.Process, which
knows a process from a later one with the same pid.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import psutil

POLL_S = 0.02
PROC = Path("/proc")
FLAG = "--user-data-dir="
_HAS_PIDFD = hasattr(os, "pidfd_open")


def browsers_on(user_data_dir: Path) -> list[psutil.Process]:
    """The browser processes (a wrapper script included) that were started on this folder, oldest first."""
    return started_with(f"{FLAG}{user_data_dir}")


def started_with(flag: str) -> list[psutil.Process]:
    """The browser processes with exactly this word on their command line, oldest first; their children are left out."""
    found = []
    for process in psutil.process_iter(["cmdline", "create_time"]):
        words = process.info["cmdline"] or ()
        if flag in words and not any(word.startswith("--type=") for word in words):
            found.append((process.info["create_time"], process.pid, process))
    return [process for _, _, process in sorted(found, key=lambda each: each[:2])]


def has_open(pid: int, user_data_dir: Path) -> bool:
    """Whether this process is a browser on this folder, however the folder was written when it was started.

    A browser of another account of the machine, which does not show its command line, counts as being on it.
    """
    try:
        process = psutil.Process(pid)
        words, place = process.cmdline(), Path(process.cwd())
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return "chrom" in process.name().lower()
    folders = [word.removeprefix(FLAG) for word in words if word.startswith(FLAG)]
    return any((place / each).resolve() == user_data_dir.resolve() for each in folders)


def with_descendants(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """The same processes and everything that they started and that still runs."""
    tree: dict[int, psutil.Process] = {}
    for process in processes:
        tree[process.pid] = process
        try:
            tree |= {child.pid: child for child in process.children(recursive=True)}
        except psutil.NoSuchProcess:
            continue  # it ended while we looked, which is what is wanted of it
    return list(tree.values())


def memory_bytes(processes: Iterable[psutil.Process]) -> int:
    """What these processes and all that they started take up in memory; takes a few milliseconds of a thread."""
    return sum(pss_bytes(each.pid) for each in with_descendants(processes))


def pss_bytes(pid: int) -> int:
    """The proportional set size of a process: shared pages are divided among those that share them, so sums are true.

    Read from /proc; where there is none (macOS) all that is resident, which is more. 0 when it has ended.
    """
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0 if PROC.is_dir() else _resident_bytes(pid)  # it ended while we looked, or is a zombie
    kilobytes = [line.split()[1] for line in text.splitlines() if line.startswith("Pss:")]
    return int(kilobytes[0]) * 1024 if kilobytes else 0


def _resident_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def kill(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Send SIGKILL, and return those that were there to receive it."""
    return [process for process in processes if _kill(process)]


async def kill_process(pid: int) -> bool:
    """Kill one process of ours and wait for its end; False when it had ended before."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return False
    killed = kill([process])
    await ended(killed)
    return bool(killed)


def is_running(process: psutil.Process) -> bool:
    """Whether the process lives; a zombie that nobody has collected does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def started_at(pid: int) -> datetime | None:
    """When the process was started, None when it is gone."""
    try:
        return datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    except psutil.NoSuchProcess:
        return None


async def ended(processes: Iterable[psutil.Process], seconds: float | None = None) -> bool:
    """Wait until none of the processes runs any more; False when some still does after `seconds`."""
    waits = [_ended(process) for process in processes]
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*waits)
    except TimeoutError:
        return False
    return True


def _kill(process: psutil.Process) -> bool:
    try:
        if not _HAS_PIDFD:
            if is_running(process):
                process.kill()
                return True
            return False
        handle = os.pidfd_open(process.pid)
        try:
            # Looked at after the handle is open: from here on the pid cannot pass to another process unnoticed.
            if not is_running(process):
                return False
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False
    return True


async def _ended(process: psutil.Process) -> None:
    """Wait for the end of a process that need not be our child, by its pidfd where there is one."""
    if not _HAS_PIDFD:
        while is_running(process):  # noqa: ASYNC110 - macOS tells nobody but the parent
            await asyncio.sleep(POLL_S)
        return
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    try:
        if not is_running(process):
            return
        loop.add_reader(handle, done.set)
        await done.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
