"""The desk of whoever answers: read and unread, whose it is, put away and back again, and what became of replies."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from runner.domain.access import Role
from runner.domain.effects import EffectKind, EffectState, message_key, payload_hash
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.states import Direction
from runner.errors import ErrorKind
from tests.unit.api.conftest import Shop

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
THREAD = "/api/v1/threads/1"


async def said(shop: Shop, *messages: tuple[str, Direction, int], thread: str = "t-1") -> None:
    """The inbox is read: these Messages stand in the Thread, at minutes after noon."""
    at = NOON + timedelta(minutes=max(minute for _, _, minute in messages))
    summary = ThreadSummary(
        remote_id=thread,
        counterpart=f"Bea of {thread}",
        listing_title="A bike",
        excerpt=messages[-1][0],
        unread=1,
        last_at=at,
        url="http://127.0.0.1/t",
    )
    found = [
        (
            f"id:{text}",
            RemoteMessage(
                remote_id=text, direction=way, sender="Bea", text=text, sent_at=NOON + timedelta(minutes=minute)
            ),
        )
        for text, way, minute in messages
    ]
    await shop.services.records.threads.save_thread("amy", summary, f"{at}", found)


IN, OUT = Direction.INBOUND, Direction.OUTBOUND


async def listed(admin: httpx.AsyncClient, **asked: Any) -> list[str]:
    answer = await admin.get("/api/v1/threads", params={"sort": "id"} | asked)
    assert answer.status_code == 200, answer.text
    return [each["remote_id"] for each in answer.json()["items"]]


async def test_our_own_mark_stays_until_the_thread_changes_at_the_site(shop: Shop, admin: httpx.AsyncClient) -> None:
    await said(shop, ("hello", IN, 0))
    assert (await admin.post(f"{THREAD}/read")).json()["unread"] == 0
    assert (await listed(admin, unread=True), await listed(admin, unread=False)) == ([], ["t-1"])
    assert (await admin.post(f"{THREAD}/unread")).json()["unread"] == 1
    assert (await admin.post(f"{THREAD}/read")).json()["unread"] == 0
    await said(shop, ("hello", IN, 0), ("still there?", IN, 5))
    found = (await admin.get(THREAD)).json()
    assert (found["unread"], found["excerpt"]) == (1, "still there?")
    assert (await admin.post("/api/v1/threads/9/read")).status_code == 404


async def test_a_thread_is_given_to_an_operator_and_taken_back(shop: Shop, admin: httpx.AsyncClient) -> None:
    await said(shop, ("hello", IN, 0))
    await said(shop, ("hi", IN, 0), thread="t-2")
    await shop.services.access.operators.add("ann", Role.AGENT, None)
    wrong = await admin.post(f"{THREAD}/assign", json={"assignee": "anna"})
    assert (wrong.status_code, "ann" in wrong.json()["detail"]) == (404, True)
    assert (await admin.post(f"{THREAD}/assign", json={"assignee": "ann"})).json()["assignee"] == "ann"
    assert (await listed(admin, assignee="ann"), await listed(admin, assignee="")) == (["t-1"], ["t-2"])
    assert (await admin.post(f"{THREAD}/assign", json={"assignee": None})).json()["assignee"] is None
    assert await listed(admin, assignee="") == ["t-1", "t-2"]


async def test_a_closed_thread_is_open_again_when_the_counterpart_writes(shop: Shop, admin: httpx.AsyncClient) -> None:
    await said(shop, ("hello", IN, 3), ("yes", OUT, 4))
    assert (await admin.post(f"{THREAD}/status", json={"status": "closed"})).json()["status"] == "closed"
    assert (await listed(admin, status="closed"), await listed(admin, status="open")) == (["t-1"], [])
    await said(shop, ("older", IN, 1), ("hello", IN, 3), ("yes", OUT, 4), ("and thanks", OUT, 5))
    assert (await admin.get(THREAD)).json()["status"] == "closed", "what is old, or from us, wakes nobody"
    await said(shop, ("one more thing", IN, 9))
    assert (await admin.get(THREAD)).json()["status"] == "open"
    assert await listed(admin, status="open") == ["t-1"]
    names = [each["name"] for each in (await admin.get("/api/v1/events/history")).json()["items"]]
    assert "ThreadReopened" in names


async def test_a_snoozed_thread_is_open_again_when_its_time_has_come(
    shop: Shop, admin: httpx.AsyncClient, monkeypatch: Any
) -> None:
    await said(shop, ("hello", IN, 0))
    now = shop.services.clock.now()
    asked = {"status": "snoozed", "until": (now + timedelta(hours=1)).isoformat()}
    snoozed = (await admin.post(f"{THREAD}/status", json=asked)).json()
    assert (snoozed["status"], snoozed["snoozed_until"] is None) == ("snoozed", False)
    assert (await listed(admin, status="snoozed"), await listed(admin, status="open")) == (["t-1"], [])
    monkeypatch.setattr(type(shop.services.clock), "now", lambda self: now + timedelta(hours=2))
    assert (await listed(admin, status="snoozed"), await listed(admin, status="open")) == ([], ["t-1"])
    found = (await admin.get(THREAD)).json()
    assert (found["status"], found["snoozed_until"]) == ("open", None)


async def test_a_snooze_needs_an_end_and_nothing_else_has_one(shop: Shop, admin: httpx.AsyncClient) -> None:
    await said(shop, ("hello", IN, 0))
    for asked in (
        {"status": "snoozed"},
        {"status": "snoozed", "until": "2001-01-01T00:00:00Z"},
        {"status": "snoozed", "until": "9999-12-31T23:59:59Z"},
        {"status": "closed", "until": "2030-01-01T00:00:00Z"},
    ):
        assert (await admin.post(f"{THREAD}/status", json=asked)).status_code == 422, asked


async def test_a_reply_is_followed_from_its_way_to_the_message(shop: Shop, admin: httpx.AsyncClient) -> None:
    await said(shop, ("hello", IN, 0))
    for text in ("Yes, it is.", "Perhaps", "No"):
        assert (await admin.post(f"{THREAD}/reply", json={"text": text, "answering": "id:hello"})).status_code == 201
    engine, effects = shop.services.engine, shop.services.records.effects

    async def journaled(text: str, *states: EffectState) -> Any:
        lease = await engine.claim(owner="w", ttl_s=30)
        assert lease is not None
        key = message_key("t-1", "id:hello", text)
        effect = await effects.plan(lease, EffectKind.SEND_MESSAGE, key, payload_hash(text))
        for state in states:
            effect = await effects.transition(lease, effect, state, remote_id=text)
        return lease

    fired = (EffectState.PREPARED, EffectState.ARMED)
    first = await journaled("Yes, it is.", *fired, EffectState.CONFIRMED)
    await engine.succeed(first, {"answering": "id:hello"})
    second = await journaled("Perhaps", *fired, EffectState.UNKNOWN)
    await engine.doubt(second, kind=ErrorKind.NETWORK, error="nobody knows")
    await said(shop, ("hello", IN, 0), ("Yes, it is.", OUT, 1))
    replies = (await admin.get(f"{THREAD}/replies")).json()["items"]
    assert [(each["text"], each["delivery"], each["effect_state"]) for each in replies] == [
        ("No", "on_its_way", None),
        ("Perhaps", "unknown", "unknown"),
        ("Yes, it is.", "sent", "confirmed"),
    ]
    hello, answer = (await admin.get(f"{THREAD}/messages")).json()["items"]
    assert (hello["effect_state"], answer["effect_state"]) == (None, "confirmed")
    assert answer["effect_id"] == replies[2]["effect_id"]
    await admin.post(f"/api/v1/jobs/{replies[0]['job_id']}/cancel")
    assert (await admin.get(f"{THREAD}/replies", params={"limit": 1})).json()["items"][0]["delivery"] == "not_sent"


async def test_any_part_of_what_was_said_is_found_in_any_script(shop: Shop, admin: httpx.AsyncClient) -> None:
    texts = ['He said "no" 100%', "Grüße aus KÖLN", "これはまだありますか", "a_b", "No. 7"]
    for number, text in enumerate(texts, start=1):
        await said(shop, (text, IN, number), thread=f"t-{number}")
    for part, found in {
        '"no"': ["t-1"],
        "100%": ["t-1"],
        "grüße": ["t-2"],
        "köln": ["t-2"],
        "まだあり": ["t-3"],
        "a_b": ["t-4"],
        "7": ["t-5"],
        "o.": ["t-5"],
        "e sai": ["t-1"],
        "AND": [],
        'x" OR "y': [],
        "\x00no": [],
        "bike": ["t-1", "t-2", "t-3", "t-4", "t-5"],
        "bea of t-2": ["t-2"],
    }.items():
        assert await listed(admin, q=part) == found, part


async def test_tags_are_put_on_a_thread_and_found_again(shop: Shop, admin: httpx.AsyncClient) -> None:
    await said(shop, ("hello", IN, 0))
    await said(shop, ("hi", IN, 0), thread="t-2")
    tagged = await admin.put(f"{THREAD}/tags", json={"tags": ["VIP", " vip ", "call  back"]})
    assert tagged.json()["tags"] == ["call back", "vip"]
    assert (await listed(admin, tag="Vip"), await listed(admin, tag="nobody")) == (["t-1"], [])
    assert (await admin.put("/api/v1/threads/2/tags", json={"tags": ["vip"]})).status_code == 200
    counted = (await admin.get("/api/v1/threads/tags")).json()["items"]
    assert counted == [{"name": "call back", "threads": 1}, {"name": "vip", "threads": 2}]
    assert (await admin.put(f"{THREAD}/tags", json={"tags": ["vip"]})).json()["tags"] == ["vip"]
    assert (await admin.get(THREAD)).json()["tags"] == ["vip"]
    for wrong in (["  "], ["x" * 51], ["a\u202eb"]):
        assert (await admin.put(f"{THREAD}/tags", json={"tags": wrong})).status_code in (400, 409, 422), wrong
    assert (await admin.put("/api/v1/threads/9/tags", json={"tags": []})).status_code == 404


async def test_a_tag_is_told_once_and_only_when_something_changes(shop: Shop) -> None:
    await said(shop, ("hello", IN, 0))
    threads, events = shop.services.records.threads, shop.services.records.events
    assert (await threads.tag(1, add=["vip", "later"])).tags == ("later", "vip")
    told = await events.last_id()
    assert (await threads.tag(1, add=["VIP"], remove=["never had"])).tags == ("later", "vip")
    assert await events.last_id() == told
    assert (await threads.tag(1, add=["sold"], remove=["later"])).tags == ("sold", "vip")
    [changed] = [each for each in await events.since(told) if each.name == "ThreadChanged"]
    assert changed.data == {"thread": 1, "tags": ["sold", "vip"]}


async def test_a_note_is_kept_with_who_and_when_and_taken_away(shop: Shop, admin: httpx.AsyncClient) -> None:
    await said(shop, ("hello", IN, 0))
    written = await admin.post(f"{THREAD}/notes", json={"text": "  asked by phone, too\n"})
    assert written.status_code == 201, written.text
    note = written.json()
    assert (note["text"], note["by"], note["thread_id"]) == ("asked by phone, too", "admin-0", "1")
    assert (await admin.get(f"{THREAD}/notes")).json()["items"] == [note]
    assert (await admin.post(f"{THREAD}/notes", json={"text": " \n "})).status_code in (409, 422)
    assert (await admin.post("/api/v1/threads/9/notes", json={"text": "x"})).status_code == 404
    assert (await admin.delete(f"/api/v1/threads/9/notes/{note['id']}")).status_code == 404
    assert (await admin.delete(f"{THREAD}/notes/{note['id']}")).status_code == 204
    assert (await admin.delete(f"{THREAD}/notes/{note['id']}")).status_code == 404
    assert (await admin.get(f"{THREAD}/notes")).json()["items"] == []
    assert len((await admin.get(f"{THREAD}/messages")).json()["items"]) == 1, "it is no message"


async def test_first_response_is_from_the_first_message_after_silence_to_our_first_one(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    async def first() -> Any:
        return (await admin.get(f"{THREAD}/handling")).json()["first"]

    await said(shop, ("we begin", OUT, 0))
    assert await first() is None
    await said(shop, ("we begin", OUT, 0), ("hello", IN, 10), ("anybody?", IN, 15))
    assert (await first())["answered_at"] is None
    await said(shop, ("hello", IN, 10), ("anybody?", IN, 15), ("yes", OUT, 40), ("and", OUT, 50), ("thanks", IN, 60))
    found = await first()
    assert (found["took_s"], found["by"]) == (30 * 60, "elsewhere")
    assert (await admin.get("/api/v1/threads/9/handling")).status_code == 404


async def test_a_thread_is_resolved_from_its_first_message_to_its_close_and_counts_anew_when_reopened(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    await said(shop, ("hello", IN, -600))

    async def resolutions() -> list[dict[str, Any]]:
        return list((await admin.get(f"{THREAD}/handling")).json()["resolutions"])

    assert (await admin.put(f"{THREAD}/satisfaction", json={"satisfaction": "bad"})).status_code == 409
    assert await resolutions() == []
    wrong = {"status": "open", "satisfaction": "good"}
    assert (await admin.post(f"{THREAD}/status", json=wrong)).status_code in (409, 422)
    closed = await admin.post(f"{THREAD}/status", json={"status": "closed", "satisfaction": "neutral"})
    assert closed.json()["status"] == "closed"
    await admin.post(f"{THREAD}/status", json={"status": "closed"})
    [one] = await resolutions()
    asked, put_away = (datetime.fromisoformat(one[name]) for name in ("opened_at", "closed_at"))
    assert (asked, one["by"], one["satisfaction"]) == (NOON - timedelta(hours=10), "admin-0", "neutral")
    assert one["took_s"] == (put_away - asked).total_seconds()
    # Long after, the counterpart writes: what follows is another time that it was open.
    later = int((put_away - NOON).total_seconds() // 60) + 5
    await said(shop, ("hello", IN, -600), ("one more thing", IN, later))
    assert (await resolutions())[1]["closed_at"] is None
    await admin.post(f"{THREAD}/status", json={"status": "closed"})
    second = (await resolutions())[1]
    assert datetime.fromisoformat(second["opened_at"]) == NOON + timedelta(minutes=later)
    assert second["satisfaction"] is None
    assert (await admin.put(f"{THREAD}/satisfaction", json={"satisfaction": "good"})).status_code == 200
    assert [each["satisfaction"] for each in await resolutions()] == ["neutral", "good"]


async def test_the_history_is_exported_whole_and_as_cells_that_are_no_formulas(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    await said(shop, ("=1+1", IN, 0), ("yes", OUT, 5))
    await said(shop, ("hi", IN, 60 * 24 * 3), thread="t-2")
    await admin.put(f"{THREAD}/tags", json={"tags": ["vip"]})
    await admin.post(f"{THREAD}/notes", json={"text": "+49 170 rings at noon"})
    found = (await admin.get("/api/v1/exports/threads.json")).json()["threads"]
    assert [each["thread"]["remote_id"] for each in found] == ["t-1", "t-2"]
    assert [each["text"] for each in found[0]["messages"]] == ["=1+1", "yes"]
    assert (found[0]["thread"]["tags"], found[0]["notes"][0]["by"]) == (["vip"], "admin-0")
    table = (await admin.get("/api/v1/exports/threads.csv", params={"account": "amy"})).text
    rows = list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))
    assert [(row["kind"], row["text"], row["tags"]) for row in rows] == [
        ("message", "'=1+1", "vip"),
        ("message", "yes", "vip"),
        ("note", "'+49 170 rings at noon", "vip"),
        ("message", "hi", ""),
    ]
    later = {"since": (NOON + timedelta(days=1)).isoformat()}
    [one] = (await admin.get("/api/v1/exports/threads.json", params=later)).json()["threads"]
    assert one["thread"]["id"] == 2
    assert (await admin.get("/api/v1/exports/threads.csv", params={"account": "nobody"})).status_code == 404


async def test_threads_of_one_counterpart_are_suggested_and_a_person_has_the_last_word(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    for name, thread in (("Zoë  Miller", "t-1"), ("ＺＯＥ\u0308 miller", "t-2"), ("Bob", "t-3")):
        summary = ThreadSummary(
            remote_id=thread, counterpart=name, listing_title=None, excerpt="", unread=0, last_at=NOON, url="u"
        )
        await shop.services.records.threads.save_thread("amy", summary, "f", [])

    async def others(thread: int) -> list[tuple[str, str | None]]:
        items = (await admin.get(f"/api/v1/threads/{thread}/also-in")).json()["items"]
        return [(each["thread_id"], each["linked_by"]) for each in items]

    assert (await others(1), await others(2), await others(3)) == ([("2", None)], [("1", None)], [])
    await admin.put("/api/v1/threads/2/also-in/1", json={"same": False})
    await admin.put("/api/v1/threads/1/also-in/3", json={"same": True})
    assert (await others(1), await others(2), await others(3)) == ([("3", "admin-0")], [], [("1", "admin-0")])
    await admin.put("/api/v1/threads/1/also-in/2", json={"same": None})
    assert await others(2) == [("1", None)]
    assert (await admin.put("/api/v1/threads/1/also-in/1", json={"same": True})).status_code in (409, 422)
    assert (await admin.put("/api/v1/threads/1/also-in/9", json={"same": True})).status_code == 404
