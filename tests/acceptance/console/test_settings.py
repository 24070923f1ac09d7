"""Settings: where a value came from, who may come in, what happens by itself, and who changed what."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def another(plain_chromium: Browser) -> AsyncIterator[Page]:
    """Another person's browser, in which nobody has signed in."""
    context = await plain_chromium.new_context()
    context.set_default_timeout(20_000)
    yield await context.new_page()
    await context.close()


def menu(page: Page) -> Any:
    return page.get_by_role("navigation", name="Parts of the settings")


async def test_a_setting_is_found_with_the_place_that_it_came_from(person: Page) -> None:
    await person.goto("/settings")
    await person.get_by_label("Part of a key, a value or an origin").fill("sites.mock")
    table = person.get_by_role("table", name="Settings in force")
    row = table.get_by_role("row").filter(has_text="sites.mock.base_url")
    await expect(row).to_contain_text(re.compile(r"http://127.*playwright\.config\.toml:\d+"))
    await person.get_by_role("checkbox", name="only what is not a default").click()
    await expect(person).to_have_url(re.compile("q=sites.mock&changed=true"))
    await expect(table.get_by_text("default", exact=True)).to_have_count(0)
    await person.get_by_label("Part of a key, a value or an origin").fill("no such setting")
    await expect(person.get_by_text("No setting is like that.")).to_be_visible()


async def test_a_schedule_is_refused_with_its_reason_then_added_and_removed(person: Page, console: Any) -> None:
    await person.goto("/settings/schedules")
    for cron in ("every day", "30 7 * * 1"):
        await person.get_by_role("button", name="Add a schedule").click()
        dialog = person.get_by_role("dialog")
        await dialog.get_by_label("Name").fill("monday morning")
        await dialog.get_by_label("Cron: minute hour day month weekday").fill(cron)
        await dialog.get_by_role("button", name="Add").click()
        await expect(dialog).to_be_hidden()
        if cron == "every day":
            await expect(person.get_by_role("alert").filter(has_text="cron")).to_be_visible()
            await person.get_by_role("button", name="OK").click()
    row = person.get_by_role("row").filter(has_text="monday morning")
    await expect(row).to_contain_text("30 7 * * 1 (UTC)")
    assert console.get("/schedules/monday%20morning")["flow"] == "read_inbox"
    await row.get_by_role("button", name="Remove monday morning").click()
    await person.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)
    assert console.api.get("/schedules/monday%20morning").status_code == 404


async def test_a_viewer_comes_in_by_a_link_shown_once_and_sees_no_admins_parts(
    person: Page, another: Page, console: Any
) -> None:
    await person.goto("/settings/operators")
    await person.get_by_role("button", name="Add an operator").click()
    await person.get_by_role("dialog").get_by_label("Name").fill("vera")
    await person.get_by_role("dialog").get_by_role("button", name="Add").click()
    secret = person.get_by_role("dialog").locator("code")
    link = await secret.inner_text()
    await person.get_by_role("button", name="I have it").click()
    await expect(secret).to_have_count(0)
    await another.goto(link)
    await another.get_by_label("Password").fill("correct horse battery")
    await another.get_by_role("button", name="Sign in").click()
    await expect(another.get_by_role("heading", name="Now", level=1)).to_be_visible()
    await another.goto(f"{console.url}/settings")
    await expect(another.get_by_text("This part takes the role admin.")).to_be_visible()
    await expect(menu(another).get_by_role("link", name="Tokens")).to_have_count(0)
    await menu(another).get_by_role("link", name="Schedules").click()
    await expect(another.get_by_text("takes the role admin")).to_be_visible()
    await expect(another.get_by_role("button", name="Add a schedule")).to_have_count(0)
    await another.goto(f"{console.url}/listings")
    await expect(another.get_by_text("take the role agent")).to_be_visible()
    await expect(another.get_by_role("checkbox", name=re.compile("Choose"))).to_have_count(0)
    await changes_their_password(another, console)
    await person.get_by_role("button", name="Remove vera").click()
    await person.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(person.get_by_role("row").filter(has_text="vera")).to_have_count(0)
    await another.goto(f"{console.url}/settings/password")  # this demo lets everybody in: as nobody in particular
    await expect(another.get_by_text("You have no password here.")).to_be_visible()


async def changes_their_password(page: Page, console: Any) -> None:
    await page.goto(f"{console.url}/settings/password")
    await page.get_by_label("The old password, if you have one").fill("wrong")
    await page.get_by_label("The new password").fill("tractor beam lullaby")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_role("alert").filter(has_text="The old password is wrong.")).to_be_visible()
    await page.get_by_label("The old password, if you have one").fill("correct horse battery")
    async with page.expect_navigation(url="**/sign-in"):
        await page.get_by_role("button", name="Change the password").click()
    await page.get_by_label("Name").fill("vera")
    await page.get_by_label("Password").fill("tractor beam lullaby")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Now", level=1)).to_be_visible()


async def test_a_token_is_shown_once_works_and_is_revoked_and_the_log_says_who(person: Page, console: Any) -> None:
    await person.goto("/settings/tokens")
    await person.get_by_role("button", name="Make a token").click()
    dialog = person.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("till")
    await dialog.get_by_role("button", name="Make it").click()
    secret = await person.get_by_role("dialog").locator("code").inner_text()
    await person.get_by_role("button", name="I have it").click()
    await expect(person.get_by_text(secret)).to_have_count(0)
    program = {"authorization": f"Bearer {secret}"}
    assert console.api.get("/session", headers=program).json()["name"] == "till"
    refused = console.api.post("/accounts/amy/pause", headers=program, json={})
    assert refused.status_code == 403
    await person.get_by_role("button", name="Revoke till").click()
    await person.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(person.get_by_role("row").filter(has_text="till")).to_contain_text("revoked")
    assert console.api.get("/session", headers=program).status_code == 401
    await person.goto("/settings/audit?who=anybody (--no-auth)")
    log = person.get_by_role("table", name="Audit log")
    await expect(log.get_by_role("row").filter(has_text="DELETE /tokens/till")).to_contain_text("done")
    await person.get_by_label("Who: a whole name").fill("nobody at all")
    await expect(person.get_by_text("No change is noted.")).to_be_visible()
