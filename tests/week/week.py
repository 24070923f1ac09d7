"""A simulated week: real pages for every read and send, a clock that jumps over the time in which nothing happens."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import pickle
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from runner import wiring
from runner.config.load import load
from runner.domain.schedules import NewSchedule
from runner.domain.schedules import Rule as When
from runner.domain.sequences import NewSequence, SequenceStep
from runner.intake.rules import read_rules
from runner.store.columns import EPOCH
from tests.week import given as shop
from tests.week.judge import Given, Verdict, judge
from tests.week.pace import Noted, breaches
from tests.week.people import People
from tests.week.stage import Stage, stage
from tests.week.traffic import Inbound, Writers

START = datetime(2026, 10, 19, tzinfo=UTC)
"""A Monday; the clocks of Europe go back on the Sunday of its week."""

POLL_S = 0.04
PATIENCE_S = 180.0
"""Of the machine's time: when nothing moves on for so long although something is due, the week is given up."""

KINDS = ("message_sent", "message_received", "thread_read")

FAULTS: tuple[dict[str, Any], ...] = (
    {"route": "*", "effect": "latency_ms", "ms": 400, "probability": 0.03},
    {"route": "GET *", "effect": "status", "status": 503, "probability": 0.008},
    {"route": "POST *", "effect": "status", "status": 500, "probability": 0.02},
    {"route": "POST /api/threads/*", "effect": "status_after_commit", "status": 502, "probability": 0.03},
    {"route": "POST /api/threads/*", "effect": "drop_after_commit", "probability": 0.03},
    {"route": "POST /api/threads/*", "effect": "latency_ms", "ms": 1500, "probability": 0.05},
    {"route": "GET /inbox*", "effect": "rate_limit", "retry_after_s": 40, "probability": 0.004},
    {"route": "GET /inbox*", "effect": "expire_session", "probability": 0.004},
    {"route": "GET /inbox*", "effect": "layout", "variant": "b", "probability": 0.1},
    {"route": "GET /inbox*", "effect": "layout", "variant": "c", "probability": 0.1},
    {"route": "GET /inbox*", "effect": "popup", "probability": 0.02},
    {"route": "*", "effect": "slow_image", "ms": 800, "probability": 0.1},
)


@dataclass(frozen=True, kw_only=True)
class Form:
    """How large a week is. `every_min` is from one reading of an inbox to the next while it is open."""

    messages: int
    accounts: tuple[str, ...] = tuple(shop.ZONES)
    days: int = 7
    every_min: int = 60
    kills: int = 0
    faults: bool = True
    minutes: float = float("inf")
    """Of the machine's time: then nobody writes any more, and what is there is brought to its end and judged."""


@dataclass(kw_only=True)
class Report:
    """What came of it."""

    verdict: Verdict
    figures: dict[str, Any] = field(default_factory=dict)


