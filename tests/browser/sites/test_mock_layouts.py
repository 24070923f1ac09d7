"""The mock adapter works on every layout of the marketplace."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def nothing() -> None:
    """Before-submit of a test that does not look at it."""


@pytest.fixture(params=["a", "b", "c"])
def layout(request: pytest.FixtureRequest, market: Any) -> str:
    """All pages in one layout."""
    market.faults({"route": "*", "effect": "layout", "variant": request.param})
    return str(request.param)


async def test_signing_in(shop: Any, layout: str, mock_site: Any) -> None:
    await mock_site.login(shop.name, shop.market.password(shop.name))
    assert await mock_site.whoami() == shop.name
    assert await mock_site.page.locator(f'body[data-layout="{layout}"]').count() == 1


async def test_a_password_is_remembered_for_longer_than_the_browser(shop: Any, layout: str, site: Any) -> None:
    cookies = {cookie["name"]: cookie for cookie in await site.page.context.cookies()}
    assert cookies["bazaar_session"]["expires"] > 0


@pytest.mark.parametrize("shop", ["carla"], indirect=True)
async def test_reading_all_threads_past_the_paging(shop: Any, layout: str, site: Any) -> None:
    threads = [summary async for summary in site.threads()]
    assert len({summary.remote_id for summary in threads}) == shop.counts["threads"] == 27
    assert sum(summary.unread for summary in threads) == shop.counts["unread"]
    assert all(summary.counterpart and summary.excerpt and summary.last_at for summary in threads)


async def test_reading_and_answering_a_thread(shop: Any, layout: str, site: Any) -> None:
    thread_id = shop.incoming("Is it <i>still</i>\navailable?", counterpart="Ümit שלום")
    sent = await site.send(thread_id, "Yes 🙂\nit is", before_submit=nothing)
    messages = await site.messages(thread_id)
    assert [message.text for message in messages] == ["Is it <i>still</i>\navailable?", "Yes 🙂\nit is"]
    assert [entry["subject"] for entry in shop.ledger("message_sent")] == [sent.remote_id]


async def test_publishing_and_finding_a_listing(shop: Any, layout: str, site: Any, keyboard: Any) -> None:
    published = await site.publish(keyboard, before_submit=nothing)
    (entry,) = shop.ledger("listing_published")
    wanted = {"reference": "KB-71", "title": keyboard.title, "price": "49.50", "currency": "EUR"}
    assert {name: entry["detail"][name] for name in wanted} == wanted
    assert (entry["detail"]["category"], entry["detail"]["condition"]) == ("computers", "like_new")
    assert entry["subject"] == published.remote_id
    assert [found.remote_id for found in await site.find_listing(keyboard)] == [published.remote_id]
    assert len(shop.ledger("upload")) == 2
