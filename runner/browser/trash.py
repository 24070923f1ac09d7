"""The trash: profiles that were put aside, each with the reason. Only a person empties it.

profiles/.trash/amy-20261122T140000Z/  reason.json, chromium/, and checkpoints/ where these were put aside too
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import SetupError

FOLDER = ".trash"
REASON = "reason.json"


@dataclass(frozen=True, kw_only=True)
class Trashed:
    """One profile in the trash."""

    account: str
    at: datetime
    reason: str
    path: Path
    size_bytes: int


def move(profile_dir: Path, *, account: str, names: Sequence[str], reason: str, at: datetime) -> Path:
    """Move parts of a profile folder into the trash. Only for whoever holds the profile's lock. Raises SetupError."""
    try:
        target = _made(profile_dir.parent / FOLDER, f"{account}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}")
        about = {"account": account, "at": at.isoformat(), "reason": reason}
        (target / REASON).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        for name in names:
            if os.path.lexists(profile_dir / name):
                os.rename(profile_dir / name, target / name)
    except OSError as error:
        raise SetupError(
            f"The profile of account {account} cannot be moved into the trash: {error.strerror or error}.",
            cure=f"Look at the owner of {profile_dir.parent} and of what is in it.",
        ) from error
    return target


def put_back(trashed: Path, profile_dir: Path) -> None:
    """Undo a move; what has been made in its place meanwhile is removed."""
    for entry in [each for each in trashed.iterdir() if each.name != REASON]:
        _remove(profile_dir / entry.name)
        os.rename(entry, profile_dir / entry.name)
    shutil.rmtree(trashed)


def entries(profiles_dir: Path) -> list[Trashed]:
    """What is in the trash, the newest first."""
    found = []
    for path in (profiles_dir / FOLDER).glob("*"):
        try:
            about = json.loads((path / REASON).read_text(encoding="utf-8"))
            account, reason = str(about["account"]), str(about["reason"])
            at = datetime.fromisoformat(about["at"])
        except (OSError, ValueError, KeyError, TypeError):
            # Killed in between, or put there by a person: it is in the trash all the same.
            account, reason = path.name.rpartition("-")[0] or path.name, "unknown"
            at = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
        found.append(Trashed(account=account, at=at, reason=reason, path=path, size_bytes=size_of(path)))
    return sorted(found, key=lambda each: each.at, reverse=True)


def empty(trashed: Sequence[Trashed]) -> None:
    """Delete these for good. Raises SetupError."""
    for each in trashed:
        try:
            _remove(each.path)
        except OSError as error:
            raise SetupError(
                f"{each.path} cannot be deleted: {error.strerror or error}.", cure="Delete it by hand."
            ) from error


def size_of(path: Path) -> int:
    """Bytes below a folder, links not followed; what disappears meanwhile does not count."""
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total


def _made(parent: Path, name: str) -> Path:
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(1, 1000):
        target = parent / (name if number == 1 else f"{name}-{number}")
        try:
            target.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return target
    raise FileExistsError(17, "too many of this second", str(parent / name))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