class Week:
    """One week on a stage; `run` lives it and judges it."""

    def __init__(self, on: Stage, books: wiring.Books, form: Form, seed: int) -> None:
        self._on, self._books, self._form = on, books, form
        self._dice = random.Random(seed)
        self._people = People(books=books, stage=on, dice=random.Random(seed + 1))
        zones = {name: shop.ZONES[name] for name in form.accounts}
        self.traffic = Writers(seed, zones, start=START, days=form.days).week(form.messages)
        self._end = START + timedelta(days=form.days)
        self._agenda = self._appointments()
        self._kills: list[datetime] = sorted(
            START + (self._end - START) * self._dice.uniform(0.05, 0.9) for _ in range(form.kills)
        )
        self._began = time.monotonic()
        self.counts: Counter[str] = Counter()

    def _appointments(self) -> list[tuple[datetime, Inbound | None]]:
        """Messages, and None for each time that people come in."""
        visits = [START + timedelta(days=day, hours=hour) for day in range(self._form.days) for hour in (9, 15, 21)]
        # What is left at the end is seen to once more.
        visits.append(self._end + timedelta(hours=1))
        return sorted(
            [(each.at, each) for each in self.traffic] + [(at, None) for at in visits], key=lambda each: each[0]
        )

    async def run(self) -> None:
        """Live it to its end."""
        await self._set_up()
        if self._form.faults:
            self._on.faults(*({**each, "seed": number} for number, each in enumerate(FAULTS)))
        self._on.start()
        moved, last = time.monotonic(), None
        while True:
            state = self._state()
            if state != last:
                moved, last = time.monotonic(), state
            if time.monotonic() - moved > PATIENCE_S:
                raise AssertionError(f"nothing moves on at {self._now:%a %H:%M:%S}: {state}")
            await self._keep_appointments()
            await self._kill_perhaps()
            if await self._is_quiet():
                coming = self._next()
                if coming is None:
                    return
                self._on.jump(coming)
                self.counts["jumps"] += 1
            await asyncio.sleep(POLL_S)

    async def _set_up(self) -> None:
        """Rules and templates by file, and a schedule for each inbox, as an operator does it."""
        file = self._on.folder / "rules.json"
        file.write_text(json.dumps(shop.rule_file()), encoding="utf-8")
        templates, rules = read_rules(file)
        await self._books.answering.rules.save_all(templates, [])
        name, steps = shop.SEQUENCE
        new = NewSequence(name=name, steps=tuple(SequenceStep.parse(each) for each in steps))
        await self._books.following.sequences.add(new)
        await self._books.operators.new_link("ada")  # a rule makes threads hers
        await self._books.answering.rules.save_all([], rules)
        for name in self._form.accounts:
            every = self._form.every_min
            cron = (
                f"*/{every} * * * *" if every < 60 else f"0 */{every // 60} * * *"
            )  # it is the hours that keep it from working at night
            rule = When(cron=cron, timezone=shop.ZONES[name], start=self._books.clock.now())
            reading = NewSchedule(name=f"read {name}", flow="read_inbox", rule=rule, account=name, max_attempts=8)
            await self._books.schedules.add(reading)

    @property
    def _now(self) -> datetime:
        return self._on.clock.now()

    async def _keep_appointments(self) -> None:
        if time.monotonic() - self._began > self._form.minutes * 60:
            self.counts["never written"] += sum(message is not None for _, message in self._agenda)
            self._agenda = [(self._now + timedelta(days=1), None)]
            self.counts["cut short"] = 1
            self._form = dataclasses.replace(self._form, minutes=float("inf"))
        while self._agenda and self._agenda[0][0] <= self._now:
            _, message = self._agenda.pop(0)
            if message is not None:
                self._on.write(message)
                self.counts["written"] += 1
            else:
                await self._people.come_in()
                self.counts["visits of people"] += 1

    async def _kill_perhaps(self) -> None:
        if not self._kills or self._now < self._kills[0] or not self._running():
            return
        self._kills.pop(0)
        await asyncio.sleep(self._dice.uniform(0, 1.5))
        self._on.kill()
        self.counts["kills"] += 1
        self._on.start()

    def _running(self) -> int:
        return int(self._on.rows("SELECT count(*) FROM job WHERE state = 'running'")[0][0])

    def _state(self) -> tuple[Any, ...]:
        """What changes as long as anything is done."""
        return (
            self._on.rows("SELECT max(id) FROM event")[0][0],
            self._on.rows("SELECT max(id) FROM step")[0][0],
            len(self._agenda),
        )

    async def _is_quiet(self) -> bool:
        """Whether nothing is at work or due, twice in a row."""
        if self._at_work():
            return False
        await asyncio.sleep(POLL_S)
        return not self._at_work()

    def _at_work(self) -> bool:
        now = (self._now - EPOCH) // timedelta(microseconds=1)
        asked = (
            ("SELECT count(*) FROM job WHERE state = 'running'", ()),
            (f"SELECT count(*) FROM {CLAIMABLE} AND due_at <= ?", (now,)),
            ("SELECT count(*) FROM message WHERE direction = 'inbound' AND classified_at IS NULL", ()),
            (f"SELECT count(*) FROM {UNDECIDED}", ()),
            ("SELECT count(*) FROM draft WHERE state = 'sent' AND job_id IS NULL", ()),
            ("SELECT count(*) FROM schedule WHERE next_due_at <= ?", (now,)),
            (f"SELECT count(*) FROM {FOLLOWED} AND next_due_at <= ?", (now,)),
            ("SELECT count(*) FROM enrolment_send WHERE state = 'sending' AND job_id IS NULL", ()),
        )
        return any(self._on.rows(sql, *params)[0][0] for sql, params in asked)

    def _next(self) -> datetime | None:
        """The next moment at which anything happens; None when the week is over and nothing is left to do.

        After it, inboxes are read until all that was written is known, and what is to be sent is sent.
        """
        reading = self._agenda or not self._all_is_known()
        jobs = CLAIMABLE if reading else f"{CLAIMABLE} AND job.flow = 'send_message'"
        asked = [f"SELECT min(due_at) FROM {jobs}", f"SELECT min(next_due_at) FROM {FOLLOWED}"]
        if reading:
            asked.append("SELECT min(next_due_at) FROM schedule")
        due = [self._on.rows(sql)[0][0] for sql in asked]
        times = [EPOCH + timedelta(microseconds=each) for each in due if each is not None]
        return min([*times, *(at for at, _ in self._agenda[:1])], default=None)

    def _all_is_known(self) -> bool:
        numbers = {f"id:{each['subject']}" for each in self._on.ledger("message_received")}
        return numbers <= {str(key) for (key,) in self._on.rows("SELECT key FROM message WHERE direction = 'inbound'")}

    async def report(self) -> Report:
        """Judge it from the ledger."""
        told = await self._people.told()
        people = self._people
        given = Given(
            rules=shop.RULES,
            families=shop.families(shop.TEMPLATES),
            threshold=shop.THRESHOLD,
            counterparts=self._on.counterparts,
            steps=shop.STEPS,
            zones=shop.ZONES,
            days_off=frozenset({shop.DUSSEHRA}),
            clicked=frozenset(people.clicked),
            dismissed=frozenset(people.dismissed),
            by_hand=frozenset(people.by_hand),
            closed=people.closed,
        )
        ledger = self._on.ledger(*KINDS)
        with (self._on.folder / "judged.pickle").open("wb") as file:
            pickle.dump((ledger, told, given), file)  # for whoever judges a kept week again
        verdict = judge(ledger, told, given)
        verdict.breaches += breaches(_noted(ledger, "message_sent"), shop.ALLOWED)
        verdict.breaches += breaches(_noted(self._on.ledger("sign_in"), "sign_in"), shop.SIGN_INS)
        figures = {
            **self.counts,
            "faults fired": self._on.fired(),
            "sign-ins": len(self._on.ledger("sign_in")),
            "closed by a person": len(people.closed),
            "settled by a person": people.settled,
            "resumed by a person": people.resumed,
            "retried by a person": people.retried,
            "readings": self._on.rows("SELECT count(*) FROM job WHERE flow = 'read_inbox'")[0][0],
            "attempts": self._on.rows("SELECT count(*) FROM attempt")[0][0],
            "attempts that failed": self._on.rows("SELECT count(*) FROM attempt WHERE kind IS NOT NULL")[0][0],
            "jobs that were put off": self._on.rows("SELECT count(*) FROM event WHERE name = 'JobPostponed'")[0][0],
            "replies that were not sent": self._on.rows(
                "SELECT count(*) FROM job WHERE json_extract(result, '$.not_sent') IS NOT NULL"
            )[0][0],
        }
        return Report(verdict=verdict, figures=figures)


