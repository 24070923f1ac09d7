"""The Flows on the mock marketplace, judged by its ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.domain.drafts import Withdrawn
from runner.domain.messages import keyed
from runner.errors import ErrorKind, NeedsPerson, Rejected, RetryLater, SessionExpired
from runner.sites.flows import catalog

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_check_login_names_who_is_signed_in(perform: Any) -> None:
    assert await perform("check_login") == {"signed_in_as": "farid"}


async def test_check_login_of_a_signed_out_browser_expires_the_session(stage: Any, perform: Any) -> None:
    await stage.site.page.context.clear_cookies()
    await stage.site.page.goto(stage.site.base_url)
    with pytest.raises(SessionExpired):
        await perform("check_login")


async def test_check_login_as_somebody_else_needs_a_person(shop: Any, stage: Any, perform: Any) -> None:
    await stage.site.login("ben", shop.market.password("ben"))
    with pytest.raises(NeedsPerson, match="signed in as ben, not as farid") as refusal:
        await perform("check_login")
    assert refusal.value.kind is ErrorKind.VALIDATION


@pytest.mark.parametrize("shop", ["amy"], indirect=True)
async def test_read_inbox_saves_every_thread_with_all_its_messages(shop: Any, stage: Any, perform: Any) -> None:
    before = shop.counts
    result = await perform("read_inbox")
    assert result["threads"] == result["threads_opened"] == before["threads"] == 46
    assert stage.inbox.ends == 1
    assert result["messages"] == result["new_messages"] == before["messages"]
    assert result["unread"] == before["unread"]
    assert len(stage.inbox.messages) == 46


async def test_read_inbox_opens_every_thread_once(shop: Any, perform: Any) -> None:
    await perform("read_inbox")
    opened = [entry["subject"] for entry in shop.ledger("thread_read")]
    assert len(opened) == len(set(opened)) == 13


async def test_reading_twice_opens_nothing_and_changes_nothing(shop: Any, stage: Any, perform: Any) -> None:
    await perform("read_inbox")
    opened = len(shop.ledger("thread_read"))
    messages = {thread: dict(stored) for thread, stored in stage.inbox.messages.items()}
    result = await perform("read_inbox")
    assert (result["threads"], result["threads_opened"], result["new_messages"]) == (13, 0, 0)
    assert len(shop.ledger("thread_read")) == opened
    assert stage.inbox.messages == messages


async def test_only_the_thread_with_a_new_message_is_opened_again(shop: Any, stage: Any, perform: Any) -> None:
    await perform("read_inbox")
    thread_id = stage.inbox.saved[0]
    shop.incoming("One more question", thread_id=thread_id)
    result = await perform("read_inbox")
    assert (result["threads_opened"], result["new_messages"], result["unread"]) == (1, 1, 1)
    assert stage.inbox.saved[-1] == thread_id


async def test_threads_read_before_a_failure_are_not_read_again(shop: Any, stage: Any, perform: Any) -> None:
    shop.market.faults(
        {"route": "GET /api/threads/*", "effect": "status", "status": 503, "probability": 0.2, "seed": 3}
    )
    with pytest.raises(Exception, match="could not be loaded"):
        await perform("read_inbox")
    done = len(stage.inbox.saved)
    assert 0 < done < 13
    assert stage.inbox.ends == 0, "what was not reached is not history"
    shop.market.faults()
    result = await perform("read_inbox")
    assert result["threads_opened"] == 13 - done
    assert len(stage.inbox.messages) == 13


async def test_reading_shows_each_thread_as_a_step(steps: Any, perform: Any) -> None:
    await perform("read_inbox")
    assert steps.names.count("read thread") == 13
    assert any(detail.startswith("13 of 13: ") for _, detail in steps.taken)


async def test_a_stored_listing_is_published_with_its_photos(
    shop: Any, stage: Any, perform: Any, keyboard: Any
) -> None:
    number = stage.listings.add(keyboard)
    result = await perform("publish_listing", listing=str(number))
    (entry,) = shop.ledger("listing_published")
    assert entry["subject"] == result["listing"]
    assert result["url"] == f"{shop.market.url}/item/{result['listing']}"
    assert not result["already_there"]
    detail = entry["detail"]
    assert (detail["title"], detail["price"], detail["currency"]) == (keyboard.title, "49.50", "EUR")
    assert [upload["detail"]["name"] for upload in shop.ledger("upload")] == ["front.jpg", "back.png"]
    ((_, remote, listing_id),) = stage.listings.recorded
    assert (remote.remote_id, listing_id) == (result["listing"], number)


async def test_publishing_the_same_listing_again_publishes_nothing(
    shop: Any, stage: Any, perform: Any, keyboard: Any
) -> None:
    number = stage.listings.add(keyboard)
    first = await perform("publish_listing", listing=number)
    again = await perform("publish_listing", listing=number)
    assert again == {**first, "already_there": True}
    assert len(shop.ledger("listing_published")) == 1


async def test_a_listing_given_inline_is_published(shop: Any, perform: Any, keyboard: Any) -> None:
    result = await perform(
        "publish_listing",
        reference="KB-72",
        title="Another keyboard",
        price="1 299,00",
        currency="eur",
        category="computers",
        condition="like_new",
        description=keyboard.description,
        location="Gent",
        photos=",".join(map(str, keyboard.photos)),
    )
    (entry,) = shop.ledger("listing_published")
    assert (entry["subject"], entry["detail"]["price"]) == (result["listing"], "1299.00")
    assert len(shop.ledger("upload")) == 2


async def test_publishing_shows_its_steps_in_words(steps: Any, stage: Any, perform: Any, keyboard: Any) -> None:
    steps.taken.clear()
    await perform("publish_listing", listing=stage.listings.add(keyboard))
    assert steps.taken == [
        ("check listing", ""),
        ("fill in details", keyboard.title),
        ("add photo", "1 of 2: front.jpg"),
        ("add photo", "2 of 2: back.png"),
        ("review", ""),
        ("publish", keyboard.title),
    ]


async def test_a_message_is_sent_once_for_one_question(shop: Any, perform: Any) -> None:
    thread_id = shop.incoming("Is it still available?")
    first = await perform("send_message", thread=thread_id, text="Yes, it is.")
    again = await perform("send_message", thread=thread_id, text="Yes, it is.")
    assert [entry["subject"] for entry in shop.ledger("message_sent")] == [first["message"]]
    assert (first["already_there"], again["already_there"]) == (False, True)
    assert again["message"] == first["message"]


async def test_the_same_answer_to_a_later_question_is_sent_again(shop: Any, stage: Any, perform: Any) -> None:
    thread_id = shop.incoming("Is it still available?")
    await perform("send_message", thread=thread_id, text="Yes, it is.")
    shop.incoming("And today?", thread_id=thread_id)
    stage.effects.keys.clear()  # another Job
    result = await perform("send_message", thread=thread_id, text="Yes, it is.")
    assert not result["already_there"]
    assert len(shop.ledger("message_sent")) == 2


async def test_an_attempt_after_another_keeps_to_the_question_that_one_answered(shop: Any, perform: Any) -> None:
    thread_id = shop.incoming("Is it still available?")
    first = await perform("send_message", thread=thread_id, text="Yes, it is.")
    shop.incoming("And today?", thread_id=thread_id)
    again = await perform("send_message", thread=thread_id, text="Yes, it is.")  # the same Job, tried again
    assert again["already_there"]
    assert again["answering"] == first["answering"]
    assert len(shop.ledger("message_sent")) == 1


async def test_a_message_answers_the_question_that_is_named(shop: Any, stage: Any, perform: Any) -> None:
    thread_id = shop.incoming("First question")
    shop.incoming("Second question", thread_id=thread_id)
    first_key = keyed(await stage.site.messages(thread_id))[0][0]
    result = await perform("send_message", thread=thread_id, text="Yes.", answering=first_key)
    assert result["answering"] == first_key


async def test_answering_a_message_that_is_not_there_is_refused(shop: Any, perform: Any) -> None:
    thread_id = shop.incoming("Question")
    with pytest.raises(Rejected, match='no inbound message with the key "id:1"'):
        await perform("send_message", thread=thread_id, text="Yes.", answering="id:1")
    assert shop.ledger("message_sent") == []


async def test_a_follow_up_with_the_words_of_the_message_that_it_follows_is_sent_and_sent_once(
    shop: Any, stage: Any, perform: Any
) -> None:
    thread_id = shop.incoming("Is it still available?")
    asked = keyed(await stage.site.messages(thread_id))[-1][0]
    first = await perform("send_message", thread=thread_id, text="Still there?", follows=asked)
    stage.effects.keys.clear()  # another Job
    follows = f"id:{first['message']}"
    second = await perform("send_message", thread=thread_id, text="Still there?", follows=follows)
    again = await perform("send_message", thread=thread_id, text="Still there?", follows=follows)  # that Job once more
    assert (second["already_there"], again["already_there"]) == (False, True)
    assert [each["subject"] for each in shop.ledger("message_sent")] == [first["message"], second["message"]]


async def test_a_follow_up_is_not_sent_when_what_it_follows_is_not_the_last_or_is_gone(
    shop: Any, stage: Any, perform: Any
) -> None:
    thread_id = shop.incoming("Is it still available?")
    asked = keyed(await stage.site.messages(thread_id))[-1][0]
    shop.incoming("Automatic reply: I am out of the office.", thread_id=thread_id)
    overtaken = await perform("send_message", thread=thread_id, text="Still there?", follows=asked)
    gone = await perform("send_message", thread=thread_id, text="Still there?", follows="id:4711")
    assert (overtaken["overtaken_by"], gone["overtaken_by"]) == ("counterpart", "gone")
    assert overtaken["said"] == ["Automatic reply: I am out of the office."]
    assert (shop.ledger("message_sent"), stage.effects.armed) == ([], 0)


async def test_a_reply_is_sent_while_nobody_has_written_since(shop: Any, stage: Any, perform: Any) -> None:
    thread_id = shop.incoming("Is it still available?")
    result = await perform("send_message", thread=thread_id, text="Yes, it is.", unless_written_since=True)
    assert [entry["subject"] for entry in shop.ledger("message_sent")] == [result["message"]]
    assert "not_sent" not in result
    assert stage.inbox.outdated == []


@pytest.mark.parametrize("step", ["read again", "send"])
@pytest.mark.parametrize("ours", [False, True])
async def test_a_reply_is_not_sent_when_somebody_writes_before_the_click(
    shop: Any, stage: Any, step: str, ours: bool
) -> None:
    """`send` begins when the thread was read again, the last moment before the page is typed in."""
    thread_id = shop.incoming("Is it still available?")
    answered = keyed(await stage.site.messages(thread_id))[0][0]

    @asynccontextmanager
    async def meanwhile(name: str, detail: str = "") -> AsyncIterator[None]:
        if name == step and ours:
            await by_hand.send(thread_id, "I am at it.", before_submit=nothing)
        elif name == step:
            shop.incoming("Forget it, I bought another.", thread_id=thread_id)
        yield

    by_hand = await another_window(stage.site)
    flow = catalog.flow_named("send_message")
    given = {"thread": thread_id, "text": "Yes.", "answering": answered, "unless_written_since": True}
    result = await flow.perform(replace(stage, params=flow.parse(given), step=meanwhile))
    who = "somebody of ours" if ours else "the counterpart"
    assert (result["message"], result["not_sent"]) == (None, f"not sent: {who} has written since")
    assert stage.inbox.outdated == [(result["not_sent"], False)]
    assert stage.effects.armed == 0
    assert [entry["detail"]["text"] for entry in shop.ledger("message_sent")] == ["I am at it."] * ours


async def test_a_reply_by_rule_is_not_sent_while_another_one_may_still_arrive(
    shop: Any, stage: Any, perform: Any
) -> None:
    thread_id = shop.incoming("Is it still available?")
    stage.effects.doubtful = True
    result = await perform("send_message", thread=thread_id, text="Yes, it is.", unless_written_since=True)
    assert "nobody can tell yet" in result["not_sent"]
    assert stage.inbox.outdated == [(result["not_sent"], True)], "a person sees to the message"
    assert (shop.ledger("message_sent"), stage.effects.armed) == ([], 0)


@pytest.mark.parametrize("asks_person", [False, True])
async def test_a_reply_that_is_withdrawn_while_it_is_typed_is_not_sent(
    shop: Any, stage: Any, *, asks_person: bool
) -> None:
    thread_id = shop.incoming("Is it still available?")

    @asynccontextmanager
    async def meanwhile(name: str, detail: str = "") -> AsyncIterator[None]:
        if name == "send":
            stage.inbox.no_more = Withdrawn(why="its rule is off", asks_person=asks_person)
        yield

    flow = catalog.flow_named("send_message")
    params = flow.parse({"thread": thread_id, "text": "Yes."})
    result = await flow.perform(replace(stage, params=params, step=meanwhile))
    assert stage.inbox.outdated == [(result["not_sent"], asks_person)] == [("not sent: its rule is off", asks_person)]
    assert (shop.ledger("message_sent"), stage.effects.armed) == ([], 0)


async def test_a_reply_is_not_sent_after_its_last_moment_which_is_looked_at_at_the_click(shop: Any, stage: Any) -> None:
    thread_id = shop.incoming("Is it still available?")
    clock = HandClock()

    @asynccontextmanager
    async def meanwhile(name: str, detail: str = "") -> AsyncIterator[None]:
        if name == "send":
            clock.time += timedelta(minutes=2)
        yield

    flow = catalog.flow_named("send_message")
    given = {"thread": thread_id, "text": "Yes.", "not_after": (clock.time + timedelta(minutes=1)).isoformat()}
    result = await flow.perform(replace(stage, params=flow.parse(given), step=meanwhile, clock=clock))
    assert result["not_sent"] == "not sent: it was to go out until 2026-11-22 12:01 UTC and not later"
    assert stage.inbox.outdated == [(result["not_sent"], True)]
    assert (shop.ledger("message_sent"), stage.effects.armed) == ([], 0)


class HandClock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


async def test_nothing_is_sent_when_the_site_cannot_be_asked_at_the_click(shop: Any, stage: Any) -> None:
    thread_id = shop.incoming("Is it still available?")

    @asynccontextmanager
    async def broken(name: str, detail: str = "") -> AsyncIterator[None]:
        if name == "send":
            shop.market.faults({"route": "GET /api/threads/*", "account": shop.name, "effect": "status"})
        yield

    flow = catalog.flow_named("send_message")
    given = {"thread": thread_id, "text": "Yes.", "unless_written_since": True}
    with pytest.raises(RetryLater, match="answers 503 when thread"):
        await flow.perform(replace(stage, params=flow.parse(given), step=broken))
    assert (shop.ledger("message_sent"), stage.effects.armed) == ([], 0)


async def nothing() -> None:
    """What stands before a click that nobody journals."""


async def another_window(site: Any) -> Any:
    """The same account in another window of the same browser: a person."""
    page = await site.page.context.new_page()
    return type(site)(page, base_url=site.base_url, steps=site.step, options={})


async def test_a_message_to_an_unknown_thread_is_refused(shop: Any, perform: Any) -> None:
    with pytest.raises(Rejected, match="404 for /inbox/thread/999999"):
        await perform("send_message", thread=999999, text="Hello?")


async def test_a_page_is_captured_with_picture_and_html(stage: Any, perform: Any) -> None:
    result = await perform("capture_page", page="/listings")
    assert result["url"] == f"{stage.site.base_url}/listings"
    assert result["files"] == ["page.png", "page.html"]
    ((label, picture, html),) = stage.evidence.kept
    assert label == "/listings"
    assert picture.startswith(b"\x89PNG")
    assert "My listings" in html


async def test_a_page_outside_the_allowed_origins_is_not_opened(stage: Any, perform: Any) -> None:
    with pytest.raises(Rejected, match="outside the origins that may be opened"):
        await perform("capture_page", page="http://127.0.0.1:1/secret")
    assert stage.evidence.kept == []
