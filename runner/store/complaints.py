"""What a person is told when the database cannot be opened, read or written."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from runner.errors import RunnerError, StoreBusy, StoreUnusable

PRIMARY = 0xFF
"""SQLite's extended result codes carry the primary one in their low byte."""

FULL_BELOW_BYTES = 1_000_000


def complaint(error: BaseException, path: Path, *, busy_timeout_s: float) -> RunnerError | None:
    """The error as a person needs it; None when it is not the file's fault but the statement's."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", None)
    if code is None:
        return None
    where = f"The database {path}"
    match code & PRIMARY:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            pids = writers(path)
            who = f"process {pids[0]}" if pids else "another process"
            show = f"ps -fp {pids[0]}" if pids else f"fuser {path}"
            return StoreBusy(
                f"{where} is locked: {who} has been writing to it for more than {busy_timeout_s:g} s.",
                cure=f"Wait until it is done and try again; `{show}` shows which process that is.",
            )
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR if code == sqlite3.SQLITE_FULL or _is_full(path.parent):
            return StoreUnusable(f"{where} cannot grow: the disk is full.", cure="Free some space and start again.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return StoreUnusable(
                f"{where} cannot be written: the file or its folder is read-only for this account of the machine.",
                cure=f"Give write permission to {path} and to {path.parent}, or set [store] path to another place.",
            )
        case sqlite3.SQLITE_CANTOPEN:
            return StoreUnusable(
                f"{where} cannot be opened.",
                cure=f"See that the folder {path.parent} may be read and written, and that {path.name} is a file.",
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return StoreUnusable(
                f"{where} is damaged, or is not a database at all ({original}).",
                cure="Put a copy that is known to be good in its place, or move the file away to begin with an empty "
                "one; nothing was changed in it.",
            )
        case sqlite3.SQLITE_IOERR:
            return StoreUnusable(f"{where} cannot be read or written: {original}.", cure="Look at the disk.")
        case _:
            return None


def writers(path: Path) -> list[int]:
    """Processes that hold a write lock on the database, where the system tells (Linux)."""
    table, files = Path("/proc/locks"), set()
    for file in (path.with_name(path.name + "-shm"), path):
        if file.exists():
            status = file.stat()
            files.add(f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}")
    # A line: "12: POSIX  ADVISORY  WRITE 4711 08:01:131074 120 120", with device numbers in hexadecimal.
    rows = [line.split() for line in table.read_text().splitlines()] if table.exists() else []
    pids = {int(row[4]) for row in rows if len(row) >= 6 and row[1:4:2] == ["POSIX", "WRITE"] and row[5] in files}
    return sorted(pids - {os.getpid()})


def _is_full(folder: Path) -> bool:
    """Whether there is no room: what does not fit into the shared memory beside the file is an I/O error to SQLite."""
    try:
        return shutil.disk_usage(folder).free < FULL_BELOW_BYTES
    except OSError:
        return False
