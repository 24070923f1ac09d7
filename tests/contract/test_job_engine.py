"""What every job engine must do, whatever it keeps its Jobs in. A new implementation is one more line in HOUSES."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.jobs import Job, JobFilter, Lease, NewJob
from runner.domain.priorities import RAISED_EVERY_S, raised
from runner.domain.schedules import Missed, NewSchedule, Rule
from runner.domain.states import JOB_TRANSITIONS, AccountState, IfFailed, JobState, Priority
from runner.engine.embedded import EmbeddedEngine
from runner.engine.interface import JobEngine
from runner.errors import Conflict, ErrorKind, NotFound, SetupError, StaleLease
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.events import Events
from runner.store.schedules import Schedules

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
TTL_S = 10.0


class HandClock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True)
class House:
    """One store with two engines on it, as two processes would have them."""

    engine: JobEngine
    other: JobEngine
    accounts: Accounts
    events: Events
    schedules: Schedules
    clock: HandClock

    async def add_accounts(self, *names: str) -> None:
        secret = SecretRef(kind="env", name="PASSWORD")
        await self.accounts.add_many(
            [NewAccount(name=name, site="mock", username=name, secret=secret) for name in names]
        )

    async def submit(self, job: NewJob) -> Job:
        return (await self.engine.submit([job]))[0]

    async def claim(self, owner: str = "w1", account: str | None = None) -> Lease:
        lease = await self.engine.claim(owner=owner, ttl_s=TTL_S, account=account)
        assert lease is not None
        return lease

    async def nothing_due(self, owner: str = "w1", account: str | None = None) -> bool:
        return await self.engine.claim(owner=owner, ttl_s=TTL_S, account=account) is None


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[House]:
    clock = HandClock()
    path = folder / "runner.db"
    async with Database.open(path, clock=clock) as one, Database.open(path, clock=clock) as two:
        yield House(
            engine=EmbeddedEngine(one),
            other=EmbeddedEngine(two),
            accounts=Accounts(one),
            events=Events(one),
            schedules=Schedules(one),
            clock=clock,
        )


HOUSES: dict[str, Callable[[Path], AbstractAsyncContextManager[House]]] = {"embedded": embedded}


@pytest.fixture(params=HOUSES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with HOUSES[request.param](tmp_path) as built:
        await built.add_accounts("amy", "bob", "cleo")
        yield built


def read_inbox(account: str, **fields: object) -> NewJob:
    return replace(NewJob(account=account, flow="read_inbox"), **fields)  # type: ignore[arg-type]  # any of its fields


# ── Submitting ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_submitted_job_is_queued_as_it_was_asked_for(house: House) -> None:
    asked = NewJob(
        account="amy", flow="send_message", params={"text": "שלום 👋"}, priority=Priority.HIGH, max_attempts=5
    )
    job = await house.submit(asked)
    assert (job.account, job.flow, job.params, job.priority, job.max_attempts) == (
        "amy",
        "send_message",
        {"text": "שלום 👋"},
        Priority.HIGH,
        5,
    )
    assert (job.state, job.attempts, job.fence, job.due_at) == (JobState.QUEUED, 0, 0, START)
    assert await house.other.get(job.id) == job


async def test_the_same_key_makes_one_job(house: House) -> None:
    first = await house.submit(read_inbox("amy", key="k"))
    again, other, twice = await house.engine.submit(
        [read_inbox("bob", key="k"), read_inbox("bob"), read_inbox("cleo", key="k")]
    )
    assert again == first
    assert twice == first
    assert other.account == "bob"
    assert len(await house.engine.list_jobs()) == 2


async def test_the_same_key_from_two_processes_at_once_makes_one_job(house: House) -> None:
    job = read_inbox("amy", key="k")
    found = await asyncio.gather(*(engine.submit([job]) for engine in (house.engine, house.other) * 5))
    assert {jobs[0].id for jobs in found} == {found[0][0].id}


async def test_a_key_twice_in_one_submission_makes_one_job(house: House) -> None:
    first, unkeyed, second = await house.engine.submit(
        [read_inbox("amy", key="k"), read_inbox("amy"), read_inbox("amy", key="k")]
    )
    assert first == second != unkeyed


async def test_an_unknown_account_is_named_with_its_nearest_and_nothing_is_stored(house: House) -> None:
    with pytest.raises(NotFound) as caught:
        await house.engine.submit([read_inbox("bob"), read_inbox("clea")])
    assert caught.value.nearest == ("cleo",)
    assert await house.engine.list_jobs() == []


async def test_many_jobs_keep_their_order(house: House) -> None:
    jobs = await house.engine.submit([read_inbox("amy", params={"n": n}) for n in range(2500)])
    assert [job.params["n"] for job in jobs] == list(range(2500))
    assert [job.id for job in jobs] == sorted(job.id for job in jobs)


# ── Claiming ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_claim_leases_the_job_to_its_owner_with_a_reason(house: House) -> None:
    submitted = await house.submit(read_inbox("amy"))
    lease = await house.claim()
    assert lease.job.id == submitted.id
    assert (lease.owner, lease.fence, lease.job.state) == ("w1", 1, JobState.RUNNING)
    assert lease.job == await house.other.get(submitted.id)
    assert lease.job.lease_until == START + timedelta(seconds=TTL_S)
    assert lease.job.reason == lease.reason == "never served, the only one due"
    holder = await house.other.holder("amy")
    assert holder is not None
    assert holder.owner == "w1"


async def test_nothing_is_claimed_when_nothing_is_queued(house: House) -> None:
    assert await house.nothing_due()
    assert await house.engine.holder("amy") is None
    assert await house.engine.next_due_at() is None


async def test_an_account_with_a_running_job_is_passed_over(house: House) -> None:
    await house.engine.submit([read_inbox("amy"), read_inbox("amy")])
    lease = await house.claim()
    assert await house.other.claim(owner="w2", ttl_s=TTL_S) is None
    assert await house.other.claim(owner="w2", ttl_s=TTL_S, account="amy") is None
    await house.engine.succeed(lease, {})
    assert (await house.claim()).job.id != lease.job.id


async def test_fifty_claims_at_once_from_two_processes_never_lease_an_account_twice(house: House) -> None:
    names = [f"shop-{n}" for n in range(12)]
    await house.add_accounts(*names)
    await house.engine.submit([read_inbox(name) for name in names for _ in range(4)])
    claims = [engine.claim(owner=f"w{n}", ttl_s=TTL_S) for n, engine in enumerate((house.engine, house.other) * 25)]
    leases = [lease for lease in await asyncio.gather(*claims) if lease is not None]
    assert Counter(lease.job.account for lease in leases) == Counter(names)


async def test_every_job_is_leased_once_however_many_claim(house: House) -> None:
    jobs = await house.engine.submit([read_inbox(name) for name in ("amy", "bob", "cleo") for _ in range(8)])
    served: list[int] = []

    async def work(engine: JobEngine, owner: str) -> None:
        while any(job.state is JobState.QUEUED for job in await engine.list_jobs(limit=100)):
            lease = await engine.claim(owner=owner, ttl_s=TTL_S)
            if lease is not None:
                served.append(lease.job.id)
                await engine.succeed(lease, {})

    await asyncio.gather(*(work(engine, f"w{n}") for n, engine in enumerate((house.engine, house.other) * 3)))
    assert sorted(served) == sorted(job.id for job in jobs)


async def test_the_more_urgent_job_comes_first_also_within_an_account(house: House) -> None:
    await house.engine.submit(
        [
            read_inbox("amy", priority=Priority.LOW),
            read_inbox("bob", priority=Priority.NORMAL),
            read_inbox("cleo", priority=Priority.LOW, due_at=START - timedelta(minutes=10)),
            read_inbox("cleo", priority=Priority.URGENT),
        ]
    )
    order = [(await house.claim()).job for _ in range(3)]
    assert [(job.account, job.priority) for job in order] == [
        ("cleo", Priority.URGENT),
        ("bob", Priority.NORMAL),
        ("amy", Priority.LOW),
    ]


async def test_the_account_served_longest_ago_comes_first(house: House) -> None:
    await house.engine.submit([read_inbox(name) for name in ("amy", "bob", "cleo") for _ in range(2)])
    order = []
    for _ in range(6):
        lease = await house.claim()
        order.append(lease.job.account)
        await house.engine.succeed(lease, {})
        house.clock.forward(1)
    assert order == ["amy", "bob", "cleo", "amy", "bob", "cleo"]


async def test_a_job_is_not_claimed_before_it_is_due(house: House) -> None:
    await house.submit(read_inbox("amy", due_at=START + timedelta(seconds=60)))
    assert await house.engine.next_due_at() == START + timedelta(seconds=60)
    assert await house.nothing_due()
    house.clock.forward(59.999)
    assert await house.nothing_due()
    house.clock.forward(0.001)
    assert (await house.claim()).job.account == "amy"


async def test_a_future_job_never_blocks_a_due_one_of_its_account(house: House) -> None:
    tomorrow = START + timedelta(days=1)
    await house.submit(read_inbox("amy", due_at=tomorrow, priority=Priority.URGENT))
    due = await house.submit(read_inbox("amy", priority=Priority.LOW))
    assert (await house.claim()).job.id == due.id


async def test_a_more_urgent_job_that_falls_due_overtakes(house: House) -> None:
    await house.submit(read_inbox("amy", priority=Priority.LOW))
    urgent = await house.submit(read_inbox("amy", priority=Priority.URGENT, due_at=START + timedelta(seconds=5)))
    house.clock.forward(5)
    assert (await house.claim()).job.id == urgent.id


async def test_a_step_back_of_the_clock_loses_no_due_job(house: House) -> None:
    await house.submit(read_inbox("amy", priority=Priority.HIGH, due_at=START + timedelta(hours=1)))
    low = await house.submit(read_inbox("amy", priority=Priority.LOW))
    house.clock.forward(7200)
    await house.submit(read_inbox("bob"))
    first = await house.claim()
    await house.engine.requeue(first)
    house.clock.forward(-7200)
    assert (await house.claim(account="amy")).job.id == low.id


async def test_accounts_that_are_not_active_are_passed_over(house: House) -> None:
    await house.engine.submit([read_inbox("amy"), read_inbox("bob")])
    await house.accounts.set_state("amy", AccountState.PAUSED, "by an operator")
    assert (await house.claim()).job.account == "bob"
    assert await house.nothing_due()
    assert await house.engine.next_due_at() is None
    await house.accounts.set_state("amy", AccountState.ACTIVE)
    assert await house.engine.next_due_at() == START
    assert (await house.claim()).job.account == "amy"


async def test_a_claim_for_one_account_takes_only_its_jobs(house: House) -> None:
    await house.engine.submit([read_inbox("amy", priority=Priority.URGENT), read_inbox("bob")])
    assert (await house.claim(account="bob")).job.account == "bob"
    assert await house.nothing_due(account="cleo")
    with pytest.raises(NotFound):
        await house.engine.claim(owner="w1", ttl_s=TTL_S, account="amyy")


async def test_a_pinned_job_is_its_owners_only(house: House) -> None:
    pinned = await house.submit(read_inbox("amy", pinned_to="w2"))
    assert await house.nothing_due("w1")
    assert await house.engine.claim_job(pinned.id, owner="w1", ttl_s=TTL_S) is None
    assert (await house.claim("w2")).job.id == pinned.id


async def test_a_pinned_job_does_not_hide_the_accounts_other_jobs(house: House) -> None:
    await house.submit(read_inbox("amy", pinned_to="w2", priority=Priority.URGENT))
    free = await house.submit(read_inbox("amy", priority=Priority.LOW))
    assert (await house.claim("w1")).job.id == free.id


async def test_this_very_job_is_leased_whatever_the_accounts_state_and_due_time(house: House) -> None:
    later = await house.submit(read_inbox("amy", due_at=START + timedelta(days=1)))
    await house.accounts.set_state("amy", AccountState.PARKED, "captcha")
    lease = await house.engine.claim_job(later.id, owner="w1", ttl_s=TTL_S)
    assert lease is not None
    assert lease.job.id == later.id


async def test_this_very_job_is_not_leased_while_its_account_is_busy_or_after_it_ended(house: House) -> None:
    one, two = await house.engine.submit([read_inbox("amy"), read_inbox("amy")])
    lease = await house.engine.claim_job(one.id, owner="w1", ttl_s=TTL_S)
    assert lease is not None
    assert await house.other.claim_job(two.id, owner="w2", ttl_s=TTL_S) is None
    await house.engine.succeed(lease, {})
    assert await house.other.claim_job(one.id, owner="w2", ttl_s=TTL_S) is None


async def test_a_claim_that_is_cancelled_while_it_is_committed_leaves_no_account_taken(house: House) -> None:
    await house.submit(read_inbox("amy"))
    claim = asyncio.ensure_future(house.engine.claim(owner="w1", ttl_s=TTL_S))
    told = []
    with house.events.subscribe() as seen:
        # Events are delivered in the moment of the commit: too late to undo it, too early for the caller to know.
        seen.deliver = lambda event: told.append(event.name) or claim.cancel()
        with pytest.raises(asyncio.CancelledError):
            await claim
    assert told[0] == "JobClaimed"
    assert await house.engine.holder("amy") is None
    assert not await house.nothing_due()


# ── Ending ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_job_that_succeeds_has_its_result_and_time(house: House) -> None:
    await house.submit(read_inbox("amy"))
    lease = await house.claim()
    house.clock.forward(3)
    await house.engine.succeed(lease, {"messages": 7})
    job = await house.engine.get(lease.job.id)
    assert (job.state, job.result, job.attempts) == (JobState.SUCCEEDED, {"messages": 7}, 1)
    assert job.ended_at == START + timedelta(seconds=3)
    assert (job.owner, job.lease_until) == (None, None)


async def test_failing_parking_and_doubting_keep_the_kind_and_the_words(house: House) -> None:
    ends = {
        JobState.FAILED: house.engine.fail,
        JobState.PARKED: house.engine.park,
        JobState.UNKNOWN: house.engine.doubt,
    }
    for state, end in ends.items():
        await house.submit(read_inbox("amy"))
        lease = await house.claim()
        await end(lease, kind=ErrorKind.CAPTCHA, error="a captcha\ud83d was shown")
        job = await house.engine.get(lease.job.id)
        assert (job.state, job.error_kind, job.error, job.attempts) == (
            state,
            ErrorKind.CAPTCHA,
            "a captcha\ufffd was shown",
            1,
        )


async def test_a_retry_waits_for_its_time_and_costs_an_attempt_a_requeue_does_neither(house: House) -> None:
    await house.submit(read_inbox("amy"))
    later = START + timedelta(seconds=30)
    await house.engine.retry_later(await house.claim(), due_at=later, kind=ErrorKind.NETWORK, error="down")
    assert await house.nothing_due()
    house.clock.forward(30)
    lease = await house.claim()
    assert (lease.job.attempts, lease.fence) == (1, 2)
    await house.engine.requeue(lease)
    again = await house.claim()
    assert (again.job.attempts, again.fence) == (1, 3)


async def test_a_stale_lease_changes_nothing(house: House) -> None:
    await house.submit(read_inbox("amy"))
    stale = await house.claim("frozen")
    await house.engine.release_dead(dead=["frozen"])
    fresh = await house.claim("w2")
    before = await house.engine.get(stale.job.id)
    error = {"kind": ErrorKind.NETWORK, "error": "late"}
    attempts = [
        house.engine.succeed(stale, {"late": True}),
        house.engine.fail(stale, kind=ErrorKind.NETWORK, error="late"),
        house.engine.retry_later(stale, due_at=START, kind=ErrorKind.NETWORK, error="late"),
        house.engine.requeue(stale),
        house.engine.park(stale, **error),  # type: ignore[arg-type]  # a mapping of both keywords
        house.engine.doubt(stale, **error),  # type: ignore[arg-type]  # a mapping of both keywords
        house.engine.acknowledge_cancel(stale),
        house.engine.renew(stale, ttl_s=TTL_S),
    ]
    for attempt in attempts:
        with pytest.raises(StaleLease):
            await attempt
    assert await house.engine.get(stale.job.id) == before
    await house.engine.succeed(fresh, {})


async def test_the_same_owner_with_an_old_fence_is_stale_too(house: House) -> None:
    await house.submit(read_inbox("amy"))
    first = await house.claim()
    await house.engine.requeue(first)
    await house.claim()
    with pytest.raises(StaleLease):
        await house.engine.succeed(first, {})


async def test_a_lease_ends_once(house: House) -> None:
    await house.submit(read_inbox("amy"))
    lease = await house.claim()
    await house.engine.succeed(lease, {"first": True})
    with pytest.raises(StaleLease):
        await house.engine.fail(lease, kind=ErrorKind.INTERNAL, error="second")
    assert (await house.engine.get(lease.job.id)).result == {"first": True}


async def test_renewing_lengthens_the_lease(house: House) -> None:
    await house.submit(read_inbox("amy"))
    lease = await house.claim()
    house.clock.forward(8)
    assert await house.engine.renew(lease, ttl_s=TTL_S) is False
    assert (await house.engine.get(lease.job.id)).lease_until == START + timedelta(seconds=18)


async def test_the_jobs_of_a_dead_owner_go_back_at_no_cost_and_its_pins_are_void(house: House) -> None:
    await house.engine.submit([read_inbox("amy"), read_inbox("bob")])
    dead, alive = await house.claim("dead"), await house.claim("alive")
    reserved = await house.submit(read_inbox("cleo", pinned_to="dead"))
    kept = await house.submit(read_inbox("cleo", pinned_to="alive"))
    assert set(await house.engine.owners()) == {"dead", "alive"}
    released = await house.other.release_dead(dead=["dead"])
    assert [(job.id, job.state, job.attempts) for job in released] == [(dead.job.id, JobState.QUEUED, 0)]
    assert (await house.engine.get(alive.job.id)).state is JobState.RUNNING
    assert (await house.engine.get(reserved.id)).pinned_to is None
    assert (await house.engine.get(kept.id)).pinned_to == "alive"
    assert (await house.claim("w3", account="cleo")).job.id == reserved.id


# ── Cancelling and retrying ───────────────────────────────────────────────────────────────────────────────────


async def test_a_queued_job_is_cancelled_at_once(house: House) -> None:
    job = await house.submit(read_inbox("amy"))
    assert (await house.engine.cancel(job.id)).state is JobState.CANCELLED
    assert await house.nothing_due()


async def test_a_running_job_is_asked_and_ends_as_cancelled_when_its_worker_says_so(house: House) -> None:
    job = await house.submit(read_inbox("amy"))
    lease = await house.claim()
    asked = await house.other.cancel(job.id)
    assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)
    assert await house.engine.renew(lease, ttl_s=TTL_S) is True
    await house.engine.acknowledge_cancel(lease)
    ended = await house.engine.get(job.id)
    assert (ended.state, ended.attempts) == (JobState.CANCELLED, 0)


async def test_only_what_nobody_has_begun_is_withdrawn(house: House) -> None:
    job = await house.submit(read_inbox("amy"))
    lease = await house.claim()
    assert not await house.other.withdraw(job.id)
    assert await house.engine.renew(lease, ttl_s=TTL_S) is False, "it is not even asked to end"
    await house.engine.park(lease, kind=ErrorKind.CAPTCHA, error="a captcha")
    assert await house.other.withdraw(job.id)
    assert (await house.engine.get(job.id)).state is JobState.CANCELLED
    assert not await house.other.withdraw(job.id)
    assert not await house.other.withdraw(999)


async def test_a_job_that_shall_be_cancelled_is_not_queued_again(house: House) -> None:
    job = await house.submit(read_inbox("amy"))
    lease = await house.claim()
    await house.engine.cancel(job.id)
    await house.engine.retry_later(lease, due_at=START, kind=ErrorKind.NETWORK, error="down")
    assert (await house.engine.get(job.id)).state is JobState.CANCELLED


async def test_a_job_that_succeeded_before_it_heard_of_the_cancellation_has_succeeded(house: House) -> None:
    job = await house.submit(read_inbox("amy"))
    lease = await house.claim()
    await house.engine.cancel(job.id)
    await house.engine.succeed(lease, {})
    assert (await house.engine.get(job.id)).state is JobState.SUCCEEDED


async def test_what_has_ended_cannot_be_cancelled(house: House) -> None:
    job = await house.submit(read_inbox("amy"))
    await house.engine.succeed(await house.claim(), {})
    with pytest.raises(Conflict, match="succeeded"):
        await house.engine.cancel(job.id)
    with pytest.raises(NotFound):
        await house.engine.cancel(job.id + 1)


async def test_retrying_begins_afresh(house: House) -> None:
    job = await house.submit(read_inbox("amy", pinned_to="w1"))
    await house.engine.fail(await house.claim(), kind=ErrorKind.NETWORK, error="down")
    house.clock.forward(60)
    again = await house.engine.retry(job.id)
    assert (again.state, again.attempts, again.due_at) == (JobState.QUEUED, 0, house.clock.now())
    assert (again.error, again.error_kind, again.ended_at, again.pinned_to) == (None, None, None, None)
    assert (await house.claim("w2")).job.id == job.id


async def test_only_what_is_over_or_waits_for_a_person_can_be_retried(house: House) -> None:
    job = await house.submit(read_inbox("amy"))
    with pytest.raises(Conflict, match="queued"):
        await house.engine.retry(job.id)
    lease = await house.claim()
    with pytest.raises(Conflict, match="running"):
        await house.engine.retry(job.id)
    await house.engine.succeed(lease, {})
    with pytest.raises(Conflict, match="succeeded"):
        await house.engine.retry(job.id)


# ── Looking ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_batch_counts_its_jobs_by_state(house: House) -> None:
    batch_id, jobs = await house.engine.submit_batch("cycle 1", [read_inbox(name) for name in ("amy", "bob", "cleo")])
    assert {job.batch_id for job in jobs} == {batch_id}
    await house.engine.succeed(await house.claim(), {})
    await house.engine.park(await house.claim(), kind=ErrorKind.CAPTCHA, error="captcha")
    progress = await house.other.batch(batch_id)
    assert (progress.name, progress.total, progress.queued, progress.succeeded, progress.parked, progress.done) == (
        "cycle 1",
        3,
        1,
        1,
        1,
        2,
    )
    with pytest.raises(NotFound):
        await house.engine.batch(batch_id + 1)


async def test_jobs_are_listed_newest_first_page_by_page(house: House) -> None:
    jobs = await house.engine.submit([read_inbox(name) for name in ("amy", "bob") for _ in range(5)])
    numbers = [job.id for job in jobs]
    page = await house.engine.list_jobs(limit=4)
    rest = await house.engine.list_jobs(limit=100, before_id=page[-1].id)
    assert [job.id for job in page + rest] == numbers[::-1]


async def test_jobs_are_filtered(house: House) -> None:
    await house.engine.submit([read_inbox("amy"), replace(read_inbox("amy"), flow="check_login"), read_inbox("bob")])
    await house.engine.succeed(await house.claim(account="bob"), {})
    assert [job.account for job in await house.engine.list_jobs(states=[JobState.SUCCEEDED])] == ["bob"]
    assert [job.account for job in await house.engine.list_jobs(account="amy", flow="check_login")] == ["amy"]
    with pytest.raises(NotFound):
        await house.engine.list_jobs(account="nobody")


async def test_a_busy_account_does_not_count_for_what_is_due_next(house: House) -> None:
    later = START + timedelta(minutes=5)
    await house.engine.submit([read_inbox("amy"), read_inbox("amy"), read_inbox("bob", due_at=later)])
    await house.claim()
    assert await house.engine.next_due_at() == later


async def test_every_change_is_an_event_in_order(house: House) -> None:
    job = await house.submit(read_inbox("amy"))
    await house.engine.retry_later(
        await house.claim(), due_at=START + timedelta(seconds=9), kind=ErrorKind.TIMEOUT, error="slow"
    )
    house.clock.forward(9)
    await house.engine.fail(await house.claim(), kind=ErrorKind.TIMEOUT, error="slow")
    await house.engine.retry(job.id)
    await house.engine.cancel(job.id)
    told = await house.events.since(0, job_id=job.id)
    assert [event.name for event in told] == [
        "JobSubmitted",
        "JobClaimed",
        "JobRetryScheduled",
        "JobClaimed",
        "JobFailed",
        "JobRequeued",
        "JobCancelled",
    ]
    assert told[2].data["wait_s"] == 9
    assert told[2].data["error_kind"] == "timeout"
    assert {event.account for event in told} == {"amy"}


# ── Priority without starvation ───────────────────────────────────────────────────────────────────────────────


async def test_a_low_job_behind_a_stream_of_urgent_ones_has_its_turn_within_the_hour(house: House) -> None:
    low = await house.submit(read_inbox("amy", priority=Priority.LOW))
    busy = [f"shop-{number}" for number in range(20)]
    await house.add_accounts(*busy)
    await house.engine.submit([read_inbox(name, priority=Priority.URGENT) for name in busy for _ in range(4)])
    for minute in range(60):
        lease = await house.claim()
        if lease.job.id == low.id:
            assert minute == 45
            assert lease.reason.startswith("priority low raised to urgent by waiting 45 min")
            return
        await house.engine.succeed(lease, {})
        house.clock.forward(60)
    raise AssertionError("the low job starved")


async def test_a_job_that_has_waited_overtakes_a_more_urgent_one_of_its_own_account(house: House) -> None:
    old = await house.submit(read_inbox("amy", priority=Priority.NORMAL))
    house.clock.forward(2 * RAISED_EVERY_S)
    await house.submit(read_inbox("amy", priority=Priority.HIGH))
    assert (await house.claim()).job.id == old.id


async def test_what_is_not_yet_due_does_not_count_as_waiting(house: House) -> None:
    await house.submit(read_inbox("amy", priority=Priority.LOW, due_at=START + timedelta(hours=5)))
    house.clock.forward(5 * 3600)
    await house.submit(read_inbox("bob", priority=Priority.NORMAL))
    assert (await house.claim()).job.account == "bob"


# ── Dependencies ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_job_waits_until_all_that_it_comes_after_have_succeeded(house: House) -> None:
    first, second = await house.engine.submit([read_inbox("amy"), read_inbox("bob")])
    last = await house.submit(read_inbox("cleo", priority=Priority.URGENT, after=[first.id, second.id]))
    assert last.waits_for == 2
    assert await house.engine.claim_job(last.id, owner="w1", ttl_s=TTL_S) is None
    one, two = await house.claim(), await house.claim()
    assert await house.nothing_due()
    await house.engine.succeed(one, {})
    assert (await house.engine.get(last.id)).waits_for == 1
    assert await house.nothing_due()
    await house.engine.succeed(two, {})
    assert (await house.claim()).job.id == last.id


async def test_jobs_of_one_submission_name_each_other_by_key_in_any_order(house: House) -> None:
    jobs = await house.engine.submit(
        [
            read_inbox("amy", key="c", after=["a", "b"]),
            read_inbox("amy", key="b", after=["a"]),
            read_inbox("amy", key="a"),
        ]
    )
    order = []
    for _ in jobs:
        lease = await house.claim()
        order.append(lease.job.key)
        await house.engine.succeed(lease, {})
    assert order == ["a", "b", "c"]


async def test_a_circle_is_refused_with_its_path_and_nothing_is_stored(house: House) -> None:
    with pytest.raises(SetupError, match="in a circle: a → b → c → a"):
        await house.engine.submit(
            [
                read_inbox("bob"),
                read_inbox("amy", key="a", after=["b"]),
                read_inbox("amy", key="b", after=["c"]),
                read_inbox("amy", key="c", after=["a"]),
            ]
        )
    assert await house.engine.list_jobs() == []


async def test_to_wait_for_what_does_not_exist_is_refused(house: House) -> None:
    for unknown in (4711, "no such key"):
        with pytest.raises(NotFound, match=str(unknown)):
            await house.submit(read_inbox("amy", after=[unknown]))
    assert await house.engine.list_jobs() == []


async def test_a_failure_fails_or_skips_all_that_come_after_it_as_each_chose(house: House) -> None:
    first = await house.submit(read_inbox("amy"))
    fails = await house.submit(read_inbox("bob", after=[first.id]))
    skips = await house.submit(read_inbox("bob", after=[first.id], if_failed=IfFailed.SKIP))
    further = await house.submit(read_inbox("cleo", after=[skips.id]))
    await house.engine.fail(await house.claim(), kind=ErrorKind.VALIDATION, error="refused")
    failed, skipped, later = [await house.engine.get(job.id) for job in (fails, skips, further)]
    assert failed.state is JobState.FAILED
    assert failed.error == f"Job {first.id} (amy read_inbox), which this one waited for, failed."
    assert skipped.state is JobState.CANCELLED
    assert skipped.error == f"Skipped: Job {first.id} (amy read_inbox), which this one waited for, failed."
    assert later.state is JobState.FAILED
    assert later.error == f"Job {skips.id} (bob read_inbox), which this one waited for, was cancelled."
    assert await house.nothing_due()
    told = await house.events.since(0, job_id=skips.id)
    assert (told[-1].name, told[-1].data["after"], told[-1].data["skipped"]) == ("JobCancelled", first.id, True)


async def test_what_is_retried_parked_or_in_doubt_is_waited_for_on(house: House) -> None:
    first = await house.submit(read_inbox("amy"))
    second = await house.submit(read_inbox("bob", after=[first.id]))
    await house.engine.retry_later(await house.claim(), due_at=START, kind=ErrorKind.NETWORK, error="down")
    assert (await house.engine.get(second.id)).state is JobState.QUEUED
    await house.engine.park(await house.claim(), kind=ErrorKind.CAPTCHA, error="captcha")
    assert (await house.engine.get(second.id)).state is JobState.QUEUED
    await house.engine.cancel(first.id)
    assert (await house.engine.get(second.id)).state is JobState.FAILED


async def test_to_come_after_what_has_ended_already_is_settled_at_once(house: House) -> None:
    good, bad = await house.engine.submit([read_inbox("amy"), read_inbox("bob")])
    await house.engine.succeed(await house.claim(account="amy"), {})
    await house.engine.cancel(bad.id)
    ready, skipped = await house.engine.submit(
        [read_inbox("cleo", after=[good.id]), read_inbox("cleo", after=[bad.id], if_failed=IfFailed.SKIP)]
    )
    assert (ready.state, ready.waits_for) == (JobState.QUEUED, 0)
    assert skipped.state is JobState.CANCELLED
    assert (await house.claim()).job.id == ready.id


async def test_what_waited_in_vain_is_retried_after_what_it_waits_for(house: House) -> None:
    first = await house.submit(read_inbox("amy"))
    second = await house.submit(read_inbox("bob", after=[first.id]))
    await house.engine.fail(await house.claim(), kind=ErrorKind.VALIDATION, error="refused")
    with pytest.raises(Conflict, match=f"waits for job {first.id} of account amy, which is failed"):
        await house.engine.retry(second.id)
    done = await house.engine.retry_many([second.id, first.id])
    assert (list(done.changed), done.refused) == ([first.id, second.id], {})
    assert (await house.engine.get(second.id)).waits_for == 1
    await house.engine.succeed(await house.claim(), {})
    assert (await house.claim()).job.id == second.id


# ── Many at once ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_jobs_are_found_by_every_condition_together(house: House) -> None:
    await house.engine.submit([read_inbox("amy"), replace(read_inbox("amy"), flow="check_login"), read_inbox("bob")])
    lease = await house.claim(account="bob")
    await house.engine.fail(lease, kind=ErrorKind.NETWORK, error="down")
    find = house.engine.find
    assert len(await find(JobFilter())) == 3
    assert len(await find(JobFilter(account="amy"))) == 2
    assert len(await find(JobFilter(account="amy", flow="check_login", states=[JobState.QUEUED]))) == 1
    assert await find(JobFilter(states=[JobState.FAILED], error_kind=ErrorKind.NETWORK)) == [lease.job.id]
    assert await find(JobFilter(ids=[lease.job.id, 4711])) == [lease.job.id]
    assert await find(JobFilter(ended_before=START)) == []
    assert await find(JobFilter(ended_before=START + timedelta(seconds=1))) == [lease.job.id]
    with pytest.raises(NotFound):
        await find(JobFilter(account="nobody"))


async def test_many_are_cancelled_and_those_that_cannot_be_are_named(house: House) -> None:
    jobs = await house.engine.submit([read_inbox(name) for name in ("amy", "bob", "cleo") for _ in range(100)])
    running = await house.claim()
    ended = await house.claim()
    await house.engine.succeed(ended, {})
    done = await house.engine.cancel_many([job.id for job in jobs] + [4711])
    assert set(done.refused) == {ended.job.id, 4711}
    assert len(done.changed) == 299
    assert (await house.engine.get(running.job.id)).cancel_requested
    assert await house.engine.find(JobFilter(states=[JobState.QUEUED])) == []


async def test_many_that_wait_for_each_other_are_all_cancelled_and_none_fails(house: House) -> None:
    first = await house.submit(read_inbox("amy"))
    second = await house.submit(read_inbox("bob", after=[first.id]))
    done = await house.engine.cancel_many([first.id, second.id])
    assert (set(done.changed), done.refused) == ({first.id, second.id}, {})
    assert (await house.engine.get(second.id)).state is JobState.CANCELLED


async def test_many_are_retried(house: House) -> None:
    jobs = await house.engine.submit([read_inbox(name) for name in ("amy", "bob", "cleo")])
    for _ in range(2):
        await house.engine.fail(await house.claim(), kind=ErrorKind.NETWORK, error="down")
    done = await house.engine.retry_many([job.id for job in jobs])
    assert (len(done.changed), len(done.refused)) == (2, 1)
    assert len(await house.engine.find(JobFilter(states=[JobState.QUEUED]))) == 3


async def test_only_what_has_ended_is_deleted_and_its_key_works_on(house: House) -> None:
    done, open_ = await house.engine.submit([read_inbox("amy", key="k"), read_inbox("amy")])
    await house.engine.succeed(await house.claim(), {"messages": 3})
    deleted = await house.engine.delete([done.id, open_.id])
    assert list(deleted.changed) == [done.id]
    assert "only what has ended can be deleted" in deleted.refused[open_.id]
    with pytest.raises(NotFound):
        await house.engine.get(done.id)
    again, other = await house.other.submit([read_inbox("amy", key="k"), read_inbox("bob", key="new")])
    assert (again.id, again.state, again.account) == (done.id, JobState.SUCCEEDED, "amy")
    assert again.pruned_at == START
    assert other.state is JobState.QUEUED
    assert {job.id for job in await house.engine.list_jobs()} == {open_.id, other.id}


async def test_what_succeeded_and_was_pruned_counts_as_done_for_what_comes_after(house: House) -> None:
    first = await house.submit(read_inbox("amy", key="k"))
    second = await house.submit(read_inbox("bob", after=[first.id]))
    await house.engine.succeed(await house.claim(), {})
    assert list((await house.engine.delete([first.id])).changed) == [first.id]
    assert (await house.claim()).job.id == second.id
    third = await house.submit(read_inbox("cleo", after=["k"]))
    assert third.waits_for == 0


async def test_a_batch_is_gone_when_all_its_jobs_are(house: House) -> None:
    batch_id, jobs = await house.engine.submit_batch("cycle", [read_inbox("amy"), read_inbox("bob")])
    await house.engine.cancel_many([job.id for job in jobs])
    await house.engine.delete([jobs[0].id])
    assert (await house.engine.batch(batch_id)).total == 1
    await house.engine.delete([jobs[1].id])
    with pytest.raises(NotFound):
        await house.engine.batch(batch_id)


# ── Schedules ─────────────────────────────────────────────────────────────────────────────────────────────────


def every_hour(**fields: object) -> NewSchedule:
    new = NewSchedule(name="hourly", flow="read_inbox", account="amy", rule=Rule(every_s=3600, start=START))
    return replace(new, **fields)  # type: ignore[arg-type]  # any of its fields


async def test_a_schedule_makes_one_job_for_each_due_time(house: House) -> None:
    await house.schedules.add(every_hour(priority=Priority.HIGH, timeout_s=30.0, max_attempts=5))
    assert await house.engine.submit_scheduled() == []
    assert await house.engine.next_schedule_at() == START + timedelta(hours=1)
    for hour in range(1, 4):
        house.clock.time = START + timedelta(hours=hour)
        (job,) = await house.engine.submit_scheduled()
        assert await house.engine.submit_scheduled() == []
        assert (job.account, job.flow, job.due_at) == ("amy", "read_inbox", house.clock.now())
        assert (job.priority, job.timeout_s, job.max_attempts) == (Priority.HIGH, 30.0, 5)
        await house.engine.cancel(job.id)
    (stored,) = await house.schedules.list_schedules()
    assert (stored.last_due_at, stored.next_due_at) == (START + timedelta(hours=3), START + timedelta(hours=4))


async def test_two_daemons_at_once_make_one_job(house: House) -> None:
    await house.schedules.add(every_hour())
    for hour in range(1, 6):
        house.clock.time = START + timedelta(hours=hour)
        made = await asyncio.gather(*(engine.submit_scheduled() for engine in (house.engine, house.other) * 4))
        (job,) = [job for jobs in made for job in jobs]
        await house.engine.cancel(job.id)
    assert len(await house.engine.list_jobs()) == 5


@pytest.mark.parametrize(("missed", "made"), [(Missed.ONCE, 1), (Missed.SKIP, 0)])
async def test_times_that_were_missed_are_made_up_once_or_skipped(house: House, missed: Missed, made: int) -> None:
    await house.schedules.add(every_hour(missed=missed))
    house.clock.forward(10.5 * 3600)
    jobs = await house.engine.submit_scheduled()
    assert len(jobs) == made
    await house.engine.cancel_many([job.id for job in jobs])
    assert await house.engine.submit_scheduled() == []
    told = await house.events.since(0, names=["ScheduleMissed"])
    assert [event.data["made_up"] for event in told] == [missed is Missed.ONCE]
    house.clock.time = START + timedelta(hours=11)
    assert len(await house.engine.submit_scheduled()) == 1


async def test_a_clock_that_jumps_a_day_ahead_and_back_makes_nothing_twice_and_loses_nothing(house: House) -> None:
    await house.schedules.add(every_hour())
    for hour in (1.0, 25.0, *(hour + 1 / 3600 for hour in range(1, 27))):
        house.clock.time = START + timedelta(hours=hour)
        await house.engine.cancel_many([job.id for job in await house.engine.submit_scheduled()])
    keys = [job.key for job in await house.engine.list_jobs(limit=100)]
    assert len(keys) == len(set(keys)) == 26


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"])
async def test_half_past_two_makes_one_job_a_day_all_year(house: House, zone: str) -> None:
    house.clock.time = datetime(2026, 1, 1, 12, tzinfo=UTC)
    rule = Rule(cron="30 2 * * *", timezone=zone, start=house.clock.now())
    await house.schedules.add(every_hour(rule=rule))
    days = []
    for _ in range(365):
        due_at = await house.engine.next_schedule_at()
        assert due_at is not None
        house.clock.time = due_at
        (job,) = await house.engine.submit_scheduled()
        days.append(due_at.astimezone(ZoneInfo(zone)).date())
        await house.engine.cancel(job.id)
    assert days == [days[0] + timedelta(days=number) for number in range(365)]


async def test_a_schedule_for_all_serves_the_accounts_that_are_active_then_as_one_batch(house: House) -> None:
    await house.schedules.add(every_hour(account=None))
    await house.accounts.set_state("bob", AccountState.PAUSED, "by an operator")
    house.clock.forward(3600)
    jobs = await house.engine.submit_scheduled()
    assert [job.account for job in jobs] == ["amy", "cleo"]
    batch_id = jobs[0].batch_id
    assert batch_id is not None
    assert (await house.engine.batch(batch_id)).name == "schedule hourly"


async def test_a_paused_account_has_one_job_when_it_is_resumed_however_long_it_was_paused(house: House) -> None:
    await house.schedules.add(every_hour())
    await house.schedules.add(every_hour(name="other"))
    await house.accounts.set_state("amy", AccountState.PAUSED, "by an operator")
    for hour in range(1, 25):
        house.clock.time = START + timedelta(hours=hour)
        await house.engine.submit_scheduled()
    jobs = await house.engine.list_jobs(account="amy")
    assert len(jobs) == 2, "one of each schedule"
    told = await house.events.since(0, names=["ScheduleSkipped"])
    assert len(told) == 2 * 23
    assert (told[0].account, told[0].job_id in {job.id for job in jobs}) == ("amy", True)
    assert told[0].data["due_at"] == (START + timedelta(hours=2)).isoformat()


async def test_a_parked_job_keeps_the_next_one_of_its_schedule_and_account_away_and_no_other(house: House) -> None:
    await house.schedules.add(every_hour(account=None))
    house.clock.time = START + timedelta(hours=1)
    first = {job.account: job.id for job in await house.engine.submit_scheduled()}
    lease = await house.engine.claim_job(first["amy"], owner="w1", ttl_s=10)
    assert lease is not None
    await house.engine.park(lease, kind=ErrorKind.CAPTCHA, error="A captcha.")
    await house.engine.cancel_many([number for name, number in first.items() if name != "amy"])
    house.clock.time = START + timedelta(hours=2)
    second = await house.engine.submit_scheduled()
    assert [job.account for job in second] == ["bob", "cleo"]
    await house.engine.cancel_many([first["amy"], *(job.id for job in second)])
    house.clock.time = START + timedelta(hours=3)
    assert [job.account for job in await house.engine.submit_scheduled()] == ["amy", "bob", "cleo"]


async def test_a_removed_schedule_makes_no_more_jobs_and_a_new_one_of_its_name_begins_afresh(house: House) -> None:
    await house.schedules.add(every_hour())
    with pytest.raises(Conflict, match="hourly"):
        await house.schedules.add(every_hour())
    await house.schedules.remove("hourly")
    house.clock.forward(3600)
    assert await house.engine.submit_scheduled() == []
    assert await house.engine.next_schedule_at() is None
    with pytest.raises(NotFound):
        await house.schedules.remove("hourly")
    await house.schedules.add(every_hour())
    house.clock.forward(3600)
    assert len(await house.engine.submit_scheduled()) == 1


# ── Any history ───────────────────────────────────────────────────────────────────────────────────────────────

ACTIONS = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from(["amy", "bob"]), st.sampled_from(Priority), st.integers(-5, 40)),
    st.tuples(st.just("claim"), st.sampled_from(["w1", "w2"])),
    st.tuples(st.just("end"), st.sampled_from(["succeed", "fail", "retry", "requeue", "park", "doubt"])),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("again"), st.integers(0, 9)),
    st.tuples(st.just("wait"), st.one_of(st.integers(1, 30), st.integers(800, 1000))),
    st.tuples(st.just("die"), st.sampled_from(["w1", "w2"])),
)


@pytest.mark.parametrize("build", HOUSES.values(), ids=HOUSES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=st.lists(ACTIONS, max_size=30))
def test_any_history_keeps_the_promises(
    build: Callable[[Path], AbstractAsyncContextManager[House]], actions: list[tuple[object, ...]]
) -> None:
    async def live() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with build(Path(folder)) as house:
                await house.add_accounts("amy", "bob")
                history = History(house)
                for action, *values in actions:
                    await getattr(history, str(action))(*values)
                    await history.check()

    asyncio.run(live())


class History:
    """Does what it is told to an engine, and remembers what the engine must remember."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.leases: list[Lease] = []
        self.states: dict[int, JobState] = {}

    async def submit(self, account: str, priority: Priority, due_in_s: int) -> None:
        due_at = self.house.clock.now() + timedelta(seconds=due_in_s)
        await self.house.submit(read_inbox(account, priority=priority, due_at=due_at))

    async def claim(self, owner: str) -> None:
        jobs = await self.house.engine.list_jobs(limit=1000)
        busy = {job.account for job in jobs if job.state is JobState.RUNNING}
        now = self.house.clock.now()
        due = [job for job in jobs if job.state is JobState.QUEUED and job.due_at <= now and job.account not in busy]
        lease = await self.house.other.claim(owner=owner, ttl_s=TTL_S)
        assert (lease is None) == (not due)
        if lease is not None:
            best = min(raised(job.priority, due_at=job.due_at, now=now).rank for job in due)
            assert raised(lease.job.priority, due_at=lease.job.due_at, now=now).rank == best
            assert lease.job.id in {job.id for job in due}
            self.leases.append(lease)

    async def end(self, how: str) -> None:
        if not self.leases:
            return
        lease, engine = self.leases.pop(0), self.house.engine
        current = (await engine.get(lease.job.id)).fence == lease.fence and (
            await engine.get(lease.job.id)
        ).state is JobState.RUNNING
        words = {"kind": ErrorKind.NETWORK, "error": "down"}
        later = self.house.clock.now() + timedelta(seconds=5)
        ends = {
            "succeed": lambda: engine.succeed(lease, {}),
            "fail": lambda: engine.fail(lease, **words),  # type: ignore[arg-type]  # a mapping of both keywords
            "retry": lambda: engine.retry_later(lease, due_at=later, **words),  # type: ignore[arg-type]  # the same
            "requeue": lambda: engine.requeue(lease),
            "park": lambda: engine.park(lease, **words),  # type: ignore[arg-type]  # a mapping of both keywords
            "doubt": lambda: engine.doubt(lease, **words),  # type: ignore[arg-type]  # a mapping of both keywords
        }
        if current:
            await ends[how]()
        else:
            with pytest.raises(StaleLease):
                await ends[how]()

    async def cancel(self, number: int) -> None:
        await self._ask(number, self.house.engine.cancel)

    async def again(self, number: int) -> None:
        await self._ask(number, self.house.engine.retry)

    async def wait(self, seconds: int) -> None:
        self.house.clock.forward(seconds)

    async def die(self, owner: str) -> None:
        for job in await self.house.engine.release_dead(dead=[owner]):
            assert job.state in (JobState.QUEUED, JobState.CANCELLED)

    async def check(self) -> None:
        jobs = await self.house.engine.list_jobs(limit=1000)
        running = Counter(job.account for job in jobs if job.state is JobState.RUNNING)
        assert all(count == 1 for count in running.values())
        for job in jobs:
            before = self.states.get(job.id, job.state)
            assert job.state is before or job.state in JOB_TRANSITIONS[before]
            assert (job.state is JobState.RUNNING) == (job.owner is not None)
            self.states[job.id] = job.state
        free = [job.due_at for job in jobs if job.state is JobState.QUEUED and job.account not in running]
        now = self.house.clock.now()
        next_due_at = await self.house.engine.next_due_at()
        if free:
            assert next_due_at is not None
            assert (next_due_at <= now) if min(free) <= now else (next_due_at == min(free))
        else:
            assert next_due_at is None

    async def _ask(self, number: int, ask: Callable[[int], object]) -> None:
        jobs = await self.house.engine.list_jobs(limit=1000)
        if number < len(jobs):
            try:
                await ask(jobs[number].id)  # type: ignore[misc]  # both are coroutine functions
            except Conflict:
                assert jobs[number].state not in (JobState.PARKED, JobState.UNKNOWN)
