"""The marketplace's pages as a person with a browser meets them, in every layout and at the width of a telephone."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PUBLIC = ("/", "/?q=laptop", "/item/1200001", "/seller/amy", "/sign-in", "/nowhere")
PRIVATE = ("/inbox", "/inbox?page=3", "/listings", "/listings/1200001/edit", "/listings/1200001/delete", "/sell")
TELEPHONE = {"width": 390, "height": 800}
DETAILS = {
    "Your reference": "AC-2001",
    "Title": "Apple Studio Display 27-inch",
    "Price": "999,50",
    "Description": "In very good order, with its tilt stand.\nCollected in Leiden.",
}

# Returns what a screen reader would stumble over: fields and buttons without a name, pictures without an alternative,
# ids that stand twice or are pointed at in vain, a bent tab order, a page without its landmarks.
STUMBLES = """() => {
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (e) => e.checkVisibility();
  const words = (e) => (e.getAttribute('aria-label') || e.textContent || '').trim();
  const labelled = (e) => [...(e.labels || [])].some((label) => words(label)) || e.getAttribute('aria-label');
  for (const e of all('input:not([type=hidden]),select,textarea'))
    if (seen(e) && !labelled(e)) found.push('no label: ' + e.outerHTML);
  for (const e of all('button,a[href]')) if (seen(e) && !words(e)) found.push('no name: ' + e.outerHTML);
  for (const e of all('img:not([alt])')) found.push('no alt: ' + e.outerHTML);
  const ids = all('[id]').map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push('id twice: ' + id);
  for (const attribute of ['aria-describedby', 'aria-labelledby'])
    for (const e of all(`[${attribute}]`))
      for (const id of e.getAttribute(attribute).split(' ')) if (!ids.includes(id)) found.push('points nowhere: ' + id);
  for (const e of all('[tabindex]')) if (e.tabIndex > 0) found.push('tab order bent: ' + e.outerHTML);
  if (all('h1').length !== 1) found.push('not one h1');
  for (const tag of ['header', 'nav', 'main', 'footer']) if (!all(tag).length) found.push('no ' + tag);
  if (!document.documentElement.lang || !document.title) found.push('no language or title');
  return found;
}"""

# Returns all visible texts whose contrast with their background falls below WCAG's 4.5.
PALE = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (part) => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > .9) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || !e.checkVisibility() || e.closest('button:disabled')) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.push(`${e.tagName} ${ratio.toFixed(2)}: ${e.textContent.trim().slice(0, 40)}`);
  }
  return found;
}"""

FOCUSED = "(document.activeElement.innerText || document.activeElement.name || '').trim()"

# Says whether something else lies over an element's upper left corner.
COVERED = """(e) => {
  const box = e.getBoundingClientRect();
  return !e.contains(document.elementFromPoint(box.x + 9, box.y + 9));
}"""


async def sign_in(page: Page, market: Any, account: str = "amy") -> None:
    """Signs in as a person would, with the cookie banner answered first."""
    await page.goto(f"{market.url}/sign-in")
    await page.get_by_role("button", name="Only necessary cookies").click()
    await page.get_by_label(re.compile("^(E-mail|Username)")).fill(account)
    await page.get_by_label("Password").fill(market.password(account))
    await page.get_by_role("main").get_by_role("button", name=re.compile("Sign in|Log in")).click()
    await expect(page.locator(f"[data-account={account}]")).to_be_visible()


def photo(path: Path, colour: str) -> Path:
    Image.new("RGB", (640, 480), colour).save(path)
    return path


@pytest.mark.parametrize("layout", ["a", "b", "c"])
async def test_pages_have_names_labels_and_landmarks(market: Any, new_page: Any, layout: str) -> None:
    page = await new_page()
    market.faults({"route": "*", "effect": "layout", "variant": layout})
    found = {}
    for path in PUBLIC:
        await page.goto(market.url + path)
        found[path] = await page.evaluate(STUMBLES)
    await sign_in(page, market)
    for path in (*PRIVATE, "/inbox/thread/50001"):
        await page.goto(market.url + path)
        found[path] = await page.evaluate(STUMBLES)
    assert {path: stumbles for path, stumbles in found.items() if stumbles} == {}


