"""The one door to the database file: short read and write transactions, and nothing else.

Everything that is SQLite's own stands here, in `upgrading` and in `checkpointing`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from runner.domain.clock import Clock
from runner.domain.jobs import Event
from runner.errors import Conflict
from runner.store import driver, upgrading
from runner.store.checkpointing import CheckpointDuty
from runner.store.complaints import complaint, writers
from runner.store.hub import Hub

AT_ONCE_S = 2.0
"""A write takes milliseconds; whoever waited for longer saw others wait, too."""


class Database:
    """An open database. One task of this process writes at a time, any number read beside it."""

    def __init__(self, engine: AsyncEngine, path: Path, *, clock: Clock, busy_timeout_s: float) -> None:
        self.path = path
        self.clock = clock
        self.hub = Hub()
        self._engine = engine
        self._busy_timeout_s = busy_timeout_s
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[Any] | None = None
        self._writers: dict[bool, AsyncConnection] = {}
        self._recorded: list[Event] = []
        self._duty = CheckpointDuty(path)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, *, clock: Clock, busy_timeout_s: float = 15.0, connect: driver.Connect = driver.connect
    ) -> AsyncIterator[Database]:
        """Open the file, created or upgraded first where needed; every connection is closed on the way out.

        `connect` opens one connection; the chaos checks put disks that fail behind it.
        Raises SetupError when the file cannot be used, Conflict when another process keeps it locked.
        """
        await asyncio.to_thread(upgrading.upgrade, path, busy_timeout_s=busy_timeout_s)
        database = cls(_engine(path, busy_timeout_s, connect), path, clock=clock, busy_timeout_s=busy_timeout_s)
        try:
            yield database
        finally:
            # aiosqlite ≥ 0.22 hangs at exit when a connection is left open, so no cancellation may cut this short.
            await to_its_end(database._close())

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one moment of the database, and writes nothing."""
        with self._told():
            async with self._engine.connect() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def write(self, *, durable: bool = True) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block, and rolls back on an error or a cancellation.

        `durable=False` is for what no promise rests on: a power cut may undo the last such writes, never half of one.
        """
        if self._writing is not None and self._writing is asyncio.current_task():
            raise RuntimeError("a write inside a write of the same task would wait for itself")
        async with self._turn:
            self._writing = asyncio.current_task()
            try:
                with self._told():
                    async with self._transaction(durable) as connection:
                        yield connection
            finally:
                self._writing = None

    async def kept_from_writing_by(self) -> Sequence[int] | None:
        """None when this process can write at once; else who is writing, by pid (empty where nothing tells)."""
        began = time.monotonic()
        try:
            async with self.write(durable=False) as connection:
                await connection.exec_driver_sql("SELECT 1")
        except Conflict:
            return writers(self.path)
        return None if time.monotonic() - began < AT_ONCE_S else ()

    def record(self, events: Sequence[Event]) -> None:
        """Note Events written in the running write transaction: they are published once it is committed."""
        self._recorded.extend(events)

    @asynccontextmanager
    async def _transaction(self, durable: bool) -> AsyncIterator[AsyncConnection]:
        connection = await self._writer(durable)
        self._recorded = []
        try:
            await connection.begin()
            yield connection
        except BaseException:
            await to_its_end(self._undo(connection, durable))
            raise
        await to_its_end(self._commit(connection, durable))

    async def _writer(self, durable: bool) -> AsyncConnection:
        if durable not in self._writers:
            connection = await self._engine.connect()
            connection = await connection.execution_options(immediate=True)
            await _outside(connection, f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._writers[durable] = connection
        return self._writers[durable]

    async def _commit(self, connection: AsyncConnection, durable: bool) -> None:
        try:
            await connection.commit()
        except BaseException:
            await self._undo(connection, durable)
            raise
        self.hub.publish(self._recorded)
        if self._duty.is_due():
            await _outside(connection, "PRAGMA wal_checkpoint(PASSIVE)")

    async def _undo(self, connection: AsyncConnection, durable: bool) -> None:
        """Roll back; a connection that a cancellation cut off in mid-statement is thrown away instead."""
        if connection.invalidated or connection.closed:
            del self._writers[durable]
            await connection.close()
        else:
            await connection.rollback()

    async def _close(self) -> None:
        async with self._turn:
            for connection in self._writers.values():
                await connection.close()
            self._writers.clear()
            await self._engine.dispose()
            self._duty.give_up()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            told = complaint(error, self.path, busy_timeout_s=self._busy_timeout_s)
            if told is None:
                raise
            raise told from error


def _engine(path: Path, busy_timeout_s: float, connect: driver.Connect) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        connect_args={"timeout": busy_timeout_s, "isolation_level": None, "async_creator_fn": connect},
        pool_size=5,
        max_overflow=20,
    )
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA wal_autocheckpoint=0")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A deferred transaction that turns into a write fails at once under contention, whatever the busy timeout.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


async def _outside(connection: AsyncConnection, statement: str) -> None:
    """Execute what SQLite allows outside a transaction only."""
    raw = await connection.get_raw_connection()
    connection_of_driver: Any = raw.driver_connection
    await connection_of_driver.cursor().execute(statement)


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await `work` through any cancellation, which is passed on afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
