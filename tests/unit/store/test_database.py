from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from runner.errors import Conflict, SetupError
from runner.store import checkpointing, upgrading
from runner.store.database import Database
from runner.store.tables import tag


async def names(db: Database) -> list[str]:
    async with db.read() as connection:
        return list((await connection.execute(select(tag.c.name).order_by(tag.c.name))).scalars())


async def add(db: Database, name: str, *, durable: bool = True) -> None:
    async with db.write(durable=durable) as connection:
        await connection.execute(insert(tag), {"name": name})


async def only_open(path: Path, clock) -> None:
    async with Database.open(path, clock=clock):
        pass


def changed(path: Path) -> int:
    """When the database file itself was written, its log apart."""
    return path.stat().st_mtime_ns


async def test_what_was_written_is_there_after_reopening(path: Path, clock) -> None:
    async with Database.open(path, clock=clock) as db:
        await add(db, "durable")
        await add(db, "quick", durable=False)
    async with Database.open(path, clock=clock) as db:
        assert await names(db) == ["durable", "quick"]


async def test_an_error_in_the_block_undoes_it_and_the_next_write_works(db: Database) -> None:
    async def write() -> None:
        async with db.write() as connection:
            await connection.execute(insert(tag), {"name": "lost"})
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await write()
    await add(db, "kept")
    assert await names(db) == ["kept"]


@pytest.mark.parametrize("turns", range(0, 30, 3))
async def test_a_cancelled_write_is_whole_or_not_there_and_the_next_one_works(db: Database, turns: int) -> None:
    async def write() -> None:
        async with db.write() as connection:
            await connection.execute(insert(tag), {"name": "one"})
            await connection.execute(insert(tag), {"name": "two"})

    task = asyncio.create_task(write())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await add(db, "after")
    assert await names(db) in (["after"], ["after", "one", "two"])


async def test_a_write_that_is_cancelled_while_it_waits_in_the_middle_is_undone(db: Database) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with db.write() as connection:
            await connection.execute(insert(tag), {"name": "lost"})
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add(db, "after")
    assert await names(db) == ["after"]


async def test_a_write_that_is_cancelled_in_mid_statement_is_undone(db: Database) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT count(*) FROM n"
    started = asyncio.Event()

    async def write() -> None:
        async with db.write() as connection:
            await connection.execute(insert(tag), {"name": "lost"})
            started.set()
            await connection.execute(text(endless))

    task = asyncio.create_task(write())
    await started.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add(db, "after")
    assert await names(db) == ["after"]


async def test_tasks_write_in_turn_and_none_is_lost(db: Database) -> None:
    await asyncio.gather(*(add(db, f"{n:03}", durable=bool(n % 2)) for n in range(60)))
    assert len(await names(db)) == 60


async def test_two_processes_that_read_before_they_write_lose_nothing(db: Database, path: Path, clock) -> None:
    async def add_next(which: Database) -> None:
        async with which.write() as connection:
            count = (await connection.execute(select(func.count()).select_from(tag))).scalar()
            await connection.execute(insert(tag), {"name": f"{count:03}"})

    async with Database.open(path, clock=clock) as other:
        await asyncio.gather(*(add_next((db, other)[n % 2]) for n in range(40)))
        assert await names(other) == [f"{n:03}" for n in range(40)]


async def test_reading_sees_one_moment_while_others_write(db: Database) -> None:
    count = select(func.count()).select_from(tag)
    async with db.read() as connection:
        before = (await connection.execute(count)).scalar()
        await add(db, "meanwhile")
        assert (await connection.execute(count)).scalar() == before


async def test_a_write_inside_a_write_says_so_and_does_not_hang(db: Database) -> None:
    with pytest.raises(RuntimeError, match="inside a write"):
        async with db.write():
            await add(db, "never")
    await add(db, "after")


async def test_foreign_keys_are_enforced(db: Database) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
        async with db.write() as connection:
            await connection.execute(text("INSERT INTO account_tag (account_id, tag_id) VALUES (4711, 4711)"))


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
async def test_only_durable_writes_wait_for_the_disk(db: Database, durable: bool, level: int) -> None:
    async with db.write(durable=durable) as connection:
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar() == level


# ── Trouble ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_database_that_another_process_keeps_locked_is_named(path: Path, clock) -> None:
    async with Database.open(path, clock=clock, busy_timeout_s=0.1) as db:
        with locked_by_another_process(path) as other:
            with pytest.raises(Conflict) as caught:
                await add(db, "never")
            assert await names(db) == []
        await add(db, "after")
        assert await names(db) == ["after"]
    assert str(path) in caught.value.what
    # Only Linux tells who it is.
    assert (f"process {other.pid}" if sys.platform == "linux" else "another process") in caught.value.what


async def test_a_lock_that_ends_in_time_is_waited_for(path: Path, clock) -> None:
    async with Database.open(path, clock=clock, busy_timeout_s=30) as db:
        with locked_by_another_process(path) as process:
            write = asyncio.create_task(add(db, "waited"))
            await asyncio.sleep(0)
            process.stdin.write(b"\n")
            process.stdin.flush()
            await write
        assert await names(db) == ["waited"]


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    code = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read(1)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


