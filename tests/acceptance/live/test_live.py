"""Watching running browsers of real processes, and taking one over while its flow is at work."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WATCH = r"Watch: (http://127\.0\.0\.1:\d+/live\?token=\S+)"
Soon = Callable[..., Awaitable[Any]]

SLOWLY = {"route": "GET /inbox*", "effect": "latency_ms", "ms": 700, "account": "farid"}


def steps(shop: Any) -> int:
    return int(shop.rows("select count(*) from step")[0][0])


async def test_a_headless_run_is_watched_taken_over_at_its_next_step_and_goes_on(
    shop: Any, operator: Any, told: Any, events: Any, soon: Soon
) -> None:
    shop.configure(accounts=("farid",), extra="[live]\nport = 0\n", fast_reads=False)
    config = shop.config.read_text().replace("[timeouts]\n", "[timeouts]\nattempt_s = 20\n")
    shop.config.write_text(config)
    shop.market.faults({**SLOWLY, "ms": 300})
    process = shop.start("run", "farid", "read_inbox", "--live")
    link = (await told(process.stderr).until(WATCH)).group(1)
    anna, ben = await operator("anna"), await operator("ben")
    await anna.open(link)
    await anna.page.get_by_role("link", name="farid").click()
    await ben.open(link.replace("/live?", f"{anna.page.url[anna.page.url.index('/live') :]}?"))
    await ben.sees_a_picture()
    await anna.sees("read_inbox")
    await anna.takes_control()
    held_since = time.monotonic()

    await ben.sees("In the hands of anna")
    await expect(ben.page.get_by_role("button", name="anna has control")).to_be_disabled()
    await ben.page.evaluate("say({ do: 'take', name: 'ben' })")  # whoever goes past the button
    await ben.sees("anna has the page since")
    await ben.page.evaluate("say({ do: 'click', x: 5, y: 5 })")
    await ben.sees("The page is not in your hands.")
    done = steps(shop)
    before = await ben.pictures()
    await anna.clicks(640, 500)
    await anna.page.get_by_role("button", name="Scroll down").click()
    # Longer than a lease lives, and than the attempt's own time.
    await soon(lambda: time.monotonic() - held_since > 20.5, "20 s have passed", within_s=30)
    assert steps(shop) == done
    assert await ben.pictures() >= before
    assert shop.rows("select state from job") == [("running",)]
    await anna.gives_it_back()
    await anna.sees("At work")
    await soon(lambda: steps(shop) > done, "the flow goes on")

    assert process.wait(timeout=60) == 0
    assert shop.rows("select state, attempts from job") == [("succeeded", 1)], shop.rows("select error from attempt")
    await anna.sees("This session has ended.")
    assert {data["who"] for _, data in events("InputGiven", "TakeoverBegan", "TakeoverEnded")} == {"anna"}
    assert len(shop.market.ledger("sign_in", "farid")) == 1


async def test_a_session_survives_watchers_that_vanish_one_of_them_with_control(
    farid: Any, operator: Any, told: Any, events: Any, soon: Soon
) -> None:
    farid.market.faults(SLOWLY)
    process = farid.start("run", "farid", "read_inbox", "--live")
    link = (await told(process.stderr).until(WATCH)).group(1)
    people = [await operator(name) for name in ("anna", "ben", "carla")]
    for person in people:
        await person.open(link)
        await person.page.get_by_role("link", name="farid").click()
        await person.sees_a_picture()
    await people[0].takes_control()
    await people[0].page.reload()
    await people[0].sees("You have control", within_s=10)
    await people[0].gives_it_back()
    for person in people:
        await person.page.context.close()
    assert process.wait(timeout=60) == 0
    assert farid.rows("select state, attempts from job") == [("succeeded", 1)]


async def test_a_daemon_works_on_where_its_port_is_taken_and_is_found_all_the_same(
    shop: Any, operator: Any, told: Any, soon: Soon
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shop.configure(accounts=("farid",), extra=f"[live]\nport = {port}\n", fast_reads=False)
        shop.market.faults(SLOWLY)
        process = shop.start("daemon", "--live", "--every", "600")
        err = told(process.stderr)
        warned = (await err.until(r".*cannot be used.*\n")).group()
        assert f"Port {port}" in warned
        assert "runner live" in warned
        listed = await soon(lambda: shop.cli("live", "farid", "--json").json["sessions"], "a session to watch")
        assert str(port) not in listed[0]["link"]
        said = shop.cli("live").said
        assert "farid" in said
        anna = await operator("anna")
        await anna.open(listed[0]["link"])
        await anna.sees_a_picture()
        await soon(lambda: shop.rows("select 1 from job where state = 'succeeded'"), "the work goes on", within_s=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert "No session can be watched now" in shop.cli("live").said
    assert listed[0]["link"].partition("token=")[2] not in err.text, "the token stands in no log"


async def test_a_session_of_a_process_that_was_killed_is_not_offered(farid: Any, told: Any, soon: Soon) -> None:
    farid.market.faults(SLOWLY)
    process = farid.start("run", "farid", "read_inbox", "--live")
    await told(process.stderr).until(WATCH)
    await soon(lambda: farid.cli("live", "--json").json["sessions"], "a session to watch")
    process.kill()
    process.wait(timeout=10)
    assert farid.cli("live", "--json").json == {"sessions": []}
    assert farid.rows("select count(*) from session where ended_at is null and live_url is not null") == [(1,)]


async def test_the_link_is_for_whoever_holds_it_and_for_nobody_else(farid: Any, told: Any, soon: Soon) -> None:
    farid.market.faults(SLOWLY)
    process = farid.start("run", "farid", "read_inbox", "--live")
    link = (await told(process.stderr).until(WATCH)).group(1)
    base, _, token = link.partition("?token=")
    await soon(lambda: farid.cli("live", "--json").json["sessions"], "a session to watch")
    assert (farid.folder / "live.token").stat().st_mode & 0o777 == 0o600
    async with httpx.AsyncClient() as stranger, httpx.AsyncClient() as friend:
        assert (await stranger.get(base)).status_code == 403
        assert (await stranger.get(f"{base}/1/picture.jpg")).status_code == 403
        assert (await stranger.get(f"{base}?token={token[:-1]}x")).status_code == 403
        entered = await friend.get(link)
        assert (entered.status_code, entered.headers["location"]) == (303, "/live")
        assert (await friend.get(base)).status_code == 200
        picture = await friend.get(f"{base}/1/picture.jpg")
        assert (picture.status_code, picture.content[:2]) == (200, b"\xff\xd8")
        assert (await friend.get(base, headers={"Host": "shop.example"})).status_code == 421
    assert process.wait(timeout=60) == 0
