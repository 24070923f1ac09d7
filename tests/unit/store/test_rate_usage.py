from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.dialects.sqlite import dialect

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.effects import EffectKind, EffectState
from runner.domain.jobs import Job, Lease, NewJob
from runner.domain.limits import Limit, LimitKind, Limits, WarmUp
from runner.domain.notices import notice_of
from runner.domain.pace import HoursPlan, Pacing
from runner.domain.states import JobState
from runner.engine.embedded import EmbeddedEngine
from runner.engine.paces import Paces
from runner.errors import ErrorKind, NoRoom, Rejected
from runner.store import tables
from runner.store.accounts import Accounts
from runner.store.armed import FIRED
from runner.store.database import Database
from runner.store.effects import Effects
from runner.store.events import Events
from runner.store.limit_tables import rate_usage
from runner.store.rate_usage import RateUsage

MESSAGES = LimitKind.MESSAGES
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Desk:
    """An engine and a journal under one configuration."""

    def __init__(
        self,
        db: Database,
        limits: Limits | None = None,
        *,
        hours: HoursPlan | None = None,
        warm_up: WarmUp | None = None,
        timezone: str = "UTC",
    ) -> None:
        pacing = Pacing(limits=limits, hours=hours, warm_up=warm_up, timezone=timezone)
        self.usage = RateUsage(db, pacing)
        self.engine = EmbeddedEngine(db, self.usage)
        self.effects = Effects(db, self.usage)
        self.events = Events(db)
        self._keys = itertools.count()

    async def submit(self, flow: str = "send_message", account: str = "amy") -> Job:
        return (await self.engine.submit([NewJob(account=account, flow=flow)]))[0]

    async def claim(self) -> Lease | None:
        return await self.engine.claim(owner="w1", ttl_s=10)

    async def fire(self, lease: Lease, *, settle: EffectState | None = EffectState.CONFIRMED) -> None:
        """Arm an Effect of this Job and settle it. Raises NoRoom."""
        key = f"{lease.job.id}-{id(self)}-{next(self._keys)}"
        planned = await self.effects.plan(lease, EffectKind.SEND_MESSAGE, key, "hash")
        prepared = await self.effects.transition(lease, planned, EffectState.PREPARED)
        armed = await self.effects.transition(lease, prepared, EffectState.ARMED)
        if settle is not None:
            await self.effects.transition(lease, armed, settle, remote_id=key)

    async def is_fired(self, lease: Lease) -> bool:
        try:
            await self.fire(lease)
        except NoRoom:
            return False
        return True

    async def sent(self, lease: Lease) -> None:
        await self.fire(lease)
        await self.engine.succeed(lease, {})

    async def job(self, number: int) -> Job:
        return await self.engine.get(number)


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk(db, {MESSAGES: Limit(per_minute=2)})


async def test_what_has_no_room_is_put_off_until_there_is_and_told_once(desk: Desk, clock) -> None:
    jobs = [await desk.submit() for _ in range(4)]
    for _ in range(2):
        lease = await desk.claim()
        assert lease is not None
        await desk.sent(lease)
        clock.forward(10)
    assert await desk.claim() is None
    assert await desk.claim() is None
    third = await desk.job(jobs[2].id)
    assert third.state is JobState.QUEUED
    assert third.due_at == NOON + timedelta(seconds=60)
    assert third.postponed == "limit: 2 messages a minute, used 2; again at 12:01:00 UTC"
    told = [event.job_id for event in await desk.events.since(0, names=["JobPostponed"])]
    assert told == [jobs[2].id, jobs[3].id]
    clock.forward(39.999)
    assert await desk.claim() is None
    clock.forward(0.001)
    lease = await desk.claim()
    assert lease is not None
    assert (lease.job.id, lease.job.postponed) == (third.id, None)


async def test_other_work_of_the_account_goes_on_while_messages_are_used_up(desk: Desk) -> None:
    for _ in range(3):
        await desk.submit()
    reading = await desk.submit("read_inbox")
    for _ in range(2):
        lease = await desk.claim()
        assert lease is not None
        await desk.sent(lease)
    lease = await desk.claim()
    assert lease is not None
    assert lease.job.id == reading.id


