"""What python -m bench.scale asks of a store, each timed, and counted in the steps that SQLite takes for it."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import update

from bench.scale_store import ENDS, StillClock
from runner.domain.digests import span_until
from runner.domain.error_groups import GroupFilter
from runner.domain.limits import Limit, LimitKind
from runner.domain.notices import NoticeKind
from runner.domain.pace import Pacing
from runner.domain.states import JobState, ThreadStatus
from runner.engine.browsing import JobQuestion, QueueView
from runner.engine.embedded import EmbeddedEngine
from runner.engine.paces import Paces
from runner.store import driver, slas
from runner.store.account_table import AccountQuestion, AccountTable
from runner.store.browsing import InboxView, ShopView, ThreadQuestion
from runner.store.database import Database
from runner.store.digests import Digests
from runner.store.due_times import DueTimes
from runner.store.error_groups import ErrorGroups
from runner.store.error_log import ErrorLog
from runner.store.events import Events
from runner.store.notices import Notices
from runner.store.pages import Wish
from runner.store.rate_usage import RateUsage
from runner.store.sla_tables import sla_watch

STEPS_AT_ONCE = 100
TODAY = ENDS.replace(hour=0)
LIMITS = {LimitKind.MESSAGES: Limit(per_day=500), LimitKind.PAGE_LOADS: Limit(per_hour=900)}

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Median milliseconds of one call, and SQLite's steps for it, to a hundred."""

    ms: float
    steps: int


class Steps:
    """Counts what SQLite does, on every connection: it depends on no other process, and on no clock."""

    def __init__(self) -> None:
        self.count = 0

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """As the store connects, with the counter in it."""
        connection = await driver.connect(*args, **kwargs)
        await connection.set_progress_handler(self._more, STEPS_AT_ONCE)
        return connection

    def _more(self) -> None:
        self.count += STEPS_AT_ONCE


def calls(db: Database) -> dict[str, Call]:
    """Everything that is asked again and again while a shop is at work, by name."""
    usage = RateUsage(db, Pacing(limits=LIMITS))
    engine, queue, inbox, shop = EmbeddedEngine(db, usage), QueueView(db), InboxView(db), ShopView(db)
    accounts, paces, events = AccountTable(db), Paces(db, usage), Events(db)
    yesterday = span_until(NoticeKind.DAILY_DIGEST, ENDS.date(), ZoneInfo("UTC"))
    due_times, notices = DueTimes(db, usage, slas.Slas(db)), Notices(db, window=timedelta(minutes=10))

    async def claim() -> None:
        lease = await engine.claim(owner="bench", ttl_s=10)
        if lease is None:
            raise RuntimeError("nothing was due: the measurement means nothing")
        await engine.succeed(lease, {})

    async def one_pace() -> None:
        await paces.of("account-07")

    return {
        "claim and succeed": claim,
        "rotation: whose turn": lambda: queue.upcoming(10),
        "is work stuck": lambda: queue.stuck(timedelta(minutes=10)),
        "overview (Now)": lambda: shop.overview(TODAY),
        "counters": lambda: shop.counters(TODAY),
        "account table": lambda: accounts.page(
            AccountQuestion(), Wish(), today=TODAY, sign_in_wait=timedelta(minutes=15)
        ),
        "GET /limits": paces.all,
        "limits of one": one_pace,
        "jobs": lambda: queue.jobs(JobQuestion(), Wish()),
        "jobs failed": lambda: queue.jobs(JobQuestion(states=[JobState.FAILED]), Wish()),
        "jobs of one account": lambda: queue.jobs(JobQuestion(account="account-07"), Wish()),
        "batches": lambda: queue.batches(Wish()),
        "threads": lambda: inbox.threads(ThreadQuestion(), Wish()),
        "threads open": lambda: inbox.threads(ThreadQuestion(status=ThreadStatus.OPEN), Wish()),
        "threads unread": lambda: inbox.threads(ThreadQuestion(unread=True), Wish()),
        "threads?q=bicycle": lambda: inbox.threads(ThreadQuestion(text="bicycle"), Wish()),
        "threads?q=rare4711": lambda: inbox.threads(ThreadQuestion(text="rare4711"), Wish()),
        "threads waiting": lambda: inbox.waiting(threshold=0.6),
        "errors": lambda: ErrorLog(db).failures(GroupFilter(), Wish()),
        "error groups": lambda: ErrorGroups(db).list_groups(GroupFilter()),
        "events": lambda: events.before(None, limit=50),
        "due times: one step": lambda: _one_step(db, due_times),
        "due times: nothing to do": due_times.sweep,
        "notices: floods' ends": notices.see_floods_end,
        "digest of a day": lambda: Digests(db).digest(yesterday),
    }


async def _one_step(db: Database, due_times: DueTimes) -> None:
    """What keeps the writer while due times are worked out anew: the first of a walk through all Threads."""
    async with db.write() as connection:
        await connection.execute(update(sla_watch).values(walked_to=0, hours=""))
    await due_times.step()


@asynccontextmanager
async def copied(path: Path) -> AsyncIterator[tuple[Database, Steps]]:
    """The store open on a copy: what is asked may write."""
    with tempfile.TemporaryDirectory(prefix="runner-scale-", dir=path.parent) as folder:
        for each in path.parent.glob(f"{path.name}*"):
            shutil.copy(each, folder)
        steps = Steps()
        async with Database.open(Path(folder) / path.name, clock=StillClock(), connect=steps.connect) as db:
            yield db, steps


async def asked(path: Path, *, rounds: int, match: str = "", names: Collection[str] = ()) -> dict[str, Asked]:
    """Every call, once to warm up and then so often."""
    found = {}
    async with copied(path) as (db, steps):
        for name, call in calls(db).items():
            if match not in name or (names and name not in names):
                continue
            times, counts = [], []
            for _ in range(rounds + 1):
                began, before = time.perf_counter(), steps.count
                await call()
                times.append((time.perf_counter() - began) * 1_000)
                counts.append(steps.count - before)
            found[name] = Asked(ms=statistics.median(times[1:]), steps=int(statistics.median(counts[1:])))
    return found