@pytest.mark.parametrize("layout", ["a", "b", "c"])
async def test_pages_fit_a_telephone(market: Any, new_page: Any, layout: str) -> None:
    page = await new_page()
    await page.set_viewport_size(TELEPHONE)
    market.faults({"route": "*", "effect": "layout", "variant": layout})
    market.incoming("x" * 300 + " " + "long-word-" * 60, counterpart="W" * 120)
    wide = {}
    for path in PUBLIC:
        await page.goto(market.url + path)
        wide[path] = await page.evaluate("document.documentElement.scrollWidth")
    await sign_in(page, market)
    for path in (*PRIVATE, "/inbox/thread/50154", "/inbox/thread/50155"):
        await page.goto(market.url + path)
        wide[path] = await page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in wide.items() if width > TELEPHONE["width"]} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_texts_stand_out_from_their_background(market: Any, new_page: Any, scheme: str) -> None:
    page = await new_page()
    await page.emulate_media(color_scheme=scheme)
    await sign_in(page, market)
    pale = {}
    for path in ("/", "/inbox", "/listings?page=2", "/item/1200001", "/sell", "/inbox/thread/50001"):
        await page.goto(market.url + path)
        await page.wait_for_load_state("networkidle")
        pale[path] = await page.evaluate(PALE)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_have_text("Write something first.")
    pale["refusal"] = await page.evaluate(PALE)
    assert {path: texts for path, texts in pale.items() if texts} == {}


async def test_keyboard_goes_through_the_sign_in_form_in_its_order(market: Any, new_page: Any) -> None:
    page = await new_page()
    await page.goto(f"{market.url}/sign-in")
    order = []
    for _ in range(7):
        await page.keyboard.press("Tab")
        order.append(await page.evaluate(FOCUSED))
    assert order == ["Skip to content", "Bazaar", "Sign in", "login", "password", "remember", "Sign in"]


async def test_listing_is_published_by_a_person_with_photos(market: Any, new_page: Any, tmp_path: Path) -> None:
    page = await new_page()
    await sign_in(page, market)
    await page.get_by_role("link", name="Sell", exact=True).click()
    for label, text in DETAILS.items():
        await page.get_by_label(label, exact=True).fill(text)
    await page.get_by_label("Category").select_option("Computers")
    await page.get_by_label("Condition").select_option(label="Like new")
    await page.get_by_role("button", name="Continue to photos").click()
    (tmp_path / "notes.txt").write_text("not a picture")
    files = [photo(tmp_path / "front.jpg", "navy"), tmp_path / "notes.txt", photo(tmp_path / "back.png", "teal")]
    await page.get_by_label("Choose photos").set_input_files(files)
    await expect(page.locator("[data-photos]")).to_have_attribute("data-uploading", "0")
    await expect(page.get_by_role("list", name="Photos").get_by_role("img")).to_have_count(2)
    await expect(page.get_by_role("alert")).to_contain_text("“notes.txt” is not a picture that we can read.")
    await page.get_by_role("button", name="Continue to review").click()
    await expect(page.locator("[data-field=price]")).to_have_text("999.50 EUR")
    await page.get_by_role("button", name="Publish listing").click()
    await expect(page.get_by_role("status")).to_have_text("Your listing is published.")
    (entry,) = market.ledger("listing_published")
    assert page.url.startswith(f"{market.url}/item/{entry['subject']}")
    assert (entry["detail"]["reference"], entry["detail"]["price"], entry["detail"]["photos"]) == (
        "AC-2001",
        "999.50",
        2,
    )
    assert len(market.ledger("upload")) == 2


