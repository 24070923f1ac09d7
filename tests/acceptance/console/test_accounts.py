"""Accounts as a person looks after them: find one, see how it is and why, pause it, have it looked at."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_table_shows_every_account_with_its_health_and_narrows(person: Page, console: Any) -> None:
    await person.goto("/accounts")
    table = person.get_by_role("table", name="Accounts")
    rows = console.get("/accounts/table")["items"]
    for each in rows:
        row = table.get_by_role("row").filter(has=person.get_by_role("link", name=each["name"], exact=True))
        await expect(row).to_contain_text(each["health_reason"])
        await expect(row).to_contain_text(f"messages: {each['inbound']} in, {each['outbound']} out")
    # Cells of one row stand side by side.
    cells = table.get_by_role("row").nth(1).get_by_role("cell")
    first, second = await cells.nth(0).bounding_box(), await cells.nth(4).bounding_box()
    assert first is not None
    assert second is not None
    assert first["y"] == second["y"]
    await person.get_by_label("Search names").fill("far")
    await expect(table.get_by_role("row")).to_have_count(2)
    await expect(person).to_have_url(re.compile("q=far"))
    await person.goto("/accounts?state=locked")
    await expect(person.get_by_text("No account matches.")).to_be_visible()


async def test_an_account_is_paused_with_a_reason_and_resumed(person: Page, console: Any) -> None:
    await person.goto("/accounts/farid")
    await person.keyboard.press("p")
    await person.get_by_label("Why, for whoever asks later").fill("stock-taking")
    await person.get_by_role("button", name="Pause it").click()
    health = person.get_by_role("region", name="Health")
    await expect(health.get_by_text("paused")).to_be_visible()
    await expect(health).to_contain_text("stock-taking")
    await expect(person.get_by_role("region", name="Rotation")).to_contain_text("stock-taking")
    assert console.get("/accounts/farid")["state"] == "paused"
    await person.goto("/accounts?state=paused")
    await person.get_by_role("button", name="Resume farid").click()
    await expect(person.get_by_text("No account matches.")).to_be_visible()
    assert console.get("/accounts/farid")["state"] == "active"


async def test_a_login_is_checked_and_an_inbox_read_at_a_word_and_the_page_follows(person: Page, console: Any) -> None:
    await person.goto("/accounts/dev")
    jobs = person.get_by_role("table", name="Jobs")
    await person.get_by_role("button", name="Check login").click()
    await expect(person.get_by_text("It is being looked whether the account is signed in.")).to_be_visible()
    check = console.get("/jobs", account="dev", flow="check_login", limit=1)["items"][0]
    row = jobs.get_by_role("row").filter(has_text=f"{check['id']} check login")
    await expect(row).to_contain_text("succeeded")
    await person.get_by_role("button", name="Read inbox now").click()
    await expect(person.get_by_text("Its inbox is read next.")).to_be_visible()
    read = console.get("/jobs", account="dev", flow="read_inbox", limit=1)["items"][0]
    assert read["priority"] == "urgent"
    await expect(person.get_by_role("region", name="Health")).to_contain_text("Signed in")
    await expect(person.get_by_role("region", name="Take over")).to_contain_text(
        re.compile("runner handoff dev|Watch and take over")
    )
    await expect(person.get_by_role("region", name="Rotation").get_by_role("link", name="check login")).to_be_visible()


async def test_counters_begin_anew(person: Page, console: Any) -> None:
    await person.goto("/accounts/ben")
    await person.get_by_role("button", name="Reset counters").click()
    await expect(person.get_by_text("Counted from now on; the records stay.")).to_be_visible()
    assert console.get("/accounts/ben")["counted_from"] is not None


async def test_an_account_that_is_not_there_is_said(person: Page) -> None:
    await person.goto("/accounts/nobody-here")
    await expect(person.get_by_text(re.compile("nobody-here.*", re.DOTALL)).last).to_be_visible()
    await expect(person.get_by_role("button", name="Check login")).to_have_count(0)
