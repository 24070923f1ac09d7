"""Rules & Templates as a person keeps them, and what they make of the inbox; judged by the marketplace and the API."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.acceptance.console.payloads import PAYLOADS

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NAMED = """all => all.filter((each) => each.offsetParent)
    .map((each) => each.getAttribute('aria-label') || each.innerText.trim().split('\\n').pop())"""
HOSTILE = "<img src=x onerror=pwn()>{{7*7}}"


@pytest.fixture(autouse=True)
def tidy(console: Any) -> Iterator[None]:
    """Rules and templates are the whole shop's: each test leaves none."""
    yield
    for each in console.get("/rules", limit=500)["items"]:
        console.api.request("DELETE", f"/rules/{quoted(each['name'])}").raise_for_status()
    for name in {each["name"] for each in console.get("/templates", limit=500)["items"]}:
        console.api.request("DELETE", f"/templates/{quoted(name)}").raise_for_status()


def quoted(name: str) -> str:
    return "".join(f"%{byte:02X}" for byte in name.encode())


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def messages(page: Page) -> Locator:
    return page.get_by_role("region", name="Messages")


def listed(page: Page, name: str) -> Locator:
    """The thread with a counterpart, in the list of the inbox."""
    return page.get_by_role("region", name="Threads").get_by_role("link").filter(has_text=name)


async def choose(page: Page, label: str, *options: str) -> None:
    """Choose from a list in the open dialog."""
    await dialog(page).get_by_label(label).click()
    for option in options:
        await page.get_by_role("option", name=option, exact=True).click()
    if len(options) > 1:
        await dialog(page).get_by_role("heading", level=2).click()


def add(console: Any, *rules: dict[str, Any], **templates: str) -> None:
    """What another test has shown that a person can do."""
    file = {"templates": [{"name": name, "text": text} for name, text in templates.items()], "rules": list(rules)}
    console.api.post("/rules/import", json=file).raise_for_status()


def read(console: Any, account: str) -> None:
    body = {"account": account, "flow": "read_inbox", "priority": "urgent"}
    console.api.post("/jobs", json=body).raise_for_status()


def sent(console: Any, account: str, words: str) -> list[Any]:
    return [each for each in console.ledger("message_sent", account) if words in str(each["detail"])]


async def test_a_template_and_a_rule_are_written_tried_and_one_click_sends_their_draft(
    person: Page, console: Any
) -> None:
    await person.goto("/rules/templates")
    await person.get_by_role("button", name="Add a template").click()
    await dialog(person).get_by_label("Name").fill("still-there")
    await dialog(person).get_by_label("Text 1").fill("Hi {bayer_name}")
    await expect(dialog(person).get_by_text("Did you mean {buyer_name}?")).to_be_visible()
    await dialog(person).get_by_label("Text 1").fill("Hi {buyer_name|there}, ")
    await dialog(person).get_by_role("button", name="{listing_title|it}").click()
    await dialog(person).get_by_role("button", name="Add it").click()
    await expect(person.get_by_role("region", name="still-there")).to_contain_text("Hi {buyer_name|there}, {listing")

    await person.get_by_role("link", name="Rules", exact=True).click()
    await person.get_by_role("button", name="Add a rule").click()
    await dialog(person).get_by_label("Name").fill("is it there")
    await dialog(person).get_by_label("It is between").fill("nine to five")
    await choose(person, "It wants one of these", "asks whether it is still there", "asks something else")
    await choose(person, "Reply with the template", "still-there")
    await dialog(person).get_by_role("button", name="Add it").click()
    await expect(dialog(person).get_by_text("Write it like 09:00-18:30.")).to_be_visible()
    await dialog(person).get_by_label("It is between").fill("")
    await dialog(person).get_by_role("button", name="Add it").click()
    rule = person.get_by_role("listitem", name="is it there")
    await expect(rule).to_contain_text("it asks whether it is still there or asks something else")
    (stored,) = console.get("/rules")["items"]
    assert (stored["level"], stored["then"]) == ("suggest", {"reply": "still-there"})
    assert stored["when"] == {"type": ["availability_check", "general_inquiry"]}

    console.incoming("Hello, is it still available?", "ben", counterpart="Ida Lovelace")
    read(console, "ben")
    await person.goto("/inbox?account=ben&waits=click")
    await listed(person, "Ida Lovelace").click(timeout=60_000)
    draft = messages(person).get_by_role("article", name="Draft")
    await expect(draft).to_contain_text("Hi Ida Lovelace, it")
    await expect(draft).to_contain_text("by rule “is it there” with template “still-there”")
    await draft.get_by_role("button", name="Send it").click()
    reply = messages(person).get_by_role("article").filter(has_text="Hi Ida Lovelace, it")
    await expect(reply.get_by_text("sent", exact=True)).to_be_visible(timeout=60_000)
    await expect(reply).to_have_count(1)
    await expect(reply).to_contain_text("by rule “is it there”")
    assert len(sent(console, "ben", "Hi Ida Lovelace, it")) == 1


