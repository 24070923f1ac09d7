"""Following up as a person sets it up in the console; judged by the API."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_sequence_is_written_tried_on_a_thread_enrolled_and_stopped(person: Page, console: Any) -> None:
    template = {"name": "gently", "text": "Hi {buyer_name|there}, still of interest?"}
    console.api.post("/templates", json=template).raise_for_status()
    thread = console.get("/threads", limit=1)["items"][0]
    await person.goto("/sequences")
    await person.get_by_role("button", name="Add a sequence").click()
    dialog = person.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("by-hand")
    await dialog.get_by_label("Delay 1").fill("soon")
    await dialog.get_by_role("button", name="Add it").click()
    await expect(dialog.get_by_text('"soon" is no delay.')).to_be_visible()
    await dialog.get_by_label("Delay 1").fill("2wd")
    await _choose(person, dialog, "gently", step=1)
    await dialog.get_by_role("button", name="Another step").click()
    await _choose(person, dialog, "gently", step=2)
    await dialog.get_by_role("button", name="Add it").click()

    await person.get_by_role("link", name="by-hand").click()
    await expect(person.get_by_text("2 working days later: gently")).to_be_visible()
    await person.get_by_label("Number of the thread").fill(str(thread["id"]))
    await person.get_by_role("button", name="Try it").click()
    await expect(person.get_by_text(f"Hi {thread['counterpart']}, still of interest?").first).to_be_visible()
    assert console.get("/enrolments", sequence="by-hand")["items"] == [], "a dry run"

    await person.get_by_role("button", name="Enrol it").click()
    row = person.get_by_role("row").filter(has_text=thread["counterpart"])
    await expect(row).to_contain_text("0 of 2")
    await row.get_by_role("button", name="Stop").click()
    await expect(row).to_contain_text("stopped by")
    (made,) = console.get("/enrolments", sequence="by-hand")["items"]
    assert (made["state"], made["reason"], made["thread_id"]) == ("stopped", "operator", thread["id"])

    await person.get_by_role("button", name="Enrol it").click()
    await person.get_by_role("dialog").get_by_role("button", name="Enrol it once more").click()
    await expect(person.get_by_role("row").filter(has_text="active")).to_have_count(1)
    await person.get_by_role("button", name="Remove").click()
    await person.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(person.get_by_text("are going through sequence")).to_be_visible()


async def _choose(person: Page, dialog: Locator, template: str, *, step: int) -> None:
    await dialog.get_by_label(f"Template {step}").click()
    await person.get_by_role("option", name=template, exact=True).click()