async def test_arming_reserves_or_arms_nothing(desk: Desk) -> None:
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    await desk.fire(lease)
    await desk.fire(lease)
    with pytest.raises(NoRoom, match="used 2") as refused:
        await desk.fire(lease)
    assert refused.value.until == NOON + timedelta(seconds=60)
    states = [effect.state for effect in await desk.effects.list_effects()]
    assert states == [EffectState.PREPARED, EffectState.CONFIRMED, EffectState.CONFIRMED]
    await desk.engine.postpone(lease, refused.value)
    job = await desk.job(lease.job.id)
    assert (job.attempts, job.state, job.postponed) == (0, JobState.QUEUED, refused.value.words)


async def test_who_may_not_sign_in_any_more_opens_no_browser_for_the_other_jobs(db: Database) -> None:
    desk = Desk(db, {LimitKind.SIGN_INS: Limit(per_day=1)})
    jobs = [await desk.submit("read_inbox") for _ in range(5)]
    lease = await desk.claim()
    assert lease is not None
    await desk.usage.over(await desk.usage.reserve(lease, LimitKind.SIGN_INS))
    await desk.engine.succeed(lease, {})
    lease = await desk.claim()
    assert lease is not None
    with pytest.raises(NoRoom) as refused:
        await desk.usage.reserve(lease, LimitKind.SIGN_INS)
    await desk.engine.postpone(lease, refused.value)
    assert await desk.claim() is None
    assert {(await desk.job(each.id)).postponed for each in jobs[1:]} == {refused.value.words}


async def test_a_use_counts_until_its_window_has_passed_after_it_was_surely_over(desk: Desk, clock) -> None:
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    planned = await desk.effects.plan(lease, EffectKind.SEND_MESSAGE, "slow", "hash")
    prepared = await desk.effects.transition(lease, planned, EffectState.PREPARED)
    armed = await desk.effects.transition(lease, prepared, EffectState.ARMED)
    clock.forward(3600)
    await desk.fire(lease)
    with pytest.raises(NoRoom):
        await desk.fire(lease)
    await desk.effects.transition(lease, armed, EffectState.CONFIRMED, remote_id="slow")
    clock.forward(59.9)
    with pytest.raises(NoRoom):
        await desk.fire(lease)
    clock.forward(0.1)
    await desk.fire(lease)


async def test_what_was_fired_and_died_is_claimed_to_be_read_back_though_nothing_has_room(db: Database, clock) -> None:
    desk = Desk(db, {MESSAGES: Limit(per_day=1)})
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    await desk.fire(lease, settle=None)
    other = await desk.submit()
    await desk.engine.release_dead(dead=["w1"])
    again = await desk.claim()
    assert again is not None
    assert again.job.id == lease.job.id
    assert (await desk.job(other.id)).postponed is None, "not yet its turn"
    await desk.engine.requeue(again, due_at=clock.now() + timedelta(hours=1))
    assert await desk.claim() is None
    assert (await desk.job(other.id)).due_at == datetime(2026, 11, 23, tzinfo=UTC)


async def test_a_day_is_that_of_the_accounts_zone(db: Database, clock) -> None:
    desk = Desk(db, {MESSAGES: Limit(per_day=1)}, timezone="Asia/Tokyo")
    await desk.submit()
    second = await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    await desk.sent(lease)
    assert await desk.claim() is None
    job = await desk.job(second.id)
    assert job.due_at == datetime(2026, 11, 22, 15, tzinfo=UTC)
    assert job.postponed == "limit: 1 messages a day, used 1; again at 00:00 Asia/Tokyo"


async def test_a_persons_own_run_is_bound_by_limits_and_not_by_hours(db: Database) -> None:
    closed = HoursPlan(days={"sunday": "closed"})
    desk = Desk(db, {MESSAGES: Limit(per_minute=1)}, hours=closed)
    job = await desk.submit()
    assert await desk.claim() is None
    assert (await desk.job(job.id)).postponed == "hours: closed until Monday 00:00, weekend (UTC)"
    lease = await desk.engine.claim_job(job.id, owner="w1", ttl_s=10)
    assert lease is not None
    await desk.sent(lease)
    second = await desk.submit()
    assert await desk.engine.claim_job(second.id, owner="w1", ttl_s=10) is None
    assert ((await desk.job(second.id)).postponed or "").startswith("limit: 1 messages a minute, used 1")


