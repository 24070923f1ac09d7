"""Looks at the machine for `runner doctor`: Python, SQLite, folders, disk, memory, clock, limits, display."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil

from runner.domain.facts import Fact

MB = 1024 * 1024
GB = 1024 * MB

# Profiles take 50 to 100 MB each and evidence grows: below the first a run will fail, below the second it soon will.
DISK_STOPS_BELOW_BYTES = 200 * MB
DISK_WARNS_BELOW_BYTES = 2 * GB
MEMORY_WARNS_BELOW_BYTES = 600 * MB  # a browser with one page, the driver and Python
OPEN_FILES_WARNS_BELOW = 512
BUILT_IN_YEAR = 2026

SQLITE_NEEDED = (3, 35, 0)  # RETURNING
# https://sqlite.org/wal.html: rare corruption when several connections write and checkpoint at once.
WAL_RESET_BUG_FROM = (3, 7, 0)
WAL_RESET_BUG_FIXED = (3, 51, 3)

TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


def machine_facts(
    *, folders: Mapping[str, Path], headed: bool = False, environ: Mapping[str, str] | None = None
) -> list[Fact]:
    """Look at everything but the browser. `folders` maps a name for people to a folder that must be writable.

    `headed` says whether the configuration asks for a visible browser. Nothing is created and nothing is changed.
    """
    environ = os.environ if environ is None else environ
    return [
        python_fact(sys.version_info[:3], sys.executable),
        sqlite_fact(sqlite3.sqlite_version_info),
        *(folder_fact(name, path) for name, path in folders.items()),
        *disk_facts(folders.values()),
        memory_fact(psutil.virtual_memory().available),
        clock_fact(datetime.now(UTC)),
        clock_source_fact(),
        open_files_fact(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        display_fact(environ, headed=headed, has_xvfb=shutil.which("xvfb-run") is not None),
    ]


def python_fact(version: tuple[int, int, int], executable: str) -> Fact:
    """Python itself; older than 3.11 stops."""
    value = f"{'.'.join(map(str, version))} ({executable})"
    if version < (3, 11, 0):
        return Fact(name="python", value=value, level="stops", cure="Install Python 3.11 or newer, then: make setup")
    return Fact(name="python", value=value)


def sqlite_fact(version: tuple[int, int, int]) -> Fact:
    """The SQLite inside Python; names the versions with the WAL-reset bug."""
    value = ".".join(map(str, version))
    if version < SQLITE_NEEDED:
        cure = f"Use a Python with SQLite {'.'.join(map(str, SQLITE_NEEDED))} or newer."
        return Fact(name="sqlite", value=value, level="stops", cure=cure)
    if WAL_RESET_BUG_FROM <= version < WAL_RESET_BUG_FIXED:
        return Fact(
            name="sqlite",
            value=f"{value}, which has the rare WAL-reset bug (3.7.0 to 3.51.2)",
            level="warning",
            cure="Use a Python with SQLite 3.51.3 or newer when several runner processes write at once.",
        )
    return Fact(name="sqlite", value=value)


def folder_fact(name: str, path: Path) -> Fact:
    """Whether `path` can be written to, or made: tried with a real file, since root is told yes for everything."""
    label = f"folder {name}"
    place = _nearest_existing(path)
    if not place.is_dir():
        return _folder_stops(label, path, f"{place} is a file", f"Move {place} away, or choose another folder.")
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as refused:
        cure = f"Make {place} writable for this account of the machine, or choose another folder."
        return _folder_stops(label, path, refused.strerror or str(refused), cure)
    return Fact(name=label, value=f"{path}, writable" if place == path else f"{path}, not there yet, can be made")


def _folder_stops(label: str, path: Path, why: str, cure: str) -> Fact:
    return Fact(name=label, value=f"{path}: {why}", level="stops", cure=cure)


def disk_facts(folders: Iterable[Path]) -> list[Fact]:
    """Free space, one fact for each disk that the folders stand on."""
    places = {place.stat().st_dev: place for place in map(_nearest_existing, folders)}
    return [disk_fact(place, shutil.disk_usage(place).free) for place in places.values()]


def disk_fact(place: Path, free_bytes: int) -> Fact:
    """Free space at `place`: under 200 MB stops, under 2 GB warns."""
    value = f"{free_bytes / GB:.1f} GB free at {place}"
    cure = f"Make room on the disk of {place}: old evidence in screenshots/ is the first to go."
    if free_bytes < DISK_STOPS_BELOW_BYTES:
        return Fact(name="disk", value=value, level="stops", cure=cure)
    if free_bytes < DISK_WARNS_BELOW_BYTES:
        return Fact(name="disk", value=value, level="warning", cure=cure)
    return Fact(name="disk", value=value)


def memory_fact(available_bytes: int) -> Fact:
    """Memory that can be had without swapping."""
    value = f"{available_bytes / GB:.1f} GB available"
    if available_bytes < MEMORY_WARNS_BELOW_BYTES:
        cure = "Close something, or lower orchestrator.concurrency: one browser takes 300 to 600 MB."
        return Fact(name="memory", value=value, level="warning", cure=cure)
    return Fact(name="memory", value=value)


def clock_fact(now: datetime) -> Fact:
    """Whether the clock can be right: before this program was built, certificates and leases make no sense."""
    value = now.isoformat(timespec="seconds")
    if now.year < BUILT_IN_YEAR:
        return Fact(name="clock", value=value, level="stops", cure="Set the clock of this machine (timedatectl).")
    return Fact(name="clock", value=value)


def clock_source_fact() -> Fact:
    """Whether the kernel's clock is kept right by NTP, where that can be known."""
    name = "clock kept by NTP"
    if sys.platform != "linux":
        return Fact(name=name, value="not knowable here")
    # Reading needs no right: an empty request (modes = 0) changes nothing. 512 bytes are more than struct timex has.
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    if state != TIME_ERROR:
        return Fact(name=name, value="yes")
    if not Path("/run/systemd/system").is_dir():
        return Fact(name=name, value="no: a container, whose host keeps the clock")
    return Fact(
        name=name, value="no", level="warning", cure="Type: timedatectl set-ntp true   (schedules follow this clock)"
    )


def open_files_fact(soft_limit: int) -> Fact:
    """How many files one process may have open; RLIM_INFINITY is no limit."""
    if soft_limit == resource.RLIM_INFINITY:
        return Fact(name="open files", value="no limit")
    if soft_limit < OPEN_FILES_WARNS_BELOW:
        return Fact(name="open files", value=f"{soft_limit} at most", level="warning", cure="Type: ulimit -n 4096")
    return Fact(name="open files", value=f"{soft_limit} at most")


def display_fact(environ: Mapping[str, str], *, headed: bool, has_xvfb: bool) -> Fact:
    """Whether a visible browser has somewhere to be seen; a headed configuration without a display stops."""
    display = environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY")
    if sys.platform == "darwin" or display:
        return Fact(name="display", value=display or "yes")
    cure = "Type: xvfb-run runner …" if has_xvfb else "Install xvfb, then type: xvfb-run runner …"
    if headed:
        return Fact(name="display", value="none, and a headed browser is wanted", level="stops", cure=cure)
    return Fact(name="display", value="none: headless only", cure=cure)


def _nearest_existing(path: Path) -> Path:
    path = path.expanduser().absolute()
    return next(place for place in (path, *path.parents) if place.exists())
