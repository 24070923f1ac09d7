"""The same session with Selenium: the full Chromium with the account's profile, launched for each session.

Each page is read by one script, as `bench.bare` reads it in its best form. Started by `python -m bench`; see
`bench.orders`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from bench.bare import FIELDS, INBOX_AT_ONCE, LOG_AT_ONCE, SELECTS
from bench.orders import Plan, answer, plan_of_this_process

WAIT_S = 30
LABELLED = """const words = arguments[0].toLowerCase();
return [...document.querySelectorAll("input, select, textarea")].find(field => [...(field.labels ?? [])].some(
  label => label.textContent.trim().replace(/\\s*\\*$/, "").toLowerCase() === words))"""
THEN = "const done = arguments[arguments.length - 1]; (%s)().then(done)"


def open_profile(plan: Plan, account: str) -> Chrome:
    """The full Chromium with the account's profile."""
    chosen = ChromeOptions()
    chosen.binary_location = plan["full_browser"]
    chosen.page_load_strategy = "eager"
    size = f"--window-size={plan['viewport']['width']},{plan['viewport']['height']}"
    alone = [] if plan["sandbox"] else ["--no-sandbox"]
    for switch in (
        "--headless=new",
        f"--user-data-dir={Path(plan['profiles']) / account}",
        size,
        *alone,
        *plan["args"],
    ):
        chosen.add_argument(switch)
    driver = Chrome(options=chosen, service=Service(executable_path=plan["chromedriver"]))
    driver.set_script_timeout(WAIT_S)
    return driver


def field(driver: Chrome, label: str) -> Any:
    """The field with this label, once it is there."""
    return WebDriverWait(driver, WAIT_S, 0.02).until(lambda each: each.execute_script(LABELLED, label))


def press(driver: Chrome, words: str) -> None:
    """Press a button of the page's main part, and wait until the page has gone."""
    here = driver.current_url
    driver.find_element(By.XPATH, f'//main//button[normalize-space()="{words}"]').click()
    WebDriverWait(driver, WAIT_S, 0.02).until(lambda each: each.current_url != here)


def sign_in(driver: Chrome, url: str, account: str, password: str) -> None:
    """Once, before anything is measured."""
    driver.get(f"{url}/sign-in")
    for button in driver.find_elements(By.XPATH, '//button[normalize-space()="Only necessary cookies"]'):
        button.click()
    field(driver, "E-mail or username").send_keys(account)
    field(driver, "Password").send_keys(password)
    field(driver, "Keep me signed in").click()
    press(driver, "Sign in")


def read_inbox(driver: Chrome, url: str) -> int:
    """Open every thread with something unread; returns how many messages these hold."""
    path: str | None = f"{url}/inbox"
    unread: list[str] = []
    while path:
        driver.get(path)
        seen = driver.execute_script(f"return ({INBOX_AT_ONCE})()")
        unread += [row["id"] for row in seen["rows"] if row["unread"]]
        path = seen.get("next")
    messages = 0
    for thread in unread:
        driver.get(f"{url}/inbox/thread/{thread}")
        messages += len(driver.execute_async_script(THEN % f"({LOG_AT_ONCE})"))
    return messages


def publish(driver: Chrome, url: str, listing: dict[str, str]) -> None:
    """Publish in the three steps of the form."""
    driver.get(f"{url}/sell")
    for name, label in FIELDS.items():
        field(driver, label).send_keys(listing[name])
    for name, label in SELECTS.items():
        Select(field(driver, label)).select_by_value(listing[name])
    press(driver, "Continue to photos")
    field(driver, "Choose photos").send_keys(listing["photo"])
    uploaded = (By.CSS_SELECTOR, '[data-photos][data-uploading="0"][data-count="1"]')
    WebDriverWait(driver, WAIT_S, 0.02).until(lambda each: each.find_elements(*uploaded))
    press(driver, "Continue to review")
    press(driver, "Publish listing")


def session(plan: Plan, account: str, listing: dict[str, str]) -> None:
    """One session from closed to closed."""
    driver = open_profile(plan, account)
    try:
        read_inbox(driver, plan["url"])
        publish(driver, plan["url"], listing)
    finally:
        driver.quit()


def prepare(plan: Plan) -> None:
    """Sign every account in."""
    for account, password_file in plan["password_files"].items():
        driver = open_profile(plan, account)
        try:
            sign_in(driver, plan["url"], account, Path(password_file).read_text().strip())
        finally:
            driver.quit()


async def main() -> None:
    """Answer orders until stdin ends; every session has a thread of its own, for Selenium waits for each answer."""
    plan = plan_of_this_process()

    async def all_of(listings: dict[str, dict[str, str]]) -> None:
        await asyncio.gather(*(asyncio.to_thread(session, plan, name, listings[name]) for name in listings))

    await answer(lambda: asyncio.to_thread(prepare, plan), all_of)


if __name__ == "__main__":
    asyncio.run(main())