async def test_outside_the_hours_all_rests_and_reading_goes_on_where_it_is_told_to(db: Database, clock) -> None:
    resting = Desk(db, hours=HoursPlan(days={"sunday": "09:00-11:00"}))
    sending, reading = await resting.submit(), await resting.submit("read_inbox")
    assert await resting.claim() is None
    assert {(await resting.job(job.id)).due_at for job in (sending, reading)} == {datetime(2026, 11, 23, tzinfo=UTC)}
    going_on = Desk(db, hours=HoursPlan(days={"sunday": "09:00-11:00"}, read_outside=True))
    await going_on.submit()
    later = await going_on.submit("read_inbox")
    lease = await going_on.claim()
    assert lease is not None
    assert lease.job.id == later.id


async def test_nothing_is_fired_after_closing_though_the_job_was_begun_before(db: Database, clock) -> None:
    desk = Desk(db, hours=HoursPlan(days={"sunday": "09:00-12:01"}))
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    clock.forward(31)
    with pytest.raises(NoRoom, match="closed until Monday 00:00") as refused:
        await desk.fire(lease)
    assert refused.value.until == datetime(2026, 11, 23, tzinfo=UTC)


async def test_new_accounts_warm_up(db: Database, clock) -> None:
    desk = Desk(db, {MESSAGES: Limit(per_day=10)}, warm_up=WarmUp(days=4, start=0.2))
    allowed = []
    for _ in range(6):
        await desk.submit()
        lease = await desk.engine.claim(owner="w1", ttl_s=10)
        assert lease is not None
        allowed.append(sum([await desk.is_fired(lease) for _ in range(12)]))
        await desk.engine.succeed(lease, {})
        clock.forward(86_400)
    assert allowed == [2, 4, 6, 8, 10, 10]


async def test_a_person_is_told_once_that_a_limit_is_near(db: Database, clock) -> None:
    desk = Desk(db, {MESSAGES: Limit(per_hour=5, per_day=100)})
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    for _ in range(5):
        await desk.fire(lease)
        clock.forward(60)
    near = await desk.events.since(0, names=["LimitNear"])
    assert [event.data for event in near] == [{"kind": "messages", "window": "hour", "limit": 5, "used": 4}]


async def test_sign_ins_that_a_dead_process_began_are_over_when_it_is_known_to_be_dead(db: Database, clock) -> None:
    desk = Desk(db, {LimitKind.SIGN_INS: Limit(per_minute=1)})
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    await desk.usage.reserve(lease, LimitKind.SIGN_INS)
    await desk.engine.release_dead(dead=["w1"])
    again = await desk.claim()
    assert again is not None
    with pytest.raises(NoRoom):
        await desk.usage.reserve(again, LimitKind.SIGN_INS)
    clock.forward(60)
    with pytest.raises(NoRoom):  # the site may have noted it after the browser was killed
        await desk.usage.reserve(again, LimitKind.SIGN_INS)
    clock.forward(60)
    number = await desk.usage.reserve(again, LimitKind.SIGN_INS)
    await desk.usage.over(number)


async def test_many_at_once_never_use_one_too_many(db: Database, path, clock) -> None:
    async with Database.open(path, clock=clock) as second:
        desks = [Desk(each, {MESSAGES: Limit(per_hour=7)}) for each in (db, second)]
        await desks[0].submit()
        lease = await desks[0].claim()
        assert lease is not None

        fired = await asyncio.gather(*(desks[number % 2].is_fired(lease) for number in range(20)))
    assert sum(fired) == 7


async def fired_and_died(desk: Desk) -> Lease:
    """A Job that has armed an Effect, whose worker died before it was read back."""
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    await desk.fire(lease, settle=None)
    await desk.engine.release_dead(dead=["w1"])
    return lease


