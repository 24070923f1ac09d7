"""Sequences and Enrolments over a real database and the real engine: each message once, none after anybody wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.effects import EffectKind, EffectState, message_key, payload_hash
from runner.domain.enrolments import Enrolment, EnrolmentState, SendState, Source, StopReason
from runner.domain.hours import WorkingHours
from runner.domain.jobs import Job, Lease, NewJob
from runner.domain.messages import RemoteMessage, ThreadSummary, keyed
from runner.domain.sequences import NewSequence, SequenceStep, WorkingWeek
from runner.domain.states import Direction, JobState, ThreadStatus
from runner.domain.templates import NewTemplate
from runner.engine.embedded import EmbeddedEngine
from runner.errors import Conflict, ErrorKind, NotFound, RunnerError
from runner.inbox.following import Following, FollowUpTerms
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.effects import Effects
from runner.store.enrolling import Asked
from runner.store.enrolment_moves import EnrolmentMoves
from runner.store.enrolments import Enrolments
from runner.store.events import Events
from runner.store.sequence_tables import enrolment, enrolment_send
from runner.store.sequences import Sequences
from runner.store.templates import Templates
from runner.store.threads import Threads
from runner.store.trade_tables import message
from tests.unit.inbox.conftest import standing

START = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
BY_HAND = Asked(source=Source.HAND, by="ada")


class HandClock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time


@dataclass
class Desk:
    """An inbox, what follows its threads up, and a hand that does the jobs as a worker would."""

    db: Database
    clock: HandClock
    following: Following
    engine: EmbeddedEngine
    threads: Threads
    effects: Effects

    async def arrives(self, text: str, *, thread: str = "7", ours: bool = False, remote_id: str = "") -> int:
        """One more message stands in a thread, and the inbox is read; returns the thread's number."""
        self.clock.time += timedelta(seconds=1)
        at, side = self.clock.time, Direction.OUTBOUND if ours else Direction.INBOUND
        number = remote_id or f"{thread}-{at:%d%H%M%S}"
        new = [RemoteMessage(remote_id=number, direction=side, sender="x", text=text, sent_at=at)]
        summary = ThreadSummary(
            remote_id=thread, counterpart="Ida", listing_title=None, excerpt="", last_at=at, unread=1, url="http://x/"
        )
        before = [each for each in await standing(self.threads, "amy", thread) if each.remote_id != number]
        await self.threads.save_thread("amy", summary, str(at), keyed([*before, *new]))
        return (await self.threads.by_remote_id("amy", thread)).id

    async def enrolled(self, *steps: str, text: str = "Is it there?") -> Enrolment:
        """A thread that goes through a sequence "nudge"; its template says "Hi Ida." and "Hello." in turn."""
        if not await self.following.sequences.list_sequences():
            await Templates(self.db).add(NewTemplate(name="hi", variants=("Hi {buyer_name}.", "Hello.")))
            new = NewSequence(name="nudge", steps=tuple(map(SequenceStep.parse, steps or ("2h:hi", "1d:hi"))))
            await self.following.sequences.add(new)
        (made,) = await self.following.enrol_all("nudge", [await self.arrives(text)], BY_HAND)
        return made

    async def later(self, **span: float) -> None:
        self.clock.time += timedelta(**span)
        await self.following.sweep()

    async def jobs(self, *states: JobState) -> list[Job]:
        return await self.engine.list_jobs(states=states)

    async def take(self) -> Lease:
        lease = await self.engine.claim(owner="w1", ttl_s=10)
        assert lease is not None
        return lease

    async def sends(self, remote_id: str = "m1") -> None:
        """A worker sends the message that is queued."""
        lease = await self.take()
        await self.fires(lease, EffectState.CONFIRMED, remote_id)
        await self.engine.succeed(lease, {"message": remote_id})

    async def fires(self, lease: Lease, to: EffectState, remote_id: str | None = None) -> int:
        params = lease.job.params
        key = message_key(params["thread"], params.get("follows", ""), params["text"])
        effect = await self.effects.plan(lease, EffectKind.SEND_MESSAGE, key, payload_hash(params["text"]))
        for state in dict.fromkeys((EffectState.PREPARED, EffectState.ARMED, to)):
            effect = await self.effects.transition(lease, effect, state, remote_id=remote_id)
        return effect.id

    async def is_not_sent(self, **told: Any) -> None:
        lease = await self.take()
        await self.engine.succeed(lease, {"message": None, "not_sent": "not sent: somebody has written"} | told)

    async def now(self, of: Enrolment) -> Enrolment:
        return await self.following.enrolments.get(of.id)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = HandClock()
    async with Database.open(tmp_path / "runner.db", clock=clock) as db:
        secret = SecretRef(kind="env", name="PASSWORD")
        await Accounts(db).add_many([NewAccount(name="amy", site="mock", username="amy", secret=secret)])
        engine, week = EmbeddedEngine(db), WorkingWeek(hours=WorkingHours.of({}, "UTC"))

        async def hours_of(account: str) -> WorkingWeek:
            return week

        following = Following(
            sequences=Sequences(db),
            enrolments=Enrolments(db),
            moves=EnrolmentMoves(db),
            templates=Templates(db),
            engine=engine,
            hours_of=hours_of,
            clock=clock,
            terms=FollowUpTerms(away=timedelta(days=7)),
            max_attempts=3,
        )
        yield Desk(db=db, clock=clock, following=following, engine=engine, threads=Threads(db), effects=Effects(db))


