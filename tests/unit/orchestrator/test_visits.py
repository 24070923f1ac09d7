"""A Session's row ends with its browser, whatever goes wrong around it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.browser import rebuilding
from runner.browser.deadlines import Gone
from runner.domain.states import Mode, SessionEnd
from runner.errors import NotFound
from runner.orchestrator import visits as visits_module
from runner.orchestrator.open_sessions import OpenSessions
from runner.orchestrator.takeovers import Control
from runner.orchestrator.visits import Look, SitePlan, Visits
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.events import Events
from runner.store.profiles import Profiles
from runner.store.sessions import Sessions


class Live:
    """A browser that only remembers whether it was closed."""

    def __init__(self) -> None:
        self.browser_version = "142.0"
        self.page = None
        self.gone = Gone()
        self.hands = self
        self.view = SimpleNamespace(is_withheld=False)

    @contextlib.asynccontextmanager
    async def in_hand(self) -> AsyncIterator[None]:
        yield

    async def settle(self) -> None:
        """There is nothing under way."""

    async def close(self) -> None:
        self.gone.because("it was closed")


class Site:
    """A Site of which nothing is asked."""

    def __init__(self, *given: Any, **more: Any) -> None:
        del given, more

    def popups(self) -> list[Any]:
        return []


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Live:
    """The browser that the next visit gets."""
    opened = Live()

    async def get_one(*given: Any) -> tuple[Live, None]:
        del given
        return opened, None

    monkeypatch.setattr(rebuilding, "opened", get_one)
    monkeypatch.setattr(visits_module, "PopupWatch", lambda *given: contextlib.nullcontext())
    return opened


@pytest.fixture
def visits(db: Database, clock: Any) -> Visits:
    request = SimpleNamespace(
        mode=Mode.HEADLESS, profile_dir="profiles/amy", browser=SimpleNamespace(major=142), allowed_origins=()
    )
    return Visits(
        browsers=cast("Any", None),
        accounts=Accounts(db),
        sessions=Sessions(db),
        profiles=Profiles(db),
        events=Events(db),
        open_sessions=OpenSessions(),
        clock=clock,
        owner="w1",
        request_for=lambda account, look: cast("Any", request),
        plan_for=lambda account: SitePlan(adapter=cast("Any", Site), base_url="", options={}),
    )


async def test_a_session_that_could_not_be_set_up_has_ended(
    db: Database, visits: Visits, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def save(*given: Any, **more: Any) -> None:
        raise NotFound("account", "amy", ())

    monkeypatch.setattr(Profiles, "save", save)
    with pytest.raises(NotFound):
        async with visits.visit("amy", Look()) as visit:
            await visits.open(visit)
    (row,) = await Sessions(db).list_sessions()
    assert (row.end, live.gone.is_set()) == (SessionEnd.FAILED, True)
    assert row.ended_at is not None


async def test_a_session_whose_takeover_cannot_be_ended_has_ended_all_the_same(
    db: Database, visits: Visits, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close(control: Control) -> None:
        raise NotFound("account", "amy", ())

    monkeypatch.setattr(Control, "close", close)
    with pytest.raises(NotFound):
        async with visits.visit("amy", Look()) as visit:
            await visits.open(visit)
    assert live.gone.is_set()
    assert await Sessions(db).list_sessions(only_open=True) == []
