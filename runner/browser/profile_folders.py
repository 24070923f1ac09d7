"""Looks at profile folders from outside: opens nothing, changes nothing."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runner.browser import processes, profiles, trash
from runner.errors import SetupError


@dataclass(frozen=True, kw_only=True)
class ProfileFolder:
    """What a profile folder looks like; `problems` are in words, with what to do. `open_in` is a pid."""

    account: str
    path: Path
    exists: bool
    size_bytes: int
    readable: bool
    writable: bool
    private: bool
    open_in: int | None
    open_since: datetime | None
    belongs_to: str | None
    written_by: str | None
    problems: tuple[str, ...]


def look(profile_dir: Path, *, account: str, browser_major: int | None = None) -> ProfileFolder:
    """Look at one; `browser_major` is that of the browser that would open it, None when there is none."""
    data = profiles.user_data_dir(profile_dir)
    exists = profile_dir.is_dir()
    mode = stat.S_IMODE(profile_dir.stat().st_mode) if exists else 0o700
    pid = profiles.holder(profile_dir)
    # Root may do everything; a folder that its owner made read-only is still not ours to write to.
    writable = bool(mode & stat.S_IWUSR) and (not exists or os.access(profile_dir, os.W_OK | os.X_OK))
    readable = not exists or os.access(profile_dir, os.R_OK | os.X_OK)
    return ProfileFolder(
        account=account,
        path=profile_dir,
        exists=exists,
        size_bytes=trash.size_of(profile_dir) if exists else 0,
        readable=readable,
        writable=writable,
        private=not mode & 0o077,
        open_in=pid,
        open_since=processes.started_at(pid) if pid else None,
        belongs_to=_line(data / profiles.MARKER),
        written_by=_line(data / "Last Version"),
        problems=tuple(_problems(profile_dir, account, browser_major, mode=mode, readable=readable, writable=writable)),
    )


def _problems(
    profile_dir: Path, account: str, browser_major: int | None, *, mode: int, readable: bool, writable: bool
) -> list[str]:
    data = profiles.user_data_dir(profile_dir)
    found = []
    if not readable:
        found.append(f'It cannot be read: chmod u+rx "{profile_dir}", and look at its owner.')
    if not writable:
        found.append(f'It cannot be written: chmod u+rwx "{profile_dir}", and look at its owner.')
    if mode & 0o077:
        found.append(f'Others may read it: chmod 700 "{profile_dir}" (the next session does it by itself).')
    if os.path.lexists(data) and not data.is_dir():
        found.append(f"{data} is no folder: the next session makes the profile anew.")
    try:
        profiles.refuse_foreign(profile_dir, account)
        if browser_major is not None:
            profiles.refuse_newer(profile_dir, account, browser_major)
    except SetupError as problem:
        found.append(str(problem))
    except OSError as garbage:
        found.append(f"{garbage.filename} is not what it should be: the next session makes the profile anew.")
    return found


def _line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
