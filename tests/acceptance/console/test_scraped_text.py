"""Whatever a site says, a page shows it and does not obey it: 200 payloads in every text column, on every page."""

from __future__ import annotations

import json
import re
import sqlite3
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Request

from tests.acceptance.console.payloads import PAYLOADS

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TEXTS = {
    "thread": ("listing_title", "excerpt", "url"),
    "participant": ("name",),
    "message": ("sender", "text", "classified_by"),
    "listing": ("reference", "title", "category", "condition", "description", "location", "remote_id", "url"),
    "account": ("username", "state_reason"),
    "job": ("reason", "error"),
    "attempt": ("error", "step", "reason", "locator", "site_revision"),
    "step": ("name", "detail"),
    "effect": ("natural_key", "detail", "remote_id"),
    "session": ("browser_version",),
    "profile": ("notes",),
    "batch": ("name",),
}
DATA = {"job": ("params", "result"), "event": ("data",)}
PAGES = (
    *("/", "/accounts", "/accounts/amy", "/inbox", "/inbox?thread=1", "/listings", "/listings/1", "/jobs", "/jobs/1"),
    *("/rules", "/rules/templates", "/rules/dry-run?last=20", "/inbox?waits=click"),
    *("/batches", "/batches/1", "/attempts/1", "/errors", "/live", "/analytics", "/settings", "/keys"),
)
STATES = ("outdated", "dismissed", "waiting", "sent") * 5
TRAP = "window.pwn = () => { window.pwned = (window.pwned || 0) + 1; };"


def poisoned(source: Path, target: Path) -> None:
    """A copy of a shop's database in which every text that a site could have said is one of the payloads."""
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as before, sqlite3.connect(target) as after:
        before.backup(after)
        after.execute("PRAGMA foreign_keys = OFF")
        turn = count()
        for table, columns in [*TEXTS.items(), *DATA.items()]:
            for (number,) in after.execute(f"SELECT rowid FROM {table} ORDER BY rowid DESC LIMIT 250").fetchall():
                for column in columns:
                    # Four in one text, so that a page of fifty rows carries them all; the number keeps names unlike.
                    text = " ".join(PAYLOADS[next(turn) % len(PAYLOADS)] for _ in range(4)) + f" {number}"
                    value = json.dumps({text: text, "thread": text, "text": text}) if table in DATA else text
                    if table == "session":
                        value = text[:100]
                    after.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, number))
        after.execute("UPDATE job SET state = 'failed', error_kind = 'site_changed' WHERE rowid % 3 = 0")
        after.execute("UPDATE attempt SET kind = 'site_changed', outcome = 'failed' WHERE rowid % 3 = 0")
        after.execute("UPDATE effect SET state = 'unknown' WHERE rowid % 4 = 0")
        after.execute("UPDATE account SET state = 'parked' WHERE rowid % 2 = 0")
        ruled(after)


def ruled(after: sqlite3.Connection) -> None:
    """Rules, templates, decisions and drafts made of payloads: a rule's words, a draft with what a counterpart said."""
    texts = ["".join(filter(str.isprintable, " ".join(PAYLOADS[at : at + 4]))) for at in range(0, len(PAYLOADS), 4)]
    now = after.execute("SELECT first_seen_at FROM message").fetchone()[0]
    for table in ("draft", "rule", "template"):
        after.execute(f"DELETE FROM {table}")  # another test's
    for place, text in enumerate(texts, start=1):
        words, braces = json.dumps({"words": [text[:200]]}), json.dumps([text.replace("{", "{{").replace("}", "}}")])
        does = json.dumps({"reply": text, "assign": text})
        after.execute(
            "INSERT INTO rule (name, position, enabled, level, conditions, actions, created_at)"
            " VALUES (?, ?, 1, 'suggest', ?, ?, ?)",
            (text, place, words, does, now),
        )
        of = "INSERT INTO template (name, site, language, account, variants, created_at) VALUES (?, ?, 'en', ?, ?, ?)"
        after.execute(of, (text, text, text, braces, now))
    asked = "SELECT id FROM message WHERE thread_id = 1 AND direction = 'inbound' ORDER BY id DESC LIMIT 50"
    for text, (message,), state in zip(texts, after.execute(asked).fetchall(), STATES, strict=False):
        draft = (1, message, text, 1, text, 1, text, "suggest", "{}", state, text, text, now, now)
        after.execute(
            "INSERT INTO draft (thread_id, message_id, text, rule_id, rule, template_id, template, level, actions,"
            f" state, detail, by, created_at, changed_at) VALUES ({', '.join('?' * len(draft))})",
            draft,
        )


@pytest.fixture
def poisonous(console: Any, shop: Any, wait_for: Any) -> str:
    """A console on the poisoned copy; gives its address."""
    shop.configure(accounts=())
    poisoned(console.folder / "runner.db", shop.database)
    said = shop.folder / "said.txt"
    with said.open("w") as stderr:
        shop.start("console", "--no-auth", "--port", 0, stderr=stderr, env={"COLUMNS": "300"})
    found = wait_for(lambda: re.search(r"console is at (http://\S+)", said.read_text()), what="it serves", within_s=90)
    return str(found.group(1))


async def obeyed(page: Page) -> dict[str, Any]:
    """What a page would have if it had taken text for more."""
    found: dict[str, Any] = await page.evaluate(
        """() => ({
            called: window.pwned || 0,
            elements: [...document.querySelectorAll('main *')].filter((each) =>
                /^(SCRIPT|IFRAME|OBJECT|EMBED|MARQUEE|MATH|BASE|META|X|MGLYPH)$/.test(each.tagName)
                || [...each.attributes].some((a) => a.name.startsWith('on'))
                || /^\\s*(javascript|data:text)/i.test(each.getAttribute('href') || each.getAttribute('src') || '')
                || (each.getAttribute('src') || '') === 'x').map((each) => each.outerHTML.slice(0, 200)),
        })"""
    )
    return found


async def test_what_a_site_says_is_shown_and_never_obeyed(poisonous: str, plain_chromium: Browser) -> None:
    assert len(set(PAYLOADS)) == 200
    context = await plain_chromium.new_context(base_url=poisonous, viewport={"width": 1280, "height": 900})
    await context.add_init_script(TRAP)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))

    def asked(request: Request) -> None:
        if not request.url.startswith((poisonous, "data:", "blob:")):
            wrong.append(f"asked {request.url}")

    page.on("request", asked)
    shown = 0
    for path in PAGES:
        await page.goto(path)
        await page.wait_for_selector("main.page", timeout=30_000)
        await page.wait_for_load_state("networkidle")
        await page.mouse.move(640, 450)
        found = await obeyed(page)
        assert found == {"called": 0, "elements": []}, path
        assert page.url == f"{poisonous}{path}", "nothing has led away from the page"
        here = (await page.inner_text("main")).count("pwn()")
        assert here > 20 or path not in ("/rules", "/rules/templates", "/inbox?thread=1"), path
        shown += here
    await context.close()
    assert wrong == []
    assert shown > 400, "the payloads are there to be read"
