"""Whatever the marketplace does instead of what was asked, the mock adapter names it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from runner.errors import (
    AttemptError,
    ErrorKind,
    NeedsPerson,
    RateLimited,
    Rejected,
    RetryLater,
    SessionExpired,
    SiteChanged,
)
from runner.sites.translate import translate

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


class Arming:
    """Counts how often an Effect was armed."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def arming() -> Arming:
    return Arming()


CHALLENGES = {
    "captcha": (ErrorKind.CAPTCHA, "captcha"),
    "two_factor": (ErrorKind.CHALLENGE, "security code"),
    "terms": (ErrorKind.CHALLENGE, "new terms"),
    "lock_account": (ErrorKind.ACCOUNT_LOCKED, "locked"),
}


@pytest.mark.parametrize(("effect", "kind", "words"), [(name, *each) for name, each in CHALLENGES.items()])
async def test_a_challenge_needs_a_person(shop: Any, site: Any, effect: str, kind: ErrorKind, words: str) -> None:
    thread_id = shop.incoming("Question")
    shop.market.faults({"route": "GET /inbox*", "effect": effect, "account": shop.name})
    with pytest.raises(NeedsPerson, match=words) as trouble:
        await site.messages(thread_id)
    assert trouble.value.kind is kind


@pytest.mark.parametrize("effect", ["captcha", "two_factor", "terms"])
async def test_a_challenge_while_signing_in_needs_a_person(shop: Any, mock_site: Any, effect: str) -> None:
    shop.market.faults({"route": "GET /inbox", "effect": effect})
    with pytest.raises(NeedsPerson) as trouble:
        await mock_site.login(shop.name, shop.market.password(shop.name))
    assert trouble.value.kind is CHALLENGES[effect][0]


async def test_an_unknown_name_is_refused_like_a_wrong_password(shop: Any, mock_site: Any) -> None:
    with pytest.raises(NeedsPerson, match="password of account zoe was refused") as trouble:
        await mock_site.login("zoe", "whatever")
    assert trouble.value.kind is ErrorKind.VALIDATION


async def test_an_e_mail_address_signs_in_as_the_account_before_the_at(shop: Any, mock_site: Any) -> None:
    await mock_site.login("farid@bazaar.example", shop.market.password("farid"))
    shown = await mock_site.whoami()
    assert mock_site.same_account(shown, "farid@bazaar.example")


async def test_login_takes_over_a_browser_that_somebody_else_is_signed_in_to(shop: Any, site: Any) -> None:
    await site.login("ben", shop.market.password("ben"))
    assert await site.whoami() == "ben"


async def test_a_session_that_expires_is_named(shop: Any, site: Any) -> None:
    thread_id = shop.incoming("Question")
    shop.market.faults({"route": "GET /inbox/thread/*", "effect": "expire_session", "count": 1})
    with pytest.raises(SessionExpired):
        await site.messages(thread_id)
    await site.login(shop.name, shop.market.password(shop.name))
    assert len(await site.messages(thread_id)) == 1


async def test_a_session_that_expires_under_the_pages_script_is_named(shop: Any, site: Any) -> None:
    thread_id = shop.incoming("Question")
    shop.market.faults({"route": "GET /api/threads/*", "effect": "expire_session", "count": 1})
    with pytest.raises(SessionExpired):
        await site.messages(thread_id)


async def test_too_many_requests_give_the_sites_own_wait(shop: Any, site: Any, keyboard: Any) -> None:
    shop.market.faults({"route": "GET /listings", "effect": "rate_limit", "retry_after_s": 17})
    with pytest.raises(RateLimited, match="17 s") as trouble:
        await site.find_listing(keyboard)
    assert trouble.value.retry_after_s == 17


async def test_a_reply_that_is_limited_gives_the_sites_own_wait(shop: Any, site: Any, arming: Arming) -> None:
    thread_id = shop.incoming("Question")
    shop.market.faults({"route": "POST /api/threads/*/messages", "effect": "rate_limit", "retry_after_s": 21})
    with pytest.raises(RateLimited) as trouble:
        await site.send(thread_id, "Answer", before_submit=arming)
    assert trouble.value.retry_after_s == 21
    assert arming.count == 1


async def test_an_error_of_the_server_may_pass(shop: Any, site: Any) -> None:
    await _all_threads(site)  # what was open after signing in is used up
    shop.market.faults({"route": "GET /inbox", "effect": "status", "status": 503})
    with pytest.raises(RetryLater, match="503") as trouble:
        await _all_threads(site)
    assert trouble.value.kind is ErrorKind.NETWORK


async def test_messages_that_cannot_be_loaded_may_pass(shop: Any, site: Any) -> None:
    thread_id = shop.incoming("Question")
    shop.market.faults({"route": "GET /api/threads/*", "effect": "status", "status": 500})
    with pytest.raises(RetryLater, match="could not be loaded"):
        await site.messages(thread_id)