async def test_refused_details_lead_to_the_field(market: Any, new_page: Any) -> None:
    page = await new_page()
    await sign_in(page, market)
    await page.goto(f"{market.url}/sell")
    await page.get_by_label("Title").fill("Four")
    await page.get_by_role("button", name="Continue to photos").click()
    await page.get_by_role("alert").get_by_role("link", name=re.compile("The title needs")).click()
    title = page.get_by_label("Title")
    await expect(title).to_be_focused()
    await expect(title).to_have_accessible_description(re.compile("The title needs 5 to 100 characters"))
    await expect(title).to_have_value("Four")


@pytest.mark.parametrize(
    ("layout", "label", "button"),
    [("a", "Write a reply", "Send"), ("b", "Your message", "Send message"), ("c", "Write a reply", "Send")],
)
async def test_reply_appears_in_the_thread(market: Any, new_page: Any, layout: str, label: str, button: str) -> None:
    page = await new_page()
    text = "<b>Is</b> it there? 👋\n  שלום"
    thread = market.incoming(text)["thread_id"]
    await sign_in(page, market)
    market.faults({"route": "*", "effect": "layout", "variant": layout})
    await page.goto(f"{market.url}/inbox/thread/{thread}")
    log = page.get_by_role("log", name="Messages")
    await expect(log).to_have_attribute("aria-busy", "false")
    assert await log.locator("[data-direction=in] [data-field=text]").text_content() == text
    await page.get_by_label(label).fill("Yes & welcome")
    await page.get_by_role("button", name=button, exact=True).click()
    await expect(log.locator("[data-direction=out] [data-field=text]")).to_have_text("Yes & welcome")
    await expect(page.get_by_role("status")).to_have_text("Message sent.")
    await expect(page.get_by_label(label)).to_have_value("")
    assert [entry["detail"]["text"] for entry in market.ledger("message_sent")] == ["Yes & welcome"]


async def test_thread_that_could_not_be_loaded_can_be_tried_again(market: Any, new_page: Any) -> None:
    page = await new_page()
    await sign_in(page, market)
    market.faults({"route": "GET /api/threads/*", "effect": "status", "count": 1})
    await page.goto(f"{market.url}/inbox/thread/50001")
    await expect(page.get_by_role("alert")).to_contain_text("The messages could not be loaded.")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_message_that_may_be_lost_stays_in_the_field(market: Any, new_page: Any) -> None:
    page = await new_page()
    await sign_in(page, market)
    market.faults({"route": "POST /api/threads/*", "effect": "status_after_commit"})
    await page.goto(f"{market.url}/inbox/thread/50001")
    await page.get_by_label("Write a reply").fill("Once")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_have_text("Your message may not have been sent.")
    await expect(page.get_by_label("Write a reply")).to_have_value("Once")
    assert len(market.ledger("message_sent")) == 1


async def test_dropped_answer_makes_chromium_send_the_message_twice(market: Any, new_page: Any) -> None:
    """The incident that the network fence is built against: one click, and the browser itself repeats the POST."""
    page = await new_page()
    await sign_in(page, market)
    market.faults({"route": "POST /api/threads/*", "effect": "drop_after_commit", "count": 1})
    await page.goto(f"{market.url}/inbox/thread/50001")
    await expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")
    await page.get_by_label("Write a reply").fill("Once")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("status")).to_have_text("Message sent.")
    assert [entry["detail"]["text"] for entry in market.ledger("message_sent")] == ["Once", "Once"]


async def test_session_that_expires_in_a_thread_leads_to_sign_in_and_back(market: Any, new_page: Any) -> None:
    page = await new_page()
    await sign_in(page, market)
    market.faults({"route": "/api/threads/*", "effect": "expire_session", "count": 1})
    await page.goto(f"{market.url}/inbox/thread/50001")
    await expect(page.get_by_role("alert")).to_have_text("Your session has expired. Please sign in again.")
    await page.get_by_label("E-mail or username").fill("amy")
    await page.get_by_label("Password").fill(market.password("amy"))
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")
    assert page.url.endswith("/inbox/thread/50001")