async def test_a_full_disk_is_named_and_nothing_is_lost(db: Database) -> None:
    await add(db, "before")
    async with db.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar()
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(SetupError, match="the disk is full") as caught:
        async with db.write() as connection:
            await connection.execute(insert(tag), [{"name": f"{n:0100}"} for n in range(5000)])
    assert str(db.path) in caught.value.what
    assert await names(db) == ["before"]
    await add(db, "a little", durable=False)


@contextmanager
def as_an_ordinary_person(databases: dict[str, int]) -> Iterator[Path]:
    """A folder with databases of these modes, of somebody who is not root: for root no file is read-only."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for database, mode in databases.items():
            upgrading.upgrade(folder / database)
            (folder / database).chmod(mode)
        if os.geteuid() != 0:
            yield folder
            return
        for each in (folder, *folder.iterdir()):
            os.chown(each, 65534, 65534)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)


async def test_a_read_only_database_is_named(clock) -> None:
    with as_an_ordinary_person({"runner.db": 0o400}) as folder:
        path = folder / "runner.db"
        async with Database.open(path, clock=clock) as db:
            with pytest.raises(SetupError, match="read-only") as caught:
                await add(db, "never")
        assert str(path) in caught.value.what


async def test_a_read_only_folder_is_named(clock) -> None:
    with as_an_ordinary_person({}) as folder:
        folder.chmod(0o500)
        with pytest.raises(SetupError, match="Permission denied") as caught:
            async with Database.open(folder / "new" / "runner.db", clock=clock):
                pass
        assert "[store] path" in caught.value.cure
        folder.chmod(0o700)


@pytest.mark.parametrize("content", [b"Dear diary, " * 500, b"SQLite format 3\x00" + b"\xff" * 8000])
def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path, clock, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(SetupError, match="damaged, or is not a database"):
        asyncio.run(only_open(path, clock))
    assert path.read_bytes() == content


async def test_a_page_that_was_overwritten_is_named_when_it_is_read(path: Path, clock) -> None:
    async with Database.open(path, clock=clock) as db, db.write() as connection:
        await connection.execute(insert(tag), [{"name": f"{n:0100}"} for n in range(5000)])
    # The second half of the file is rows: the tables' own pages and the revision stand before them.
    with path.open("r+b") as file:
        pages = file.seek(0, os.SEEK_END) // 4096
        file.seek(4096 * (pages // 2))
        file.write(b"\xa5" * 4096 * (pages // 3))
    async with Database.open(path, clock=clock) as db:
        with pytest.raises(SetupError, match="damaged"):
            await names(db)


def test_a_folder_in_place_of_the_file_is_named(path: Path, clock) -> None:
    path.mkdir()
    with pytest.raises(SetupError, match="cannot be opened"):
        asyncio.run(only_open(path, clock))


async def test_an_error_of_a_statement_is_not_blamed_on_the_file(db: Database) -> None:
    await add(db, "same")
    with pytest.raises(IntegrityError):
        await add(db, "same")


# ── Closing ───────────────────────────────────────────────────────────────────────────────────────────────────

ENDINGS = {
    "normally": "",
    "by an error": "raise RuntimeError('mine')",
    "by an error in a write": "async with db.write() as connection: raise RuntimeError('mine')",
    "by a cancellation": "asyncio.current_task().cancel(); await asyncio.sleep(0)",
    "by a cancelled write": "task = asyncio.create_task(write(db)); await asyncio.sleep(0); task.cancel()",
    "with a statement under way": "task = asyncio.create_task(slow(db)); await asyncio.sleep(0.05)",
}

PROGRAM = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from runner.domain.clock import SystemClock
from runner.store.database import Database

async def write(db):
    async with db.write() as connection:
        await connection.execute(text("INSERT INTO tag (name) VALUES ('x')"))

async def slow(db):
    async with db.read() as connection:
        count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 900000) SELECT count(*) FROM n"
        await connection.execute(text(count))

async def main():
    async with Database.open(Path(sys.argv[1]), clock=SystemClock()) as db:
        await write(db)
        async with db.read() as connection:
            await connection.execute(text("SELECT 1"))
        {ending}

asyncio.run(main())
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_process_ends_however_the_block_is_left(path: Path, ending: str) -> None:
    program = PROGRAM.replace("{ending}", ENDINGS[ending] or "pass")
    done = subprocess.run([sys.executable, "-c", program, str(path)], timeout=60, capture_output=True, text=True)
    assert "ResourceWarning" not in done.stderr
    assert done.returncode == (1 if "error" in ending or ending == "by a cancellation" else 0), done.stderr
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# ── Checkpoints ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_one_process_moves_the_log_into_the_database_the_others_never(
    path: Path, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointing, "WRITES_PER_CHECKPOINT", 5)
    async with Database.open(path, clock=clock) as one, Database.open(path, clock=clock) as two:
        for n in range(5):
            await add(one, f"one {n}")
        moved = changed(path)
        for n in range(12):
            await add(two, f"two {n}")
        assert changed(path) == moved, "the second process checkpointed beside the first"
        for n in range(5, 10):
            await add(one, f"one {n}")
        assert changed(path) > moved


async def test_the_duty_to_checkpoint_passes_on_when_its_holder_is_gone(
    path: Path, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointing, "WRITES_PER_CHECKPOINT", 3)
    async with Database.open(path, clock=clock) as two:
        async with Database.open(path, clock=clock) as one:
            for n in range(3):
                await add(one, f"one {n}")
        moved = changed(path)
        for n in range(3):
            await add(two, f"two {n}")
        assert changed(path) > moved
