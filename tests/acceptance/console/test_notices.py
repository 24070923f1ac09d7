"""Settings, Notifications: a channel is added, tried, changed; what was given up is sent again by one click."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_channel_is_added_tried_and_changed_and_what_was_given_up_is_retried(
    person: Page, console: Any, receiver: Any, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("a-signing-key")
    await person.goto("/settings/notices")
    await person.get_by_role("button", name="Add a channel").click()
    dialog = person.get_by_role("dialog")
    await dialog.get_by_label("Name, such as phone").fill("till")
    await dialog.get_by_label("How").click()
    await person.get_by_role("option", name="signed webhook").click()
    await dialog.get_by_label("Address of the webhook").fill(receiver.url)
    await dialog.get_by_label("Its name: a path, a variable").fill(str(tmp_path / "key"))
    await dialog.get_by_label("Quiet hours").fill("25:00-07:00")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(person.get_by_role("alert").filter(has_text="no window of hours")).to_be_visible()
    body = {"name": "till", "address": receiver.url, "password_file": str(tmp_path / "key")}
    console.api.post("/channels", json=body).raise_for_status()
    await person.reload()
    row = person.get_by_role("table", name="Channels").get_by_role("row").filter(has_text="till")
    await row.get_by_role("button", name="Test till").click()
    await expect(person.get_by_role("alert").filter(has_text="Sent over till")).to_be_visible()
    assert receiver.titles == ["A test of the runner's"]
    receiver.status = 500
    await row.get_by_role("button", name="Test till").click()
    await expect(person.get_by_role("alert").filter(has_text="The receiver answered 500.")).to_be_visible()
    await row.get_by_role("button", name="Change till").click()
    await person.get_by_role("dialog").get_by_label("Only of these accounts").fill("amy, ben")
    await person.get_by_role("dialog").get_by_role("button", name="Keep").click()
    await expect(row).to_contain_text("of amy, ben")
    assert console.get("/channels/till")["preferences"]["accounts"] == ["amy", "ben"]
    await row.get_by_role("button", name="Remove till").click()
    await person.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(person.get_by_text("Nobody is told anything.")).to_be_visible()


async def test_a_digest_opens_as_a_page(person: Page) -> None:
    await person.goto("/settings/notices")
    async with person.context.expect_page() as opened:
        await person.get_by_role("link", name="Yesterday as a page").click()
    page = await opened.value
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Daily digest: "))
