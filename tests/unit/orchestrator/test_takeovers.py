"""Who operates the page: the Flow or one person, on a page that only remembers what it was told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.async_api import Error as PlaywrightError

from runner.domain.clock import SystemClock
from runner.errors import Conflict, Rejected
from runner.orchestrator.inputs import Click, Key, Typed
from runner.orchestrator.takeovers import Control, Person, Stand

ANNA, BEN = Person(key="1", name="anna"), Person(key="2", name="ben")


class Page:
    """What Control asks of a LiveSession: hands, and to be out of every record while a person types."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.in_hand_now = False
        self.settled = 0
        self.resuming = asyncio.Event()
        self.resuming.set()
        self.trouble: Exception | None = None
        self.view = SimpleNamespace(is_withheld=False)
        self.hands = self

    @contextlib.asynccontextmanager
    async def in_hand(self) -> AsyncIterator[None]:
        self.in_hand_now = True
        if self.trouble is not None and not self.resuming.is_set():
            raise self.trouble
        yield
        await self.resuming.wait()
        if self.trouble is not None:
            raise self.trouble
        self.in_hand_now = False

    async def click(self, x: float, y: float, *, times: int) -> None:
        self.done.append((x, y, times))

    async def settle(self) -> None:
        self.settled += 1

    async def type_text(self, text: str) -> None:
        self.done.append(text)

    async def press(self, key: str) -> None:
        raise Rejected("There is no such key here.")


class Told(list[tuple[str, dict[str, Any]]]):
    async def append_event(self, name: str, **data: Any) -> None:
        self.append((name, data))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self]


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def control(page: Page, told: Told) -> Control:
    return Control(
        cast("Any", page),
        session_id=7,
        account="amy",
        append=told.append_event,
        clock=SystemClock(),
        vanished_s=0.05,
    )


