"""What becomes of a reply between its rule's word and the click, and after it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from runner.domain.classification import MessageType
from runner.domain.drafts import DraftState, Verdict
from runner.domain.effects import Effect, EffectKind, EffectState, message_key
from runner.domain.jobs import Lease
from runner.domain.messages import StoredThread
from runner.domain.rules import Level
from runner.domain.states import JobState, ThreadStatus
from runner.errors import Conflict, ErrorKind
from runner.store.browsing import InboxView
from runner.store.effects import Effects
from runner.store.events import Events
from runner.store.rule_tables import draft as drafts
from runner.store.waiting import Wait
from tests.unit.inbox.conftest import Desk


@pytest.fixture
async def queued(desk: Desk) -> Desk:
    """A reply by rule is queued; once it is sent its thread is closed and ada's."""
    await desk.rule(level=Level.AUTOMATIC, reply="hello", close=True, assign="ada")
    await desk.arrives("20?")
    await desk.answering.sweep()
    return desk


async def thread(desk: Desk) -> StoredThread:
    (found,) = await desk.threads.list_threads()
    return found


async def asked(desk: Desk) -> list[Any]:
    return [each.data["words"] for each in await Events(desk.db).since(0, names=["PersonAsked"])]


# ── A person's own reply ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_queued_reply_makes_way_for_a_persons_own(queued: Desk) -> None:
    mine = await queued.own_reply()
    draft = await queued.draft()
    assert (draft.state, draft.detail) == (DraftState.OUTDATED, "a reply of your own takes its place")
    assert {job.id: job.state for job in await queued.jobs()} == {
        mine.id: JobState.QUEUED,
        draft.job_id: JobState.CANCELLED,
    }
    await queued.answering.sweep()
    assert (await queued.draft()).state is DraftState.OUTDATED, "it stays so"


async def test_a_waiting_draft_makes_way_too_and_cannot_be_sent_any_more(desk: Desk) -> None:
    await desk.rule()
    await desk.arrives("20?")
    await desk.answering.sweep()
    await desk.own_reply()
    with pytest.raises(Conflict, match="outdated: a reply of your own"):
        await desk.answering.send((await desk.draft()).id, by="ada")


async def test_one_that_runs_is_not_disturbed_and_told_at_the_click(queued: Desk) -> None:
    lease = await queued.engine.claim(owner="w1", ttl_s=60)
    assert lease is not None
    deliveries = queued.answering.drafts.deliveries
    assert await deliveries.withdrawn(lease.job.id) is None
    await queued.own_reply()
    assert not (await queued.engine.get(lease.job.id)).cancel_requested
    found = await deliveries.withdrawn(lease.job.id)
    assert found is not None
    assert (found.why, found.asks_person) == ("a reply of your own takes its place", False)


