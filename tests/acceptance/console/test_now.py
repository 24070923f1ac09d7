"""Now and Live: what one sees of the work this second, and what one does about it without a manual."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SLOW = {"route": "GET /*", "account": "ben", "effect": "latency_ms", "ms": 4000}
CAPTCHA = {"route": "GET /inbox*", "account": "dev", "effect": "captcha"}


@pytest.fixture
def slow(console: Any) -> Iterator[None]:
    """A marketplace that takes its time with ben, so that one can watch."""
    console.faults(SLOW)
    yield
    console.faults()


async def test_a_cycle_is_started_and_followed_to_its_end(person: Page, console: Any) -> None:
    await person.goto("/")
    await person.get_by_role("button", name="Start a cycle").click()
    await expect(person.get_by_text("The cycle has begun.")).to_be_visible()
    begun = console.get("/batches", limit=1)["items"][0]
    await expect(person.get_by_role("link", name=f"Batch {begun['id']}: cycle")).to_be_visible()
    await expect(person.get_by_text("6 of 6 done")).to_be_visible(timeout=90_000)
    feed = person.get_by_role("log", name="What happens")
    await expect(feed.get_by_text("read inbox succeeded").first).to_be_visible()
    assert console.get(f"/batches/{begun['id']}")["done"] == 6
    await feed.get_by_role("link", name="read inbox succeeded").first.click()
    await expect(person).to_have_url(re.compile(r"/jobs/\d+$"))


async def test_one_inbox_is_read_and_its_browser_watched(person: Page, console: Any, slow: None) -> None:
    await person.goto("/")
    await person.get_by_role("button", name="Read one inbox").click()
    await person.get_by_label("Account", exact=True).click()
    await person.get_by_role("option", name="ben").click()
    await person.get_by_role("button", name="Read it").click()
    work = person.get_by_role("article", name="ben at work")
    await expect(work.get_by_role("link", name="ben: read inbox")).to_be_visible()
    await expect(work.get_by_role("img", name="What ben's browser shows")).to_be_visible(timeout=40_000)

    await person.goto("/live")
    console.api.post("/jobs", json={"account": "ben", "flow": "read_inbox"}).raise_for_status()
    tile = person.get_by_role("article", name="Session of ben")
    await expect(tile.get_by_role("img")).to_be_visible(timeout=40_000)
    assert await tile.get_by_role("img").evaluate("async (img) => (await img.decode(), img.naturalWidth)") > 300
    await expect(tile.get_by_text("at work")).to_be_visible()
    address = await tile.get_by_role("link", name="Watch or take over ben").get_attribute("href")
    assert address is not None
    await person.goto(address)
    await person.get_by_role("button", name="Take control").click()
    await person.get_by_role("button", name="Give it back").click(timeout=40_000)
    await expect(person.get_by_role("button", name="Take control")).to_be_visible()
    await person.goto("/live")
    await expect(person.get_by_text("No browser is at work now.")).to_be_visible(timeout=90_000)


async def test_an_account_that_waits_for_a_person_is_an_alert_with_its_cure(person: Page, console: Any) -> None:
    console.faults(CAPTCHA)
    try:
        await person.goto("/")
        console.api.post("/jobs", json={"account": "dev", "flow": "read_inbox"}).raise_for_status()
        alert = person.get_by_role("group", name="dev is parked")
        await expect(alert).to_be_visible(timeout=60_000)
        await expect(alert).to_contain_text(re.compile("captcha", re.IGNORECASE))
    finally:
        console.faults()
    # A person has answered the page at the site meanwhile.
    console.unlock("dev")
    await alert.get_by_role("button", name="Resume dev").click()
    await expect(person.get_by_text("dev is active again.")).to_be_visible()
    await expect(alert).to_have_count(0)
    assert console.get("/accounts/dev")["state"] == "active"


async def test_all_accounts_are_paused_and_resumed_after_a_question(person: Page, console: Any) -> None:
    await person.goto("/")
    await person.get_by_role("button", name="Pause all").click()
    await person.get_by_role("button", name="Leave it").click()
    await expect(person.get_by_role("dialog")).to_have_count(0)
    assert console.get("/accounts", state="paused")["items"] == []
    await person.get_by_role("button", name="Pause all").click()
    await person.get_by_role("dialog").get_by_role("button", name="Pause all").click()
    await expect(person.get_by_text("6 accounts paused.")).to_be_visible()
    await expect(person.get_by_role("link", name="Accounts active 0 of 6")).to_be_visible()
    assert len(console.get("/accounts", state="paused")["items"]) == 6
    await person.get_by_role("button", name="Resume all").click()
    await person.get_by_role("dialog").get_by_role("button", name="Resume all").click()
    await expect(person.get_by_text("6 accounts active again.")).to_be_visible()
    await expect(person.get_by_role("link", name="Accounts active 6 of 6")).to_be_visible()


def doubtful(console: Any) -> str:
    """The number of a job of which nobody can tell whether the site took its listing.

    Written into the database: it takes a site without a bound for late commits to come to this, and the demo's has one.
    """
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    asked = {"account": "farid", "flow": "check_login", "due_at": later}
    number: str = console.api.post("/jobs", json=asked).raise_for_status().json()["id"]
    with closing(sqlite3.connect(console.folder / "runner.db", timeout=30)) as connection, connection:
        connection.execute("UPDATE job SET state = 'unknown' WHERE id = ?", [number])
        connection.execute(
            "INSERT INTO effect (account_id, kind, natural_key, payload_hash, state, job_id, fence, armed_at, "
            "created_at, changed_at) SELECT account_id, 'publish_listing', ?, 'x', 'unknown', id, 1, created_at, "
            "created_at, created_at FROM job WHERE id = ?",
            [f"FC-{number}|Lamp|x", number],
        )
    return number


async def test_a_doubt_is_settled_by_what_a_person_saw(person: Page, console: Any) -> None:
    number = doubtful(console)
    await person.goto("/")
    doubt = person.get_by_text(f"FC-{number}|Lamp|x")
    await expect(doubt).to_be_visible()
    await person.goto(f"/jobs/{number}")
    await expect(doubt).to_be_visible()
    await person.get_by_role("button", name="Settle").click()
    await person.get_by_label("What you see there").click()
    await person.get_by_role("option", name="It is not there").click()
    await person.get_by_role("button", name="Settle it").click()
    await expect(person.get_by_text("Settled; its job goes on from there.")).to_be_visible()
    await expect(doubt).to_have_count(0)
    (effect,) = console.get("/effects", job=number)["items"]
    assert effect["state"] == "not_done"
    assert console.get(f"/jobs/{number}")["state"] in ("queued", "running", "succeeded")
