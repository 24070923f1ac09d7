"""A job that is tried again has its account before anybody else can; a captcha solved by hand is settled."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from runner.domain.jobs import Job, Lease, NewJob
from runner.domain.states import AccountState, JobState, Priority, SessionEnd
from runner.engine.embedded import EmbeddedEngine
from runner.errors import ErrorKind, SiteChanged
from runner.orchestrator.debugging import Answer, Debugging, Stopped
from runner.orchestrator.visits import Look, Visit
from runner.orchestrator.workers import Worker
from runner.store.accounts import Accounts
from runner.store.database import Database

OPEN: Any = SimpleNamespace(live=SimpleNamespace(gone=asyncio.Event()))


class Person:
    """Types one answer, and reads who has the account."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.told: list[tuple[int, int]] = []
        self.has_read = asyncio.Event()

    async def ask(self, _: Stopped) -> Answer:
        answer, self.answer = self.answer, Answer.LEAVE
        return answer

    def waits(self, job: Job, holder: Job) -> None:
        self.told.append((job.id, holder.id))
        self.has_read.set()


class Failing:
    """At the port of the Attempts: the job fails, a person is asked, and the page is made afterwards."""

    def __init__(self, engine: EmbeddedEngine, debugging: Debugging, *, parks: bool = False) -> None:
        self.engine, self.debugging, self.parks = engine, debugging, parks
        self.spoilt: list[bool] = []
        self.free_while_shown: list[bool] = []

    async def perform(self, lease: Lease, visit: Visit, _: object) -> None:
        self.spoilt.append(visit.spoilt)
        error = SiteChanged("Nothing is where it was.")
        await self.debugging.ask(
            Stopped(
                account=lease.job.account,
                flow=lease.job.flow,
                job_id=lease.job.id,
                attempt_id=1,
                step=None,
                error=error,
                browser_lives=True,
            )
        )
        visit.spoilt, visit.end = True, SessionEnd.FAILED
        ends = self.engine.park if self.parks else self.engine.fail
        await ends(lease, kind=ErrorKind.SITE_CHANGED, error="nothing there")

    async def show(self, visit: Visit) -> None:
        self.free_while_shown.append(await self.engine.holder(visit.account.name) is None)


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def visit(db: Database) -> Visit:
    return Visit(account=await Accounts(db).by_name("amy"), look=Look(), session=OPEN)


@pytest.fixture
async def debugged(engine: EmbeddedEngine) -> Lease:
    (job,) = await engine.submit(
        [NewJob(account="amy", flow="read_inbox", priority=Priority.URGENT, max_attempts=1, pinned_to="me")]
    )
    lease = await engine.claim_job(job.id, owner="me", ttl_s=10)
    assert lease is not None
    return lease


def debugging(db: Database, engine: EmbeddedEngine, person: Person, stop: asyncio.Event) -> Debugging:
    return Debugging(
        engine=engine,
        accounts=Accounts(db),
        owner="me",
        ask=person.ask,
        on_wait=person.waits,
        stop=stop,
        poll_s=0.01,
    )


def worker(engine: EmbeddedEngine, attempts: Any) -> Worker:
    visits: Any = None
    return Worker(engine=engine, attempts=attempts, visits=visits, owner="me", idle_poll_s=1)


@pytest.mark.parametrize(("answer", "fresh"), [(Answer.HERE, False), (Answer.START, True)])
async def test_the_account_is_ours_again_before_the_page_is_made_and_the_browser_closed(
    db: Database,
    engine: EmbeddedEngine,
    debugged: Lease,
    visit: Visit,
    stop: asyncio.Event,
    answer: Answer,
    fresh: bool,
) -> None:
    again = debugging(db, engine, Person(answer), stop)
    attempts = Failing(engine, again)

    await worker(engine, attempts).perform(debugged, visit, again=again.again)

    assert attempts.spoilt == [False, fresh], "a fresh browser where one was asked for"
    assert attempts.free_while_shown[1:] == [False, True], "the first page beside the second attempt, then the last"
    assert visit.session is OPEN, "which is not closed between the two leases"


async def test_who_has_taken_the_account_meanwhile_is_told_and_waited_for(
    db: Database, engine: EmbeddedEngine, debugged: Lease, visit: Visit, stop: asyncio.Event
) -> None:
    person = Person(Answer.HERE)
    again = debugging(db, engine, person, stop)
    await Failing(engine, again).perform(debugged, visit, None)
    (due,) = await engine.submit([NewJob(account="amy", flow="check_login")])
    other = await engine.claim(owner="the daemon", ttl_s=10)
    assert other is not None

    waiting = asyncio.create_task(again.again(visit))
    async with asyncio.timeout(10):
        await person.has_read.wait()
        await engine.succeed(other, {})
        lease = await waiting

    assert person.told[0] == (debugged.job.id, due.id)
    assert lease is not None
    assert lease.job.id == debugged.job.id


async def test_waiting_ends_when_the_person_leaves_or_the_job_is_cancelled(
    db: Database, engine: EmbeddedEngine, debugged: Lease, visit: Visit, stop: asyncio.Event
) -> None:
    person = Person(Answer.HERE)
    again = debugging(db, engine, person, stop)
    await Failing(engine, again).perform(debugged, visit, None)
    await engine.submit([NewJob(account="amy", flow="check_login")])
    assert await engine.claim(owner="the daemon", ttl_s=10)

    waiting = asyncio.create_task(again.again(visit))
    async with asyncio.timeout(10):
        await person.has_read.wait()
        await engine.cancel(debugged.job.id)
        assert await waiting is None
        await engine.retry(debugged.job.id)
        stop.set()
        assert await again.again(visit) is None


@pytest.mark.parametrize(("answer", "state"), [(Answer.HERE, AccountState.ACTIVE), (Answer.START, AccountState.PARKED)])
async def test_what_a_person_has_settled_in_the_open_browser_is_settled(
    db: Database,
    engine: EmbeddedEngine,
    debugged: Lease,
    visit: Visit,
    stop: asyncio.Event,
    answer: Answer,
    state: AccountState,
) -> None:
    again = debugging(db, engine, Person(answer), stop)
    await Accounts(db).set_state("amy", AccountState.PARKED, reason="a captcha")
    await Failing(engine, again, parks=True).perform(debugged, visit, None)

    lease = await again.again(visit)

    assert lease is not None
    assert (await Accounts(db).by_name("amy")).state is state
    assert visit.by_hand is (answer is Answer.HERE), "the next look counts as theirs"
    assert (await engine.get(debugged.job.id)).state is JobState.RUNNING
