"""What every Site must do, proved on a real site in a real browser and judged by the site's own ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from runner.domain.listings import Listing
from runner.domain.messages import keyed
from runner.domain.states import Direction
from runner.errors import ErrorKind, NeedsPerson, Rejected
from runner.sites.interface import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TEXTS = {
    "emoji": "Is it still there? 👩‍👩‍👧‍👦🇩🇪 \U0001f9a9",
    "right-to-left": "שלום, האם הפריט זמין? مرحبا بالعالم",
    "html": "<b>bold</b> & <script>alert('x')</script> &amp; \"quoted\" {{ 7*7 }}",
    "newlines": "First line\n\n  indented by two\nlast\tline",
    "10,000 characters": ("Ünïcödé text, " * 800)[:9_999] + "!",
}

OpenSite = Callable[[], Awaitable[Site]]


async def nothing() -> None:
    """Before-submit of a test that does not look at it."""


@pytest_asyncio.fixture(loop_scope="session")
async def signed_out(ground: Any, new_page: Any, steps: Any) -> Site:
    site: Site = ground.site_class(await new_page(), base_url=ground.url, steps=steps, options={})
    return site


@pytest_asyncio.fixture(loop_scope="session")
async def site(ground: Any, signed_out: Site) -> Site:
    await signed_out.login(ground.username, ground.password)
    return signed_out


def listing(**fields: Any) -> Listing:
    usual = {
        "reference": "REF-2041",
        "title": "Mechanical keyboard, brown switches",
        "price_minor": 4_950,
        "currency": "EUR",
        "category": "computers",
        "condition": "good",
        "description": "A mechanical keyboard with brown switches, used for one year, cleaned.",
        "location": "Utrecht",
    }
    return Listing(**{**usual, **fields})


async def test_a_new_browser_is_signed_in_as_nobody(signed_out: Site) -> None:
    assert await signed_out.whoami() is None


async def test_after_login_the_site_shows_the_account(ground: Any, site: Site) -> None:
    shown = await site.whoami()
    assert shown is not None
    assert site.same_account(shown, ground.username)
    assert ground.sign_ins() == 1


async def test_another_account_is_not_the_same(ground: Any, site: Site) -> None:
    assert not site.same_account("somebody-else", ground.username)


async def test_a_wrong_password_needs_a_person_and_is_tried_once(ground: Any, signed_out: Site) -> None:
    with pytest.raises(NeedsPerson, match=f"password of account {ground.username} was refused") as refusal:
        await signed_out.login(ground.username, "not the password")
    assert refusal.value.kind is ErrorKind.VALIDATION
    assert ground.refused_sign_ins() == 1
    assert ground.sign_ins() == 0


async def test_after_a_refused_login_nobody_is_signed_in(ground: Any, signed_out: Site) -> None:
    with pytest.raises(NeedsPerson):
        await signed_out.login(ground.username, "not the password")
    assert await signed_out.whoami() is None


async def test_all_threads_past_the_paging_are_found_once(ground: Any, site: Site) -> None:
    found = [summary.remote_id async for summary in site.threads()]
    assert len(found) > 20
    assert sorted(found) == sorted(ground.thread_ids())


async def test_threads_come_newest_first(site: Site) -> None:
    times = [summary.last_at async for summary in site.threads()]
    assert all(times)
    assert times == sorted(times, reverse=True)


async def test_an_unchanged_thread_keeps_its_fingerprint(ground: Any, site: Site) -> None:
    before = {summary.remote_id: summary.fingerprint async for summary in site.threads()}
    some = sorted(before)[0]
    await site.messages(some)
    after = {summary.remote_id: summary.fingerprint async for summary in site.threads()}
    assert after == before


async def test_a_new_message_changes_its_threads_fingerprint(ground: Any, site: Site) -> None:
    thread_id = ground.receive("Hello, is this still available?")
    before = {summary.remote_id: summary.fingerprint async for summary in site.threads()}
    await site.send(thread_id, "Yes, it is.", before_submit=nothing)
    after = {summary.remote_id: summary.fingerprint async for summary in site.threads()}
    assert {thread for thread in after if after[thread] != before[thread]} == {thread_id}


async def test_messages_keep_their_keys_at_every_reading(ground: Any, site: Site) -> None:
    thread_id = ground.receive("The same words")
    await site.send(thread_id, "An answer", before_submit=nothing)
    first = [key for key, _ in keyed(await site.messages(thread_id))]
    again = [key for key, _ in keyed(await site.messages(thread_id))]
    assert first == again
    assert len(set(first)) == len(first) == 2


async def test_messages_stand_the_oldest_first(ground: Any, site: Site) -> None:
    """By their order it is judged who has written last, and so whether a reply may still be sent."""
    thread_id = ground.receive("The first")
    await site.send(thread_id, "The second", before_submit=nothing)
    found = await site.messages(thread_id)
    assert [message.text for message in found] == ["The first", "The second"]
    anew = await site.messages_at_the_click(thread_id)
    assert anew is None or [message.text for message in anew] == ["The first", "The second"]
    times = [message.sent_at for message in found if message.sent_at is not None]
    assert times == sorted(times)


async def test_fast_reads_find_what_pages_show(ground: Any, site: Site) -> None:
    """An adapter without them reads pages here, too."""
    for text in TEXTS.values():
        ground.receive(text)
    answered = ground.receive("Is it there?")
    await site.send(answered, "Yes 🙂\nit is", before_submit=nothing)
    assert await site.whoami() is not None
    fast = [summary async for summary in site.threads_fast()]
    assert fast == [summary async for summary in site.threads()]
    assert len(fast) > 20
    for summary in fast:
        assert await site.messages_fast(summary.remote_id) == await site.messages(summary.remote_id)


async def test_a_fast_read_of_an_ended_session_fails(ground: Any, site: Site) -> None:
    await site.page.context.clear_cookies()
    with pytest.raises(Exception, match="no longer knows"):
        await site.messages_fast(sorted(ground.thread_ids())[0])
    with pytest.raises(Exception, match="no longer knows"):
        [summary async for summary in site.threads_fast()]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_a_received_text_is_read_exactly(ground: Any, site: Site, text: str) -> None:
    thread_id = ground.receive(text)
    messages = await site.messages(thread_id)
    assert [message.text for message in messages] == ground.letters(thread_id) == [text]
    assert messages[0].direction is Direction.INBOUND


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_a_sent_text_arrives_exactly_and_once(ground: Any, site: Site, text: str) -> None:
    thread_id = ground.receive("Question")
    sent = await site.send(thread_id, text, before_submit=nothing)
    assert ground.sent() == [text]
    assert sent.text == text
    assert sent.direction is Direction.OUTBOUND
    assert await site.find_message(thread_id, text) == [sent]


async def test_a_message_that_was_never_sent_is_not_found(ground: Any, site: Site) -> None:
    thread_id = ground.receive("Our own words, from the other side")
    assert await site.find_message(thread_id, "Our own words, from the other side") == []


async def test_an_effect_is_armed_once_before_anything_is_sent(ground: Any, site: Site) -> None:
    thread_id = ground.receive("Question")
    at_arming: list[list[str]] = []

    async def arm() -> None:
        at_arming.append(ground.sent())

    await site.send(thread_id, "Answer", before_submit=arm)
    assert at_arming == [[]]
    assert ground.sent() == ["Answer"]


async def test_nothing_is_sent_when_arming_fails(ground: Any, site: Site) -> None:
    thread_id = ground.receive("Question")

    async def refuse() -> None:
        raise Rejected("not now")

    with pytest.raises(Rejected, match="not now"):
        await site.send(thread_id, "Answer", before_submit=refuse)
    assert await site.find_message(thread_id, "Answer") == []
    assert ground.sent() == []


async def test_what_is_read_at_the_click_is_what_is_there_and_leaves_the_reply_as_it_is(
    ground: Any, site: Site
) -> None:
    """An adapter that cannot says None; one that can sees what came while the reply was typed."""
    thread_id = ground.receive("Is it there?")
    seen: list[list[str]] = []

    async def at_the_click() -> None:
        found = await site.messages_at_the_click(thread_id)
        if found is not None:
            seen.append([key for key, _ in keyed(found)])

    await site.send(thread_id, "Yes, it is.", before_submit=at_the_click)
    assert ground.sent() == ["Yes, it is."]
    keys = [key for key, _ in keyed(await site.messages(thread_id))]
    assert seen in ([], [keys[:-1]])


async def test_a_published_listing_is_found_exactly_once(ground: Any, site: Site) -> None:
    published = await site.publish(listing(), before_submit=nothing)
    assert ground.published() == ["Mechanical keyboard, brown switches"]
    assert [found.remote_id for found in await site.find_listing(listing())] == [published.remote_id]
    assert published.url.startswith(ground.url)


async def test_a_listing_with_another_reference_is_not_found(ground: Any, site: Site) -> None:
    await site.publish(listing(), before_submit=nothing)
    assert await site.find_listing(listing(reference="REF-2042")) == []


async def test_a_listing_published_twice_is_found_twice(ground: Any, site: Site) -> None:
    first = await site.publish(listing(), before_submit=nothing)
    second = await site.publish(listing(), before_submit=nothing)
    found = {remote.remote_id for remote in await site.find_listing(listing())}
    assert found == {first.remote_id, second.remote_id}
    assert len(found) == 2


async def test_a_listing_is_armed_before_it_is_published(ground: Any, site: Site) -> None:
    at_arming: list[list[str]] = []

    async def arm() -> None:
        at_arming.append(ground.published())

    await site.publish(listing(), before_submit=arm)
    assert at_arming == [[]]


async def test_nothing_is_published_when_arming_fails(ground: Any, site: Site) -> None:
    async def refuse() -> None:
        raise Rejected("not now")

    with pytest.raises(Rejected, match="not now"):
        await site.publish(listing(), before_submit=refuse)
    assert await site.find_listing(listing()) == []
    assert ground.published() == []


async def test_a_title_in_any_script_is_found_again(ground: Any, site: Site) -> None:
    strange = listing(title='Stuhl 🪑 "<b>שלום</b>" & Co', reference="R&D/7 ü")
    published = await site.publish(strange, before_submit=nothing)
    assert ground.published() == [strange.title]
    assert [found.remote_id for found in await site.find_listing(strange)] == [published.remote_id]


async def test_a_refused_listing_gives_the_sites_own_words(ground: Any, site: Site) -> None:
    with pytest.raises(Rejected, match=r"(?i)title|heading") as refusal:
        await site.publish(listing(title="Bike"), before_submit=nothing)
    assert refusal.value.kind is ErrorKind.VALIDATION
    assert ground.published() == []


async def test_there_is_no_trouble_on_good_pages(ground: Any, site: Site) -> None:
    thread_id = ground.receive("Question")
    assert await site.trouble(None) is None
    async for _ in site.threads():
        break
    assert await site.trouble(None) is None
    await site.messages(thread_id)
    assert await site.trouble(None) is None
    await site.find_listing(listing())
    assert await site.trouble(None) is None


async def test_an_ended_session_is_noticed(ground: Any, site: Site) -> None:
    await site.page.context.clear_cookies()
    with pytest.raises(Exception, match="no longer knows") as noticed:
        await site.messages(sorted(ground.thread_ids())[0])
    assert getattr(noticed.value, "kind", None) is ErrorKind.SESSION_EXPIRED