CLAIMABLE = """job JOIN account ON account.id = job.account_id
    WHERE job.state = 'queued' AND job.waits_for = 0 AND account.state = 'active'"""
FOLLOWED = """enrolment WHERE state IN ('active', 'postponed')
    AND NOT EXISTS (SELECT 1 FROM enrolment_send WHERE enrolment_id = enrolment.id AND state = 'sending')"""
UNDECIDED = """message LEFT JOIN decision ON decision.message_id = message.id
    WHERE direction = 'inbound' AND classified_at IS NOT NULL AND decision.message_id IS NULL"""


def _noted(ledger: Sequence[Mapping[str, Any]], kind: str) -> list[Noted]:
    found = [each for each in ledger if each["kind"] == kind]
    return [Noted(account=each["account"], at=datetime.fromisoformat(each["at"])) for each in found]


async def live(form: Form, *, seed: int, folder: Path) -> Report:
    """A week in this folder."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        with stage(folder, accounts=form.accounts, start=START) as on:
            settings = load(folder / "playwright.config.toml", environ={})
            async with wiring.open_books(settings, clock=on.clock) as books:
                on.look()
                week = Week(on, books, form, seed)
                await week.run()
                on.stop()
                return await week.report()
    finally:
        structlog.configure(**before)


def lived(form: Form, *, seed: int, keep: Path | None = None) -> tuple[Report, float]:
    """A week in a folder of its own, with the seconds that it took."""
    started = time.monotonic()
    if keep is not None:
        keep.mkdir(parents=True)
        return asyncio.run(live(form, seed=seed, folder=keep)), time.monotonic() - started
    with tempfile.TemporaryDirectory(prefix="rw-", ignore_cleanup_errors=True) as folder:
        report = asyncio.run(live(form, seed=seed, folder=Path(folder)))
    return report, time.monotonic() - started


def lines(report: Report, took_s: float) -> Sequence[str]:
    """For a person."""
    waits = sorted(report.verdict.first_reply_min)
    told = {**report.verdict.counts, **report.figures}
    if waits:
        half, most = waits[len(waits) // 2], waits[int(len(waits) * 0.95)]
        told["first reply, virtual minutes"] = f"p50 {half:.0f} p95 {most:.0f}"
    told["real time"] = f"{took_s:.0f} s"
    verdict = "BREACH" if report.verdict.breaches else "ok"
    return [f"week: {verdict}", *(f"  {name}: {value}" for name, value in told.items())]
