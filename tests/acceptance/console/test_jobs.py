"""Jobs: found by filters, stopped and begun again one by one or many at once, and read down to the picture."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def submitted(console: Any, *jobs: dict[str, Any]) -> list[str]:
    """Jobs that nobody begins while the test looks at them, unless they say when they are due."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    asked = [{"account": "elena", "flow": "check_login", "due_at": tomorrow} | each for each in jobs]
    answer = console.api.post(
        "/jobs/submit-many", json=asked, headers={"Idempotency-Key": f"t-{time.monotonic_ns()}"}
    ).raise_for_status()
    return [each["id"] for each in answer.json()]


def states(console: Any, numbers: list[str]) -> list[str]:
    found = {each["id"]: each["state"] for each in console.get("/jobs", id=numbers)["items"]}
    return [found[number] for number in numbers]


async def test_filters_stand_in_the_address_and_find_the_jobs(person: Page, console: Any) -> None:
    await person.goto("/jobs")
    table = person.get_by_role("table", name="Jobs")
    await expect(table.get_by_role("row")).to_have_count(min(50, len(console.get("/jobs", limit=500)["items"])) + 1)
    await person.get_by_label("account", exact=True).click()
    await person.get_by_role("option", name="carla").click()
    await expect(person).to_have_url(re.compile(r"account=carla"))
    mine = console.get("/jobs", account="carla", limit=50)["items"]
    await expect(table.get_by_role("row")).to_have_count(len(mine) + 1)
    await person.reload()
    await expect(table.get_by_role("row")).to_have_count(len(mine) + 1)
    await person.get_by_label("Batch number").fill("424242")
    await expect(person.get_by_text("No job meets these filters.")).to_be_visible()
    await person.get_by_role("link", name="All jobs").click()
    await expect(person).to_have_url(re.compile(r"/jobs$"))


async def test_jobs_that_are_ticked_are_cancelled_and_queued_again_together(person: Page, console: Any) -> None:
    first, second, third = submitted(console, {}, {}, {})
    await person.goto("/jobs?state=queued&account=elena")
    for number in (first, second):
        await person.get_by_role("checkbox", name=f"Tick job {number}").click()
    await expect(person.get_by_role("status")).to_have_text("2 ticked")
    await person.get_by_role("button", name="Cancel", exact=True).click()
    await person.get_by_role("button", name="Cancel them").click()
    await expect(person.get_by_text("2 cancelled.")).to_be_visible()
    assert states(console, [first, second, third]) == ["cancelled", "cancelled", "queued"]
    await expect(person.get_by_role("checkbox", name=f"Tick job {first}")).to_have_count(0)
    await expect(person.get_by_role("checkbox", name=f"Tick job {third}")).to_be_visible()

    await person.goto("/jobs?state=cancelled&account=elena")
    await person.get_by_role("button", name="Retry", exact=True).click()
    await person.get_by_role("button", name="Retry them").click()
    await expect(person.get_by_text("queued again.")).to_be_visible()
    assert "cancelled" not in states(console, [first, second]), "a worker may have begun them by now"
    await expect(person.get_by_text("No job meets these filters.")).to_be_visible()
    console.api.post("/jobs/bulk", json={"action": "cancel", "ids": [first, second, third]}).raise_for_status()


async def test_a_job_shows_what_it_waits_for_and_follows_it_without_being_loaded_again(
    person: Page, console: Any
) -> None:
    (before,) = submitted(console, {})
    middle, after = submitted(console, {"after": [before], "key": f"m{before}"}, {"after": [f"m{before}"]})
    await person.goto(f"/jobs/{middle}")
    needs = person.get_by_role("link", name=f"{before} · check login · elena")
    await expect(needs).to_contain_text("queued")
    await expect(person.get_by_role("link", name=f"{after} · check login · elena")).to_contain_text("queued")
    console.api.post(f"/jobs/{before}/cancel").raise_for_status()
    await expect(needs).to_contain_text("cancelled")
    await expect(person.get_by_role("heading", name=f"Job {middle}")).to_be_visible()
    await person.get_by_role("button", name="Retry").click()  # refused: what it needs has been cancelled
    await expect(person.get_by_role("alert").filter(has_text=before)).to_be_visible()
    assert states(console, [middle]) != ["queued"]


async def test_from_a_job_to_the_picture_of_what_the_browser_saw(person: Page, console: Any) -> None:
    failed = console.get("/attempts", failed=True, account="carla", limit=500)["items"][-1]
    await person.goto(f"/jobs/{failed['job_id']}")
    await person.get_by_role("table", name="Attempts").get_by_role("link", name="No. 1").click()
    await expect(person.get_by_text("something went wrong (503)").first).to_be_visible()
    await expect(person.get_by_text("What to do:")).to_be_visible()
    picture = person.get_by_role("button", name=re.compile("Enlarge")).first
    await picture.click()
    large = person.get_by_role("dialog").get_by_role("img")
    await expect(large).to_be_visible()
    assert await large.evaluate("async (img) => (await img.decode(), img.naturalWidth)") > 400
    await person.keyboard.press("Escape")
    await expect(large).to_have_count(0)
    for name in ("All of it on one page", "Console", "Network"):
        address = await person.get_by_role("link", name=name, exact=True).get_attribute("href")
        assert address is not None
        answer = await person.request.get(address)
        assert answer.ok
        assert "sandbox" in answer.headers["content-security-policy"]
    steps = person.get_by_role("list").filter(has_text="sign in").get_by_role("listitem")
    await expect(steps.filter(has_text="sign in").filter(has_text="failed")).to_be_visible()


async def test_a_batch_says_how_far_it_is_and_what_is_done_now(person: Page, console: Any) -> None:
    made = (
        console.api.post("/batches", json={"accounts": ["farid"], "flows": ["check_login"]}).raise_for_status().json()
    )
    await person.goto("/batches")
    await person.get_by_role("link", name=f"{made['id']} · {made['name']}").click()
    await expect(person.get_by_role("progressbar", name=f"Batch {made['id']}")).to_be_visible()
    await expect(person.get_by_text("100 %")).to_be_visible(timeout=60_000)
    await expect(person.get_by_text("1 of 1 done")).to_be_visible()
    assert console.get(f"/batches/{made['id']}")["done"] == 1


async def test_what_is_not_there_is_said(person: Page) -> None:
    await person.goto("/jobs/99999999")
    await expect(person.get_by_text("no job")).to_be_visible()


async def test_a_person_stays_on_their_row_when_the_list_is_drawn_anew(person: Page, console: Any) -> None:
    (mine,) = submitted(console, {})
    await person.goto("/jobs?account=elena&state=queued")
    row = person.get_by_role("link", name=f"{mine} · check login")
    await expect(row).to_be_visible()
    await person.keyboard.press("j")
    await expect(row).to_be_focused()
    (other,) = submitted(console, {})
    await expect(person.get_by_role("link", name=f"{other} · check login")).to_be_visible()
    await expect(row).to_be_focused()
    console.api.post("/jobs/bulk", json={"action": "cancel", "ids": [mine, other]}).raise_for_status()
