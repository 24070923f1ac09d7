"""Tells how much is kept where, and what of it a look would free: for whoever asks, and nothing is changed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path

from runner.domain.clock import Clock
from runner.domain.storage import Allowance, Holding, Kept, Storage
from runner.orchestrator import evidence_folders
from runner.store.retention import Retention
from runner.store.storage import StorageView

ASKED_AT_ONCE = 1_000
TABLE_OF = {
    Kept.JOBS: "job",
    Kept.EVENTS: "event",
    Kept.STEPS: "step",
    Kept.SESSIONS: "session",
    Kept.NOTICES: "notification",
}


@dataclass(frozen=True, kw_only=True)
class Places:
    """The folders that are told of; evidence is what is freed in, the others by name."""

    database: Path
    evidence: Path
    others: Mapping[str, Path]


class TakingStock:
    """Reads sizes and ages: of the database by a look through it, of the folders by a walk."""

    def __init__(
        self, *, retention: Retention, view: StorageView, allowance: Allowance, places: Places, clock: Clock
    ) -> None:
        self.allowance = allowance
        self.places = places
        self._retention = retention
        self._view = view
        self._clock = clock

    async def storage(self) -> Storage:
        """All that is kept, and the room there is; what would be freed by age is counted row by row."""
        now = self._clock.now()
        pages = await self._view.pages()
        tables = [await self._with_age(each, now) for each in await self._view.tables()]
        by_age = sum(each.free_bytes or 0 for each in tables)
        folders, screenshots_over = await self._folders(now)
        over = pages.used_bytes - by_age - (self.allowance.database_bytes or pages.used_bytes)
        return Storage(
            pages=pages,
            tables=tables,
            folders=folders,
            database_budget=self.allowance.database_bytes,
            screenshots_budget=self.allowance.screenshots_bytes,
            database_over=max(0, over),
            screenshots_over=screenshots_over,
            disk_free_bytes=shutil.disk_usage(self.places.database.parent).free,
            last=await self._view.last(),
        )

    async def _with_age(self, held: Holding, now: datetime) -> Holding:
        what = next((kind for kind, table in TABLE_OF.items() if table == held.name), None)
        if what is None:
            return held
        before = self.allowance.before(what, now)
        count = 0 if before is None else await self._retention.count(what, before)
        size = None if held.size_bytes is None else held.size_bytes * count // max(1, held.count)
        return replace(held, free_count=count, free_bytes=size, rule=self.allowance.rule(what))

    async def _folders(self, now: datetime) -> tuple[Sequence[Holding], int]:
        found = await asyncio.to_thread(lambda: list(evidence_folders.folders(self.places.evidence)))
        before = self.allowance.before(Kept.EVIDENCE, now)
        aged = [each for each in found if before is not None and _end_of(each) <= before]
        cited, needed = await self._retention.cited(), set()
        for start in range(0, len(aged), ASKED_AT_ONCE):
            part = [each.attempt_id for each in aged[start : start + ASKED_AT_ONCE]]
            needed |= await self._retention.needed(part, cited)
        free = [each for each in aged if each.attempt_id not in needed]
        size, free_bytes = sum(each.size_bytes for each in found), sum(each.size_bytes for each in free)
        evidence = Holding(
            name=str(self.places.evidence),
            count=sum(each.files for each in found),
            size_bytes=size,
            oldest_at=min((datetime.combine(each.day, time.min, UTC) for each in found), default=None),
            free_count=sum(each.files for each in free),
            free_bytes=free_bytes,
            rule=self.allowance.rule(Kept.EVIDENCE),
        )
        others = [await asyncio.to_thread(_held, path) for path in self.places.others.values()]
        over = size - free_bytes - (self.allowance.screenshots_bytes or size)
        return [evidence, *others], max(0, over)


def _held(path: Path) -> Holding:
    found = evidence_folders.measure(path)
    return Holding(name=str(path), count=found.files, size_bytes=found.size_bytes, oldest_at=found.oldest_at)


def _end_of(each: evidence_folders.EvidenceFolder) -> datetime:
    return datetime.combine(each.day, time.max, UTC)
