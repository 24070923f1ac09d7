"""Who is rescued, in which order, and what the one who was taken for lost may still write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from runner.browser.processes import kill_process
from runner.domain.clock import Clock
from runner.domain.jobs import Lease, NewJob
from runner.domain.states import JobState, Mode, Outcome
from runner.engine.embedded import EmbeddedEngine
from runner.errors import StaleLease
from runner.orchestrator import owners
from runner.orchestrator.heartbeats import Heartbeats
from runner.orchestrator.owners import Owner, _boot, _started
from runner.orchestrator.rescuer import Rescuer
from runner.store.attempts import Attempts
from runner.store.database import Database
from runner.store.sessions import Sessions

TTL_S = 10.0
GONE = str(replace(Owner.this_process(), started=1))
"""A process that had our pid before us."""


class Place:
    """A rescuer on a clock of its own, and a list of what it did."""

    def __init__(self, db: Database, engine: EmbeddedEngine) -> None:
        self.engine, self.sessions = engine, Sessions(db)
        self.now_s = 0.0
        self.done: list[str] = []
        self.rescuer = Rescuer(
            engine=engine,
            sessions=self.sessions,
            owner=str(Owner.this_process()),
            heartbeats=Heartbeats(ttl_s=TTL_S, longest_gap_s=5.0, monotonic_s=lambda: self.now_s),
            kill_browser=self._browser,
            kill_driver=self._driver,
            kill_process=kill_process,
            kept_from_writing_by=db.kept_from_writing_by,
        )

    async def _browser(self, account: str) -> None:
        running = await self.engine.list_jobs(states=[JobState.RUNNING])
        self.done.append(f"browser of {account}, {len(running)} running")

    async def _driver(self, pid: int) -> None:
        self.done.append(f"driver of {pid}")

    async def look(self, times: int) -> int:
        """Rescue several times, five seconds apart; returns how many Jobs came free."""
        freed = 0
        for _ in range(times):
            freed += await self.rescuer.rescue()
            self.now_s += 5.0
        return freed


@pytest.fixture
def place(db: Database, engine: EmbeddedEngine) -> Place:
    return Place(db, engine)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives and does nothing."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def owner_of(pid: int) -> str:
    here = Owner.this_process()
    return str(Owner(host=here.host, boot=_boot(), pid=pid, started=_started(pid)))


async def leased(engine: EmbeddedEngine, owner: str) -> Lease:
    await engine.submit([NewJob(account="amy", flow="publish_listing")])
    lease = await engine.claim(owner=owner, ttl_s=TTL_S)
    assert lease is not None
    return lease


async def test_a_process_that_is_gone_is_rescued_at_the_first_look_browser_first(
    place: Place, engine: EmbeddedEngine, sleeper: subprocess.Popen[bytes]
) -> None:
    lease = await leased(engine, owner_of(sleeper.pid))
    sleeper.kill()
    sleeper.wait()

    assert await place.look(1) == 1

    assert place.done == ["browser of amy, 1 running"]
    assert (await engine.get(lease.job.id)).state is JobState.QUEUED


async def test_a_process_that_lives_but_renews_nothing_is_taken_over_after_the_leases_time(
    place: Place, engine: EmbeddedEngine, sleeper: subprocess.Popen[bytes]
) -> None:
    lease = await leased(engine, owner_of(sleeper.pid))

    assert await place.look(2) == 0
    assert await place.look(1) == 1

    assert place.done == [f"driver of {sleeper.pid}", "browser of amy, 1 running"]
    with pytest.raises(StaleLease):
        await engine.succeed(lease, {})
    assert (await engine.get(lease.job.id)).attempts == 0


async def test_a_session_of_a_frozen_process_is_ended_too(
    place: Place, engine: EmbeddedEngine, sleeper: subprocess.Popen[bytes]
) -> None:
    await leased(engine, owner_of(sleeper.pid))
    await place.sessions.start("bob", mode=Mode.HEADLESS, owner=owner_of(sleeper.pid), browser_version="1")

    await place.look(3)

    assert place.done[1:] == ["browser of amy, 1 running", "browser of bob, 1 running"]
    assert await place.sessions.list_sessions(only_open=True) == []


async def test_who_renews_is_left_alone_however_often_one_looks(
    place: Place, engine: EmbeddedEngine, sleeper: subprocess.Popen[bytes], clock: object
) -> None:
    lease = await leased(engine, owner_of(sleeper.pid))
    for _ in range(6):
        clock.forward(5)  # type: ignore[attr-defined]  # the HandClock of conftest.py, which cannot be imported
        await engine.renew(lease, ttl_s=TTL_S)
        assert await place.look(1) == 0
    assert place.done == []


async def test_nobody_takes_over_from_himself(place: Place, engine: EmbeddedEngine) -> None:
    lease = await leased(engine, str(Owner.this_process()))

    assert await place.look(6) == 0

    await engine.succeed(lease, {})


async def test_an_owner_on_another_host_is_its_own_hosts_to_rescue(place: Place, engine: EmbeddedEngine) -> None:
    lease = await leased(engine, "elsewhere/boot/4711/1")

    assert await place.look(6) == 0

    assert (await engine.get(lease.job.id)).state is JobState.RUNNING


async def test_the_attempt_of_a_process_that_is_gone_is_recorded_as_interrupted(
    place: Place, engine: EmbeddedEngine, db: Database
) -> None:
    lease = await leased(engine, GONE)
    await Attempts(db).start(lease)

    await place.look(1)

    [attempt] = await Attempts(db).of_job(lease.job.id)
    assert (attempt.outcome, attempt.ended_at is None) == (Outcome.INTERRUPTED, False)


async def test_an_account_that_a_live_process_has_by_now_keeps_its_browser(
    place: Place, engine: EmbeddedEngine
) -> None:
    await place.sessions.start("amy", mode=Mode.HEADLESS, owner=GONE, browser_version="1")
    await leased(engine, str(Owner.this_process()))

    await place.look(1)

    assert place.done == []
    assert await place.sessions.list_sessions(only_open=True) == []


async def test_what_was_reserved_for_a_process_that_is_gone_is_everybodys(place: Place, engine: EmbeddedEngine) -> None:
    await engine.submit([NewJob(account="amy", flow="read_inbox", pinned_to=GONE)])
    assert await engine.claim(owner="w1", ttl_s=TTL_S) is None

    await place.look(1)

    assert await engine.claim(owner="w1", ttl_s=TTL_S) is not None


@pytest.mark.parametrize("days", [1, -1, -20_000])
async def test_setting_the_clock_takes_nothing_from_the_living(
    place: Place, engine: EmbeddedEngine, sleeper: subprocess.Popen[bytes], clock: object, days: int
) -> None:
    lease = await leased(engine, owner_of(sleeper.pid))
    for _ in range(4):
        assert await place.look(1) == 0
        clock.forward(days * 86_400)  # type: ignore[attr-defined]  # the HandClock of conftest.py
        await engine.renew(lease, ttl_s=TTL_S)

    assert place.done == []
    await engine.succeed(lease, {})


HOLDS_THE_LOCK = """
import sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
sys.stdin.readline()
file.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
async def impatient(db: Database, clock: Clock) -> AsyncIterator[Place]:
    """The same for somebody who waits for other writers for a moment only."""
    async with Database.open(db.path, clock=clock, busy_timeout_s=0.2) as other:
        yield Place(other, EmbeddedEngine(other))


