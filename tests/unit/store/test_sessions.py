from __future__ import annotations

import pytest

from runner.domain.states import Mode, SessionEnd
from runner.errors import NotFound
from runner.store.database import Database
from runner.store.events import Events
from runner.store.sessions import Sessions


async def test_a_session_has_a_start_and_one_end(db: Database, clock) -> None:
    sessions = Sessions(db)
    opened = await sessions.start("amy", mode=Mode.HEADED, owner="w1", browser_version="148.0.1")
    assert (opened.account, opened.mode, opened.browser_version, opened.ended_at) == (
        "amy",
        Mode.HEADED,
        "148.0.1",
        None,
    )
    assert await sessions.list_sessions(only_open=True) == [opened]
    clock.forward(5)
    await sessions.end(opened.id, end=SessionEnd.CRASHED)
    await sessions.end(opened.id, end=SessionEnd.DONE)
    [closed] = await sessions.list_sessions()
    assert (closed.end, closed.ended_at) == (SessionEnd.CRASHED, clock.now())
    assert await sessions.list_sessions(only_open=True) == []
    told = await Events(db).since(0, names=["SessionStarted", "SessionEnded"])
    assert [event.name for event in told] == ["SessionStarted", "SessionEnded"]


async def test_the_open_sessions_of_the_dead_are_closed_as_crashed(db: Database) -> None:
    sessions = Sessions(db)
    dead = await sessions.start("amy", mode=Mode.HEADLESS, owner="dead", browser_version="148")
    alive = await sessions.start("bob", mode=Mode.HEADLESS, owner="alive", browser_version="148")
    assert await sessions.close_orphans(dead=["dead"]) == [dead]
    assert await sessions.list_sessions(only_open=True) == [alive]
    [closed] = await sessions.list_sessions(account_name="amy")
    assert closed.end is SessionEnd.CRASHED


async def test_unknown_names_and_numbers_are_refused(db: Database) -> None:
    sessions = Sessions(db)
    with pytest.raises(NotFound, match="amy"):
        await sessions.start("ammy", mode=Mode.HEADLESS, owner="w1", browser_version="148")
    with pytest.raises(NotFound):
        await sessions.end(4711, end=SessionEnd.DONE)
    assert await sessions.list_sessions() == []
