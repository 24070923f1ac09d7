"""A disk under the database that forgets what was not synced, fills up, or turns read-only: a VFS by apsw.

Only what stands between SQLite and the operating system is replaced; the tables, the statements and the transactions
are the product's own, on a driver connection that looks like sqlite3's.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import apsw.ext

from runner.store import driver
from tests.chaos.virtual_loop import InlineConnection

SECTOR_BYTES = 512
KEPT = (apsw.SQLITE_OPEN_MAIN_DB, apsw.SQLITE_OPEN_WAL)
"""What a power cut must spare; the rest (the index of the log, in shared memory) is made anew."""


@dataclass
class Platter:
    """One file: what is surely on it, and what was written since the last sync, in order."""

    durable: bytearray
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)
    """Offset and bytes of a write, or the length of a truncation."""

    def sync(self) -> None:
        for change in self.pending:
            _apply(self.durable, change)
        self.pending.clear()

    def after_a_power_cut(self, dice: random.Random) -> bytes:
        """The durable bytes and any part of the others: each sector by itself, the last before the first if need be."""
        left = bytearray(self.durable)
        for change in self.pending:
            for part in _sectors(change):
                if dice.random() < 0.5:
                    _apply(left, part)
        return bytes(left)


def _apply(content: bytearray, change: tuple[int, bytes] | int) -> None:
    if isinstance(change, int):
        del content[change:]
        return
    offset, data = change
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def _sectors(change: tuple[int, bytes] | int) -> Iterable[tuple[int, bytes] | int]:
    if isinstance(change, int):
        return [change]
    offset, data = change
    return [(offset + at, data[at : at + SECTOR_BYTES]) for at in range(0, len(data), SECTOR_BYTES)]


class Disk(apsw.VFS):
    """Every file of the databases opened through it. `on_write` is called before each write, and may raise."""

    numbers = itertools.count()

    def __init__(self, on_write: Callable[[], None], *, syncs: bool = True) -> None:
        self.vfs_name = f"disk-{next(self.numbers)}"
        self.platters: dict[str, Platter] = {}
        self.on_write = on_write
        self.syncs = syncs
        """False is the mutant: `synchronous` is OFF, whatever the product asks for."""
        super().__init__(self.vfs_name, "")

    def xOpen(self, name: Any, flags: list[int]) -> DiskFile:
        file = DiskFile(self, name, flags)
        if any(flags[0] & kind for kind in KEPT):
            path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
            if path not in self.platters:
                self.platters[path] = Platter(durable=bytearray(Path(path).read_bytes()))
            file.platter = self.platters[path]
        return file

    def cut_power(self, dice: random.Random, folder: Path) -> None:
        """Leave in `folder` what a machine would find that lost its power just now."""
        folder.mkdir()
        for path, platter in self.platters.items():
            (folder / Path(path).name).write_bytes(platter.after_a_power_cut(dice))

    def copy(self, folder: Path) -> None:
        """Leave in `folder` what another process would see now.

        Looking at the files themselves from here would be wrong: whoever closes a file loses all locks that its process
        has on it, those of another SQLite library too.
        """
        folder.mkdir(exist_ok=True)
        for path, platter in self.platters.items():
            content = bytearray(platter.durable)
            for change in platter.pending:
                _apply(content, change)
            (folder / Path(path).name).write_bytes(content)
            (folder / (Path(path).name + "-shm")).unlink(missing_ok=True)

    async def connect(self, path: str, *, timeout: float = 5.0, **_: object) -> driver.Connection:
        """At the port of driver.connect."""
        tables = apsw.Connection(path, vfs=self.vfs_name)
        tables.set_busy_timeout(int(timeout * 1000))
        connection = _DiskConnection(lambda: None, iter_chunk_size=64)  # type: ignore[arg-type]  # never called
        connection._connection = Likeness(tables)  # type: ignore[assignment]  # what sqlite3.Connection is asked for
        connection.syncs = self.syncs
        return connection


class DiskFile(apsw.VFSFile):
    """Passes everything on to a real file, and notes what of it is not synced yet."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        self.platter: Platter | None = None
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self.platter is not None:
            self.disk.on_write()
            self.platter.pending.append((offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        if self.platter is not None:
            self.disk.on_write()
            self.platter.pending.append(newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        # The bytes need not reach a real disk: the platters say what would have been there.
        if self.platter is not None:
            self.disk.on_write()
            self.platter.sync()


class _DiskConnection(InlineConnection):
    syncs = True

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self.syncs:
            return await super()._execute(fn, *args, **kwargs)
        return fn(*args, **kwargs)


class Likeness:
    """An apsw connection as the driver knows sqlite3's: cursors, counts and errors alike."""

    def __init__(self, tables: apsw.Connection) -> None:
        self._tables = tables
        self._described: dict[str, Any] = {}

    @property
    def in_transaction(self) -> bool:
        return bool(self._tables.in_transaction)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> LikeCursor:
        if statement not in self._described:
            self._described[statement] = _errors_alike(lambda: apsw.ext.query_info(self._tables, statement).description)
        before = self._tables.total_changes()
        rows = _errors_alike(lambda: self._tables.execute(statement, tuple(parameters)).fetchall())
        described = [(name, *[None] * 6) for name, _ in self._described[statement]] or None
        return LikeCursor(
            description=described,
            rows=rows,
            rowcount=self._tables.total_changes() - before if described is None else -1,
            lastrowid=self._tables.last_insert_rowid(),
        )

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> LikeCursor:
        last = LikeCursor()
        for each in parameters:
            last = self.execute(statement, each)
        return last

    def commit(self) -> None:
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def create_function(self, *_: object, **__: object) -> None:
        """SQLAlchemy's REGEXP, which nothing of ours uses."""

    def close(self) -> None:
        self._tables.close()


@dataclass
class LikeCursor:
    description: Any = None
    rows: list[Any] = field(default_factory=list)
    rowcount: int = -1
    lastrowid: int | None = None

    def fetchall(self) -> list[Any]:
        return self.rows

    def close(self) -> None:
        """Nothing is left open."""


def _errors_alike(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except apsw.Error as error:
        kind = sqlite3.IntegrityError if isinstance(error, apsw.ConstraintError) else sqlite3.OperationalError
        alike = kind(str(error))
        alike.sqlite_errorcode = error.extendedresult
        raise alike from error
