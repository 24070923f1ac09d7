"""Figures over time, as a chart asks for them: over a real store with messages and attempts at known moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.states import Direction, Outcome
from runner.errors import ErrorKind
from tests.unit.api.conftest import Shop

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
IN, OUT = Direction.INBOUND, Direction.OUTBOUND


@pytest.fixture(autouse=True)
def noon(shop: Shop, monkeypatch: Any) -> Any:
    """It is half past twelve; a test moves the clock by calling this."""

    def at(moment: datetime) -> None:
        monkeypatch.setattr(type(shop.services.clock), "now", lambda self: moment)

    at(NOW)
    return at


async def said(shop: Shop, account: str, *messages: tuple[Direction, datetime]) -> None:
    """A Thread of an Account with these Messages."""
    summary = ThreadSummary(
        remote_id=f"t-{account}", counterpart="Bea", listing_title=None, excerpt="", unread=0, last_at=NOW, url="x"
    )
    found = [
        (f"id:{n}", RemoteMessage(remote_id=str(n), direction=way, sender="x", text="x", sent_at=at))
        for n, (way, at) in enumerate(messages)
    ]
    await shop.services.records.threads.save_thread(account, summary, "f", found)


async def tried(shop: Shop, account: str, flow: str, kind: ErrorKind | None, at: Any = None) -> None:
    """An Attempt of an Account that succeeds, or fails in some way."""
    services = shop.services
    await services.engine.submit([_job(account, flow)])
    lease = await services.engine.claim(owner="w", ttl_s=30, account=account)
    assert lease is not None
    started = await services.records.attempts.start(lease)
    outcome = Outcome.FAILED if kind else Outcome.SUCCEEDED
    await services.records.attempts.end(lease, started, outcome=outcome, kind=kind)
    await (services.engine.fail(lease, kind=kind, error="x") if kind else services.engine.succeed(lease, {}))


def _job(account: str, flow: str) -> Any:
    from runner.domain.jobs import NewJob

    return NewJob(account=account, flow=flow, params={})


async def ben(shop: Shop) -> None:
    new = NewAccount(name="ben", site="mock", username="ben", secret=SecretRef(kind="env", name="X"))
    await shop.services.records.accounts.add(new)


async def asked(admin: httpx.AsyncClient, what: str, **params: str) -> Any:
    answer = await admin.get(f"/api/v1/analytics/{what}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_messages_are_counted_by_hour_and_by_day(shop: Shop, admin: httpx.AsyncClient) -> None:
    hours = [0, 0.25, 1, 23, 30]
    await said(shop, "amy", *((IN if n % 2 else OUT, NOW - timedelta(hours=each)) for n, each in enumerate(hours)))
    found = await asked(admin, "messages", timeframe="24h")
    assert (found["bucket"], len(found["items"])) == ("hour", 25)
    filled = {each["at"][11:16]: (each["inbound"], each["outbound"]) for each in found["items"][1:]}
    assert {at: n for at, n in filled.items() if any(n)} == {"12:00": (1, 1), "11:00": (0, 1), "13:00": (1, 0)}
    days = (await asked(admin, "messages", timeframe="7d"))["items"]
    assert len(days) == 8
    assert sum(each["inbound"] + each["outbound"] for each in days) == len(hours)
    long = (await asked(admin, "messages", timeframe="7d", bucket="hour"))["items"]
    assert len(long) == 7 * 24 + 1
    filled = {each["at"][8:16]: (each["inbound"], each["outbound"]) for each in long}
    assert {at: n for at, n in filled.items() if any(n)} == {
        "22T12:00": (1, 1),
        "22T11:00": (0, 1),
        "21T13:00": (1, 0),
        "21T06:00": (0, 1),
    }


async def test_attempts_are_counted_by_day_and_by_flow(shop: Shop, admin: httpx.AsyncClient, noon: Any) -> None:
    noon(NOW - timedelta(days=2))
    await tried(shop, "amy", "read_inbox", ErrorKind.TIMEOUT)
    noon(NOW)
    await tried(shop, "amy", "read_inbox", None)
    await tried(shop, "amy", "check_login", ErrorKind.NETWORK)
    found = await asked(admin, "attempts", timeframe="7d")
    assert [(each["succeeded"], each["kinds"]) for each in found["days"]][-3:] == [
        (0, {"timeout": 1}),
        (0, {}),
        (1, {"network": 1}),
    ]
    flows = [(each["flow"], each["succeeded"], each["failed"]) for each in found["flows"]]
    assert flows == [("check_login", 0, 1), ("read_inbox", 1, 1)]


async def test_waits_run_from_a_message_to_the_next_answer(shop: Shop, admin: httpx.AsyncClient) -> None:
    await ben(shop)
    start = NOW - timedelta(days=1)
    for name, waits in (("amy", (10, 20)), ("ben", (100,))):
        exchange = []
        for number, wait in enumerate(waits):
            at = start + timedelta(minutes=number)
            exchange += [(IN, at), (OUT, at + timedelta(seconds=wait))]
        await said(shop, name, *exchange, (IN, NOW - timedelta(minutes=1)))
    found = await asked(admin, "responses", timeframe="7d")
    assert found["all"] == {"count": 3, "p50_s": 20.0, "p95_s": 100.0}, "the last ones wait still"
    assert [(each["account"], each["count"], each["p50_s"]) for each in found["accounts"]] == [
        ("amy", 2, 10.0),
        ("ben", 1, 100.0),
    ]
    (day,) = found["days"]
    assert (day["count"], day["at"][:10] <= "2026-11-21") == (3, True)


async def test_shares_show_how_evenly_accounts_were_served(shop: Shop, admin: httpx.AsyncClient) -> None:
    assert (await asked(admin, "responses"))["all"] == {"count": 0, "p50_s": None, "p95_s": None}
    assert (await asked(admin, "accounts"))["balance"] is None
    await ben(shop)
    for kind in (None, None, ErrorKind.TIMEOUT):
        await tried(shop, "amy", "read_inbox", kind)
    await tried(shop, "ben", "read_inbox", None)
    await said(shop, "ben", (IN, NOW))
    found = await asked(admin, "accounts")
    amy, bob = found["items"]
    assert (amy["served"], amy["succeeded"], amy["failed"], amy["share"]) == (3, 2, 1, 0.75)
    assert (bob["inbound"], bob["share"], found["balance"]) == (1, 0.25, 0.8)


async def test_the_overview_has_a_score_and_the_time_before_it(shop: Shop, admin: httpx.AsyncClient, noon: Any) -> None:
    noon(NOW - timedelta(hours=30))
    await tried(shop, "amy", "read_inbox", None)
    noon(NOW)
    await tried(shop, "amy", "read_inbox", None)
    await tried(shop, "amy", "read_inbox", ErrorKind.TIMEOUT)
    await said(shop, "amy", (IN, NOW), (OUT, NOW), (IN, NOW - timedelta(hours=25)))
    found = (await admin.get("/api/v1/overview")).json()
    assert (found["messages_inbound"], found["attempts_failed"], found["success_rate"]) == (1, 1, 0.5)
    assert found["health_score"] == 80
    before = {"messages_inbound": 1, "messages_outbound": 0, "attempts_succeeded": 1, "attempts_failed": 0}
    assert found["before"] == before | {"success_rate": 1.0}
