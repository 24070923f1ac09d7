"""The temporary folder of one runner process: what the driver and the browsers put down for a while is all in it.

A process that was killed tidies nothing up; its folder is known by a lock that nobody holds any more, and the next
runner that starts removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "runner-tmp-"
LOCK = "in-use"


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder, gone at the end of the block together with all that killed runners have left beside it."""
    parent = Path(tempfile.gettempdir())
    _remove_abandoned(parent)
    folder, handle = _made(parent)
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(handle)


def _made(parent: Path) -> tuple[Path, int]:
    """A new folder with its locked lock; another one where somebody took it for abandoned before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        try:
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        fcntl.flock(handle, fcntl.LOCK_EX)
        if (folder / LOCK).exists():
            return folder, handle
        os.close(handle)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another person's, or in use
            try:
                handle = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                # Empty: whoever removed it was killed at the last step. Or it is just being made, and is made again.
                folder.rmdir()
                continue
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
            finally:
                os.close(handle)


def _remove(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != LOCK:
            entry.unlink(missing_ok=True)
    # A browser that is just being killed may still add a file: then the lock's file stays, and the next runner ends it.
    if [entry.name for entry in folder.iterdir()] == [LOCK]:
        shutil.rmtree(folder)