async def test_each_step_goes_out_once_when_it_is_due_and_counts_from_the_message_before(desk: Desk) -> None:
    made = await desk.enrolled("2h:hi", "1d:hi")
    assert (made.state, made.next_due_at) == (EnrolmentState.ACTIVE, desk.clock.time + timedelta(hours=2))
    await desk.later(hours=1.9)
    assert await desk.jobs() == []
    await desk.later(hours=0.2)
    await asyncio.gather(*(desk.following.sweep() for _ in range(5)))
    (job,) = await desk.jobs()
    first = (await desk.threads.messages_of(made.thread_id))[0].key
    until = (desk.clock.time + timedelta(days=3)).isoformat()
    assert job.params == {"thread": "7", "text": "Hi Ida.", "follows": first, "not_after": until}

    desk.clock.time += timedelta(hours=5)  # it lay in the queue
    sent_at = desk.clock.time
    await desk.sends("m1")
    await desk.following.sweep()
    assert (await desk.now(made)).next_due_at == sent_at + timedelta(days=1)
    await desk.later(days=1)
    (second,) = await desk.jobs(JobState.QUEUED)
    assert (second.params["text"], second.params["follows"]) == ("Hello.", "id:m1")
    await desk.sends("m2")
    await desk.later(hours=1)
    ended = await desk.now(made)
    assert (ended.state, ended.position, ended.next_due_at) == (EnrolmentState.FINISHED, 2, None)
    assert len(await desk.jobs()) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [("Still interested!", StopReason.REPLIED), ("Please stop messaging me", StopReason.OPTED_OUT)],
)
async def test_a_reply_ends_it_and_what_is_queued_is_taken_back(desk: Desk, text: str, reason: StopReason) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    assert len(await desk.jobs(JobState.QUEUED)) == 1
    await desk.arrives(text)
    await desk.later(seconds=1)
    await desk.following.sweep()
    ended = await desk.now(made)
    assert (ended.state, ended.reason, ended.replied_at is not None) == (EnrolmentState.STOPPED, reason, True)
    assert [each.state for each in await desk.jobs()] == [JobState.CANCELLED]
    assert [each.state for each in await desk.following.enrolments.sends(made.id)] == [SendState.NOT_SENT]
    await desk.later(days=9)
    assert len(await desk.jobs()) == 1


@pytest.mark.parametrize(("text", "reason"), [("Is it theer?", StopReason.REPLIED), ("Stop", StopReason.OPTED_OUT)])
async def test_what_the_counterpart_puts_in_other_words_is_heard(desk: Desk, text: str, reason: StopReason) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    await desk.sends("m1")
    asked = (await desk.threads.messages_of(made.thread_id))[0].key.removeprefix("id:")
    await desk.later(minutes=1)
    await desk.arrives(text, remote_id=asked)
    await desk.later(seconds=1)
    ended = await desk.now(made)
    assert (ended.state, ended.reason) == (EnrolmentState.STOPPED, reason)
    assert len(await desk.jobs()) == 1