async def test_a_dry_run_says_which_rule_would_do_what_and_changes_nothing(person: Page, console: Any) -> None:
    no_spam = {"name": "no spam", "when": {"type": "spam_or_scam"}, "then": {"close": True}, "level": "automatic"}
    add(console, no_spam, {"name": "there", "when": {"type": "availability_check"}, "then": {"reply": "hi"}}, hi="Hi.")
    jobs, drafts = (console.get(path, limit=500)["items"] for path in ("/jobs", "/drafts"))
    await person.goto("/rules/dry-run")
    await person.get_by_role("button", name="Try them").click()
    table = person.get_by_role("table", name="Dry run")
    await expect(table.get_by_role("row")).to_have_count(101, timeout=60_000)
    await expect(person).to_have_url(re.compile(r"/rules/dry-run\?last=100$"))
    counts = person.get_by_role("button", name=re.compile(r": \d+$"))
    first, *others = await counts.all_inner_texts()
    assert first.startswith("No rule: ")
    assert sum(int(each.split(": ")[1]) for each in (first, *others)) == 100
    await counts.filter(has_text="there: ").click()
    shown = int(next(each for each in others if each.startswith("there: ")).split(": ")[1])
    await expect(table.get_by_role("row")).to_have_count(shown + 1)
    await table.get_by_role("button", name="Why").first.click()
    await expect(dialog(person).get_by_role("group", name="Rule no spam")).to_contain_text("does not match")
    await expect(dialog(person).get_by_role("group", name="Rule there")).to_contain_text("still there")
    await dialog(person).get_by_role("button", name="Close").click()

    await person.get_by_label("Try the rules on").click()
    await person.get_by_role("option", name="a text that I type").click()
    await person.get_by_label("What somebody might write").fill("Is it still available?")
    await person.get_by_role("button", name="Try them").click()
    told = person.get_by_role("region", name="What the rules would do")
    await expect(told).to_contain_text("a draft waits for a click", timeout=60_000)
    await person.goto("/rules/dry-run?message=999999")
    await expect(person.get_by_text(re.compile("999999")).first).to_be_visible()
    assert [console.get(path, limit=500)["items"] for path in ("/jobs", "/drafts")] == [jobs, drafts]


async def test_rules_are_put_in_order_switched_changed_and_made_automatic_only_when_that_is_meant(
    person: Page, console: Any
) -> None:
    when = {"type": "offer", "min_confidence": 0.57, "price_to": 12.5, "words": ["cash"], "first_contact": False}
    add(console, {"name": "first", "when": when, "then": {"reply": "hi", "snooze": "2h"}}, {"name": "second"}, hi="Hi.")
    await person.goto("/rules")
    rules = person.get_by_role("list", name="Rules").get_by_role("listitem")
    await expect(rules.first).to_contain_text("at least 57 % sure")
    await person.get_by_role("button", name="Down first").click()
    await expect(rules.first).to_contain_text("second")
    await person.get_by_role("button", name="Level first").click()
    await choose(person, "Level", "Automatic: it acts by itself")
    await dialog(person).get_by_role("button", name="So far").click()
    await dialog(person).get_by_role("button", name="Leave it").click()
    assert [each["level"] for each in console.get("/rules")["items"]] == ["suggest", "suggest"]
    await person.get_by_role("button", name="Edit first").click()
    await dialog(person).get_by_label("It says one of these").fill("cash, bar")
    await choose(person, "Level", "Automatic: it acts by itself")
    await dialog(person).get_by_role("button", name="Keep it").click()
    await person.get_by_role("button", name="Make it automatic").click()
    changed = rules.filter(has_text="first")
    await expect(changed.get_by_text("automatic", exact=True)).to_be_visible()
    _, stored = console.get("/rules")["items"]
    expected = {**when, "type": ["offer"], "price_to": "12.5", "words": ["cash", "bar"]}
    assert (stored["when"], stored["then"]) == (expected, {"reply": "hi", "snooze": "2h"})
    await person.get_by_role("button", name="Disable first").click()
    await expect(changed.get_by_text("disabled")).to_be_visible()
    await person.get_by_role("button", name="Remove second").click()
    await dialog(person).get_by_role("button", name="Remove").click()
    await expect(rules).to_have_count(1)
    await person.goto("/rules/templates")
    await person.get_by_role("button", name=re.compile("Remove template")).click()
    await dialog(person).get_by_role("button", name="Remove").click()
    await expect(person.get_by_role("alert").filter(has_text="first")).to_be_visible()
    assert len(console.get("/templates")["items"]) == 1, "a rule replies with it"


