"""Stores of every size for python -m bench.scale: ninety days of a shop, built by SQL once and kept in a folder."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from bench.api import DAY_US, DAYS, Sizes, fill
from runner.engine import heads
from runner.store import upgrading
from runner.store.database import Database
from runner.store.migrations import HEAD
from runner.store.tables import account

ENDS = datetime(2026, 11, 22, 12, tzinfo=UTC)
MORE = Path(__file__).with_name("scale_shop.sql")


class StillClock:
    """A clock that stands where the ninety days end."""

    def now(self) -> datetime:
        """The time that it stands at."""
        return ENDS


@dataclass(frozen=True, kw_only=True)
class Shop:
    """How much there is, by the number of Jobs: an Account for a hundred of them, ten at least."""

    jobs: int

    @property
    def sizes(self) -> Sizes:
        """The same as it is built."""
        jobs = self.jobs
        return Sizes(
            accounts=max(10, jobs // 100),
            jobs=jobs,
            threads=max(100, jobs // 20),
            messages=max(400, jobs // 4),
            listings=max(50, jobs // 50),
            looks=6,
            queued=jobs // 20,
        )


def built(folder: Path, shop: Shop) -> Path:
    """The database of that size, made now unless it stands there already in its newest form."""
    path = folder / f"scale-{shop.jobs}-{HEAD}.db"
    if not path.exists():
        half = path.with_suffix(".half")
        for left in folder.glob(f"{half.name}*"):
            left.unlink()
        upgrading.upgrade(half)
        fill(half, shop.sizes, ENDS)
        _more(half, shop.sizes)
        asyncio.run(_with_heads(half))
        half.rename(path)
        with contextlib.suppress(FileNotFoundError):
            half.with_name(half.name + "-wal").rename(path.with_name(path.name + "-wal"))
    return path


def _more(path: Path, sizes: Sizes) -> None:
    now = int(ENDS.timestamp()) * 1_000_000
    values = {"now": now, "start": now - DAYS * DAY_US}
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for statement in MORE.read_text().split(";\n"):
            connection.execute(statement, values)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _with_heads(path: Path) -> None:
    """The heads of the queues, which SQL has not computed."""
    async with Database.open(path, clock=StillClock()) as db, db.write() as connection:
        numbers = (await connection.execute(select(account.c.id))).scalars().all()
        await heads.refresh(connection, numbers, ENDS)
