"""A failure as an operator meets it: the attempt's page and the error groups, by the real command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser


@pytest.fixture
def failed(shop: Any) -> Any:
    """A shop whose account farid cannot read its threads: job 1 failed after two attempts."""
    shop.configure(accounts=("farid", "amy"), max_attempts=2, fast_reads=False)
    shop.market.faults({"route": "GET /inbox/thread/*", "effect": "status", "status": 503})
    assert shop.cli("run", "farid", "read_inbox").code == 1
    return shop


def pages(shop: Any) -> list[Path]:
    return sorted((shop.folder / "screenshots").rglob("attempt.html"), key=lambda path: int(path.parent.name))


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_a_failure_is_understood_from_one_page(failed: Any, plain_chromium: Browser) -> None:
    first, second = pages(failed)
    context = await plain_chromium.new_context(viewport={"width": 390, "height": 800})
    page = await context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: complaints.append(line.text))

    await page.goto(second.as_uri())

    text = await page.locator("body").inner_text()
    assert "farid: read_inbox failed" in text
    assert "The site says that something went wrong (503)." in text
    assert "1. open browser" in text
    assert "— failed" in text
    assert "503" in text
    assert "/inbox/thread/" in text
    pictures = await page.locator("img").evaluate_all(
        "all => all.map(each => [each.naturalWidth, each.src.slice(0, 5)])"
    )
    assert len(pictures) >= 3
    assert all(width > 100 and src == "data:" for width, src in pictures)
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    assert complaints == [], "the page keeps its own policy"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "readable on a phone"
    await page.get_by_role("link", name="1", exact=True).click()
    assert page.url == first.as_uri()
    assert "It was tried again" in await page.locator("body").inner_text(), "the first one knows its sequel"
    await context.close()


def test_the_page_is_made_anew_with_what_is_known_by_then(failed: Any) -> None:
    second = pages(failed)[-1]
    second.unlink()
    failed.market.faults()
    assert failed.cli("jobs", "retry", 1).code == 0
    assert failed.cli("cycle", "--account", "farid").code == 0

    opened = failed.cli("evidence", "open", 2, "--json", env={"PATH": ""})
    picture = failed.cli("evidence", "open", 2, "--picture", "--json", env={"PATH": ""})

    assert opened.json == {"file": str(second), "opened": False}
    text = second.read_text()
    assert "succeeded" in text
    assert "The job is succeeded." in text
    assert picture.json["file"].endswith("screenshot.png")


def test_failures_with_one_cause_are_one_group_with_one_cure(failed: Any) -> None:
    assert failed.cli("run", "amy", "read_inbox").code == 1
    failed.market.faults({"route": "GET /inbox", "account": "amy", "effect": "status", "status": 404})
    assert failed.cli("run", "amy", "check_login").code == 1

    groups = failed.cli("errors", "list", "--json").json["groups"]

    assert [(group["count"], group["accounts"], group["step"]) for group in groups] == [
        (2, ["amy"], "check login"),
        (4, ["amy", "farid"], "read thread"),
    ]
    newest, threads = groups
    assert threads["cure"]
    assert threads["example"] == 4
    assert [g["signature"] for g in failed.cli("errors", "list", "--account", "farid", "--json").json["groups"]] == [
        threads["signature"]
    ]
    assert failed.cli("errors", "list", "--kind", "captcha", "--json").json["groups"] == []
    assert len(failed.cli("errors", "list", "--since", "1h", "--flow", "read_inbox", "--json").json["groups"]) == 1

    shown = failed.cli("errors", "show", threads["signature"][:5])

    assert shown.code == 0
    assert "4 times" in shown.said
    assert "screenshot.png" in shown.said.replace(" ", "")
    (again,) = re.findall(r"runner (jobs retry --group \w+ --yes)", shown.said)
    failed.market.faults()
    assert "2 jobs are queued again" in failed.cli(*again.split()).said
    assert failed.cli("errors", "show", "zzz").code == 2
    assert json.loads(failed.cli("errors", "show", newest["signature"], "--json").out)["group"]["count"] == 2
