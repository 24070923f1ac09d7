"""What a person is told when the database cannot be opened, read or written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from runner.errors import Conflict, RunnerError, SetupError

PRIMARY = 0xFF
"""SQLite's extended result codes carry the primary one in their low byte."""


def complaint(error: BaseException, path: Path, *, busy_timeout_s: float) -> RunnerError | None:
    """The error as a person needs it; None when it is not the file's fault but the statement's."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", None)
    if code is None:
        return None
    where = f"The database {path}"
    match code & PRIMARY:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Conflict(
                f"{where} is locked: another process has been writing to it for more than {busy_timeout_s:g} s.",
                cure=f"Wait until it is done and try again; `fuser {path}` shows which process has the file open.",
            )
        case sqlite3.SQLITE_FULL:
            return SetupError(f"{where} cannot grow: the disk is full.", cure="Free some space and start again.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return SetupError(
                f"{where} cannot be written: the file or its folder is read-only for this account of the machine.",
                cure=f"Give write permission to {path} and to {path.parent}, or set [store] path to another place.",
            )
        case sqlite3.SQLITE_CANTOPEN:
            return SetupError(
                f"{where} cannot be opened.",
                cure=f"See that the folder {path.parent} may be read and written, and that {path.name} is a file.",
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return SetupError(
                f"{where} is damaged, or is not a database at all ({original}).",
                cure="Put a copy that is known to be good in its place, or move the file away to begin with an empty "
                "one; nothing was changed in it.",
            )
        case sqlite3.SQLITE_IOERR:
            return SetupError(f"{where} cannot be read or written: {original}.", cure="Look at the disk.")
        case _:
            return None