def begin_a_write(writer: subprocess.Popen[bytes]) -> None:
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write(b"\n")
    writer.stdin.flush()
    assert writer.stdout.readline() == b"held\n"


@pytest.fixture
def writer(db: Database) -> Iterator[subprocess.Popen[bytes]]:
    """A process that begins a write when it is told, and does not end it."""
    command = [sys.executable, "-c", HOLDS_THE_LOCK, str(db.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


async def test_a_process_of_ours_that_was_stopped_in_the_middle_of_a_write_is_ended_and_rescued(
    impatient: Place, engine: EmbeddedEngine, writer: subprocess.Popen[bytes]
) -> None:
    lease = await leased(engine, owner_of(writer.pid))
    begin_a_write(writer)
    os.kill(writer.pid, signal.SIGSTOP)

    assert await impatient.look(1) == 1

    assert writer.wait(timeout=10) == -signal.SIGKILL
    assert impatient.done == [f"driver of {writer.pid}", "browser of amy, 1 running"]
    assert (await engine.get(lease.job.id)).attempts == 0


async def test_while_another_writes_for_long_nobody_is_suspected(
    impatient: Place, engine: EmbeddedEngine, sleeper: subprocess.Popen[bytes], writer: subprocess.Popen[bytes]
) -> None:
    lease = await leased(engine, owner_of(sleeper.pid))
    await impatient.look(2)
    begin_a_write(writer)

    assert await impatient.look(4) == 0
    writer.kill()
    writer.wait()
    assert await impatient.look(2) == 0

    assert impatient.done == []
    await engine.succeed(lease, {})


@pytest.mark.parametrize(
    ("word", "expected"),
    [("runner.cli.main", True), ("other", False)],
)
def test_a_command_of_ours_is_known_by_its_command_line(word: str, expected: bool) -> None:
    command = [sys.executable, "-c", "print(flush=True); input()", word]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # before that it may still be us, on the way to becoming Python
        try:
            assert owners.is_runner(process.pid) is expected
        finally:
            process.kill()