async def test_a_file_of_rules_is_taken_or_refused_as_a_whole(person: Page, console: Any) -> None:
    await person.goto("/rules")
    wrong = b'[[rules]]\nname = "a"\n[[rules]]\nname = "b"\nwhen = { tipe = "offer" }\n'
    right = b'[[templates]]\nname = "hi"\ntext = "Hi."\n[[rules]]\nname = "a"\nthen = { reply = "hi" }\n'
    await person.get_by_role("button", name="Import a file").click()
    for content in (wrong, right):
        file = {"name": "rules.toml", "mimeType": "application/toml", "buffer": content}
        await dialog(person).locator("input[type=file]").set_input_files(file)
        if content is wrong:
            await expect(dialog(person).get_by_text("rules.1.when.tipe")).to_be_visible()
            assert console.get("/rules")["items"] == []
    await expect(person.get_by_role("listitem", name="a")).to_contain_text("reply with “hi”")


async def test_a_correction_changes_the_type_and_is_kept_and_the_rules_are_asked_again(
    person: Page, console: Any
) -> None:
    add(console, {"name": "money", "when": {"type": "payment"}, "then": {"reply": "pay"}}, pay="Cash, please.")
    written = "Hello, can we swap numbers for the meeting on Friday?"
    console.incoming(written, "dev", counterpart="Grace Payer")
    read(console, "dev")
    await person.goto("/inbox?account=dev&q=Grace")
    await listed(person, "Grace Payer").click(timeout=60_000)
    said = messages(person).get_by_role("article").filter(has_text=written)
    await expect(said).to_contain_text("says the classifier", timeout=60_000)
    await said.get_by_role("button", name="Correct").click()
    await choose(person, "It", "about payment")
    await dialog(person).get_by_role("button", name="That is it").click()
    await expect(said).to_contain_text("about payment")
    await expect(said).to_contain_text("says anybody")
    draft = messages(person).get_by_role("article", name="Draft")
    await expect(draft).to_contain_text("Cash, please.", timeout=60_000)
    (thread,) = console.get("/threads", account="dev", q="Grace")["items"]
    (message,) = console.get(f"/threads/{thread['id']}/messages")["items"]
    assert (message["type"], message["confidence"]) == ("payment", 1.0)

    await said.get_by_role("button", name="Why").click()
    await expect(dialog(person).get_by_role("group", name="Rule money")).to_contain_text("it is about payment")
    await expect(dialog(person).get_by_text("The classifier would have said")).to_be_visible(timeout=60_000)
    await dialog(person).get_by_role("button", name="Close").click()
    await draft.get_by_role("button", name="Edit").click()
    await dialog(person).get_by_label("The reply").fill("Cash or transfer, Grace.")
    await dialog(person).get_by_role("button", name="Send it").click()
    reply = messages(person).get_by_role("article").filter(has_text="Cash or transfer, Grace.")
    await expect(reply.get_by_text("sent", exact=True)).to_be_visible(timeout=60_000)
    assert (len(sent(console, "dev", "Cash or transfer")), sent(console, "dev", "Cash, please.")) == (1, [])


