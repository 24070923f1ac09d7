"""aiosqlite with one trip to its thread per statement, and none for BEGIN, which goes with the first statement.

Its own cursor makes four (open, execute, fetch, close), and each trip costs more than the statement: a claim of ten
statements spent nine tenths of its time on the way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Self

import aiosqlite

Parameters = Sequence[Any]
BEGINS = frozenset({"BEGIN", "BEGIN IMMEDIATE"})


class Cursor:
    """Runs a statement and fetches all its rows at once, as SQLAlchemy does anyway."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._connection = connection
        self._run: Callable[..., Any] = connection._execute
        self._rows: list[Any] = []

    async def __aenter__(self) -> Self:
        """Nothing is opened before there is a statement."""
        return self

    async def execute(self, statement: str, parameters: Parameters = ()) -> Self:
        """Execute one statement; what is in the way of a BEGIN is told by the statement that follows it."""
        if statement in BEGINS:
            self._connection.to_begin = statement
        else:
            await self._run(self._execute, statement, parameters)
        return self

    async def executemany(self, statement: str, parameters: Iterable[Parameters]) -> Self:
        """Execute one statement with each set of parameters."""
        await self._run(self._executemany, statement, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """The rows, once."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is left open."""

    def _execute(self, statement: str, parameters: Parameters) -> None:
        self._take(self._connection.begun().execute(statement, parameters))

    def _executemany(self, statement: str, parameters: Iterable[Parameters]) -> None:
        self._take(self._connection.begun().executemany(statement, parameters))

    def _take(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        self._rows = cursor.fetchall() if cursor.description else []
        # Counted only now: a RETURNING statement changes its rows as they are fetched.
        self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        cursor.close()


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that hands out the Cursor above."""

    to_begin: str | None = None
    """The BEGIN that the next statement takes with it."""

    def begun(self) -> sqlite3.Connection:
        """SQLite's own connection, in the transaction that was asked for; called in its thread."""
        statement, self.to_begin = self.to_begin, None
        if statement is not None:
            self._conn.execute(statement)
        return self._conn

    def cursor(self) -> Cursor:  # type: ignore[override]  # aiosqlite's may be awaited, which SQLAlchemy never does
        """A cursor; opening it costs nothing."""
        return Cursor(self)

    async def commit(self) -> None:
        """Commit, if anything was begun."""
        if self.to_begin is None:
            await super().commit()
        self.to_begin = None

    async def rollback(self) -> None:
        """Roll back, if anything was begun."""
        self.to_begin = None
        if self.in_transaction:
            await super().rollback()


async def connect(path: str, **options: Any) -> Connection:
    """Open a connection; `options` are those of sqlite3.connect."""
    connection = Connection(lambda: sqlite3.connect(path, **options), iter_chunk_size=64)
    # Whatever goes wrong, an open connection must not keep the process from ending.
    connection._thread.daemon = True
    await connection
    return connection


Connect = Callable[..., Awaitable[Connection]]
"""What opens a connection: `connect`, or another with the same arguments."""
