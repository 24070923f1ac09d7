"""Which process moves the write-ahead log into the database.

The SQLite of many Pythons (3.7.0 to 3.51.2) may corrupt the log when two connections write and checkpoint at the same
moment (the WAL-reset bug). So nobody checkpoints on the side: every connection has `wal_autocheckpoint=0`, and the one
process that holds `<database>.checkpoint` does it, between two of its own writes.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

WRITES_PER_CHECKPOINT = 500
"""A log of some 2,000 pages: SQLite's own habit is 1,000."""


class CheckpointDuty:
    """Counts the writes of this process, and answers when it is its turn to checkpoint."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".checkpoint")
        self._descriptor: int | None = None
        self._writes = 0

    def is_due(self) -> bool:
        """Count one write; True when a checkpoint is due and this process is the one to make it.

        The duty passes on: when the process that had it is gone, the next one that asks gets it.
        """
        self._writes += 1
        if self._writes < WRITES_PER_CHECKPOINT:
            return False
        self._writes = 0
        return self._take()

    def give_up(self) -> None:
        """Leave the duty to another process."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self) -> bool:
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True