async def test_a_persons_own_message_ends_it_and_its_own_do_not(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    await desk.sends("m1")
    await desk.arrives("Hi Ida.", ours=True, remote_id="m1")
    await desk.later(hours=1)
    assert (await desk.now(made)).state is EnrolmentState.ACTIVE
    await desk.arrives("It is me, Amy.", ours=True, remote_id="m77")
    await desk.later(seconds=1)
    assert (await desk.now(made)).reason is StopReason.WRITTEN


async def test_an_opt_out_in_another_thread_of_the_same_counterpart_counts(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.arrives("Unsubscribe me please", thread="8")
    await desk.later(seconds=1)
    assert (await desk.now(made)).reason is StopReason.OPTED_OUT
    with pytest.raises(Conflict, match="wants no more messages"):
        await desk.following.enrol_all("nudge", [made.thread_id], Asked(source=Source.HAND, by="ada", again=True))
    forced = Asked(source=Source.HAND, by="ada", again=True, force=True)
    (again,) = await desk.following.enrol_all("nudge", [made.thread_id], forced)
    await desk.later(seconds=1)
    assert (await desk.now(again)).state is EnrolmentState.ACTIVE


async def test_what_was_said_in_another_thread_since_the_sweep_holds_the_click(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    (job,) = await desk.jobs(JobState.QUEUED)
    assert await desk.following.enrolments.withdrawn(job.id) is None
    await desk.arrives("Unsubscribe me please", thread="8")
    withdrawn = await desk.following.enrolments.withdrawn(job.id)
    assert withdrawn is not None
    await desk.is_not_sent(not_sent=f"not sent: {withdrawn.why}", overtaken_by="withdrawn")
    await desk.later(seconds=1)
    assert (await desk.now(made)).reason is StopReason.OPTED_OUT


async def test_a_note_of_absence_postpones_until_its_date(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.arrives("Automatic reply: out of office until 1 December.")
    await desk.later(hours=3)
    away = await desk.now(made)
    assert (away.state, away.postponed_until) == (EnrolmentState.POSTPONED, datetime(2026, 12, 2, tzinfo=UTC))
    assert await desk.jobs() == []
    desk.clock.time = datetime(2026, 12, 2, 0, 1, tzinfo=UTC)
    await desk.following.sweep()
    (job,) = await desk.jobs(JobState.QUEUED)
    assert job.params["follows"] == (await desk.threads.messages_of(made.thread_id))[-1].key
    assert (await desk.now(made)).state is EnrolmentState.ACTIVE


async def test_a_note_of_absence_between_sweep_and_click_sends_the_step_later(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    await desk.is_not_sent(overtaken_by="counterpart", said=["Auto-reply: I am out of the office."])
    await desk.following.sweep()
    assert (await desk.now(made)).state is EnrolmentState.POSTPONED
    await desk.later(days=8)
    (job,) = await desk.jobs(JobState.QUEUED)
    assert job.key is not None
    assert job.key.endswith(":step:1:2")
    assert [each.state for each in await desk.following.enrolments.sends(made.id)] == [
        SendState.NOT_SENT,
        SendState.SENDING,
    ]


@pytest.mark.parametrize(
    ("by", "said", "reason"),
    [
        ("counterpart", ["I bought another."], StopReason.REPLIED),
        ("counterpart", ["No me escribas más."], StopReason.OPTED_OUT),
        ("ours", [], StopReason.WRITTEN),
        ("gone", [], StopReason.NOT_SENT),
    ],
)
async def test_what_the_click_found_ends_it(desk: Desk, by: str, said: list[str], reason: StopReason) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    await desk.is_not_sent(overtaken_by=by, said=said)
    await desk.following.sweep()
    ended = await desk.now(made)
    assert (ended.state, ended.reason, ended.position) == (EnrolmentState.STOPPED, reason, 0)


async def test_a_doubt_waits_for_a_person_and_goes_on_from_their_word(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    lease = await desk.take()
    number = await desk.fires(lease, EffectState.UNKNOWN)
    await desk.engine.doubt(lease, kind=ErrorKind.NETWORK, error="nobody can tell")
    for _ in range(3):
        await desk.later(days=2)
    doubtful = await desk.now(made)
    assert (doubtful.state, f"runner effects show {number}" in (doubtful.detail or "")) == (
        EnrolmentState.IN_DOUBT,
        True,
    )
    assert len(await desk.jobs()) == 1
    names = [each.name for each in await Events(desk.db).since(0)]
    assert (names.count("EnrolmentInDoubt"), names.count("PersonAsked")) == (1, 1)

    await desk.effects.settle(number, EffectState.CONFIRMED, remote_id="m1")
    await desk.engine.retry(lease.job.id)
    await desk.engine.succeed(await desk.take(), {"message": "m1"})
    await desk.later(seconds=1)
    settled = await desk.now(made)
    assert (settled.state, settled.position) == (EnrolmentState.ACTIVE, 1)


async def test_a_send_that_failed_asks_a_person_who_has_it_go_on(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    await desk.engine.fail(await desk.take(), kind=ErrorKind.VALIDATION, error="The site refuses it.")
    await desk.following.sweep()
    ended = await desk.now(made)
    assert (ended.reason, "The site refuses it." in (ended.detail or "")) == (StopReason.NOT_SENT, True)
    assert "PersonAsked" in [each.name for each in await Events(desk.db).since(0)]
    await desk.following.resume(made.id, by="ada")
    await desk.later(hours=3)
    assert len(await desk.jobs(JobState.QUEUED)) == 1


async def test_a_missing_value_is_never_sent(desk: Desk) -> None:
    await Templates(desk.db).add(NewTemplate(name="price", variants=("It is {price}.",)))
    made = await desk.enrolled("1h:price")
    await desk.later(hours=2)
    ended = await desk.now(made)
    assert (ended.reason, await desk.jobs()) == (StopReason.NO_TEXT, [])
    assert ended.detail == 'template "price" needs {price}, which is not known here, and has no fall-back'


async def test_closing_the_thread_ends_it(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.threads.set_status(made.thread_id, ThreadStatus.CLOSED)
    await desk.later(seconds=1)
    assert (await desk.now(made)).reason is StopReason.CLOSED


async def test_one_that_cannot_be_dealt_with_stops_none_of_the_others(desk: Desk) -> None:
    made = await desk.enrolled("2h:hi")
    other = await desk.arrives("Is it there?", thread="8")
    (second,) = await desk.following.enrol_all("nudge", [other], BY_HAND)
    await desk.arrives("Automatic reply: away until 9999-12-31")
    await desk.later(hours=3)
    assert (await desk.now(made)).state is EnrolmentState.POSTPONED
    assert [job.params["thread"] for job in await desk.jobs()] == ["8"]

    hours_of = desk.following._hours_of

    async def broken(account: str) -> Any:
        if desk.clock.time > START:
            raise ValueError("no such hours")
        return await hours_of(account)

    desk.following._hours_of = broken
    await desk.arrives("Yes!", thread="8")
    await desk.later(seconds=1)
    desk.following._hours_of = hours_of
    await desk.later(hours=2)
    assert (await desk.now(second)).reason is StopReason.REPLIED, "it is tried again"


async def submitted_by_the_dead(desk: Desk) -> Job:
    """The first step is queued, and the process that submitted it died before it could note so."""
    await desk.later(hours=3)
    async with desk.db.write() as connection:
        await connection.execute(update(enrolment_send).values(job_id=None))
    (job,) = await desk.jobs(JobState.QUEUED)
    return job


async def test_a_job_whose_process_died_before_it_noted_it_is_its_enrolments(desk: Desk) -> None:
    made = await desk.enrolled()
    job = await submitted_by_the_dead(desk)
    assert await desk.following.enrolments.withdrawn(job.id) is None
    async with desk.db.write() as connection:
        await connection.execute(update(enrolment_send).values(job_id=None))
    await desk.following.enrolments.stop([made.id], by="ada")
    found = await desk.following.enrolments.withdrawn(job.id)
    assert found is not None
    assert found.why == "its enrolment is stopped"
    await desk.following.sweep()
    assert [each.state for each in await desk.jobs()] == [JobState.CANCELLED]


async def test_what_the_dead_have_sent_is_no_strangers(desk: Desk) -> None:
    made = await desk.enrolled()
    await submitted_by_the_dead(desk)
    await desk.sends("m1")
    await desk.later(seconds=1)
    await desk.following.sweep()
    after = await desk.now(made)
    assert (after.state, after.position) == (EnrolmentState.ACTIVE, 1)


async def test_a_failed_job_that_is_retried_sends_nothing_for_an_enrolment_that_went_on_without_it(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    lease = await desk.take()
    await desk.engine.fail(lease, kind=ErrorKind.VALIDATION, error="no")
    await desk.following.sweep()
    await desk.engine.retry(lease.job.id)
    assert await desk.following.enrolments.withdrawn(lease.job.id) is not None
    await desk.following.resume(made.id, by="ada")
    await desk.later(hours=3)
    assert await desk.following.enrolments.withdrawn(lease.job.id) is not None
    (fresh,) = [job for job in await desk.jobs(JobState.QUEUED) if job.id != lease.job.id]
    assert await desk.following.enrolments.withdrawn(fresh.id) is None


async def test_what_is_queued_waits_too_while_its_sequence_is_disabled(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    (job,) = await desk.jobs()
    await desk.following.sequences.set_enabled("nudge", enabled=False)
    found = await desk.following.enrolments.withdrawn(job.id)
    assert found is not None
    await desk.is_not_sent(overtaken_by="withdrawn", not_sent=f"not sent: {found.why}")
    await desk.later(hours=1)
    assert (await desk.now(made)).state is EnrolmentState.ACTIVE
    assert await desk.jobs(JobState.QUEUED) == []
    await desk.following.sequences.set_enabled("nudge", enabled=True)
    await desk.later(hours=1)
    assert len(await desk.jobs(JobState.QUEUED)) == 1


async def test_what_lay_in_the_queue_for_too_long_is_planned_anew(desk: Desk) -> None:
    await desk.enrolled()
    await desk.later(hours=3)
    await desk.later(days=4)
    await desk.is_not_sent(overtaken_by="late")
    await desk.following.sweep()
    (job,) = await desk.jobs(JobState.QUEUED)
    assert job.params["not_after"] == (desk.clock.time + timedelta(days=3)).isoformat()


async def a_persons_own(desk: Desk, to: EffectState, remote_id: str | None = None) -> Lease:
    params = {"thread": "7", "text": "It is me."}
    await desk.engine.submit([NewJob(account="amy", flow="send_message", params=params)])
    lease = await desk.take()
    await desk.fires(lease, to, remote_id)
    return lease


async def test_nothing_is_queued_while_another_reply_is_on_its_way_and_may_have_been_sent(desk: Desk) -> None:
    made = await desk.enrolled()
    lease = await a_persons_own(desk, EffectState.ARMED)
    for _ in range(4):
        await desk.later(hours=1)
    assert ((await desk.now(made)).state, await desk.jobs(JobState.QUEUED)) == (EnrolmentState.ACTIVE, [])
    await desk.engine.fail(lease, kind=ErrorKind.INTERNAL, error="no")
    for _ in range(4):
        await desk.later(hours=1)
    assert ((await desk.now(made)).state, await desk.jobs(JobState.QUEUED)) == (EnrolmentState.IN_DOUBT, [])


async def test_what_was_sent_before_the_thread_was_enrolled_and_is_read_back_after_it_is_past(desk: Desk) -> None:
    await desk.arrives("Hello?")
    lease = await a_persons_own(desk, EffectState.CONFIRMED, "m5")
    await desk.engine.succeed(lease, {"message": "m5"})
    made = await desk.enrolled()
    await desk.arrives("It is me.", ours=True, remote_id="m5")
    await desk.later(seconds=1)
    assert (await desk.now(made)).state is EnrolmentState.ACTIVE


async def test_a_step_follows_the_last_message_that_still_stands_there(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.arrives("Hello?")
    (first, last) = await desk.threads.messages_of(made.thread_id)
    async with desk.db.write() as connection:
        for each, deleted_at in ((first, None), (last, desk.clock.time)):
            mine = message.c.id == each.id
            await connection.execute(update(message).where(mine).values(deleted_at=deleted_at))
        await connection.execute(update(enrolment).values(seen_id=last.id))
    await desk.later(hours=3)
    (job,) = await desk.jobs()
    assert job.params["follows"] == first.key


async def test_a_job_whose_step_was_given_up_in_between_is_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.enrolled()
    submit = desk.engine.submit

    async def slowly(new: Any) -> list[Job]:
        done = await submit(new)
        async with desk.db.write() as connection:
            await connection.execute(update(enrolment_send).values(state=SendState.NOT_SENT))
        return done

    monkeypatch.setattr(desk.engine, "submit", slowly)
    await desk.later(hours=3)
    assert [each.state for each in await desk.jobs()] == [JobState.CANCELLED]


async def test_two_sequences_in_one_thread_write_one_after_the_other(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.following.sequences.add(NewSequence(name="poke", steps=(SequenceStep.parse("2h:hi"),)))
    await desk.following.enrol_all("poke", [made.thread_id], BY_HAND)
    await desk.later(hours=3)
    await desk.later(minutes=6)
    assert len(await desk.jobs(JobState.QUEUED)) == 1


async def test_what_was_on_its_way_when_it_was_stopped_does_not_stop_it_again(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.later(hours=3)
    await desk.following.stop([made.id], by="ada")
    assert (await desk.following.resume(made.id, by="ada")).state is EnrolmentState.ACTIVE
    await desk.later(hours=3)
    assert len(await desk.jobs(JobState.QUEUED)) == 1


async def test_working_days_leave_the_weekend_out(desk: Desk) -> None:
    made = await desk.enrolled("2wd:hi")
    assert made.next_due_at == desk.clock.time + timedelta(days=4)  # from Friday to Tuesday


async def test_a_thread_is_in_a_sequence_once_and_again_only_when_asked_for(desk: Desk) -> None:
    made = await desk.enrolled()
    made_again = await desk.following.enrol("nudge", [made.thread_id, 99], BY_HAND)
    assert [type(each) for each in made_again] == [Conflict, NotFound]
    await desk.following.stop([made.id], by="ada")
    with pytest.raises(Conflict, match="went through"):
        await desk.following.enrol_all("nudge", [made.thread_id], BY_HAND)
    (again,) = await desk.following.enrol_all(
        "nudge", [made.thread_id], Asked(source=Source.HAND, by="ada", again=True)
    )
    assert again.id != made.id


async def test_two_hands_that_enrol_at_once_enrol_once(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.following.stop([made.id], by="ada")
    asked = Asked(source=Source.HAND, by="ada", again=True)
    done = await asyncio.gather(*(desk.following.enrol("nudge", [made.thread_id], asked) for _ in range(4)))
    assert sum(isinstance(each, RunnerError) for (each,) in done) == 3


async def test_a_disabled_sequence_waits(desk: Desk) -> None:
    made = await desk.enrolled()
    await desk.following.sequences.set_enabled("nudge", enabled=False)
    await desk.later(days=1)
    assert (await desk.jobs(), (await desk.now(made)).state) == ([], EnrolmentState.ACTIVE)
    await desk.following.sequences.set_enabled("nudge", enabled=True)
    await desk.following.sweep()
    assert len(await desk.jobs()) == 1


async def test_replies_are_counted_by_the_step_that_they_came_after(desk: Desk) -> None:
    made = await desk.enrolled("1h:hi")
    await desk.later(hours=2)
    await desk.sends("m1")
    await desk.later(hours=1)
    assert (await desk.now(made)).state is EnrolmentState.FINISHED
    await desk.arrives("Thank you!")
    await desk.later(hours=1)
    through = await desk.following.sequences.by_name("nudge")
    figures = await desk.following.enrolments.figures(through)
    assert [(each.position, each.sent, each.replied) for each in figures] == [(0, 1, 0), (1, 1, 1)]


async def test_a_preview_says_when_each_step_goes_out_and_with_what_text(desk: Desk) -> None:
    made = await desk.enrolled("2h:hi", "1wd:hi")
    found = await desk.following.rehearse("nudge", made.thread_id)
    first = desk.clock.time + timedelta(hours=2)
    assert [(each.due_at, each.wording.text) for each in found.steps] == [
        (first, "Hi Ida."),
        (first + timedelta(days=3), "Hello."),
    ]
    assert found.problem == f'Thread {made.thread_id} is going through sequence "nudge" already.'
    assert await desk.jobs() == []
