"""Frees room: what is older than it is to be kept, then the oldest while more is kept than the budgets allow.

Everything goes a little at a time, each little in a transaction of its own, and the files after their rows. Whatever
cuts a look short has lost nothing: the next look finds what it left.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

import structlog

from runner.domain.clock import Clock
from runner.domain.storage import Allowance, Freed, Kept
from runner.orchestrator import evidence_folders
from runner.orchestrator.evidence_folders import EvidenceFolder
from runner.orchestrator.pruning import Pruner, Stride
from runner.orchestrator.workers import until_set
from runner.store.events import Events
from runner.store.retention import Cited, Found, Retention
from runner.store.storage import StorageView

log = structlog.get_logger()

FIRST_LOOK_S = 60.0
"""A daemon has better things to do when it starts."""
ROWS = tuple(kind for kind in Kept if kind is not Kept.EVIDENCE)


class Freeing:
    """Frees room by the allowance: when told to, and by itself every now and then."""

    def __init__(
        self,
        *,
        retention: Retention,
        view: StorageView,
        pruner: Pruner,
        events: Events,
        allowance: Allowance,
        every_s: float,
        clock: Clock,
    ) -> None:
        self.allowance = allowance
        self._retention = retention
        self._view = view
        self._pruner = pruner
        self._events = events
        self._every_s = every_s
        self._clock = clock

    async def repeat(self, stop: asyncio.Event) -> None:
        """Look every now and then until `stop` is set: what a daemon does beside its work."""
        await until_set(stop, min(FIRST_LOOK_S, self._every_s))
        while not stop.is_set():
            try:
                await self.free(stop)
            except Exception:
                # Room is never worth the work that is freed beside it; what is left is found again.
                log.exception("freeing room was cut short; it goes on at the next look")
            await until_set(stop, self._every_s)

    async def free(self, stop: asyncio.Event | None = None) -> Freed:
        """One look; ends early when `stop` is set. Raises as database and disk do, after noting what went."""
        look = _Look(stop or asyncio.Event(), await self._retention.cited(), self._clock.now())
        try:
            for what in ROWS:
                await self._by_age(look, what)
            await self._by_budget(look)
            await self._evidence(look)
        except Exception as error:
            look.failed = f"{type(error).__name__}: {error}"
            raise
        finally:
            freed = await self._noted(look)
        if freed.total:
            gone = {str(what): count for what, count in freed.counts.items()}
            log.info("room was made", **gone)
            await self._events.append("StorageFreed", freed=gone)
        for words in freed.left:
            log.warning("more is kept than the budget allows", why=words)
        return freed

    async def _by_age(self, look: _Look, what: Kept) -> None:
        before = self.allowance.before(what, look.now)
        if before is None:
            return
        queue = _Queue(self, look, what, before)
        while not look.stop.is_set() and await queue.oldest() is not None:
            await queue.drop()

    async def _by_budget(self, look: _Look) -> None:
        """Of all kinds that which has the oldest first, until the rest has room."""
        budget = self.allowance.database_bytes
        if budget is None:
            return
        queues = [_Queue(self, look, what, self.allowance.least(look.now)) for what in ROWS]
        while not look.stop.is_set() and (used := (await self._view.pages()).used_bytes) > budget:
            ages = [(at, queue) for queue in queues if (at := await queue.oldest()) is not None]
            if not ages:
                look.left.append(_words("database_mb", used, budget, self.allowance.least_days))
                return
            ages.sort(key=lambda each: each[0])
            await ages[0][1].drop(until=ages[1][0] if len(ages) > 1 else None)

    async def _evidence(self, look: _Look) -> None:
        """Folders by age, then the oldest until the rest has room: those on disk, known to the store or not."""
        found = await asyncio.to_thread(lambda: list(evidence_folders.folders(self._pruner.folder)))
        look.files, look.bytes = sum(each.files for each in found), sum(each.size_bytes for each in found)
        before = self.allowance.before(Kept.EVIDENCE, look.now)
        aged = [each for each in found if before is not None and _end_of(each.day) <= before]
        await self._drop_folders(look, aged)
        budget = self.allowance.screenshots_bytes
        if budget is None or look.bytes <= budget:
            return
        known, least = {each.place for each in aged}, self.allowance.least(look.now)
        more = [each for each in found if each.place not in known and _end_of(each.day) <= least]
        await self._drop_folders(look, more, down_to=budget)
        if look.bytes > budget and not look.stop.is_set():
            look.left.append(_words("screenshots_mb", look.bytes, budget, self.allowance.least_days))

    async def _drop_folders(self, look: _Look, found: Sequence[EvidenceFolder], down_to: int | None = None) -> None:
        start = 0
        while start < len(found) and not look.stop.is_set() and (down_to is None or look.bytes > down_to):
            part = found[start : start + look.stride.at_once]
            if down_to is not None:
                part = _enough(part, look.bytes - down_to)
            start += len(part)
            free = [each for each in part if each.attempt_id not in look.cited.attempts]
            async with look.stride.step():
                gone = set(await self._retention.forget_evidence([each.attempt_id for each in free]))
            free = [each for each in free if each.attempt_id in gone]
            await self._pruner.remove([each.place for each in free])
            look.counts[Kept.EVIDENCE] += len(free)
            look.files -= sum(each.files for each in free)
            look.bytes -= sum(each.size_bytes for each in free)

    async def drop(self, look: _Look, what: Kept, numbers: Sequence[int]) -> int:
        """Delete rows of a kind in one transaction; returns how many stay after all."""
        if what is Kept.JOBS:
            done = await self._pruner.delete(numbers, look.stride)
            look.counts[what] += len(done.changed)
            return len(done.refused)
        async with look.stride.step():
            look.counts[what] += await self._retention.delete(what, numbers)
        return 0

    async def find(self, look: _Look, what: Kept, before: datetime, after: int) -> Found:
        """The next rows of a kind that may go."""
        return await self._retention.find(what, before, after=after, cited=look.cited)

    async def _noted(self, look: _Look) -> Freed:
        freed = Freed(
            at=look.now,
            counts={what: count for what, count in look.counts.items() if count},
            database_bytes=(await self._view.pages()).used_bytes,
            screenshots_bytes=look.bytes,
            screenshots_files=look.files,
            left=tuple(look.left),
            failed=look.failed,
        )
        await self._view.note(freed)
        return freed


class _Look:
    """What one look has come to."""

    def __init__(self, stop: asyncio.Event, cited: Cited, now: datetime) -> None:
        self.stop = stop
        self.cited = cited
        self.now = now
        self.stride = Stride()
        self.counts: Counter[Kept] = Counter()
        self.left: list[str] = []
        self.failed: str | None = None
        self.files = self.bytes = 0


class _Queue:
    """The rows of one kind that may go, read some hundreds at a time and dropped a stride at a time."""

    def __init__(self, freeing: Freeing, look: _Look, what: Kept, before: datetime) -> None:
        self._freeing = freeing
        self._look = look
        self._what = what
        self._before = before
        self._rows: Sequence[tuple[int, datetime]] = ()
        self._after = 0
        self._over = False

    async def oldest(self) -> datetime | None:
        """When the first of them was made; None when there are no more."""
        if not self._rows and not self._over:
            found = await self._freeing.find(self._look, self._what, self._before, self._after)
            self._rows, self._after, self._over = found.rows, found.after, not found.rows
        return self._rows[0][1] if self._rows else None

    async def drop(self, until: datetime | None = None) -> None:
        """Let the first of them go, and of the others none that is younger than `until`."""
        some = self._rows[: self._look.stride.at_once]
        part = [number for number, at in some if until is None or at <= until] or [some[0][0]]
        self._rows = self._rows[len(part) :]
        stay = await self._freeing.drop(self._look, self._what, part)
        if self._what is Kept.JOBS:
            self._after += stay


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)


def _enough(found: Sequence[EvidenceFolder], size_bytes: int) -> Sequence[EvidenceFolder]:
    """The first of them that are so large together."""
    total = 0
    for index, each in enumerate(found):
        total += each.size_bytes
        if total >= size_bytes:
            return found[: index + 1]
    return found


def _words(setting: str, used: int, budget: int, least_days: int) -> str:
    return (
        f"{setting} allows {budget / 1e6:,.0f} MB, and {used / 1e6:,.0f} MB are kept: "
        f"the rest is younger than {least_days} day(s), at work, or waited for by a person."
    )
