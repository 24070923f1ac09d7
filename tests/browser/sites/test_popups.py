"""Pop-ups of the mock marketplace never stand in the way."""

from __future__ import annotations

from typing import Any

import pytest

from runner.sites.interface import Popup
from runner.sites.popups import PopupWatch

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SURVEY_EVERYWHERE = {"route": "*", "effect": "popup"}


async def nothing() -> None:
    """Before-submit of a test that does not look at it."""


async def test_the_survey_and_the_cookie_banner_are_dismissed_and_counted(shop: Any, site: Any, keyboard: Any) -> None:
    shop.market.faults(SURVEY_EVERYWHERE)
    async with PopupWatch(site.page, site.popups()) as watch:
        await site.publish(keyboard, before_submit=nothing)
    assert len(shop.ledger("listing_published")) == 1
    assert watch.dismissed["cookies"] == 1
    assert watch.dismissed["survey"] >= 3
    assert watch.count == watch.dismissed.total()


async def test_a_survey_that_comes_late_does_not_fail_a_reply(shop: Any, site: Any) -> None:
    thread_id = shop.incoming("Question")
    shop.market.faults({**SURVEY_EVERYWHERE, "delay_ms": 150})
    async with PopupWatch(site.page, site.popups()):
        for number in range(3):
            await site.send(thread_id, f"Answer {number}", before_submit=nothing)
    assert [entry["detail"]["text"] for entry in shop.ledger("message_sent")] == ["Answer 0", "Answer 1", "Answer 2"]


async def test_a_survey_that_comes_over_the_banner_while_that_is_dismissed_goes_too(web: Any, new_page: Any) -> None:
    web.page(
        "/",
        """<section id=banner style="position:fixed;inset:0"><button id=ok disabled>OK</button></section>
        <div id=veil hidden style="position:fixed;inset:0;background:white"><button id=no>No</button></div>
        <button id=go onclick="document.title = 'gone'">Go</button>
        <script>
          ok.onclick = () => banner.remove();
          no.onclick = () => veil.remove();
          function begin() {  // the veil comes while the banner's button cannot be clicked yet
            setTimeout(() => { veil.hidden = false; }, 200);
            setTimeout(() => { ok.disabled = false; }, 400);
          }
        </script>""",
    )
    page = await new_page()
    popups = [
        Popup(name=name, locator=page.locator(f"#{name}"), dismiss=page.locator(f"#{button}"))
        for name, button in (("veil", "no"), ("banner", "ok"))
    ]
    await page.goto(web.url("/"))
    async with PopupWatch(page, popups) as watch:
        await page.evaluate("begin()")
        await page.locator("#go").click(timeout=5_000)
    assert await page.title() == "gone"
    assert watch.dismissed == {"veil": 1, "banner": 1}


async def test_without_the_watch_the_survey_does_stand_in_the_way(shop: Any, site: Any, keyboard: Any) -> None:
    shop.market.faults(SURVEY_EVERYWHERE)
    with pytest.raises(Exception, match="covered by"):
        await site.publish(keyboard, before_submit=nothing)


async def test_a_pop_up_that_cannot_be_dismissed_is_not_counted(shop: Any, site: Any) -> None:
    shop.market.faults(SURVEY_EVERYWHERE)
    popups = [
        type(popup)(name=popup.name, locator=popup.locator, dismiss=site.page.get_by_role("button", name="Not there"))
        for popup in site.popups()
        if popup.name == "survey"
    ]
    async with PopupWatch(site.page, popups) as watch:
        await site.page.goto(site.base_url + "/inbox")
        with pytest.raises(Exception, match="Timeout"):
            await site.page.get_by_role("button", name="Sign out").click(timeout=3_800)
    assert watch.count == 0


async def test_closing_the_watch_on_a_dead_page_is_quiet(site: Any) -> None:
    async with PopupWatch(site.page, site.popups()) as watch:
        await site.page.close()
    assert watch.count == 0
