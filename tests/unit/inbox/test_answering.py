"""Templates, Rules and Drafts over a real database: what arrives is decided about once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from runner.domain.classification import MessageType
from runner.domain.drafts import DraftState, Verdict
from runner.domain.rules import Level, NewRule, Then
from runner.domain.states import JobState, ThreadStatus
from runner.domain.templates import NewTemplate
from runner.errors import Conflict, NotFound
from runner.store.events import Events
from tests.unit.inbox.conftest import Desk


async def test_a_suggestion_waits_until_somebody_sends_it_and_then_is_one_job(desk: Desk) -> None:
    await desk.rule()
    number = await desk.arrives("20?")
    assert await desk.answering.sweep() == 1
    (draft,) = await desk.drafts(DraftState.WAITING)
    assert (draft.text, draft.message_id, await desk.jobs()) == ("Hi Ida.", number, [])
    sent = [await desk.answering.send(draft.id, by="ada") for _ in range(2)]
    (job,) = await desk.jobs()
    assert [(each.state, each.by, each.job_id) for each in sent] == [(DraftState.SENT, "ada", job.id)] * 2
    answering = (await desk.threads.messages_of(draft.thread_id))[0].key
    until = (desk.clock.time + timedelta(hours=1)).isoformat()
    asked = {"thread": "7", "text": "Hi Ida.", "answering": answering, "unless_written_since": True}
    assert job.params == asked | {"not_after": until}
    with pytest.raises(Conflict, match="it is sent"):
        await desk.answering.dismiss(draft.id, by="ada")


async def test_an_automatic_reply_is_a_job_at_once_and_only_one_however_many_look(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC, reply="hello", close=True, assign="ada")
    number = await desk.arrives("20?")
    await asyncio.gather(*(desk.answering.sweep() for _ in range(5)))
    (job,) = await desk.jobs()
    (draft,) = await desk.drafts()
    assert (draft.state, draft.job_id, await desk.verdict(number)) == (DraftState.SENT, job.id, Verdict.ANSWERED)


async def test_what_a_dead_process_decided_and_did_not_submit_is_submitted_by_the_next(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    number = await desk.arrives("20?")
    await desk.answering.drafts.decide(number, desk.answering._plan)
    assert await desk.jobs() == []
    await desk.answering.sweep()
    assert [job.state for job in await desk.jobs()] == [JobState.QUEUED]


async def test_only_the_last_of_several_messages_is_answered(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    last = await desk.arrives("hi", "20?")
    await desk.answering.sweep()
    assert [job.params["answering"] for job in await desk.jobs()] == [f"id:7-{desk.clock.time:%H%M%S}-20?"]
    assert (await desk.verdict(last - 1), await desk.verdict(last)) == (Verdict.OVERTAKEN, Verdict.ANSWERED)


@pytest.mark.parametrize("ours", [False, True])
async def test_a_draft_is_outdated_when_somebody_has_written_since(desk: Desk, *, ours: bool) -> None:
    await desk.rule()
    await desk.arrives("20?")
    await desk.answering.sweep()
    (draft,) = await desk.drafts()
    await desk.arrives("forget it", ours=ours)
    with pytest.raises(Conflict, match="outdated: somebody has written since"):
        await desk.answering.send(draft.id, by="ada")
    assert (await desk.answering.drafts.get(draft.id)).state is DraftState.OUTDATED
    assert await desk.jobs() == []
    await desk.answering.sweep()
    assert len(await desk.drafts(DraftState.WAITING)) == (0 if ours else 1), "what came since goes through the rules"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Please stop sending me messages", Verdict.QUEUED),
        ("Automatic reply: I am out of the office until Friday.", Verdict.NOTHING),
    ],
)
async def test_no_reply_is_written_to_who_wants_none_or_to_a_machine(desk: Desk, text: str, verdict: Verdict) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    number = await desk.arrives(text)
    await desk.answering.sweep()
    assert (await desk.verdict(number), await desk.drafts(), await desk.jobs()) == (verdict, [], [])
    told = await Events(desk.db).since(0, names=["PersonAsked"])
    assert len(told) == (1 if verdict is Verdict.QUEUED else 0)


async def test_what_nobody_is_sure_of_is_for_a_person_and_their_word_has_the_rules_asked_again(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    number = await desk.arrives("hm", sure=0.4)
    await desk.answering.sweep()
    assert (await desk.verdict(number), await desk.jobs()) == (Verdict.QUEUED, [])
    assert await desk.answering.sweep() == 0, "it is decided once"
    desk.clock.time += timedelta(seconds=1)
    await desk.types.correct(number, MessageType.OFFER, by="ada")
    await desk.answering.sweep()
    assert (await desk.verdict(number), len(await desk.jobs())) == (Verdict.ANSWERED, 1)
    desk.clock.time += timedelta(seconds=1)
    await desk.types.correct(number, MessageType.PAYMENT, by="ada")
    assert await desk.answering.sweep() == 0, "what was sent is sent"


async def test_a_correction_writes_a_waiting_draft_anew(desk: Desk) -> None:
    await desk.rule()
    number = await desk.arrives("20?")
    await desk.answering.sweep()
    desk.clock.time += timedelta(seconds=1)
    await desk.types.correct(number, MessageType.PAYMENT, by="ada")
    await desk.answering.sweep()
    assert (await desk.verdict(number), await desk.drafts()) == (Verdict.NO_RULE, [])


async def test_a_rule_that_comes_later_leaves_alone_what_was_there_before_it(desk: Desk) -> None:
    await desk.arrives("20?")
    await desk.answering.sweep()
    await desk.rule(level=Level.AUTOMATIC)
    assert (await desk.answering.sweep(), await desk.jobs()) == (0, [])


async def test_a_reply_that_lacks_a_value_is_not_sent_and_a_person_is_asked(desk: Desk) -> None:
    await desk.answering.templates.add(NewTemplate(name="price", variants=("It is {price}.",)))
    await desk.rule(level=Level.AUTOMATIC, reply="price", close=True)
    number = await desk.arrives("how much?")
    await desk.answering.sweep()
    assert (await desk.verdict(number), await desk.drafts(), await desk.jobs()) == (Verdict.NO_TEXT, [], [])
    (asked,) = await Events(desk.db).since(0, names=["PersonAsked"])
    assert "needs {price}" in asked.data["words"]
    assert (await desk.threads.list_threads())[0].status is ThreadStatus.OPEN, "nothing else is done either"


async def test_a_person_is_told_when_a_rule_that_acts_says_so(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC, notify=True, snooze_s=3600.0)
    last = await desk.arrives("20?", "30?")
    await desk.answering.sweep()
    told = await Events(desk.db).since(0, names=["PersonAsked"])
    assert [each.data["message"] for each in told] == [last], "not of the one that was overtaken"
    (thread,) = await desk.threads.list_threads()
    assert (thread.status, thread.snoozed_until) == (ThreadStatus.SNOOZED, desk.clock.time + timedelta(hours=1))


async def test_variants_take_turns_and_uses_are_counted(desk: Desk) -> None:
    await desk.rule()
    for thread in ("1", "2", "3"):
        await desk.arrives("20?", thread=thread)
        await desk.answering.sweep()
    drafts = await desk.drafts()
    assert [draft.text for draft in reversed(drafts)] == ["Hi Ida.", "Hello.", "Hi Ida."]
    await desk.answering.dismiss(drafts[0].id, by="ada")
    await desk.answering.send(drafts[1].id, by="ada")
    for of in ("rule", "template"):
        ((_, uses),) = (await desk.answering.drafts.uses(of=of)).items()
        assert (uses.drafts, uses.waiting, uses.sent, uses.dismissed) == (3, 1, 1, 1)


async def test_a_dry_run_says_which_rule_would_do_what_and_changes_nothing(desk: Desk) -> None:
    await desk.rule(level=Level.AUTOMATIC)
    first = await desk.arrives("20?")
    await desk.arrives("30?")
    found = await desk.answering.dry_run_last(10)
    assert [(each.verdict, each.text) for each in found] == [(Verdict.ANSWERED, "Hi Ida.")] * 2
    assert found[1].decision.why[0].words == "it is offer"
    assert (await desk.jobs(), await desk.drafts(), await desk.answering.drafts.decided(first)) == ([], [], None)
    with pytest.raises(NotFound):
        await desk.answering.dry_run([999])


async def test_rules_keep_their_order_and_templates_stay_while_a_rule_needs_them(desk: Desk) -> None:
    rules, templates = desk.answering.rules, desk.answering.templates
    for name in ("a", "b"):
        await desk.rule(name)
    await rules.add(NewRule(name="c", position=1))
    assert [(each.name, each.position) for each in await rules.list_rules()] == [("c", 1), ("a", 2), ("b", 3)]
    await rules.save_all([NewTemplate(name="hello", variants=("Ho.",))], [NewRule(name="b"), NewRule(name="d")])
    assert [each.name for each in await rules.list_rules()] == ["b", "d", "c", "a"]
    assert [each.variants for each in await templates.list_templates()] == [("Ho.",)]
    with pytest.raises(Conflict, match="what these rules reply with: a"):
        await templates.remove("hello")
    await rules.remove("a")
    await templates.remove("hello")
    with pytest.raises(NotFound):
        await rules.add(NewRule(name="e", then=Then(reply="hello")))
