"""Errors of a real browser become AttemptErrors that a person understands."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from runner.browser.guard import Guard
from runner.domain.clock import SystemClock
from runner.domain.pages import LastResponse
from runner.errors import (
    AttemptError,
    BrowserGone,
    ErrorKind,
    InternalError,
    Interrupted,
    NeedsPerson,
    NotFound,
    RateLimited,
    Rejected,
    RetryLater,
    SiteChanged,
)
from runner.sites.mock.site import MockSite
from runner.sites.translate import translate

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def translated(error: BaseException, site: Any, **fields: Any) -> AttemptError:
    usual = {"last_response": None, "session_gone": False, "step": "publish"}
    return await translate(error, site=site, **{**usual, **fields})


async def error_of(doing: Any) -> BaseException:
    with pytest.raises(BaseException) as raised:  # noqa: PT011  (whatever the browser raises is what is looked at)
        await doing
    return raised.value


@pytest.fixture
def plain(new_page: Any, steps: Any, web: Any) -> Any:
    """A page with an adapter, on a server that the test fills."""

    async def make(base_url: str = "") -> MockSite:
        page = await new_page()
        page.set_default_timeout(1_000)
        return MockSite(page, base_url=base_url or web.origin, steps=steps, options={})

    return make


async def test_a_site_that_is_down_says_that_nothing_listens(plain: Any, closed_port: int) -> None:
    site = await plain(f"http://127.0.0.1:{closed_port}")
    error = await translated(await error_of(site.page.goto(site.base_url)), site)
    assert isinstance(error, RetryLater)
    assert error.kind is ErrorKind.NETWORK
    assert f"127.0.0.1:{closed_port} refused the connection" in error.what
    assert "Is the site running" in error.cure


async def test_a_name_that_does_not_exist_is_a_matter_of_dns(plain: Any) -> None:
    site = await plain("http://shop.invalid")
    error = await translated(await error_of(site.page.goto(site.base_url)), site)
    assert isinstance(error, RetryLater)
    assert "shop.invalid is a name that DNS does not know" in error.what


async def test_a_server_without_tls_is_a_matter_of_tls(plain: Any, web: Any) -> None:
    site = await plain(f"https://127.0.0.1:{web.port}")
    error = await translated(await error_of(site.page.goto(site.base_url)), site)
    assert isinstance(error, RetryLater)
    assert "does not speak TLS" in error.what
    assert "http instead of https" in error.cure


async def test_a_connection_that_is_closed_without_an_answer_may_pass(plain: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        async def hang_up() -> None:
            loop = asyncio.get_running_loop()
            server.setblocking(False)
            while True:
                connection, _ = await loop.sock_accept(server)
                connection.close()

        hanging_up = asyncio.create_task(hang_up())
        site = await plain(f"http://127.0.0.1:{port}")
        error = await translated(await error_of(site.page.goto(site.base_url)), site)
        hanging_up.cancel()
    assert isinstance(error, RetryLater)
    assert error.kind is ErrorKind.NETWORK


async def test_an_origin_outside_the_allowlist_is_blocked_and_not_unknown_to_dns(plain: Any) -> None:
    site = await plain()
    error = await translated(
        await error_of(site.page.goto("http://tracker.invalid/pixel")), site, guard=Guard([site.base_url])
    )
    assert isinstance(error, Rejected)
    assert "tracker.invalid was blocked by allowlist" in error.what
    assert "allowed_origins" in error.cure


async def test_a_redirect_out_of_the_allowlist_names_where_it_led(plain: Any, web: Any) -> None:
    web.page("/away", "", status=302, Location="http://elsewhere.invalid/login")
    site = await plain()
    guard = Guard([site.base_url])
    guard.record("http://elsewhere.invalid/login", "document", SystemClock().now())
    error = await translated(await error_of(site.page.goto(web.url("/away"))), site, guard=guard)
    assert isinstance(error, Rejected)
    assert "elsewhere.invalid was blocked by allowlist" in error.what


async def test_a_page_that_never_comes_timed_out(plain: Any, web: Any) -> None:
    web.hang("/slow")
    site = await plain()
    error = await translated(await error_of(site.page.goto(web.url("/slow"))), site)
    assert isinstance(error, RetryLater)
    assert error.kind is ErrorKind.TIMEOUT


async def test_a_missing_button_is_a_changed_site_with_a_readable_locator(plain: Any, web: Any) -> None:
    web.page("/", "<h1>Check your listing</h1><p>No button here</p>")
    site = await plain()
    await site.page.goto(web.url("/"))
    error = await translated(await error_of(site.page.get_by_role("button", name="Publish").click()), site)
    assert isinstance(error, SiteChanged)
    assert error.locator == 'get_by_role("button", name="Publish")'
    assert error.what == 'get_by_role("button", name="Publish") is not on the page in step "publish".'


async def test_an_element_that_never_shows_is_named_without_the_state_it_lacked(plain: Any, web: Any) -> None:
    web.page("/", "<h1>Empty</h1>")
    site = await plain()
    await site.page.goto(web.url("/"))
    error = await translated(await error_of(site.page.get_by_label("Title").wait_for()), site)
    assert error.locator == 'get_by_label("Title")'


async def test_two_elements_instead_of_one_are_a_changed_site(plain: Any, web: Any) -> None:
    web.page("/", "<button>Send</button><button>Send</button>")
    site = await plain()
    await site.page.goto(web.url("/"))
    error = await translated(await error_of(site.page.get_by_role("button", name="Send").click()), site)
    assert isinstance(error, SiteChanged)
    assert error.what.startswith("2 elements instead of one")


async def test_a_button_that_stays_disabled_is_no_changed_site(plain: Any, web: Any) -> None:
    web.page("/", "<button disabled>Send</button>")
    site = await plain()
    await site.page.goto(web.url("/"))
    error = await translated(await error_of(site.page.get_by_role("button", name="Send").click()), site)
    assert error.kind is ErrorKind.TIMEOUT
    assert "element is not enabled" in error.what


async def test_the_sites_own_trouble_goes_before_a_missing_element(plain: Any, web: Any) -> None:
    web.page("/", "<h1>Are you human?</h1>")
    site = await plain()
    await site.page.goto(web.url("/"))
    error = await translated(await error_of(site.page.get_by_role("button", name="Publish").click()), site)
    assert isinstance(error, NeedsPerson)
    assert error.kind is ErrorKind.CAPTCHA


async def test_the_last_answers_status_goes_before_a_missing_element(plain: Any, web: Any) -> None:
    web.page("/", "<h1>Inbox</h1>")
    site = await plain()
    await site.page.goto(web.url("/"))
    missing = await error_of(site.page.get_by_role("button", name="Publish").click())
    last = LastResponse(url=web.url("/"), status=429, headers={"retry-after": "12"})
    error = await translated(missing, site, last_response=last)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 12


async def test_a_renderer_that_crashes_is_a_browser_that_is_gone(plain: Any) -> None:
    site = await plain()
    driver = await site.page.context.new_cdp_session(site.page)
    async with site.page.expect_event("crash"):
        crashing = asyncio.create_task(driver.send("Page.crash"))
    error = await translated(await error_of(site.page.get_by_role("button").click()), site)
    crashing.cancel()  # the crashed page never answers
    assert isinstance(error, BrowserGone)
    assert error.kind is ErrorKind.BROWSER_CRASHED


async def test_a_page_that_was_closed_is_a_browser_that_is_gone(plain: Any) -> None:
    site = await plain()
    await site.page.close()
    assert isinstance(await translated(await error_of(site.page.title()), site), BrowserGone)


async def test_whatever_is_raised_while_the_browser_is_dead_means_that(plain: Any) -> None:
    site = await plain()
    error = await translated(TimeoutError(), site, session_gone=True)
    assert isinstance(error, BrowserGone)


async def test_a_page_that_cannot_be_asked_does_not_hold_up_the_translation(plain: Any, web: Any) -> None:
    web.page("/", "<h1>Stuck</h1><script>setTimeout(() => { while (true) {} }, 0)</script>")
    site = await plain()
    await site.page.goto(web.url("/"), wait_until="commit")
    async with asyncio.timeout(6):
        error = await translated(TimeoutError(), site)
    assert error.kind is ErrorKind.TIMEOUT


async def test_cancellation_is_an_interruption(plain: Any) -> None:
    assert isinstance(await translated(asyncio.CancelledError(), await plain()), Interrupted)


async def test_an_attempt_error_stays_what_it_is(plain: Any) -> None:
    mine = Rejected("The title is too short.")
    assert await translated(mine, await plain()) is mine


async def test_a_name_that_does_not_exist_is_refused_with_its_cure(plain: Any) -> None:
    error = await translated(NotFound("listing", "12", ["1", "2"]), await plain())
    assert isinstance(error, Rejected)
    assert 'no listing "12"' in error.what


async def test_a_bug_of_ours_is_called_one(plain: Any) -> None:
    error = await translated(KeyError("price"), await plain())
    assert isinstance(error, InternalError)
    assert "KeyError" in error.what
