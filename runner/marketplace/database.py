"""The marketplace's one SQLite file: its schema, its transactions, and the few ways to ask it something."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

SCHEMA_FILE = Path(__file__).parent / "data" / "schema.sql"
# Children before parents, so that foreign keys hold while a reset empties them.
TABLES = ("ledger", "challenge", "message", "thread", "photo", "draft", "listing", "session", "account")

Value = str | int | None


def iso(moment: datetime) -> str:
    """Writes an aware time as UTC ISO 8601 with microseconds, which sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Database:
    """One connection, used by one event loop: every statement is short, and no transaction spans an `await`."""

    def __init__(self, path: Path) -> None:
        # One thread at a time: the loop's; a test may have made the connection in another one.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        # SQLite's own lower() knows ASCII only.
        self._connection.create_function("fold", 1, str.casefold, deterministic=True)
        # WAL with synchronous=NORMAL survives a killed process, which is what tests do to the marketplace.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(SCHEMA_FILE.read_text(encoding="utf-8"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits all that is written inside, or none of it when an error leaves the block."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def all(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        """Returns every row of a query."""
        return self._connection.execute(sql, values).fetchall()

    def first(self, sql: str, *values: Value) -> sqlite3.Row | None:
        """Returns the first row of a query, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def number(self, sql: str, *values: Value) -> int:
        """Returns the single integer of a query such as a count."""
        row = self.first(sql, *values)
        return int(row[0] or 0) if row is not None else 0

    def run(self, sql: str, *values: Value) -> int:
        """Runs one write and returns the number of rows that it changed."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, **values: Value) -> int:
        """Inserts one row and returns its rowid; table and column names are the program's own, never a request's."""
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        # No request reaches a name here, and every value is bound.
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 because only our own column names go in
        return self._connection.execute(statement, tuple(values.values())).lastrowid or 0

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
        """Inserts many rows at once, for seeding."""
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 (names are our own)
        self._connection.executemany(statement, rows)

    def empty(self) -> None:
        """Deletes every row of every table but `meta`, and starts the ids anew; call it inside a transaction."""
        for table in TABLES:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names are our own)
        self._connection.execute("DELETE FROM sqlite_sequence")

    def meta(self, key: str) -> str | None:
        """Returns one remembered setting of this file."""
        row = self.first("SELECT value FROM meta WHERE key = ?", key)
        return None if row is None else str(row["value"])

    def set_meta(self, key: str, value: str) -> None:
        """Remembers one setting of this file."""
        self.run(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key,
            value,
        )

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
