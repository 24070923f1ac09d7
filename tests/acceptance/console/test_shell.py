"""What stands around every page: the menu, the keys, the colours."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_every_place_of_the_menu_is_reached_by_its_key(person: Page) -> None:
    await person.goto("/")
    await expect(person.get_by_role("heading", name="Now", level=1)).to_be_visible()
    await person.keyboard.press("?")
    await expect(person.get_by_role("heading", name="Keyboard shortcuts", level=1)).to_be_visible()
    await person.keyboard.press("g")
    await person.keyboard.press("n")
    await expect(person.get_by_role("heading", name="Now", level=1)).to_be_visible()


async def test_a_person_chooses_the_colours_and_the_next_page_has_them(person: Page) -> None:
    await person.emulate_media(color_scheme="light")
    await person.goto("/")
    body = person.locator("body")
    for _ in range(2):  # as the system says, light, dark
        await person.keyboard.press("t")
    await expect(body).to_contain_class("body--dark")
    await person.goto("/keys")
    await expect(person.locator("body.body--dark")).to_be_visible()


async def test_a_page_shows_what_happens_without_being_loaded_again(person: Page, console: Any) -> None:
    await person.goto("/")
    before = console.get("/jobs", limit=1)["items"][0]["id"]
    await person.get_by_role("button", name="Start a cycle").click()
    await expect(person.get_by_text("The cycle has begun.")).to_be_visible()
    assert int(console.get("/jobs", limit=1)["items"][0]["id"]) > int(before)
