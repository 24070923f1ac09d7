"""Errors as a person mends them: see what the browser saw, go to the attempt, retry one or all of a group."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def fail(console: Any, account: str, *, times: int = 1) -> list[str]:
    """Jobs of an account that fail, for good, at the first try: their ids."""
    rule = {"route": "GET /inbox", "account": account, "effect": "status", "status": 503, "count": times}
    console.faults(*console.rules(), rule)
    asked = {"account": account, "flow": "read_inbox", "priority": "urgent", "max_attempts": 1}
    return [console.api.post("/jobs", json=asked).raise_for_status().json()["id"] for _ in range(times)]


def failure(page: Page, job: str) -> Locator:
    return page.get_by_role("article").filter(has=page.get_by_role("link", name=f"Job {job}", exact=True))


async def test_a_failure_comes_up_with_its_picture_leads_to_its_attempt_and_is_retried(
    person: Page, console: Any
) -> None:
    await person.goto("/errors?account=farid&flow=read_inbox")
    (job,) = fail(console, "farid")
    mine = failure(person, job)
    await expect(mine.get_by_role("img", name="What the browser saw")).to_be_visible()
    await expect(mine.get_by_text("503")).to_be_visible()
    loaded = "each => each.complete && each.naturalWidth > 300"
    picture = await mine.get_by_role("img").element_handle()
    assert picture is not None
    await person.wait_for_function(loaded, arg=picture)
    attempt = console.get("/attempts", job=job)["items"][0]["id"]
    await expect(mine.get_by_role("link", name="read inbox, attempt 1")).to_have_attribute(
        "href", f"/attempts/{attempt}"
    )
    await mine.get_by_role("button", name="Retry").click()
    await expect(person.get_by_text(f"Job {job} is queued again.")).to_be_visible()
    assert console.get(f"/jobs/{job}")["state"] in ("queued", "running", "succeeded")


async def test_all_jobs_of_a_group_are_retried_at_once(person: Page, console: Any) -> None:
    jobs = fail(console, "ben", times=2)
    await person.goto("/errors?account=ben")
    for job in jobs:
        await expect(failure(person, job)).to_be_visible()
    newest = console.get("/errors", account="ben", limit=1)["items"][0]
    group = person.get_by_role("region", name=f"Group {newest['signature']}")
    await expect(group.get_by_role("heading", name=re.compile("Network in read inbox"))).to_be_visible()
    await expect(group.get_by_text(re.compile(r"\d+ times"))).to_be_visible()
    await group.get_by_role("button", name="Show these").click()
    await expect(person).to_have_url(re.compile(f"signature={newest['signature']}"))
    await group.get_by_role("button", name="Retry all").click()
    await expect(person.get_by_text("the jobs of all accounts and days are retried")).to_be_visible()
    await person.get_by_role("button", name="Retry them").click()
    await expect(person.get_by_text(re.compile(r"jobs are queued again|job is queued again"))).to_be_visible()
    assert all(console.get(f"/jobs/{job}")["state"] in ("queued", "running", "succeeded") for job in jobs)


async def test_filters_stand_in_the_address_and_an_empty_page_says_what_to_do(person: Page) -> None:
    await person.goto("/errors?account=carla&kind=network")
    await expect(person.get_by_role("article").filter(has_text="carla").first).to_be_visible()
    await person.get_by_label("kind").click()
    await person.get_by_role("option", name="captcha").click()
    await expect(person).to_have_url(re.compile(r"kind=captcha"))
    await expect(person.get_by_text("No failures match.")).to_be_visible()
    await person.get_by_role("link", name="Show all failures").click()
    await expect(person.get_by_role("article").filter(has_text="carla").first).to_be_visible()
    await expect(person).to_have_url(re.compile(r"/errors$"))


async def test_a_job_that_cannot_be_retried_says_why(person: Page, console: Any) -> None:
    (job,) = fail(console, "dev")
    await person.goto("/errors?account=dev&since=1h")
    retry = failure(person, job).get_by_role("button", name="Retry")
    await retry.click()
    await expect(person.get_by_text(f"Job {job} is queued again.")).to_be_visible()
    await retry.click()
    await expect(person.get_by_text(re.compile(rf"{job} .*(queued|running|succeeded)")).last).to_be_visible()
