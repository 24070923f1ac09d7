"""Reads by the page's own requests: the same results, the same troubles, and failures that can be seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Page

from runner.errors import AttemptError, ErrorKind, RateLimited
from runner.sites.reading import Reading

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


class Loads:
    """The documents that a page has loaded."""

    def __init__(self, page: Page) -> None:
        self.paths: list[str] = []
        page.on("framenavigated", lambda frame: self.paths.append(frame.url))


@pytest.fixture
def reading(site: Any) -> Reading:
    return Reading(site=site, may_be_fast=lambda: True)


@pytest.mark.parametrize("variant", ["a", "b", "c"])
@pytest.mark.parametrize("shop", ["carla"], indirect=True)
async def test_every_layout_is_read_alike(shop: Any, site: Any, keyboard: Any, variant: str) -> None:
    shop.market.faults({"route": "*", "effect": "layout", "variant": variant})
    edited = shop.market.incoming("Is <b>it</b> there?", shop.name, counterpart="  Ümit שלום ")
    gone = shop.market.incoming("Never mind", shop.name, thread_id=edited["thread_id"])
    shop.market.client.post("/_edit", json={"message_id": edited["message_id"], "text": "Is it\n\nthere? 👩‍👩‍👧"})
    shop.market.client.post("/_delete", json={"message_id": gone["message_id"]})
    await site.find_listing(keyboard)  # elsewhere: the inbox that is open is older than these messages
    fast = [summary async for summary in site.threads_fast()]
    shown = [summary async for summary in site.threads()]
    assert fast == shown
    assert len(fast) == shop.counts["threads"] > 20
    assert sum(summary.unread for summary in fast) == shop.counts["unread"] > 0
    found = await site.messages_fast(edited["thread_id"])
    assert found == await site.messages(edited["thread_id"])
    assert found[0].text == "Is it\n\nthere? 👩‍👩‍👧"


async def test_no_page_is_opened_and_a_thread_counts_as_read_once(shop: Any, site: Any, reading: Reading) -> None:
    thread_id = shop.incoming("Question")
    await site.whoami()
    loads = Loads(site.page)
    await reading.threads()
    assert shop.ledger("thread_read") == []
    await reading.messages(thread_id, shown=False)
    assert [entry["subject"] for entry in shop.ledger("thread_read")] == [thread_id]
    assert loads.paths == []
    await reading.messages(thread_id, shown=True)
    assert len(loads.paths) == 1


@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        ({"effect": "captcha"}, ErrorKind.CAPTCHA),
        ({"effect": "two_factor"}, ErrorKind.CHALLENGE),
        ({"effect": "terms"}, ErrorKind.CHALLENGE),
        ({"effect": "lock_account"}, ErrorKind.ACCOUNT_LOCKED),
        ({"effect": "expire_session"}, ErrorKind.SESSION_EXPIRED),
        ({"effect": "rate_limit", "retry_after_s": 77}, ErrorKind.RATE_LIMITED),
        ({"effect": "status", "status": 503}, ErrorKind.NETWORK),
    ],
    ids=lambda value: value["effect"] if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("route", ["GET /inbox*", "GET /api/threads/*"])
async def test_a_fast_read_sees_the_trouble_and_the_page_shows_it(
    shop: Any, site: Any, reading: Reading, effect: dict[str, Any], kind: ErrorKind, route: str
) -> None:
    thread_id = shop.incoming("Question")
    await site.whoami()
    await site.page.goto(f"{shop.market.url}/listings")
    shop.market.faults({"route": route, "account": shop.name, **effect})

    async def fast() -> None:
        if route == "GET /inbox*":
            [summary async for summary in site.threads_fast()]
        else:
            await site.messages_fast(thread_id)

    async def through() -> None:
        if route == "GET /inbox*":
            await reading.threads()
        else:
            await reading.messages(thread_id, shown=False)

    with pytest.raises(AttemptError) as seen:
        await fast()
    assert seen.value.kind is kind
    if isinstance(seen.value, RateLimited):
        assert seen.value.retry_after_s == 77
    with pytest.raises(AttemptError) as shown:
        await through()
    at_listings = site.page.url.endswith("/listings")
    assert not at_listings, "the failure would have had a picture of another page"
    # A thread's page that cannot load its messages says so in its own words, and not why.
    assert shown.value.kind is kind or route != "GET /inbox*"


async def test_a_pause_that_the_site_asks_for_once_is_kept(shop: Any, site: Any, reading: Reading) -> None:
    thread_id = shop.incoming("Question")
    await site.whoami()
    shop.market.faults({"route": "GET /api/threads/*", "effect": "rate_limit", "retry_after_s": 31, "count": 1})
    with pytest.raises(RateLimited) as asked:
        await reading.messages(thread_id, shown=False)
    assert asked.value.retry_after_s == 31
    assert site.page.url.endswith(f"/inbox/thread/{thread_id}")


async def test_after_one_failure_everything_is_read_on_pages(shop: Any, site: Any, reading: Reading) -> None:
    first, second = shop.incoming("Question"), shop.incoming("Another")
    await site.whoami()
    shop.market.faults({"route": "GET /api/threads/*", "effect": "status", "status": 503, "count": 1})
    loads = Loads(site.page)
    assert [message.text for message in await reading.messages(first, shown=False)] == ["Question"]
    assert [message.text for message in await reading.messages(second, shown=False)] == ["Another"]
    assert [path.rpartition("/")[2] for path in loads.paths] == [first, second]


async def test_a_changed_page_is_not_taken_for_an_empty_one(shop: Any, site: Any) -> None:
    await site.whoami()
    await site.page.evaluate("document.querySelector('[data-threads]').removeAttribute('data-threads')")
    with pytest.raises(AttemptError) as changed:
        [summary async for summary in site.threads_fast()]
    assert changed.value.kind is ErrorKind.SITE_CHANGED


async def test_a_page_that_has_left_the_site_is_brought_back(shop: Any, site: Any, reading: Reading) -> None:
    thread_id = shop.incoming("Question")
    await site.page.goto("about:blank")
    assert [message.text for message in await reading.messages(thread_id, shown=False)] == ["Question"]


async def test_a_flow_shows_only_the_threads_whose_picture_it_keeps(shop: Any, site: Any, stage: Any) -> None:
    from runner.sites.flows import catalog

    flow = catalog.flow_named("read_inbox")
    unseen = replace(stage, params=flow.parse({}), may_read_unseen=lambda: True)
    await site.whoami()
    loads = Loads(site.page)
    first = await flow.perform(unseen)
    assert first["threads_opened"] == shop.counts["threads"]
    assert loads.paths == []
    assert len(shop.ledger("thread_read")) == first["threads_opened"]
    thread_id = next(iter(await stage.inbox.known()))
    shop.incoming("Is it still there?", thread_id=thread_id)
    stage.evidence.kept.clear()
    await flow.perform(unseen)
    assert [label for label, *_ in stage.evidence.kept] == [thread_id]
    assert loads.paths[-1].endswith(f"/inbox/thread/{thread_id}")
    assert site.page.url == loads.paths[-1]