async def turn() -> None:
    """Let everything that can run now run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_flow_waits_where_its_next_step_would_begin_and_goes_on_when_it_is_given_back(
    control: Control, page: Page, told: Told
) -> None:
    begun: list[str] = []

    async def flow() -> None:
        async with control.at_work("read_inbox"):
            for name in ("one", "two"):
                await control.before_step(name)
                begun.append(name)
                await turn()

    async with asyncio.TaskGroup() as group:
        group.create_task(flow())
        await asyncio.sleep(0)
        await control.take(ANNA)
        assert control.stand is Stand.ASKED
        with pytest.raises(Conflict, match="not in your hands"):
            await control.act(ANNA, Click(x=1, y=2))
        await turn()
        assert (begun, control.stand, page.in_hand_now) == (["one"], Stand.PERSON, True)
        await control.act(ANNA, Click(x=1, y=2))
        await turn()
        assert begun == ["one"]
        await control.give_back(ANNA)
    assert (begun, control.stand, page.in_hand_now) == (["one", "two"], Stand.FLOW, False)
    assert page.settled == 1
    assert told.names == ["TakeoverBegan", "InputGiven", "TakeoverEnded"]


async def test_nobody_gets_the_page_while_an_effect_is_armed(control: Control) -> None:
    async with control.at_work("publish_listing"):
        await control.take(ANNA)
        with control.armed():
            async with asyncio.timeout(1):
                await control.before_step("find listing")
        assert control.stand is Stand.ASKED
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await control.before_step("next")
        assert control.turns == 1


async def test_nobody_gets_the_page_while_a_password_is_being_typed(control: Control, page: Page) -> None:
    async with control.at_work("check_login"):
        await control.take(ANNA)
        page.view.is_withheld = True
        async with asyncio.timeout(1):
            await control.before_step("sign in")
    assert control.stand is Stand.ASKED


async def test_the_time_of_an_attempt_stands_still_while_a_person_has_the_page(control: Control) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(0.15) as deadline, control.at_work("read_inbox", deadline=deadline):
        await control.take(ANNA)
        loop.call_later(0.25, lambda: asyncio.ensure_future(control.give_back(ANNA)))
        await control.before_step("read thread")
        left_s = (deadline.when() or 0) - loop.time()
        assert 0.05 < left_s <= 0.15


async def test_a_shutdown_still_interrupts_a_flow_that_waits_for_a_person(control: Control) -> None:
    async def flow() -> None:
        async with control.at_work("read_inbox"):
            await control.before_step("one")

    await control.take(ANNA)
    task = asyncio.create_task(flow())
    await turn()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_second_person_is_refused_and_told_who_has_it(control: Control) -> None:
    await control.take(ANNA)
    with pytest.raises(Conflict, match="anna has the page since"):
        await control.take(BEN)
    with pytest.raises(Conflict):
        await control.act(BEN, Click(x=1, y=1))
    await control.give_back(BEN)
    assert control.person == ANNA
    await control.give_back(ANNA)
    await control.take(BEN)
    assert control.stand is Stand.PERSON


async def test_somebody_who_vanishes_keeps_it_for_a_while_and_then_it_is_an_event(control: Control, told: Told) -> None:
    control.appeared(ANNA)
    await control.take(ANNA)
    control.disappeared(ANNA)
    control.appeared(ANNA)  # a reload
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await control._free.wait()
    control.disappeared(ANNA)
    async with asyncio.timeout(2):
        await control._free.wait()
    assert control.person is None
    assert [data["how"] for name, data in told if name == "TakeoverEnded"] == ["vanished"]
    assert not control.given_back.is_set(), "nobody has said that it is settled"


async def test_what_is_typed_stands_in_no_event_and_a_letter_is_no_key(
    control: Control, told: Told, page: Page
) -> None:
    await control.take(ANNA)
    await control.act(ANNA, Typed(text="hunter2"))
    with pytest.raises(Rejected):
        await control.act(ANNA, Key(key="h"))
    inputs = [data for name, data in told if name == "InputGiven"]
    assert [(each["who"], each["did"]) for each in inputs] == [("anna", "type"), ("anna", "key")]
    assert inputs[0]["characters"] == 7
    assert inputs[1]["key"] == "?"
    assert "hunter2" not in repr(told) + repr(Typed(text="hunter2"))
    assert page.done == ["hunter2"]


async def test_the_end_of_the_session_ends_a_takeover(control: Control, told: Told) -> None:
    control.appeared(ANNA)
    await control.take(ANNA)
    control.disappeared(ANNA)
    await control.close()
    assert [data["how"] for name, data in told if name == "TakeoverEnded"] == ["session_ended"]
    with pytest.raises(Conflict):
        await control.take(BEN)


async def waits_for_a_person(control: Control) -> asyncio.Task[None]:
    """A Flow that stands before its next Step, for anna has the page."""

    async def flow() -> None:
        async with control.at_work("read_inbox"):
            await control.before_step("one")

    await control.take(ANNA)
    task = asyncio.create_task(flow())
    await turn()
    assert not task.done()
    return task


async def test_a_flow_goes_on_though_whoever_gives_back_is_gone_before_it_is_done(control: Control, page: Page) -> None:
    flow = await waits_for_a_person(control)
    page.resuming.clear()
    giving = asyncio.create_task(control.give_back(ANNA))
    await turn()
    giving.cancel()
    async with asyncio.timeout(2):
        await flow
    assert control.given_back.is_set()
    assert (control.person, control.stand) == (None, Stand.FLOW)


async def test_a_flow_goes_on_though_the_browser_refuses_to_record_again(
    control: Control, page: Page, told: Told
) -> None:
    flow = await waits_for_a_person(control)
    page.trouble = PlaywrightError("Tracing has been already started")
    async with asyncio.timeout(2):
        await control.give_back(ANNA)
        await flow
    assert told.names == ["TakeoverBegan", "TakeoverEnded"]


async def test_a_page_that_cannot_be_handed_over_ends_no_work(control: Control, page: Page) -> None:
    async with control.at_work("read_inbox"):
        await control.take(ANNA)
    page.trouble = PlaywrightError("Target crashed")
    page.resuming.clear()
    await control.leave()
    assert (control.person, control.stand) == (None, Stand.FLOW)
