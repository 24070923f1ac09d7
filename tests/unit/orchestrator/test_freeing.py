"""What goes when room is made, and what never does: on a real database and in real folders."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.storage import Allowance, Kept
from runner.engine.embedded import EmbeddedEngine
from runner.orchestrator.freeing import Freeing
from runner.orchestrator.pruning import Pruner
from runner.orchestrator.taking_stock import Places, TakingStock
from runner.store.accounts import Accounts
from runner.store.attempts import Attempts
from runner.store.columns import EPOCH, MICROSECOND
from runner.store.database import Database
from runner.store.events import Events
from runner.store.retention import Retention
from runner.store.storage import StorageView

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAYS = {"job_days": 30, "event_days": 30, "step_days": 30, "evidence_days": 30, "notice_days": 30}


class StillClock:
    def now(self) -> datetime:
        return NOW


@dataclass
class Shop:
    """A store with a folder of evidence, filled by SQL as only time fills it otherwise."""

    db: Database
    folder: Path

    @property
    def screenshots(self) -> Path:
        return self.folder / "screenshots"

    def freeing(self, **allowed: int) -> Freeing:
        engine = EmbeddedEngine(self.db)
        pruner = Pruner(engine=engine, attempts=Attempts(self.db), folder=self.screenshots, clock=self.db.clock)
        return Freeing(
            retention=Retention(self.db),
            view=StorageView(self.db),
            pruner=pruner,
            events=Events(self.db),
            allowance=Allowance(**allowed),
            every_s=1,
            clock=self.db.clock,
        )

    def stock(self, **allowed: int) -> TakingStock:
        places = Places(database=self.db.path, evidence=self.screenshots, others={})
        view, allowance = StorageView(self.db), Allowance(**allowed)
        return TakingStock(
            retention=Retention(self.db), view=view, allowance=allowance, places=places, clock=self.db.clock
        )

    def insert(self, table: str, **values: Any) -> int:
        given = {name: stamp(each) if isinstance(each, datetime) else each for name, each in values.items()}
        names, marks = ", ".join(f'"{name}"' for name in given), ", ".join("?" * len(given))
        with closing(sqlite3.connect(self.db.path, timeout=15)) as connection, connection:
            done = connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(given.values()))
            assert done.lastrowid is not None
            return done.lastrowid

    def rows(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.db.path, timeout=15)) as connection:
            found = connection.execute(statement).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def job(self, at: datetime, state: str = "succeeded", **values: Any) -> int:
        ended = at if state in ("succeeded", "failed", "cancelled") else None
        given = {"account_id": 1, "flow": "read_inbox", "params": "{}", "rank": 2, "fence": 1, "cancel_requested": 0}
        given |= {"state": state, "due_at": at, "created_at": at, "ended_at": ended, "attempts": 1, "max_attempts": 3}
        return self.insert("job", **given | values)

    def attempt(self, at: datetime, state: str = "succeeded", *, signature: str | None = None, **values: Any) -> int:
        """A Job with one Attempt, a Step, an Event, and a picture in a folder of its own."""
        job = self.job(at, state, **values)
        failed = {"kind": "timeout", "error": "It hung.", "signature": signature} if signature else {}
        number = self.insert(
            "attempt", job_id=job, number=1, fence=1, started_at=at, ended_at=at, sign_ins=0, popups=0, **failed
        )
        place = Path(at.strftime("%Y-%m-%d"), "amy", str(number))
        self.insert("step", attempt_id=number, ordinal=1, name="open", started_at=at, ended_at=at, ok=1)
        self.insert("event", at=at, name="JobEnded", account_id=1, job_id=job, attempt_id=number, data="{}")
        self.insert("evidence", attempt_id=number, kind="page", path=f"{place}/page", size_bytes=500_000, created_at=at)
        (self.screenshots / place).mkdir(parents=True)
        (self.screenshots / place / "page").write_bytes(b"x" * 500_000)
        with closing(sqlite3.connect(self.db.path, timeout=15)) as connection, connection:
            connection.execute("UPDATE attempt SET evidence_dir = ? WHERE id = ?", (str(place), number))
        return number

    def pictures(self) -> set[int]:
        return {int(each.parent.name) for each in self.screenshots.rglob("page")}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with Database.open(tmp_path / "runner.db", clock=StillClock()) as database:
        secret = SecretRef(kind="env", name="PASSWORD")
        new = [NewAccount(name=name, site="mock", username=name, secret=secret) for name in ("amy", "ben")]
        await Accounts(database).add_many(new)
        yield Shop(database, tmp_path)


def stamp(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


async def test_what_is_older_than_it_is_kept_goes_with_all_that_belongs_to_it_and_the_rest_stays(shop: Shop) -> None:
    old, young = shop.attempt(ago(40)), shop.attempt(ago(20))
    told = await shop.stock(**DAYS).storage()
    assert {each.name: each.free_count for each in told.tables if each.free_count} == {"job": 1, "event": 1, "step": 1}
    freed = await shop.freeing(**DAYS).free()
    assert freed.counts == {Kept.JOBS: 1, Kept.EVENTS: 1}
    assert shop.rows("SELECT id FROM attempt") == shop.rows("SELECT attempt_id FROM step") == [young]
    assert shop.rows("SELECT attempt_id FROM event WHERE name = 'JobEnded'") == [young]
    assert (shop.pictures(), old != young) == ({young}, True)
    assert not (shop.screenshots / ago(40).strftime("%Y-%m-%d")).exists()
    assert (await shop.freeing(**DAYS).free()).total == 0


async def test_what_is_at_work_or_waits_for_a_person_stays_however_old_it_is(shop: Shop) -> None:
    kept = [
        shop.attempt(ago(400), state, account_id=account)
        for state, account in (("queued", 1), ("parked", 1), ("unknown", 1), ("running", 2))
    ]
    undecided = shop.attempt(ago(400))
    (job,) = shop.rows(f"SELECT job_id FROM attempt WHERE id = {undecided}")
    given = {"account_id": 1, "kind": "publish_listing", "payload_hash": "h", "fence": 1}
    given |= {"created_at": ago(400), "changed_at": ago(400)}
    shop.insert("effect", natural_key="doubtful", state="unknown", job_id=job, **given)
    settled = shop.attempt(ago(400))
    (ended,) = shop.rows(f"SELECT job_id FROM attempt WHERE id = {settled}")
    shop.insert("effect", natural_key="settled", state="confirmed", job_id=ended, **given)
    await shop.freeing(**DAYS).free()
    assert set(shop.rows("SELECT id FROM attempt")) == shop.pictures() == {*kept, undecided}
    assert set(shop.rows("SELECT attempt_id FROM step")) == {*kept, undecided}
    assert set(shop.rows("SELECT attempt_id FROM event WHERE name = 'JobEnded'")) == {*kept, undecided}
    assert shop.rows("SELECT natural_key FROM effect ORDER BY id") == ["doubtful", "settled"]


async def test_an_error_group_keeps_the_picture_that_it_shows_while_it_is_open(shop: Shop) -> None:
    shop.attempt(ago(80), "failed", signature="open")
    shown = shop.attempt(ago(70), "failed", signature="open")
    shop.attempt(ago(60), "failed", signature="closed")
    # The group is open for what has failed lately, of which no picture could be kept.
    late = shop.attempt(ago(1), "failed", signature="open")
    with closing(sqlite3.connect(shop.db.path)) as connection, connection:
        connection.execute("UPDATE attempt SET evidence_dir = NULL WHERE id = ?", (late,))
    freed = await shop.freeing(**DAYS).free()
    assert freed.counts[Kept.JOBS] == 2
    assert shop.rows("SELECT id FROM attempt ORDER BY id") == [shown, late]
    assert shown in shop.pictures()


async def test_over_the_budget_the_oldest_pictures_go_first_and_their_attempts_say_so(shop: Shop) -> None:
    numbers = [shop.attempt(ago(days)) for days in (9, 8, 7, 6, 1)]
    (shop.screenshots / "README.md").write_text("A person's own.")
    freed = await shop.freeing(screenshots_mb=2, least_days=2).free()
    assert (shop.pictures(), freed.counts, freed.left) == (set(numbers[1:]), {Kept.EVIDENCE: 1}, ())
    gone = await Attempts(shop.db).get(numbers[0])
    assert (gone.evidence_dir, gone.evidence_freed_at) == (None, NOW)
    assert shop.rows("SELECT attempt_id FROM evidence ORDER BY id") == numbers[1:]
    # What is younger than least_days stays, and that there is more than the budget allows is said.
    again = await shop.freeing(screenshots_mb=1, least_days=7).free()
    assert shop.pictures() == set(numbers[2:])
    assert "screenshots_mb allows 1 MB, and 2 MB are kept" in again.left[0]
    assert (shop.screenshots / "README.md").exists()


async def test_over_the_budget_the_oldest_records_of_all_kinds_go_until_the_rest_has_room(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.db.path)) as connection, connection:
        many = [(stamp(ago(9)) + number, "x" * 2_000) for number in range(3_000)]
        connection.executemany("INSERT INTO event (at, name, data) VALUES (?, 'Said', json_quote(?))", many)
    oldest, young = shop.job(ago(12)), shop.job(ago(3))
    before = (await StorageView(shop.db).pages()).used_bytes
    freed = await shop.freeing(database_mb=4).free()
    assert before > 6_000_000 > 4_000_000 >= freed.database_bytes
    assert shop.rows("SELECT id FROM job") == [young] != [oldest]
    left = shop.rows("SELECT id FROM event WHERE name = 'Said'")
    assert 0 < len(left) < 3_000
    assert left == list(range(3_003 - len(left), 3_003))  # the two before them say that Accounts were added


async def test_events_that_somebody_has_not_seen_yet_stay(shop: Shop) -> None:
    numbers = [shop.insert("event", at=ago(400), name="Said", data="{}") for _ in range(4)]
    shop.insert("sla_watch", id=1, event_id=numbers[1], hours="")
    await shop.freeing(**DAYS).free()
    assert shop.rows("SELECT id FROM event WHERE name = 'Said'") == numbers[2:]


async def test_sent_notices_go_but_for_trouble_whose_end_is_still_to_be_told(shop: Shop) -> None:
    given = {"name": "phone", "way": "webhook", "secret_kind": "env", "secret_name": "X", "enabled": 1}
    channel = shop.insert("channel", **given, preferences="{}", since_event=0, created_at=ago(400))

    def notice(subject: str, kind: str, state: str = "sent", days: int = 400, recovers: int = 0) -> int:
        number = len(shop.rows("SELECT id FROM notification"))
        times = dict.fromkeys(("happened_at", "created_at", "due_at"), ago(days))
        counts = dict.fromkeys(("attempts", "repeats", "told", "earlier"), 0)
        named = {"slot": f"event:{number}", "uid": str(number), "title": "t", "lines": "[]", "link": "/", "data": "{}"}
        return shop.insert(
            "notification",
            channel_id=channel,
            kind=kind,
            subject=subject,
            state=state,
            recovers=recovers,
            **times,
            **counts,
            **named,
        )

    notice("thread:1", "new_message")
    waiting, young = notice("thread:2", "new_message", "waiting"), notice("thread:3", "new_message", days=3)
    notice("account:amy", "account_parked")
    notice("account:amy", "account_parked", recovers=1)
    parked = notice("account:ben", "account_parked")
    flood = notice("flood:abc", "error_flood")
    freed = await shop.freeing(**DAYS).free()
    assert freed.counts[Kept.NOTICES] == 3
    assert shop.rows("SELECT id FROM notification ORDER BY id") == [waiting, young, parked, flood]


async def test_what_is_cut_short_has_lost_nothing_and_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [shop.attempt(ago(days)) for days in (50, 49, 48)]
    removed = shutil.rmtree

    def fail(folder: Path) -> None:
        if folder.name == str(numbers[1]):
            raise PermissionError(13, "Permission denied", str(folder))
        removed(folder)

    monkeypatch.setattr(shutil, "rmtree", fail)
    with pytest.raises(PermissionError):
        await shop.freeing(evidence_days=30).free()
    told = await StorageView(shop.db).last()
    assert told is not None
    assert "Permission denied" in (told.failed or "")
    assert shop.rows("SELECT count(*) FROM job") == [3]
    # Its rows are gone and its files are there: nothing names what is not there, and the next look finds the files.
    assert numbers[1] in shop.pictures()
    monkeypatch.undo()
    await shop.freeing(evidence_days=30).free()
    assert (shop.pictures(), shop.rows("SELECT count(*) FROM evidence")) == (set(), [0])


async def test_nothing_goes_when_nothing_is_limited(shop: Shop) -> None:
    kept = shop.attempt(ago(4_000))
    assert (await shop.freeing().free()).total == 0
    assert shop.pictures() == {kept}


async def test_others_write_between_the_transactions_and_a_stop_ends_it_early(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.db.path)) as connection, connection:
        many = [(stamp(ago(90)),) for _ in range(5_000)]
        connection.executemany("INSERT INTO event (at, name, data) VALUES (?, 'Said', '{}')", many)
    stop, freeing = asyncio.Event(), shop.freeing(**DAYS)
    await asyncio.gather(freeing.free(stop), _written(shop, lambda: stop.set()))
    left = shop.rows("SELECT count(*) FROM event WHERE name = 'Said'")[0]
    assert 0 < left < 5_000
    assert shop.rows("SELECT count(*) FROM event WHERE name = 'Between'") == [5]
    await freeing.free()
    assert shop.rows("SELECT count(*) FROM event WHERE name = 'Said'") == [0]


async def _written(shop: Shop, then: Callable[[], None]) -> None:
    """Write while it frees, each time after some of it has gone."""
    for _ in range(5):
        before = shop.rows("SELECT count(*) FROM event WHERE name = 'Said'")
        while shop.rows("SELECT count(*) FROM event WHERE name = 'Said'") == before:  # noqa: ASYNC110 because nobody tells
            await asyncio.sleep(0)
        await Events(shop.db).append("Between")
    then()
