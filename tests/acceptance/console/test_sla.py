"""Settings, SLAs, and colleagues: what is promised, and to whom a thread can be given. Judged by the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def nora(console: Any) -> Any:
    """A colleague."""
    console.api.post("/operators", json={"name": "nora", "role": "agent"}).raise_for_status()
    yield "nora"
    console.api.delete("/operators/nora").raise_for_status()


async def test_a_promise_is_made_changed_and_taken_back(person: Page, console: Any, nora: str) -> None:
    await person.goto("/settings/sla")
    await person.get_by_role("button", name="Add an SLA").click()
    dialog = person.get_by_role("dialog")
    await dialog.get_by_label("Threads with the tag").fill("signed")
    await dialog.get_by_label("First answer within").fill("soon")
    await dialog.get_by_role("button", name="Add it").click()
    await expect(dialog).to_contain_text('"soon" is not a span of time.')
    await dialog.get_by_label("First answer within").fill("2h")
    await dialog.get_by_label("When late, give it to").click()
    await person.get_by_role("option", name=nora, exact=True).click()
    await dialog.get_by_label("When late, tag it").fill("signed")
    await dialog.get_by_role("button", name="Add it").click()
    await expect(dialog).to_contain_text("has the tag")
    await dialog.get_by_label("When late, tag it").fill("late")
    await dialog.get_by_role("button", name="Add it").click()
    row = person.get_by_role("table", name="SLAs").get_by_role("row").filter(has_text="signed")
    await expect(row).to_contain_text("given to nora, tagged late")

    await row.get_by_role("button", name="Change signed").click()
    await expect(dialog.get_by_label("First answer within")).to_have_value("2h")
    await dialog.get_by_label("Closed within").fill("3d")
    await dialog.get_by_role("button", name="Keep it").click()
    await expect(row).to_contain_text("3d")
    kept = {each["tag"]: each for each in console.get("/sla")["items"]}["signed"]
    assert (kept["first_response_s"], kept["resolution_s"], kept["assign"]) == (7200, 259_200, nora)
    await row.get_by_role("button", name="Remove signed").click()
    await person.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)


async def test_a_thread_is_given_to_a_colleague_and_the_history_is_taken_along(
    person: Page, console: Any, nora: str
) -> None:
    thread = next(each for each in console.get("/threads", account="elena", limit=50)["items"] if not each["assignee"])
    await person.goto(f"/inbox?thread={thread['id']}")
    await person.get_by_role("button", name="Assign", exact=True).click()
    await person.get_by_role("menuitem", name=nora).or_(person.get_by_role("listitem").filter(has_text=nora)).click()
    await expect(person.get_by_role("alert").filter(has_text="Assigned to nora.")).to_be_visible()
    assert console.get(f"/threads/{thread['id']}")["assignee"] == nora
    console.api.post(f"/threads/{thread['id']}/assign", json={"assignee": None}).raise_for_status()
    async with person.expect_download() as coming:
        await person.get_by_role("link", name="All threads as JSON").click()
    told = json.loads((await (await coming.value).path()).read_text(encoding="utf-8"))
    assert len(told["threads"]) == len(console.get("/threads", limit=500)["items"])
