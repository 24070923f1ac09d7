"""Listings: found, imported from a table, published to several accounts, and followed until they are at the site."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TABLE = """\
reference,title,price,photos,accounts
IMP-1,Wooden sledge,35.00,sledge.png,amy
IMP-2,Paper kite,wrong,,amy
IMP-3,<b>Tin drum</b>,12.50,,nobody
"""


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (320, 240), "teal").save(file, "PNG")
    return file.getvalue()


async def test_listings_are_found_by_what_stands_in_the_address(person: Page) -> None:
    await person.goto("/listings?account=farid")
    await expect(person.get_by_role("article")).to_have_count(2)
    await person.get_by_label("Title or reference").fill("LENS")
    await expect(person.get_by_role("article")).to_have_count(1)
    await expect(person).to_have_url(re.compile("account=farid&q=LENS"))
    await person.reload()
    card = person.get_by_role("article")
    await expect(card).to_contain_text("farid: published")
    assert await card.get_by_role("link").first.locator("img").evaluate("each => each.naturalWidth") > 0
    await person.get_by_label("Title or reference").fill("no such thing")
    await expect(person.get_by_text("No listing is like that.")).to_be_visible()


async def test_a_table_is_looked_at_row_by_row_and_then_imported(person: Page, console: Any) -> None:
    await person.goto("/listings/import")
    files = person.locator("input[type=file]")
    await files.nth(0).set_input_files({"name": "goods.csv", "mimeType": "text/csv", "buffer": TABLE.encode()})
    wrong = person.get_by_role("table", name="Rows that are wrong")
    await expect(wrong.get_by_role("row")).to_have_count(4)  # with its heading
    await expect(wrong).to_contain_text("there is no account of this name")
    await expect(wrong).to_contain_text("sledge.png")
    await expect(person.get_by_role("button", name="Import", exact=True)).to_be_hidden()
    await expect(person.get_by_role("button", name="Import 0 listings")).to_be_disabled()
    await files.nth(1).set_input_files({"name": "sledge.png", "mimeType": "image/png", "buffer": picture()})
    await expect(wrong.get_by_role("row")).to_have_count(3)
    assert console.get("/listings/groups", q="IMP-")["items"] == []
    await person.get_by_role("button", name="Import 1 listing").click()
    await expect(person.get_by_text("1 added")).to_be_visible()
    (group,) = console.get("/listings/groups", q="IMP-")["items"]
    assert (group["title"], group["copies"][0]["account"]) == ("Wooden sledge", "amy")
    assert console.api.get(console.url + group["photo"]).content == picture()


async def test_the_template_is_a_table_that_can_be_imported(person: Page, console: Any) -> None:
    await person.goto("/listings/import")
    async with person.expect_download() as begun:
        await person.get_by_role("link", name="Download a template").click()
    content = (await (await begun.value).path()).read_bytes()
    assert {"reference", "title", "price", "photos", "accounts"} <= set(next(csv.reader(io.StringIO(content.decode()))))
    told = console.api.post("/listings/import", files={"file": ("t.csv", content)}, data={"dry_run": "true"}).json()
    assert (told["ready"], told["problems"], told["listings"]) == (1, [], [])


async def test_a_chosen_listing_is_published_to_two_accounts_and_followed(person: Page, console: Any) -> None:
    table = (
        "reference,title,price,description,category,condition,location\n"
        "PUB-1,Rocking horse,80.00,For brave riders of all ages.,kids,good,Lisbon\n"
    )
    console.api.post("/listings/import", files={"file": ("t.csv", table)}).raise_for_status()
    await person.goto("/listings?q=PUB-1")
    await expect(person.get_by_text("nobody yet: draft")).to_be_visible()
    await person.get_by_role("checkbox", name="Choose Rocking horse").click()
    await person.get_by_role("button", name="Publish 1 chosen").click()
    dialog = person.get_by_role("dialog")
    for name in ("ben", "dev"):
        await dialog.get_by_role("checkbox", name=name).click()
    await dialog.get_by_role("button", name="Publish now").click()
    await expect(person).to_have_url(re.compile(r"batch=\d+"))
    progress = person.get_by_role("region", name="Progress of publishing")
    await expect(progress.get_by_role("link", name="ben: Rocking horse")).to_be_visible()
    await expect(progress.get_by_text("2 of 2 done")).to_be_visible(timeout=90_000)
    await expect(person.get_by_text("ben: published")).to_be_visible()
    await expect(person.get_by_text("nobody yet: draft")).to_have_count(0)
    for name in ("ben", "dev"):
        assert [each for each in console.ledger("listing_published", name) if "PUB-1" in str(each)], name
    await person.get_by_role("article").get_by_role("link", name="Rocking horse").last.click()
    whole = person.get_by_role("table", name="Accounts")
    await expect(whole.get_by_role("row")).to_have_count(4)
    await expect(whole).to_contain_text("dev")
    await expect(person.get_by_text("For brave riders of all ages.")).to_be_visible()