@pytest.mark.parametrize("is_running", [True, False])
async def test_what_a_cancelled_job_has_fired_waits_for_a_person(db: Database, clock, is_running: bool) -> None:
    desk = Desk(db, {MESSAGES: Limit(per_day=1)})
    await fired_and_died(desk)
    (armed,) = await desk.effects.list_effects()
    if is_running:
        lease = await desk.claim()
        assert lease is not None
        await desk.engine.cancel(lease.job.id)
        await desk.engine.acknowledge_cancel(lease)
    else:
        await desk.engine.cancel(armed.job_id)
    assert (await desk.job(armed.job_id)).state is JobState.CANCELLED
    assert (await desk.effects.get(armed.id)).state is EffectState.UNKNOWN
    told = await desk.events.since(0, names=["EffectUnknown"])
    assert [event.data["effect"] for event in told] == [armed.id]
    (given_up,) = await desk.events.since(0, names=["EffectGivenUp"])
    notice = notice_of(given_up)
    assert notice is not None
    assert notice.title == f"amy: nobody knows whether job {armed.job_id} did it"

    other = await desk.submit()
    assert await desk.claim() is None
    words = f"limit: 1 messages a day, used 1; waits for effect {armed.id} to be settled"
    assert (await desk.job(other.id)).postponed == words
    await desk.effects.settle(armed.id, EffectState.NOT_DONE)
    clock.forward(86_400)
    lease = await desk.claim()
    assert lease is not None
    assert lease.job.id == other.id


async def test_a_replay_of_what_was_fired_and_died_reads_it_back_though_nothing_has_room(db: Database, clock) -> None:
    desk = Desk(db, {MESSAGES: Limit(per_day=1)})
    lease = await fired_and_died(desk)
    replay = NewJob(account="amy", flow="send_message", replay_of=lease.job.id)
    async with db.write() as connection:
        await connection.execute(update(tables.job).values(state=JobState.FAILED))
    (again,) = await desk.engine.submit([replay])
    claimed = await desk.claim()
    assert claimed is not None
    assert claimed.job.id == again.id


async def test_what_has_fired_is_read_back_outside_the_hours_and_fires_nothing(db: Database, clock) -> None:
    desk = Desk(db, hours=HoursPlan(days={"sunday": "09:00-12:01"}))
    lease = await fired_and_died(desk)
    clock.forward(61)
    again = await desk.claim()
    assert again is not None
    assert again.job.id == lease.job.id
    with pytest.raises(NoRoom, match="closed until Monday"):
        await desk.fire(again)


async def test_what_an_account_has_fired_is_found_by_its_open_uses_alone(db: Database) -> None:
    async with db.read() as connection:
        statement = str(FIRED.compile(dialect=dialect(), compile_kwargs={"literal_binds": False}))
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (1, 0, 0, "armed"))
        steps = [row[3] for row in plan]
    assert any("ix_rate_usage_open" in step for step in steps), steps
    assert not any(step.startswith("SCAN") or "ix_rate_usage_effect" in step for step in steps), steps


async def test_a_clock_that_was_ahead_for_a_while_loses_no_use(db: Database, clock) -> None:
    desk = Desk(db, {MESSAGES: Limit(per_day=3)})
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    for _ in range(2):
        await desk.fire(lease)
    clock.forward(40 * 86_400)
    await desk.fire(lease)
    clock.forward(-40 * 86_400)
    with pytest.raises(NoRoom, match="used 3"):
        await desk.fire(lease)


async def test_a_use_that_ends_before_it_began_counts_all_the_same(db: Database, clock) -> None:
    desk = Desk(db, {MESSAGES: Limit(per_minute=1)})
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    planned = await desk.effects.plan(lease, EffectKind.SEND_MESSAGE, "back", "hash")
    prepared = await desk.effects.transition(lease, planned, EffectState.PREPARED)
    armed = await desk.effects.transition(lease, prepared, EffectState.ARMED)
    clock.forward(-600)
    await desk.effects.transition(lease, armed, EffectState.CONFIRMED, remote_id="back")
    clock.forward(630)
    with pytest.raises(NoRoom):
        await desk.fire(lease)


async def test_what_is_put_off_again_and_again_is_told_once(desk: Desk, clock) -> None:
    for _ in range(3):
        await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    for _ in range(2):
        await desk.fire(lease, settle=None)
    await desk.engine.doubt(lease, kind=ErrorKind.NETWORK, error="nobody knows")
    for _ in range(5):
        assert await desk.claim() is None
        clock.forward(60)
    assert len(await desk.events.since(0, names=["JobPostponed"])) == 2