async def test_a_draft_that_came_too_late_says_so_and_one_is_dismissed(person: Page, console: Any) -> None:
    add(console, {"name": "all", "then": {"reply": "hm"}}, hm="Hm.")
    for name in ("Late Larry", "Dora Dismiss"):
        console.incoming("Can I have it tomorrow?", "farid", counterpart=name)
    read(console, "farid")
    await person.goto("/inbox?account=farid&waits=click&q=Larry")
    await listed(person, "Late Larry").click(timeout=60_000)
    draft = messages(person).get_by_role("article", name="Draft").filter(has_text="waits for a click")
    await expect(draft).to_be_visible()
    (thread,) = console.get("/threads", account="farid", q="Larry")["items"]
    console.incoming("Or not.", "farid", thread_id=thread["remote_id"])
    read(console, "farid")
    late = messages(person).get_by_role("article", name="Draft").filter(has_text="somebody has written since")
    await expect(late).to_contain_text("not sent", timeout=60_000)
    await expect(late.get_by_role("button", name="Send it")).to_have_count(0)
    await person.goto("/inbox?account=farid&waits=click&q=Dora")
    await listed(person, "Dora Dismiss").click()
    await draft.get_by_role("button", name="Dismiss").click()
    await expect(messages(person).get_by_role("article", name="Draft")).to_contain_text("dismissed by anybody")
    assert sent(console, "farid", "Hm.") == []


async def test_names_and_texts_are_shown_and_never_obeyed(person: Page, console: Any) -> None:
    await person.add_init_script("window.pwn = () => { window.pwned = 1; }; window.alert = window.pwn;")
    payloads = " ".join(PAYLOADS[:40]).replace("{", "{{").replace("}", "}}")
    texts = [{"name": HOSTILE, "text": payloads[:4000], "language": "en"}]
    rules = [{"name": HOSTILE, "when": {"words": [each[:200] for each in PAYLOADS[:90]]}, "then": {"reply": HOSTILE}}]
    console.api.post("/rules/import", json={"templates": texts, "rules": rules}).raise_for_status()
    for path in ("/rules", "/rules/templates", "/rules/dry-run?last=20"):
        await person.goto(path)
        await expect(
            person.get_by_text(HOSTILE).first if "dry" not in path else person.get_by_role("table")
        ).to_be_visible()
        assert await person.evaluate("window.pwned || document.querySelectorAll('main img, main script').length") == 0
    await person.goto("/rules")
    await person.get_by_role("button", name="Edit").click()
    await expect(dialog(person).get_by_label("Name")).to_have_value(HOSTILE)
    assert await person.evaluate("window.pwned || document.querySelectorAll('.q-dialog img').length") == 0


@pytest_asyncio.fixture(loop_scope="session")
async def viewer(person: Page, plain_chromium: Browser, console: Any) -> AsyncIterator[Page]:
    """The browser of one who may look and not touch."""
    made = console.api.post("/operators", json={"name": "vic", "role": "viewer"}).raise_for_status().json()
    assert made["role"] == "viewer"
    link = console.api.post("/operators/vic/link", json={"role": "viewer"}).raise_for_status().json()
    context = await plain_chromium.new_context(base_url=console.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    page = await context.new_page()
    await page.goto(next(str(value) for value in link.values() if "/sign-in#" in str(value)))
    await page.get_by_label("Password").fill("correct horse battery")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Now", level=1)).to_be_visible()
    yield page
    await context.close()
    console.api.delete("/operators/vic").raise_for_status()


async def test_a_viewer_sees_everything_and_no_button_that_changes_anything(viewer: Page, console: Any) -> None:
    add(console, {"name": "there", "when": {"type": "offer"}, "then": {"reply": "hi"}}, hi="Hi.")
    thread = console.get("/threads", account="amy", limit=1)["items"][0]
    failed = console.get("/attempts", failed="true")["items"][-1]["id"]
    looks = {"Signed in as", "Light, dark, or as the system says", "Why", "Try them", "Further", "To the beginning"}
    looks |= {"About", "Messages", "All threads", "Preview", "Preview hi", "Reset", "Show these", "All"}
    pages = {
        f"/inbox?thread={thread['id']}": thread["counterpart"],
        "/rules": "reply with “hi”",
        "/rules/templates": "Hi.",
        "/rules/dry-run": "Nothing was tried yet.",
        "/accounts": "carla",
        "/accounts/carla": "carla",
        "/jobs": "read inbox",
        f"/attempts/{failed}": "carla",
        "/errors": "carla",
    }
    for path, words in pages.items():
        await viewer.goto(path)
        await expect(viewer.locator("main").get_by_text(words).first).to_be_visible()
        buttons = await viewer.get_by_role("button").evaluate_all(NAMED)
        assert {each for each in buttons if not each.startswith("Enlarge: ")} <= looks, path
        assert await viewer.get_by_role("checkbox", name=re.compile("Choose")).count() == 0, path
