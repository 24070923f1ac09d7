"""A window of the live view that closes while what its person has asked for is still being done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.api.live import Window
from runner.api.messages import parse
from runner.domain.clock import SystemClock
from runner.orchestrator.takeovers import Control, Person

ANNA = Person(key="1", name="anna")


async def test_a_window_that_closes_while_it_gives_back_has_given_back_all_the_same() -> None:
    resuming, settling, recording = asyncio.Event(), asyncio.Event(), []

    @contextlib.asynccontextmanager
    async def in_hand() -> AsyncIterator[None]:
        yield
        await resuming.wait()
        recording.append(True)

    async def settle() -> None:
        settling.set()

    async def append(name: str, **data: Any) -> None:
        del name, data

    live = SimpleNamespace(in_hand=in_hand, hands=SimpleNamespace(settle=settle))
    control = Control(cast("Any", live), session_id=7, account="amy", append=append, clock=SystemClock())
    await control.take(ANNA)
    window = Window(cast("Any", None), cast("Any", SimpleNamespace(control=control)), "root")

    asked = asyncio.create_task(window._do(ANNA, parse('{"do": "give_back"}')))
    await settling.wait()
    asked.cancel()
    asyncio.get_running_loop().call_soon(resuming.set)
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert recording == [True], "the trace goes on"
    assert control.person is None
