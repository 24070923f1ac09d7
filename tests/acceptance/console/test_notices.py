"""Settings, Notifications: a channel is added, tried, changed; what was given up is sent again by one click."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

USUAL = (
    "a person is needed",
    "an account is parked",
    "many failures of one kind",
    "a limit is nearly used up",
    "a rule says so",
)
"""What a new channel is told of unless somebody says otherwise."""

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


DEAD = (
    "INSERT INTO notification (channel_id, slot, uid, kind, subject, title, lines, link, recovers, data, state,"
    " happened_at, created_at, due_at, attempts, detail, repeats, told, earlier)"
    " SELECT id, 'till-1', 'till-1', 'person_needed', 'till', 'The till needs a person', '[]', '', 0, '{}', 'dead',"
    " created_at, created_at, created_at, 5, 'The receiver answered 500.', 0, 0, 0 FROM channel WHERE name = 'till'"
)
"""A notice that was given up: to wait for the tries of a real one would take minutes."""


async def test_a_channel_is_added_tried_and_changed_and_what_was_given_up_is_retried(
    person: Page, console: Any, receiver: Any, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("a-signing-key")
    await person.goto("/settings/notices")
    await _add_by_hand(person, receiver.url, tmp_path / "key")
    row = person.get_by_role("table", name="Channels").get_by_role("row").filter(has_text="till")
    await expect(row).to_contain_text("weekly digest")
    assert console.get("/channels/till")["preferences"]["kinds"] == ["weekly_digest"], "which nothing else here makes"
    await row.get_by_role("button", name="Test till").click()
    await expect(person.get_by_role("alert").filter(has_text="Sent over till")).to_be_visible()
    assert receiver.titles == ["A test of the runner's"]
    receiver.status = 500
    await row.get_by_role("button", name="Test till").click()
    await expect(person.get_by_role("alert").filter(has_text="The receiver answered 500.")).to_be_visible()
    receiver.status = 200

    await row.get_by_role("button", name="Change till").click()
    dialog = person.get_by_role("dialog")
    await dialog.get_by_label("Only of these accounts").fill("amy, benn")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(dialog).to_contain_text('There is no account "benn"')
    await dialog.get_by_label("Only of these accounts").fill("amy, ben")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(row).to_contain_text("of amy, ben")

    with closing(sqlite3.connect(console.folder / "runner.db", timeout=30)) as books, books:
        books.execute(DEAD)
    await person.reload()
    dead = person.get_by_role("table", name="Not sent").get_by_role("row").filter(has_text="The till needs a person")
    await expect(dead).to_contain_text("The receiver answered 500.")
    await dead.get_by_role("button", name="Retry The till needs a person").click()
    await expect(person.get_by_role("alert").filter(has_text="It is sent again.")).to_be_visible()
    await expect(dead).to_have_count(0)
    (again,) = [each for each in console.get("/notices")["items"] if each["channel"] == "till"]
    assert again["state"] in ("waiting", "sent")
    await row.get_by_role("button", name="Remove till").click()
    await person.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)


async def _add_by_hand(person: Page, address: str, key: Path) -> None:
    """A channel for weekly digests; what was typed outlives a refusal."""
    await person.get_by_role("button", name="Add a channel").click()
    dialog = person.get_by_role("dialog")
    await dialog.get_by_label("Name, such as phone").fill("till")
    await dialog.get_by_label("How").click()
    await person.get_by_role("option", name="signed webhook").click()
    await dialog.get_by_label("Address of the webhook").fill(address)
    await dialog.get_by_label("Its name: a path, a variable").fill(str(key))
    await dialog.get_by_label("Is told of").click()
    for kind in (*USUAL, "weekly digest"):
        await person.get_by_role("option", name=kind).click()
    await person.keyboard.press("Escape")
    await dialog.get_by_label("Quiet hours").fill("25:00-07:00")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(dialog).to_contain_text("no window of hours")
    await dialog.get_by_label("Quiet hours").fill("22:00-07:00")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(person.get_by_role("alert").filter(has_text="It is added.")).to_be_visible()


async def test_a_digest_opens_as_a_page(person: Page) -> None:
    await person.goto("/settings/notices")
    async with person.context.expect_page() as opened:
        await person.get_by_role("link", name="Yesterday as a page").click()
    page = await opened.value
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Daily digest: "))