async def test_remembered_account_is_signed_in_in_the_next_browser_session(market: Any, new_page: Any) -> None:
    page = await new_page()
    await page.goto(f"{market.url}/sign-in")
    await page.get_by_label("E-mail or username").fill("amy")
    await page.get_by_label("Password").fill(market.password("amy"))
    await page.get_by_label("Keep me signed in").check()
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await expect(page.locator("[data-account]")).to_have_text("Signed in as Amy's Computers")
    cookies = {cookie["name"]: cookie for cookie in await page.context.cookies()}
    assert cookies["bazaar_session"]["expires"] > 0
    assert cookies["bazaar_session"]["httpOnly"]


async def test_cookie_banner_is_asked_once_and_keeps_the_form(market: Any, new_page: Any) -> None:
    page = await new_page()
    await page.goto(f"{market.url}/sign-in")
    await page.get_by_label("E-mail or username").fill("am")
    async with page.expect_response("**/cookies"):
        await page.get_by_role("region", name="Cookies").get_by_role("button", name="Accept all cookies").click()
    await expect(page.get_by_role("region", name="Cookies")).to_have_count(0)
    await expect(page.get_by_label("E-mail or username")).to_have_value("am")
    await page.reload()
    await expect(page.get_by_role("region", name="Cookies")).to_have_count(0)


@pytest.mark.parametrize("button", ["No, thanks", "Close"])
async def test_survey_covers_the_page_until_it_is_dismissed(market: Any, new_page: Any, button: str) -> None:
    page = await new_page()
    await sign_in(page, market)
    market.faults({"route": "/inbox", "effect": "popup", "count": 1})
    await page.goto(f"{market.url}/inbox")
    dialog = page.get_by_role("dialog", name="How are we doing?")
    await expect(dialog).to_be_visible()
    first = page.locator("[data-thread-id]").first
    assert await first.evaluate(COVERED)
    await dialog.get_by_role("button", name=button).click()
    await expect(dialog).to_have_count(0)
    assert not await first.evaluate(COVERED)


async def test_two_factor_page_lets_in_who_has_the_code(market: Any, new_page: Any) -> None:
    page = await new_page()
    market.faults({"route": "POST /sign-in", "effect": "two_factor", "account": "amy", "count": 1})
    await sign_in(page, market)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Enter your security code")
    code = market.client.get("/_state").json()["challenges"][0]["answer"]
    await page.get_by_label("Six-digit code").fill(code)
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")


async def test_captcha_shows_its_letters_as_a_picture(market: Any, new_page: Any) -> None:
    page = await new_page()
    await sign_in(page, market)
    market.faults({"route": "/listings", "effect": "captcha", "count": 1})
    await page.goto(f"{market.url}/listings")
    picture = page.get_by_role("img", name="Six letters to type")
    assert await picture.evaluate("(e) => e.decode().then(() => e.naturalWidth)") == 300
    letters = market.client.get("/_state").json()["challenges"][0]["answer"]
    assert letters not in await page.content()
    await page.get_by_label("Type the six letters you see").fill(letters.lower())
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("My listings")


async def test_crash_renderer_really_crashes_it(market: Any, new_page: Any) -> None:
    page = await new_page()
    await sign_in(page, market)
    market.faults({"route": "/inbox", "effect": "crash_renderer"})
    crashed = asyncio.Event()
    page.on("crash", lambda _: crashed.set())
    await page.evaluate("location.assign('/inbox')")
    async with asyncio.timeout(20):
        await crashed.wait()


async def test_hang_renderer_keeps_the_page_from_answering(market: Any, new_page: Any) -> None:
    page = await new_page()
    await sign_in(page, market)
    market.faults({"route": "/inbox", "effect": "hang_renderer"})
    async with page.expect_response("**/static/renderer.js"):
        await page.evaluate("location.assign('/inbox')")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await page.title()


async def test_pages_raise_no_error_in_the_console(market: Any, new_page: Any) -> None:
    page = await new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    await sign_in(page, market)
    for path in ("/", *PRIVATE, "/item/1200001", "/seller/ben", "/inbox/thread/50001"):
        await page.goto(market.url + path)
        await page.wait_for_load_state("networkidle")
    assert errors == []
