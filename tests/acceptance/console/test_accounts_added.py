"""Accounts come by hand and by table, in a shop of their own: never with a password."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TABLE = b"name,username,password_env,tags\ngreta,greta@shop,GRETA_PASSWORD,north\nhugo,hugo@shop,,\n"


@pytest.fixture
def empty_shop(shop: Any, wait_for: Any) -> str:
    """The address of a console over a shop without accounts."""
    shop.configure(accounts=())
    said = shop.folder / "said.txt"
    with said.open("w") as stderr:
        shop.start("console", "--no-auth", "--port", 0, stderr=stderr, env={"COLUMNS": "300"})
    found = wait_for(lambda: re.search(r"console is at (http://\S+)", said.read_text()), what="it serves", within_s=90)
    return str(found.group(1))


async def accounts(page: Page) -> list[tuple[str, list[str]]]:
    answer = await page.request.get("/api/v1/accounts")
    return [(each["name"], each["tags"]) for each in (await answer.json())["items"]]


async def test_accounts_are_added_by_hand_and_by_table(empty_shop: str, plain_chromium: Browser) -> None:
    context = await plain_chromium.new_context(base_url=empty_shop, viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.goto("/accounts")
    await expect(page.get_by_text("There is no account yet.")).to_be_visible()

    await page.get_by_role("button", name="Add an account").click()
    await page.get_by_label("Name", exact=True).fill("fritz")
    await page.get_by_role("button", name="Add it").click()
    await expect(page.get_by_role("dialog").locator(".problem")).to_contain_text(re.compile("password"))
    await page.get_by_label("Name of that place").fill("FRITZ_PASSWORD")
    await page.get_by_label("Tags, with commas between them").fill("north, new")
    await page.get_by_role("button", name="Add it").click()
    await expect(page.get_by_role("heading", name="fritz")).to_be_visible()
    await expect(page.get_by_role("region", name="Profile")).to_contain_text("no profile yet")

    await page.get_by_role("button", name="Tags").click()
    await page.get_by_role("dialog").get_by_label("Tags").fill("south, new")
    await page.get_by_role("button", name="Keep them").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert await accounts(page) == [("fritz", ["new", "south"])]

    await page.goto("/accounts/import")
    table = {"name": "accounts.csv", "mimeType": "text/csv", "buffer": TABLE}
    await page.locator("input[type=file]").set_input_files(table)  # type: ignore[arg-type]  # because it is a FilePayload
    looked = page.get_by_role("region", name="What would be done")
    await expect(looked).to_contain_text("1 would be added")
    await expect(looked.get_by_role("table", name="Rows that are left out")).to_contain_text("2")
    known = await accounts(page)
    assert [name for name, _ in known] == ["fritz"], "looking stores nothing"
    await looked.get_by_role("button", name="Import").click()
    await expect(looked).to_contain_text("1 were added")
    known = await accounts(page)
    assert known == [("fritz", ["new", "south"]), ("greta", ["north"])]
    await context.close()
