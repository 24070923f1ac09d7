"""The evidence folder as it stands on disk: which Attempts have a folder there, how old it is and how large."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, kw_only=True)
class EvidenceFolder:
    """What one Attempt has left; `place` is relative to the evidence folder."""

    place: Path
    day: date
    attempt_id: int
    files: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Files and bytes of a folder with all that is in it."""

    files: int = 0
    size_bytes: int = 0
    oldest_at: datetime | None = None


def folders(root: Path) -> Iterator[EvidenceFolder]:
    """The folders of Attempts, the oldest day first; what has another shape, and links, are nobody's of ours."""
    for day in _inside(root):
        if _DAY.fullmatch(day) is None:
            continue
        try:
            when = date.fromisoformat(day)
        except ValueError:
            continue
        for name in _inside(root / day):
            numbers = sorted(int(each) for each in _inside(root / day / name) if each.isascii() and each.isdecimal())
            for number in numbers:
                place = Path(day, name, str(number))
                size = measure(root / place)
                yield EvidenceFolder(
                    place=place, day=when, attempt_id=number, files=size.files, size_bytes=size.size_bytes
                )


def measure(root: Path) -> Measured:
    """A folder with all that is in it; what vanishes meanwhile is not counted."""
    files = size = 0
    oldest: float | None = None
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                found = os.lstat(os.path.join(folder, name))
            except FileNotFoundError:
                continue
            files, size = files + 1, size + found.st_size
            oldest = found.st_mtime if oldest is None else min(oldest, found.st_mtime)
    return Measured(
        files=files, size_bytes=size, oldest_at=None if oldest is None else datetime.fromtimestamp(oldest, UTC)
    )


def _inside(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries if each.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
