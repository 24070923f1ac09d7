"""A trace, a person's hands and a driver that fails: what is typed stands in no trace, and none is worth a job."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error as PlaywrightError

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FORM = '<h1>Shop</h1><input aria-label="Code">'


def texts(path: Path) -> bytes:
    with zipfile.ZipFile(path) as trace:
        return b"".join(trace.read(name) for name in trace.namelist())


async def test_a_trace_that_is_started_while_a_person_types_waits_for_them(open_session, web, tmp_path):
    """They may have taken the page between the browser's start and the flow's, or keep it over a second attempt."""
    web.page("/", FORM)
    session = await open_session()
    await session.page.goto(web.url("/"))

    async with session.in_hand():
        await session.trace.start()
        async with session.signing_in():  # ends before the person does
            pass
        await session.page.get_by_label("Code").fill("typed by hand")
        await session.page.get_by_label("Code").fill("")
    await session.page.get_by_role("heading", name="Shop").click()

    assert await session.trace.stop(tmp_path / "trace.zip")
    assert b"typed by hand" not in texts(tmp_path / "trace.zip")
    assert b"Shop" in texts(tmp_path / "trace.zip"), "recorded again when they have given it back"


async def test_a_trace_that_ends_in_a_persons_hands_begins_again_after_them(open_session, web, tmp_path):
    web.page("/", FORM)
    session = await open_session()
    await session.trace.start()
    async with session.in_hand():
        await session.trace.stop(None)
        await session.trace.start()
        await session.page.goto(web.url("/"))
        await session.page.get_by_label("Code").fill("typed by hand")
        assert not await session.trace.stop(tmp_path / "empty.zip"), "nothing was recorded"
        await session.trace.start()
        await session.page.goto("about:blank")
    await session.page.goto(web.url("/"))
    assert await session.trace.stop(tmp_path / "trace.zip")
    assert b"typed by hand" not in texts(tmp_path / "trace.zip")


class Driver:
    """At the port of Playwright's tracing: the real one, but for what a full disk or a hung driver does."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.fails: str | None = None
        self.hangs: str | None = None

    async def start(self, **options: Any) -> None:
        await self._faults("start")
        await self._real.start(**options)

    async def stop(self, **options: Any) -> None:
        if options:
            await self._faults("stop")
        await self._real.stop(**options)

    async def _faults(self, what: str) -> None:
        if self.fails == what:
            raise PlaywrightError("ENOSPC: no space left on device")
        if self.hangs == what:
            await asyncio.Event().wait()


async def test_a_trace_that_nobody_wants_is_written_nowhere(open_session):
    session = await open_session()
    driver = session.trace._tracing = Driver(session.trace._tracing)
    await session.trace.start()
    driver.fails = "stop"  # there is no room for a file
    assert not await session.trace.stop(None)
    assert not session.trace.running


@pytest.mark.parametrize("fault", ["fails", "hangs"])
async def test_a_trace_that_does_not_go_on_after_a_sign_in_changes_nothing_of_it(open_session, fault, tmp_path):
    session = await open_session()
    session.timeouts = type(session.timeouts)(action_s=0.5)
    driver = session.trace._tracing = Driver(session.trace._tracing)
    await session.trace.start()
    async with session.signing_in():
        setattr(driver, fault, "start")
    assert not session.trace.running

    await session.trace.stop(None)
    await session.for_the_trace(session.trace.start(), "starting the trace")
    assert not session.trace.running, "and one that cannot be started says so, and no more"

    setattr(driver, fault, None)
    await session.trace.start()
    assert await session.trace.stop(tmp_path / "trace.zip"), "the next one is a trace again"


async def test_what_went_wrong_in_a_sign_in_is_told_though_its_trace_fails_too(open_session):
    session = await open_session()
    driver = session.trace._tracing = Driver(session.trace._tracing)
    await session.trace.start()

    async def refused() -> None:
        async with session.signing_in():
            driver.fails = "start"
            raise ValueError("the real result")

    with pytest.raises(ValueError, match="the real result"):
        await refused()
