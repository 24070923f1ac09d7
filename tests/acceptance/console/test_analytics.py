"""Analytics: drawn, told as a table, and taken along as files."""

from __future__ import annotations

import io
import re
from typing import Any

import openpyxl
import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_charts_say_what_happened_and_their_tables_too(person: Page, console: Any) -> None:
    await person.goto("/analytics?timeframe=24h")
    panel = person.get_by_role("region", name="Accounts compared")
    drawn = panel.get_by_role("img", name="Accounts compared")
    await expect(drawn.locator("svg")).to_be_visible()
    await expect(drawn).to_contain_text("carla")
    await panel.get_by_text("As a table").click()
    row = panel.get_by_role("table", name="Accounts compared").get_by_role("row").filter(has_text="farid")
    (farid,) = [each for each in console.get("/analytics/accounts")["items"] if each["account"] == "farid"]
    await expect(row.get_by_role("cell").nth(1)).to_have_text(str(farid["succeeded"]))
    await person.get_by_role("button", name="30 days").click()
    await expect(person).to_have_url(re.compile("timeframe=30d"))
    await expect(panel.get_by_role("link", name="Accounts compared as CSV")).to_have_attribute(
        "href", re.compile("timeframe=30d")
    )
    await expect(panel.get_by_role("table", name="Accounts compared")).to_be_visible()  # what was open stays open


async def test_the_table_follows_what_happens_without_being_loaded_again(person: Page, console: Any) -> None:
    await person.goto("/analytics?timeframe=24h")
    panel = person.get_by_role("region", name="Flows")
    await panel.get_by_text("As a table").click()
    await expect(panel.get_by_role("row").filter(has_text="read inbox")).to_be_visible()
    job = {"account": "farid", "flow": "check_login"}
    console.api.post("/jobs", json=job).raise_for_status()
    await expect(panel.get_by_role("row").filter(has_text="check login")).to_be_visible(timeout=60_000)


async def test_the_week_is_taken_along_as_one_workbook(person: Page, console: Any) -> None:
    await person.goto("/analytics")
    async with person.expect_download() as begun:
        await person.get_by_role("link", name="Export the week").click()
    download = await begun.value
    assert re.fullmatch(r"runner-7d-[\d-]+\.xlsx", download.suggested_filename)
    book = openpyxl.load_workbook(io.BytesIO((await download.path()).read_bytes()))
    assert {"messages", "responses", "results", "accounts", "jobs", "errors", "threads"} <= set(book.sheetnames)
    failed = list(book["errors"].iter_rows(min_row=2, values_only=True))
    assert "carla" in {row[1] for row in failed}
    jobs = {str(row[0]) for row in book["jobs"].iter_rows(min_row=2, values_only=True)}
    assert {each["id"] for each in console.get("/jobs", limit=500, sort="id")["items"][:18]} <= jobs


async def test_one_chart_is_taken_along_as_a_table(person: Page) -> None:
    await person.goto("/analytics?timeframe=24h")
    async with person.expect_download() as begun:
        await person.get_by_role("link", name="Errors by kind as CSV").click()
    text = (await (await begun.value).path()).read_bytes().decode("utf-8-sig")
    assert text.splitlines()[0] == "error kind,attempts"
    assert "network,1" in text
