"""The inbox as a person works in it: find a thread, answer it, put it away. Judged by the marketplace and the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SEND = "POST /api/threads/*/messages"
FAILS = {"route": SEND, "account": "carla", "effect": "rate_limit", "retry_after_s": 3600}


@pytest.fixture
def thread(console: Any) -> Callable[[str], dict[str, Any]]:
    """Gives the newest thread of an account that ends with a word of the counterpart."""

    def give(account: str) -> dict[str, Any]:
        for each in console.get("/threads", account=account, limit=50)["items"]:
            if not each["excerpt"].startswith("You:") and each["status"] == "open" and not each["assignee"]:
                return dict(each)
        raise AssertionError(f"no thread of {account} to answer")

    return give


def messages(page: Page) -> Locator:
    return page.get_by_role("region", name="Messages")


def threads(page: Page) -> Locator:
    return page.get_by_role("region", name="Threads")


def about(page: Page) -> Locator:
    return page.get_by_role("region", name="About this thread")


async def opened(page: Page, thread: dict[str, Any]) -> None:
    await page.goto(f"/inbox?thread={thread['id']}")
    await expect(messages(page).get_by_role("heading", name=thread["counterpart"])).to_be_visible()


async def test_a_reply_is_sent_once_and_its_state_is_shown_on_it_live(
    person: Page, console: Any, thread: Callable[[str], dict[str, Any]]
) -> None:
    mine = thread("ben")
    await opened(person, mine)
    await person.keyboard.press("r")
    words = f"Tomorrow at five? Ask for number {mine['id']}."
    await person.keyboard.type(words)
    await expect(person.get_by_label("Your reply")).to_have_value(words)
    await person.keyboard.press("Control+Enter")
    said = messages(person).get_by_role("article").filter(has_text=words)
    await expect(said).to_have_count(1)
    await expect(said.get_by_text("sent", exact=True)).to_be_visible()
    await expect(person.get_by_label("Your reply")).to_have_value("")
    sent = [each for each in console.ledger("message_sent", "ben") if words in str(each["detail"])]
    assert len(sent) == 1
    (job,) = [each for each in console.get("/jobs", account="ben", flow="send_message")["items"] if words in str(each)]
    inbound = [m for m in console.get(f"/threads/{mine['id']}/messages")["items"] if m["direction"] == "inbound"]
    assert job["params"]["answering"] == inbound[-1]["key"]
    await expect(about(person).get_by_role("link", name=f"Reply, job {job['id']}")).to_have_attribute(
        "href", f"/jobs/{job['id']}"
    )


async def test_filters_and_the_open_thread_stand_in_the_address(person: Page, console: Any) -> None:
    await person.goto("/inbox?account=amy&unread=true")
    rows = threads(person).get_by_role("link")
    expected = console.get("/threads", account="amy", unread="true", status="open")["items"]
    await expect(rows).to_have_count(len(expected))
    await person.get_by_role("checkbox", name="Unread only").click()
    await expect(person).to_have_url(re.compile(r"/inbox\?account=amy$"))
    await person.keyboard.press("/")
    words = expected[0]["listing_title"]
    await person.keyboard.type(words)
    await expect(person).to_have_url(re.compile("q="))
    await expect(rows.first).to_contain_text(words)
    await rows.first.click()
    await expect(person).to_have_url(re.compile(r"thread=\d+"))
    await person.reload()
    await expect(messages(person).get_by_text(words)).to_be_visible()
    await expect(about(person).get_by_text("amy", exact=True)).to_be_visible()
    await person.get_by_label("Search messages, names and titles").fill("nothing is called so")
    await expect(threads(person).get_by_text("Nothing matches.")).to_be_visible()


async def test_a_thread_is_walked_to_put_away_and_taken_back_with_keys(person: Page, console: Any) -> None:
    await person.goto("/inbox?account=dev")
    first, second = console.get("/threads", account="dev", status="open", limit=2)["items"]
    await expect(threads(person).get_by_role("link").first).to_be_visible()
    await person.keyboard.press("j")
    await person.keyboard.press("j")
    await person.keyboard.press("Enter")
    await expect(messages(person).get_by_role("heading", name=second["counterpart"])).to_be_visible()
    await person.keyboard.press("u")
    await expect(person.get_by_text(re.compile("Marked as"))).to_be_visible()
    assert bool(console.get(f"/threads/{second['id']}")["unread"]) != bool(second["unread"])
    await person.keyboard.press("e")
    await expect(about(person).get_by_text("closed")).to_be_visible()
    await expect(threads(person).get_by_text(second["counterpart"], exact=True)).to_have_count(0)
    assert console.get(f"/threads/{second['id']}")["status"] == "closed"
    await person.keyboard.press("e")
    await expect(about(person).get_by_text("open", exact=True)).to_be_visible()
    await person.get_by_role("button", name="Snooze").click()
    await person.get_by_text("Until Monday, 9:00").click()
    await expect(about(person).get_by_text("snoozed")).to_be_visible()
    assert console.get(f"/threads/{second['id']}")["snoozed_until"] is not None
    assert console.get(f"/threads/{first['id']}")["status"] == "open"


async def test_half_a_sentence_survives_what_happens_meanwhile_and_another_thread(
    person: Page, console: Any, thread: Callable[[str], dict[str, Any]]
) -> None:
    mine = thread("amy")
    await opened(person, mine)
    field = person.get_by_label("Your reply")
    await field.press_sequentially("Half a sen")
    console.api.post(f"/threads/{mine['id']}/unread").raise_for_status()
    console.incoming("And is the cable with it?", "amy", thread_id=mine["remote_id"])
    console.api.post("/jobs", json={"account": "amy", "flow": "read_inbox", "priority": "urgent"}).raise_for_status()
    await expect(messages(person).get_by_text("And is the cable with it?")).to_be_visible()
    await expect(field).to_have_value("Half a sen")
    await expect(field).to_be_focused()
    await threads(person).get_by_role("link").filter(has_not_text=mine["counterpart"]).first.click()
    await expect(field).to_have_value("")
    await person.go_back()
    await expect(messages(person).get_by_role("heading", name=mine["counterpart"])).to_be_visible()


async def test_a_reply_that_did_not_go_says_why_and_leads_to_its_job(
    person: Page, console: Any, thread: Callable[[str], dict[str, Any]]
) -> None:
    mine = thread("carla")
    before, words = console.rules(), f"I can bring it round, number {mine['id']}."
    console.faults(*before, FAILS)
    try:
        await opened(person, mine)
        await person.get_by_label("Your reply").fill(words)
        await person.get_by_role("button", name="Send").click()
        said = messages(person).get_by_role("article").filter(has_text=words)
        await expect(said.get_by_text("on its way")).to_be_visible()
        await expect(said.get_by_text("Tried already")).to_be_visible()
        number = await said.get_by_role("link", name="Job").get_attribute("href")
        assert number is not None
        console.api.post(f"{number}/cancel").raise_for_status()
        await expect(said.get_by_text("not sent")).to_be_visible()
    finally:
        console.faults(*before)
    await said.get_by_role("button", name="Try again").click()
    await expect(said.get_by_text("sent", exact=True)).to_be_visible()
    sent = [each for each in console.ledger("message_sent", "carla") if words in str(each["detail"])]
    assert len(sent) == 1


async def test_what_the_api_refuses_is_said(person: Page, console: Any) -> None:
    await person.goto("/inbox?thread=999999")
    await expect(messages(person).get_by_text(re.compile("999999"))).to_be_visible()
    await expect(person.get_by_label("Your reply")).to_be_hidden()


async def test_on_a_phone_one_pane_is_seen_with_a_way_back(
    person: Page, thread: Callable[[str], dict[str, Any]]
) -> None:
    mine = thread("farid")
    await person.set_viewport_size({"width": 390, "height": 844})
    await person.goto("/inbox?account=farid")
    await expect(messages(person)).to_be_hidden()
    await threads(person).get_by_role("link").filter(has_text=mine["counterpart"]).first.click()
    await expect(messages(person).get_by_role("heading", name=mine["counterpart"])).to_be_visible()
    await expect(threads(person)).to_be_hidden()
    await person.get_by_role("button", name="About").click()
    await expect(about(person).get_by_text("Counterpart")).to_be_visible()
    await expect(messages(person)).to_be_hidden()
    await person.get_by_role("button", name="Messages").click()
    await person.get_by_role("button", name="All threads").click()
    await expect(threads(person)).to_be_visible()
    assert await person.evaluate("document.documentElement.scrollWidth") <= 390


async def test_a_new_message_has_the_picture_of_the_page_that_it_was_read_from(person: Page, console: Any) -> None:
    read = next(each for each in console.get("/threads", account="dev", limit=50)["items"] if not each["assignee"])
    words = f"One more question about number {read['id']}"
    console.incoming(words, account="dev", thread_id=read["remote_id"])
    console.api.post("/jobs", json={"account": "dev", "flow": "read_inbox", "priority": "urgent"}).raise_for_status()
    await opened(person, read)
    said = messages(person).get_by_role("article").filter(has_text=words)
    picture = said.locator("img")
    await expect(picture).to_be_visible(timeout=60_000)
    assert await picture.evaluate("each => each.decode().then(() => each.naturalWidth)") > 600
    # The history that was there at the first reading has none: a picture for every thread would be too many.
    earlier = console.get(f"/threads/{read['id']}/messages")["items"][0]
    assert earlier["picture_id"] is None


async def test_a_thread_that_is_late_is_marked_and_can_be_filtered_for(
    person: Page, console: Any, thread: Callable[[str], dict[str, Any]]
) -> None:
    mine = thread("amy")
    console.api.put(f"/threads/{mine['id']}/tags", json={"tags": ["promised"]}).raise_for_status()
    console.api.put("/sla/promised", json={"resolution_s": 60}).raise_for_status()
    try:
        await person.goto(f"/inbox?overdue=true&account=amy&thread={mine['id']}")
        row = threads(person).get_by_role("link").filter(has_text=mine["counterpart"])
        await expect(row.get_by_text("overdue", exact=True)).to_be_visible()
        await expect(about(person).get_by_text("Settle:")).to_be_visible()
        await expect(about(person).get_by_text("overdue", exact=True)).to_be_visible()
        await expect(person.get_by_role("checkbox", name="Overdue only")).to_be_checked()
    finally:
        console.api.delete("/sla/promised").raise_for_status()
