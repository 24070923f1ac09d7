"""Brings the tables of a database to the form that this code knows, and back; plain blocking code."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, create_engine, event, exc, pool

from runner.errors import NotFound, SetupError
from runner.store.complaints import complaint
from runner.store.migrations import HEAD

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parent / "migrations"
DEFAULT_BUSY_TIMEOUT_S = 15.0


def upgrade(path: Path, *, busy_timeout_s: float = DEFAULT_BUSY_TIMEOUT_S) -> None:
    """Create the database, or bring it to the newest form, in one transaction; nothing to do costs a millisecond.

    Raises SetupError when the file cannot be used or comes from newer code, Conflict when another process is at it.
    """
    with _told(path, busy_timeout_s):
        _touch(path)
        if _is_ready(path, busy_timeout_s):
            return
        _become_wal(path, busy_timeout_s)
        if _revision(path, busy_timeout_s) != HEAD:
            _migrate(path, "head", busy_timeout_s, up=True)


def downgrade(path: Path, revision: str, *, busy_timeout_s: float = DEFAULT_BUSY_TIMEOUT_S) -> None:
    """Take the tables back to an earlier `revision`; "base" leaves none. Raises NotFound for an unknown one."""
    known = {known.revision for known in _script().walk_revisions()} | {"base"}
    if revision not in known:
        raise NotFound("revision of the database", revision, known)
    with _told(path, busy_timeout_s):
        if current(path) is None:
            raise SetupError(f"There is no database at {path}.", cure="See [store] path in the configuration.")
        _migrate(path, revision, busy_timeout_s, up=False)


def current(path: Path) -> str | None:
    """The revision that the database is at; None when there is none yet. Never creates the file."""
    if not path.exists():
        return None
    with _told(path, DEFAULT_BUSY_TIMEOUT_S):
        return _revision(path, DEFAULT_BUSY_TIMEOUT_S)


def _touch(path: Path) -> None:
    """Create the file first, so that nobody but its owner can read what people wrote to each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _is_ready(path: Path, busy_timeout_s: float) -> bool:
    with closing(sqlite3.connect(path, timeout=busy_timeout_s)) as connection:
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    return bool(mode == "wal") and _revision(path, busy_timeout_s) == HEAD


def _become_wal(path: Path, busy_timeout_s: float) -> None:
    with closing(sqlite3.connect(path, timeout=busy_timeout_s)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _revision(path: Path, busy_timeout_s: float) -> str | None:
    """Read the revision without Alembic, whose import alone takes longer than a whole command."""
    with closing(sqlite3.connect(path, timeout=busy_timeout_s)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" in tables:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None
    if tables - {"sqlite_sequence"}:
        raise SetupError(
            f"The database {path} belongs to another program: it has the tables {', '.join(sorted(tables)[:5])}.",
            cure="Set [store] path to a file of the runner's own.",
        )
    return None


def _migrate(path: Path, revision: str, busy_timeout_s: float, *, up: bool) -> None:
    from alembic import command

    _refuse_newer(path, busy_timeout_s)
    config = _config()
    with exclusive(path, busy_timeout_s) as connection:
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, revision)
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if dangling:
            raise SetupError(
                f"The database {path} was not changed: {len(dangling)} rows would point nowhere, "
                f"the first one in {dangling[0][0]}.",
                cure="Report this, with the output of `runner doctor`.",
            )


def _refuse_newer(path: Path, busy_timeout_s: float) -> None:
    found = _revision(path, busy_timeout_s)
    if found is not None and found not in {known.revision for known in _script().walk_revisions()}:
        raise SetupError(
            f"The database {path} was written by a newer runner: it is at revision {found}, this code knows {HEAD}.",
            cure="Upgrade the runner, or use another database.",
        )


@contextmanager
def exclusive(path: Path, busy_timeout_s: float) -> Iterator[Connection]:
    """One exclusive transaction over changes of tables and rows alike; foreign keys are not enforced in it.

    Of two processes that start at once the second waits here, and then finds that Alembic has nothing left to do.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=pool.NullPool,
        connect_args={"timeout": busy_timeout_s, "isolation_level": None},
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN EXCLUSIVE"))
    with engine.begin() as connection:
        yield connection


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _script() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


@contextmanager
def _told(path: Path, busy_timeout_s: float) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, exc.DBAPIError) as error:
        told = complaint(error, path, busy_timeout_s=busy_timeout_s)
        if told is None:
            raise
        raise told from error
    except OSError as error:
        raise SetupError(
            f"The database {path} cannot be used: {error.strerror or error}.",
            cure=f"Give write permission to {path.parent}, or set [store] path to another place.",
        ) from error
