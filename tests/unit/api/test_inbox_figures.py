"""What became of Messages: the funnel, first replies, what Templates and Rules bring, one Thread's timeline."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx

from runner.domain.effects import EffectKind, EffectState, message_key, payload_hash
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.states import Direction
from tests.unit.api.conftest import URL, Shop
from tests.unit.api.test_answering import drafted

IN, OUT = Direction.INBOUND, Direction.OUTBOUND


async def read(shop: Shop, thread: str, *messages: tuple[str, str, Direction, datetime]) -> None:
    """The inbox is read: Messages of (id, text, direction, time)."""
    last = messages[-1]
    summary = ThreadSummary(
        remote_id=thread, counterpart="Bea", listing_title=None, excerpt=last[1], unread=1, last_at=last[3], url=URL
    )
    found = [
        (f"id:{number}", RemoteMessage(remote_id=number, direction=way, sender="x", text=text, sent_at=at))
        for number, text, way, at in messages
    ]
    await shop.services.records.threads.save_thread("amy", summary, f"{last[3]}", found)


async def sent_by_its_job(shop: Shop, text: str, answering: str, remote_id: str) -> datetime:
    """The queued Job sends it, and the Site shows it."""
    engine, effects = shop.services.engine, shop.services.records.effects
    lease = await engine.claim(owner="w", ttl_s=30)
    assert lease is not None
    effect = await effects.plan(lease, EffectKind.SEND_MESSAGE, message_key("t-1", answering, text), payload_hash(text))
    for state in (EffectState.PREPARED, EffectState.ARMED, EffectState.CONFIRMED):
        effect = await effects.transition(lease, effect, state, remote_id=remote_id)
    await engine.succeed(lease, {"answering": answering})
    return shop.services.clock.now()


async def test_a_draft_that_is_sent_replied_to_and_sold_is_seen_at_every_stage(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    draft = await drafted(shop, admin)
    await admin.post(f"/api/v1/drafts/{draft['id']}/send")
    sent = await sent_by_its_job(shop, draft["text"], "id:m-1", "m-2")
    answer = ("m-2", draft["text"], OUT, sent)
    await read(shop, "t-1", answer)

    funnel = await told(admin, "funnel")
    assert [funnel[name] for name in ("received", "classified", "answered", "replied", "sold")] == [1, 1, 1, 0, 0]
    assert {name: number for name, number in funnel["answered_by"].items() if number} == {"draft": 1}
    await read(shop, "t-1", answer, ("m-3", "great", IN, sent + timedelta(minutes=1)))
    [template], [rule] = [(await told(admin, name))["items"] for name in ("templates", "rules")]
    assert (template["name"], rule["name"]) == ("hi", "offers")
    for each in (template, rule):
        assert [each[name] for name in ("drafts", "sent", "replied", "sold")] == [1, 1, 1, 0]
        assert (each["reply_rate"], each["success_rate"]) == (1.0, 0.0)

    await admin.put("/api/v1/threads/1/tags", json={"tags": ["sold"]})
    [template] = (await told(admin, "templates", all=True))["items"]
    assert (template["sold"], template["success_rate"]) == (1, 1.0)
    funnel = await told(admin, "funnel")
    assert (funnel["replied"], funnel["sold"]) == (1, 1), "the reply lies in the future, and counts when it is there"

    question, reply, _ = (await admin.get("/api/v1/threads/1/timeline")).json()["items"]
    assert (question["type"], question["by"], reply["by"]) == ("offer", "draft", "draft")
    moments = [question[name] for name in ("received_at", "classified_at", "drafted_at", "answered_at")]
    assert moments == sorted(moments)
    waited = datetime.fromisoformat(moments[-1]) - datetime.fromisoformat(moments[0])
    assert question["response_s"] == waited.total_seconds()
    handling = (await admin.get("/api/v1/threads/1/handling")).json()
    assert (handling["first"]["by"], handling["first"]["took_s"]) == ("draft", question["response_s"])


async def told(client: httpx.AsyncClient, what: str, **asked: Any) -> Any:
    answer = await client.get(f"/api/v1/analytics/{what}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_only_the_first_message_after_silence_is_a_question_and_it_counts_in_its_hour(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    now = shop.services.clock.now()
    begun = (now - timedelta(days=2)).replace(minute=5, second=0, microsecond=0)

    def at(minutes: int) -> datetime:
        return begun + timedelta(minutes=minutes)

    await read(shop, "t-1", ("1", "hi", IN, at(0)), ("2", "there?", IN, at(1)), ("3", "yes", OUT, at(10)))
    await read(shop, "t-1", ("4", "ok", IN, at(11)), ("5", "bye", OUT, at(11)), ("6", "well", IN, at(12)))
    await read(shop, "t-2", ("7", "we begin", OUT, at(0)), ("8", "oh", IN, at(2)))
    found = await told(admin, "first-reply")
    assert sum(each["questions"] for each in found["items"]) == 4, "1, 4, 6 and 8; not 2"
    [hour] = [each for each in found["items"] if each["questions"]]
    assert (hour["answered"], hour["p50_s"], hour["p95_s"]) == (2, 0.0, 600.0), "in the same second it took none"
    funnel = await told(admin, "funnel")
    assert (funnel["received"], funnel["classified"], funnel["answered_by"]["elsewhere"]) == (5, 0, 2)
    assert (await told(admin, "funnel", timeframe="24h"))["received"] == 0


async def test_nothing_is_expected_of_less_than_three_weeks(shop: Shop, admin: httpx.AsyncClient) -> None:
    assert (await told(admin, "forecast"))["expected"] is None
    now = shop.services.clock.now()
    for day in range(1, 31):
        at = now - timedelta(days=day)
        several = [(f"{day}-{n}", "hello", IN, at + timedelta(seconds=n)) for n in range(3)]
        await read(shop, f"t-{day}", *several)
    found = await told(admin, "forecast")
    assert (found["weeks"], found["expected"], found["error"]) == (4, 3.0, 0.0)