async def test_messages_that_hang_time_out_and_are_no_changed_site(shop: Any, site: Any) -> None:
    thread_id = shop.incoming("Question")
    shop.market.faults({"route": "GET /api/threads/*", "effect": "hang"})
    with pytest.raises(RetryLater, match=f"thread {thread_id} did not load in time") as trouble:
        await site.messages(thread_id)
    assert trouble.value.kind is ErrorKind.TIMEOUT


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "status", "status": 503},
        {"effect": "status_after_commit", "status": 502},
        {"effect": "drop_after_commit"},
        {"effect": "hang"},
    ],
    ids=lambda fault: fault["effect"],
)
async def test_a_listing_whose_answer_is_lost_is_armed_once_and_may_pass(
    shop: Any, site: Any, keyboard: Any, arming: Arming, fault: dict[str, Any]
) -> None:
    shop.market.faults({"route": "POST /sell/*/publish", **fault})
    with pytest.raises(RetryLater) as trouble:
        await site.publish(keyboard, before_submit=arming)
    assert trouble.value.kind in (ErrorKind.NETWORK, ErrorKind.TIMEOUT)
    assert arming.count == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "status", "status": 503},
        {"effect": "status_after_commit", "status": 502},
        {"effect": "drop_after_commit"},
        {"effect": "hang"},
    ],
    ids=lambda fault: fault["effect"],
)
async def test_a_reply_whose_answer_is_lost_is_armed_once_and_may_pass(
    shop: Any, site: Any, arming: Arming, fault: dict[str, Any]
) -> None:
    thread_id = shop.incoming("Question")
    shop.market.faults({"route": "POST /api/threads/*/messages", **fault})
    with pytest.raises(RetryLater) as trouble:
        await site.send(thread_id, "Answer", before_submit=arming)
    assert trouble.value.kind in (ErrorKind.NETWORK, ErrorKind.TIMEOUT)
    assert arming.count == 1


async def test_a_listing_committed_before_the_answer_broke_is_found_by_reading_back(
    shop: Any, site: Any, keyboard: Any, arming: Arming
) -> None:
    shop.market.faults({"route": "POST /sell/*/publish", "effect": "status_after_commit", "status": 502})
    with pytest.raises(RetryLater):
        await site.publish(keyboard, before_submit=arming)
    shop.market.faults()
    (entry,) = shop.ledger("listing_published")
    assert [found.remote_id for found in await site.find_listing(keyboard)] == [entry["subject"]]


async def test_a_message_that_is_too_long_is_refused_in_the_sites_words(shop: Any, site: Any, arming: Arming) -> None:
    thread_id = shop.incoming("Question")
    with pytest.raises(Rejected, match="at most 10,000 characters"):
        await site.send(thread_id, "x" * 10_001, before_submit=arming)
    assert shop.ledger("message_sent") == []


async def test_every_field_that_is_refused_is_named(shop: Any, site: Any, keyboard: Any, arming: Arming) -> None:
    wrong = replace(keyboard, title="Bike", description="Too short", location="X")
    with pytest.raises(Rejected, match=r"title: .*description: .*location: "):
        await site.publish(wrong, before_submit=arming)
    assert arming.count == 0


async def test_a_category_that_the_site_does_not_know_names_the_ones_it_has(
    site: Any, keyboard: Any, arming: Arming
) -> None:
    with pytest.raises(
        Rejected, match=r'no category "Computer".*Did you mean Computers\?.*There are: Computers, Phones'
    ):
        await site.publish(replace(keyboard, category="Computer"), before_submit=arming)


async def test_a_photo_that_the_site_refuses_is_named_with_its_words(
    site: Any, keyboard: Any, arming: Arming, tmp_path: Any
) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    with pytest.raises(Rejected, match=r"notes\.jpg.*not a picture that we can read"):
        await site.publish(replace(keyboard, photos=(*keyboard.photos, text)), before_submit=arming)
    assert arming.count == 0


async def test_ten_photos_keep_their_order(shop: Any, site: Any, keyboard: Any, arming: Arming, tmp_path: Any) -> None:
    photos = []
    for number in range(10):
        photos.append(tmp_path / f"p{number}.jpg")
        Image.new("RGB", (64, 48), (number * 20, 90, 90)).save(photos[-1])
    await site.publish(replace(keyboard, photos=tuple(photos)), before_submit=arming)
    assert [upload["detail"]["name"] for upload in shop.ledger("upload")] == [photo.name for photo in photos]


async def test_slow_pictures_do_not_hold_anything_up(shop: Any, site: Any, keyboard: Any, arming: Arming) -> None:
    shop.market.faults({"route": "GET /photos/*", "effect": "slow_image", "ms": 20_000})
    published = await site.publish(keyboard, before_submit=arming)
    assert [found.remote_id for found in await site.find_listing(keyboard)] == [published.remote_id]


async def test_an_element_that_is_missing_is_named_with_its_step(
    site: Any, keyboard: Any, arming: Arming, steps: Any
) -> None:
    await site.page.route("**/sell", _without_labels)
    error = await _error_of(site.publish(keyboard, before_submit=arming))
    changed = await translate(error, site=site, last_response=None, session_gone=False, step=steps.failed)
    assert isinstance(changed, SiteChanged)
    assert changed.locator is not None
    assert changed.locator.startswith('get_by_role("main").get_by_label(')
    assert steps.failed == "fill in details"


async def _all_threads(site: Any) -> list[Any]:
    return [summary async for summary in site.threads()]


async def _error_of(doing: Any) -> AttemptError:
    with pytest.raises(AttemptError) as raised:
        await doing
    return raised.value


async def _without_labels(route: Any) -> None:
    """The page as the site would serve it after a change: its fields have no labels any more."""
    response = await route.fetch()
    body = (await response.text()).replace("<label", "<span").replace("</label", "</span")
    await route.fulfill(response=response, body=body)