async def test_what_is_decided_while_a_persons_reply_is_on_its_way_is_not_answered_by_rule(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    number = await desk.arrives("20?")
    mine = await desk.own_reply()
    await desk.answering.sweep()
    assert (await desk.verdict(number), [job.id for job in await desk.jobs()]) == (Verdict.OVERTAKEN, [mine.id])
    later = await desk.arrives("30?")
    await desk.answering.sweep()
    assert await desk.verdict(later) is Verdict.ANSWERED, "that reply was to an earlier message"


async def test_a_reply_of_ones_own_that_came_to_nothing_or_is_another_threads_keeps_nothing_back(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    number = await desk.arrives("20?")
    await desk.own_reply(thread="77")
    mine = await desk.own_reply()
    await desk.engine.cancel(mine.id)
    await desk.answering.sweep()
    assert await desk.verdict(number) is Verdict.ANSWERED


# ── Too late ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("change", "why"), [("disable", "does not act by itself"), ("remove", "is gone")])
async def test_a_reply_is_given_back_when_its_rule_is_off_before_the_click(queued: Desk, change: str, why: str) -> None:
    rules, deliveries = queued.answering.rules, queued.answering.drafts.deliveries
    if change == "disable":
        await rules.set_enabled("offers", enabled=False)
    else:
        await rules.remove("offers")
    (job,) = await queued.jobs()
    found = await deliveries.withdrawn(job.id)
    assert found is not None
    assert (why in found.why, found.asks_person) == (True, True)
    await deliveries.not_sent(job.id, f"not sent: {found.why}", asks_person=True)
    draft = await queued.draft()
    assert (draft.state, why in str(draft.detail)) == (DraftState.WAITING, True)
    assert await asked(queued) == [draft.detail]


@pytest.mark.parametrize("late", [False, True])
async def test_what_a_dead_process_left_is_not_submitted_when_its_time_or_its_rule_is_over(
    desk: Desk, *, late: bool
) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    number = await desk.arrives("20?")
    await desk.answering.drafts.decide(number, desk.answering._plan)
    if late:
        desk.clock.time += timedelta(hours=2)
    else:
        await desk.answering.rules.set_enabled("offers", enabled=False)
    await desk.answering.sweep()
    draft = await desk.draft()
    why = "had lain here for too long" if late else "does not act by itself any more"
    assert (draft.state, why in str(draft.detail), await desk.jobs()) == (DraftState.WAITING, True, [])


async def test_a_person_sends_what_came_back_with_a_job_of_its_own(queued: Desk) -> None:
    (first,) = await queued.jobs()
    await queued.answering.drafts.deliveries.not_sent(first.id, "not sent: too late", asks_person=True)
    await queued.performed(not_sent="not sent: too late")
    queued.clock.time += timedelta(days=3)
    await queued.answering.sweep()
    sent = await queued.answering.send((await queued.draft()).id, by="ada")
    assert (sent.state, sent.job_id != first.id, sent.detail) == (DraftState.SENT, True, None)
    assert sent.job_id is not None
    job = await queued.engine.get(sent.job_id)
    assert (job.state, job.params["not_after"]) == (
        JobState.QUEUED,
        (queued.clock.time + timedelta(hours=1)).isoformat(),
    )
    again = await queued.answering.send(sent.id, by="ada")
    assert (again.job_id, len(await queued.jobs())) == (sent.job_id, 2)
    await queued.performed()
    await queued.answering.sweep()
    assert (await thread(queued)).status is ThreadStatus.CLOSED


# ── Once it is sent, or not ───────────────────────────────────────────────────────────────────────────────────


async def test_the_rest_of_a_rule_is_done_once_its_reply_is_sent_and_only_once(queued: Desk) -> None:
    assert ((await thread(queued)).status, (await thread(queued)).assignee) == (ThreadStatus.OPEN, None)
    await queued.performed()
    # The process that sent it dies here; several others look at once.
    await asyncio.gather(*(queued.answering.sweep() for _ in range(4)))
    assert ((await thread(queued)).status, (await thread(queued)).assignee) == (ThreadStatus.CLOSED, "ada")
    assert len(await Events(queued.db).since(0, names=["ThreadChanged"])) == 1
    await queued.threads.set_status((await thread(queued)).id, ThreadStatus.OPEN)
    await queued.answering.sweep()
    assert (await thread(queued)).status is ThreadStatus.OPEN


@pytest.mark.parametrize("reply", [None, "hello"])
async def test_a_rule_tags_the_thread_at_once_or_once_its_reply_is_sent(desk: Desk, reply: str | None) -> None:
    await desk.rule(level=Level.AUTOMATIC, reply=reply, tags=("VIP ", "haggler"))
    await desk.arrives("20?")
    await desk.answering.sweep()
    assert (await thread(desk)).tags == (() if reply else ("haggler", "vip"))
    if reply:
        await desk.performed()
        await desk.answering.sweep()
    assert (await thread(desk)).tags == ("haggler", "vip")
    await desk.answering.sweep()
    assert [each.data["tags"] for each in await Events(desk.db).since(0, names=["ThreadChanged"])] == ["haggler, vip"]


async def test_what_was_sent_by_a_job_that_is_pruned_since_has_the_rest_done(queued: Desk) -> None:
    job = await queued.performed()
    await queued.engine.delete([job.id])
    await queued.answering.sweep()
    assert (await thread(queued)).status is ThreadStatus.CLOSED


async def test_a_thread_in_which_the_counterpart_has_written_since_is_not_put_away(queued: Desk) -> None:
    await queued.performed()
    await queued.arrives("one more thing")
    await queued.answering.give_way()
    await queued.answering.drafts.deliveries.settle((await queued.draft()).id)
    assert ((await thread(queued)).status, (await thread(queued)).assignee) == (ThreadStatus.OPEN, "ada")


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_reply_whose_job_fails_waits_for_a_person_with_the_reason(queued: Desk, *, cancelled: bool) -> None:
    if cancelled:
        (job,) = await queued.jobs()
        await queued.engine.cancel(job.id)
    else:
        lease = await queued.engine.claim(owner="w1", ttl_s=60)
        assert lease is not None
        await queued.engine.fail(lease, kind=ErrorKind.VALIDATION, error="Thread 7 has no such message.")
    await queued.answering.sweep()
    draft = await queued.draft()
    why = "not sent: its job was cancelled" if cancelled else "not sent: Thread 7 has no such message."
    assert (draft.state, draft.detail, await asked(queued)) == (DraftState.WAITING, why, [why])
    assert (await thread(queued)).status is ThreadStatus.OPEN
    await queued.answering.sweep()
    assert len(await asked(queued)) == 1, "asked once"


async def test_a_failed_job_that_a_person_retries_sends_the_draft_after_all(queued: Desk) -> None:
    lease = await queued.engine.claim(owner="w1", ttl_s=60)
    assert lease is not None
    await queued.engine.fail(lease, kind=ErrorKind.NETWORK, error="no answer")
    await queued.answering.sweep()
    await queued.engine.retry(lease.job.id)
    assert await queued.answering.drafts.deliveries.withdrawn(lease.job.id) is None
    await queued.performed()
    await queued.answering.sweep()
    assert ((await queued.draft()).state, (await thread(queued)).status) == (DraftState.SENT, ThreadStatus.CLOSED)


async def test_what_a_job_has_to_say_is_about_its_own_draft(desk: Desk) -> None:
    """Two accounts may have the same thread and the same keys; and a person may send the same by hand."""
    await desk.rule(level=Level.AUTOMATIC)
    await desk.arrives("20?")
    await desk.answering.sweep()
    (job,) = await desk.jobs()
    await desk.answering.drafts.deliveries.not_sent(job.id + 1, "not sent: somebody else's", asks_person=False)
    assert (await desk.draft()).state is DraftState.SENT
    await desk.answering.drafts.deliveries.not_sent(job.id, "not sent: x", asks_person=False)
    assert (await desk.draft()).detail == "not sent: x"


# ── Corrections ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_correction_in_the_very_moment_of_the_decision_is_not_lost(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    number = await desk.arrives("hm", sure=0.4)
    await desk.answering.sweep()
    desk.clock.time -= timedelta(minutes=5)  # and the clock may be set back in between
    await desk.types.correct(number, MessageType.OFFER, by="ada")
    await desk.answering.sweep()
    assert await desk.verdict(number) is Verdict.ANSWERED


async def test_a_correction_reopens_its_own_message_whatever_was_sent_in_other_threads(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    await desk.arrives("20?", thread="1")
    number = await desk.arrives("hm", thread="2", sure=0.4)
    await desk.answering.sweep()
    assert ((await desk.draft()).state, await desk.verdict(number)) == (DraftState.SENT, Verdict.QUEUED)
    await desk.types.correct(number, MessageType.OFFER, by="ada")
    await desk.answering.sweep()
    assert await desk.verdict(number) is Verdict.ANSWERED


@pytest.mark.parametrize("dismissed", [False, True])
async def test_correcting_what_was_dealt_with_leaves_the_books_as_they_are(desk: Desk, *, dismissed: bool) -> None:
    await desk.rule()
    number = await desk.arrives("20?")
    await desk.answering.sweep()
    draft = await desk.draft()
    await (desk.answering.dismiss if dismissed else desk.answering.send)(draft.id, by="ada")
    desk.clock.time += timedelta(seconds=1)
    await desk.types.correct(number, MessageType.PAYMENT, by="ada")
    assert await desk.answering.sweep() == 0
    assert await desk.verdict(number) is Verdict.DRAFTED
    assert (await desk.draft()).state is (DraftState.DISMISSED if dismissed else DraftState.SENT)


async def test_what_the_counterpart_has_deleted_is_not_answered_and_silences_nothing(desk: Desk) -> None:
    await desk.rule()
    asked = await desk.arrives("20?")
    await desk.arrives("oops")
    first, oops = await desk.threads.messages_of(1)
    await desk.shows(first)
    await desk.answering.sweep()
    assert (await desk.draft()).message_id == asked
    await desk.shows(oops)
    await desk.answering.sweep()
    assert {each.message_id: each.state for each in await desk.drafts()} == {
        asked: DraftState.OUTDATED,
        oops.id: DraftState.WAITING,
    }


@pytest.mark.parametrize("drafted_first", [False, True])
async def test_whoever_takes_back_their_second_message_gets_an_answer_to_the_first(
    desk: Desk, *, drafted_first: bool
) -> None:
    await desk.rule()
    asked = await desk.arrives("20?")
    if drafted_first:
        await desk.answering.sweep()
    await desk.arrives("oops")
    await desk.answering.sweep()
    first, oops = await desk.threads.messages_of(1)
    await desk.shows(first)
    await desk.answering.sweep()
    assert {each.message_id: each.state for each in await desk.drafts()} == {
        asked: DraftState.WAITING,
        oops.id: DraftState.OUTDATED,
    }


# ── One bad item, and inboxes without times ───────────────────────────────────────────────────────────────────


async def test_one_message_that_cannot_be_decided_about_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    bad = await desk.arrives("20?", thread="1")
    good = await desk.arrives("30?", thread="2")
    decide, tried = desk.answering.drafts.decide, []

    async def sometimes(number: int, planner: Any) -> Any:
        tried.append(number)
        if number == bad:
            raise RuntimeError("no")
        return await decide(number, planner)

    monkeypatch.setattr(desk.answering.drafts, "decide", sometimes)
    assert await desk.answering.sweep() == 1
    assert await desk.verdict(good) is Verdict.ANSWERED
    for _ in range(3):
        await desk.answering.sweep()
    assert tried == [bad, good], "not at every look"
    desk.clock.time += timedelta(minutes=1)
    monkeypatch.undo()
    await desk.answering.sweep()
    assert await desk.verdict(bad) is Verdict.ANSWERED


async def test_one_draft_that_cannot_be_submitted_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    await desk.arrives("20?", thread="1")
    await desk.arrives("30?", thread="2")
    submit = desk.engine.submit

    async def sometimes(new: Any) -> Any:
        if new[0].params["thread"] == "1":
            raise RuntimeError("no")
        return await submit(new)

    monkeypatch.setattr(desk.engine, "submit", sometimes)
    await desk.answering.sweep()
    assert [job.params["thread"] for job in await desk.jobs()] == ["2"]


async def test_where_a_site_gives_no_times_what_was_there_first_is_not_answered_by_itself(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    there = await desk.arrives("20?", thread="1", untimed=True)
    await desk.answering.sweep()
    assert (await desk.verdict(there), await desk.jobs()) == (Verdict.TOO_OLD, [])
    await desk.threads.read_to_the_end("amy")
    new = await desk.arrives("30?", thread="2", untimed=True)
    await desk.answering.sweep()
    assert await desk.verdict(new) is Verdict.ANSWERED


# ── An answer that came after the question it does not answer ─────────────────────────────────────────────────


@pytest.mark.parametrize("drafted", [False, True])
@pytest.mark.parametrize("to_the_first", [False, True])
async def test_a_person_is_told_when_what_we_wrote_last_answers_an_earlier_message(
    desk: Desk, *, drafted: bool, to_the_first: bool
) -> None:
    await desk.rule()
    await desk.arrives("20?")
    second = await desk.arrives("and with the cable?")
    if drafted:
        await desk.answering.sweep()
    ours = await desk.arrives("Yes.", ours=True)
    first_key, second_key, our_key = [each.key for each in await desk.threads.messages_of((await thread(desk)).id)]
    await desk.journaled(answering=first_key if to_the_first else second_key, as_=our_key)
    assert ours > second
    told = await desk.answering.dry_run([second])
    await desk.answering.sweep()
    found = [str(words) for words in await asked(desk) if "answers an earlier message" in str(words)]
    assert len(found) == (1 if to_the_first else 0)
    assert ("answers an earlier message" in told[0].words) == to_the_first
    assert (await InboxView(desk.db).waiting(threshold=0.6))[Wait.PERSON] == (1 if to_the_first else 0)
    await desk.arrives("The cable comes with it.", ours=True)
    assert (await InboxView(desk.db).waiting(threshold=0.6))[Wait.PERSON] == 0


# ── A process that dies between a job and its note of it ──────────────────────────────────────────────────────


async def forgotten(desk: Desk) -> int:
    async with desk.db.write() as connection:
        await connection.execute(update(drafts).values(job_id=None))
    (job,) = await desk.engine.list_jobs(states=(JobState.QUEUED,))
    return job.id


async def test_a_job_whose_process_died_is_withdrawn_with_its_draft(queued: Desk) -> None:
    job_id = await forgotten(queued)
    await queued.answering.rules.set_enabled("offers", enabled=False)
    found = await queued.answering.drafts.deliveries.withdrawn(job_id)
    assert found is not None, "its rule is off"
    await forgotten(queued)
    (left,) = await queued.answering.drafts.deliveries.unsubmitted(limit=9)
    await queued.answering._submit(left)
    assert (await queued.engine.get(job_id)).state is JobState.CANCELLED
    assert (await queued.draft()).state is DraftState.WAITING


async def test_a_job_whose_process_died_makes_way_for_a_persons_own_reply(queued: Desk) -> None:
    job_id = await forgotten(queued)
    await queued.own_reply()
    assert (await queued.engine.get(job_id)).state is JobState.CANCELLED


async def test_an_earlier_job_that_is_retried_sends_nothing_beside_a_later_one(queued: Desk) -> None:
    lease = await queued.engine.claim(owner="w1", ttl_s=60)
    assert lease is not None
    await queued.engine.fail(lease, kind=ErrorKind.VALIDATION, error="no")
    await queued.answering.sweep()
    await queued.answering.send((await queued.draft()).id, by="ada")
    await queued.engine.retry(lease.job.id)
    assert await queued.answering.drafts.deliveries.withdrawn(lease.job.id) is not None


async def armed(desk: Desk) -> tuple[Effects, Effect, Lease]:
    """The reply was fired, and nobody has heard of it yet."""
    lease = await desk.engine.claim(owner="w1", ttl_s=60)
    assert lease is not None
    effects = Effects(desk.db)
    effect = await effects.plan(lease, EffectKind.SEND_MESSAGE, message_key("7", "x", "Hi Ida."), "hash")
    for state in (EffectState.PREPARED, EffectState.ARMED):
        effect = await effects.transition(lease, effect, state)
    return effects, effect, lease


async def test_a_job_that_has_fired_is_left_to_read_back_what_became_of_it(queued: Desk) -> None:
    _, _, lease = await armed(queued)
    await queued.engine.requeue(lease)
    await queued.own_reply()
    await queued.answering.sweep()
    assert (await queued.engine.get(lease.job.id)).state is JobState.QUEUED
    assert (await queued.draft()).state is DraftState.SENT


async def test_what_the_journal_has_confirmed_is_sent_although_its_job_failed(queued: Desk) -> None:
    effects, effect, lease = await armed(queued)
    await effects.transition(lease, effect, EffectState.CONFIRMED, remote_id="m1")
    await queued.engine.cancel(lease.job.id)
    await queued.engine.acknowledge_cancel(lease)
    await queued.answering.sweep()
    assert (await queued.draft()).state is DraftState.SENT
    assert await asked(queued) == []


# ── What nobody looked at in time ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("first", [False, True])
async def test_what_nobody_looked_at_in_time_is_for_a_person_unless_it_was_there_first(
    desk: Desk, *, first: bool
) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    if not first:
        await desk.threads.read_to_the_end("amy")
    number = await desk.arrives("20?")
    desk.clock.time += timedelta(days=4)
    await desk.answering.sweep()
    assert (await desk.verdict(number), await desk.jobs()) == (Verdict.TOO_OLD, [])
    assert len(await asked(desk)) == (0 if first else 1)


async def test_words_do_not_change_while_a_job_may_still_send_them(queued: Desk) -> None:
    lease = await queued.engine.claim(owner="w1", ttl_s=60)
    assert lease is not None
    await queued.engine.fail(lease, kind=ErrorKind.VALIDATION, error="no")
    await queued.answering.sweep()
    await queued.engine.retry(lease.job.id)
    draft = await queued.draft()
    with pytest.raises(Conflict, match="may still send its words"):
        await queued.answering.reword(draft.id, "Other words.", by="ada")
    await queued.engine.cancel(lease.job.id)
    assert (await queued.answering.reword(draft.id, "Other words.", by="ada")).text == "Other words."


async def test_a_dismissed_draft_takes_the_job_along_that_a_person_had_done_once_more(queued: Desk) -> None:
    lease = await queued.engine.claim(owner="w1", ttl_s=60)
    assert lease is not None
    await queued.engine.fail(lease, kind=ErrorKind.VALIDATION, error="no")
    await queued.answering.sweep()
    await queued.engine.retry(lease.job.id)
    await queued.answering.dismiss((await queued.draft()).id, by="ada")
    assert (await queued.engine.get(lease.job.id)).state is JobState.CANCELLED


async def test_a_job_that_was_cancelled_after_its_click_is_not_said_to_have_sent_nothing(queued: Desk) -> None:
    effects, effect, lease = await armed(queued)
    await queued.engine.release_dead(dead=[lease.owner])
    await queued.engine.cancel(lease.job.id)
    await queued.answering.sweep()
    assert (await queued.draft()).state is DraftState.SENT, "nobody can tell yet"
    await effects.settle(effect.id, EffectState.NOT_DONE, detail="it is not there")
    await queued.answering.sweep()
    draft = await queued.draft()
    assert (draft.state, draft.detail) == (DraftState.WAITING, "not sent: its job was cancelled")