async def test_nobody_is_told_that_the_limit_of_a_minute_is_near(desk: Desk) -> None:
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    await desk.fire(lease)
    await desk.fire(lease)
    assert await desk.events.since(0, names=["LimitNear"]) == []


async def test_what_idle_accounts_used_long_ago_is_deleted_at_a_start(db: Database, clock) -> None:
    desk = Desk(db, {LimitKind.PUBLISHES: Limit(per_day=1)})
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    for _ in range(3):
        await desk.fire(lease)
        clock.forward(1)
    clock.forward(31 * 86_400)
    await Paces(db, desk.usage).keep_up()
    async with db.read() as connection:
        left = (await connection.execute(select(func.count()).select_from(rate_usage))).scalar_one()
    assert left == 1, "the newest stays, whatever the clock says"


async def test_what_can_be_done_is_claimed_at_once_however_much_must_be_put_off_before(db: Database, clock) -> None:
    desk = Desk(db, {MESSAGES: Limit(per_minute=1)})
    names = [f"acc{number:02}" for number in range(20)]
    for name in names:
        secret = SecretRef(kind="env", name="PASSWORD")
        await Accounts(db).add_many([NewAccount(name=name, site="mock", username=name, secret=secret)])
        job = await desk.submit(account=name)
        lease = await desk.engine.claim_job(job.id, owner="w1", ttl_s=10)
        assert lease is not None
        await desk.sent(lease)
        await desk.submit(account=name)
    reading = await desk.submit("read_inbox", account=names[-1])
    lease = await desk.claim()
    assert lease is not None
    assert lease.job.id == reading.id


LOADS = LimitKind.PAGE_LOADS


async def loaded(desk: Desk, lease: Lease, times: int, *, must: bool = False) -> None:
    for _ in range(times):
        await desk.usage.over(await desk.usage.reserve(lease, LOADS, must=must))


async def test_an_attempt_for_which_the_limit_is_too_small_fails_instead_of_coming_back_for_ever(
    db: Database, clock
) -> None:
    desk = Desk(db, {LOADS: Limit(per_hour=3)})
    await desk.submit("read_inbox")
    lease = await desk.claim()
    assert lease is not None
    await loaded(desk, lease, 1)
    await desk.engine.requeue(lease)
    again = await desk.claim()
    assert again is not None
    await loaded(desk, again, 2)
    with pytest.raises(NoRoom):  # the earlier attempt has used one: later there is more room
        await loaded(desk, again, 1)
    await desk.engine.requeue(again)
    clock.forward(3600)
    last = await desk.claim()
    assert last is not None
    await loaded(desk, last, 3)
    words = "limit of 3 page loads per hour is less than one read_inbox of amy needs: it alone had used 3"
    with pytest.raises(Rejected, match=words) as refused:
        await loaded(desk, last, 1)
    assert "runner limits set amy page_loads --per-hour N" in refused.value.cure


async def test_nothing_is_armed_without_room_for_the_submit_and_its_read_back(db: Database, clock) -> None:
    desk = Desk(db, {LOADS: Limit(per_hour=4)})
    await desk.submit("read_inbox")
    lease = await desk.claim()
    assert lease is not None
    await loaded(desk, lease, 1)
    await desk.engine.succeed(lease, {})
    await desk.submit()
    lease = await desk.claim()
    assert lease is not None
    await loaded(desk, lease, 2)
    with pytest.raises(NoRoom, match="4 page loads an hour, used 3") as refused:
        await desk.fire(lease)
    assert refused.value.until == NOON + timedelta(hours=1)
    (effect,) = await desk.effects.list_effects()
    assert effect.state is EffectState.PREPARED
    with pytest.raises(NoRoom):
        await desk.usage.reserve(lease, LimitKind.SIGN_INS)
    await loaded(desk, lease, 2, must=True)
    async with db.read() as connection:
        counted = select(func.count()).select_from(rate_usage).where(rate_usage.c.kind == LOADS)
        assert (await connection.execute(counted)).scalar_one() == 5
