"""A Session's row ends with its browser, whatever goes wrong around it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.browser import login_state, rebuilding
from runner.browser.deadlines import Gone
from runner.browser.pool import Pool, PoolRules
from runner.browser.session import Timeouts
from runner.domain.states import Mode, SessionEnd
from runner.errors import Conflict, NotFound
from runner.orchestrator import visits as visits_module
from runner.orchestrator.open_sessions import OpenSessions
from runner.orchestrator.signing_in import SigningIn, SignInRules
from runner.orchestrator.takeovers import Control, Person, Stand
from runner.orchestrator.visits import Look, SitePlan, Visits
from runner.store.accounts import Accounts
from runner.store.check_results import CheckResults
from runner.store.database import Database
from runner.store.events import Events
from runner.store.profiles import Profiles
from runner.store.rate_usage import RateUsage
from runner.store.sessions import Sessions

NONE_KEPT = PoolRules(all_bytes=0, each_bytes=0, idle_s=0, max_age_s=0)


class Live:
    """A browser that only remembers whether it was closed."""

    def __init__(self) -> None:
        self.browser_version = "142.0"
        self.page = None
        self.gone = Gone()
        self.hands = self
        self.view = SimpleNamespace(is_withheld=False)
        self.timeouts = Timeouts()

    @contextlib.asynccontextmanager
    async def in_hand(self) -> AsyncIterator[None]:
        yield

    async def within(self, seconds: float, awaitable: Any, what: str) -> None:
        await awaitable

    async def settle(self) -> None:
        """There is nothing under way."""

    async def close(self) -> None:
        self.gone.because("it was closed")


class Keeps:
    """A pool that keeps whatever it is given, and gives it to the next visit that may have it."""

    browsers = None

    def __init__(self) -> None:
        self.warm: list[Any] = []

    async def keep(self, live: Any, kept: Any, end: Any) -> bool:
        self.warm.append(kept)
        return True

    async def take(self, account: str, fits: Any) -> Any:
        return next((kept for kept in self.warm if fits(kept)), None)


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
def pool() -> Any:
    return Pool(cast("Any", None), NONE_KEPT, served=cast("Any", None))


@pytest.fixture
def visits(db: Database, clock: Any, pool: Any) -> Visits:
    request = SimpleNamespace(
        mode=Mode.HEADLESS, profile_dir="profiles/amy", browser=SimpleNamespace(major=142), allowed_origins=()
    )
    return Visits(
        pool=pool,
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
        async with visits.visit("amy", Look(), asyncio.Event()) as visit:
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
        async with visits.visit("amy", Look(), asyncio.Event()) as visit:
            await visits.open(visit)
    assert live.gone.is_set()
    assert await Sessions(db).list_sessions(only_open=True) == []


@pytest.fixture
async def held(visits: Visits, live: Live) -> AsyncIterator[SimpleNamespace]:
    """A visit whose work is done, and whose page anna has."""
    anna, stop, done = Person(key="1", name="anna"), asyncio.Event(), asyncio.Event()
    opened: list[Control] = []

    async def work() -> None:
        async with visits.visit("amy", Look(), stop) as visit:
            opened.append((await visits.open(visit)).control)
            await opened[0].take(anna)
            asyncio.get_running_loop().call_soon(done.set)

    task = asyncio.create_task(work())
    await asyncio.wait([task, asyncio.ensure_future(done.wait())], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0)
    assert not live.gone.is_set(), "the page is not closed under their hands"
    yield SimpleNamespace(task=task, control=opened[0], anna=anna, stop=stop)
    task.cancel()


async def test_a_person_keeps_the_page_when_the_work_is_done_until_they_give_it_back(
    held: SimpleNamespace, live: Live, db: Database
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await live.gone.wait()
    assert held.control.notice.startswith("The work is done")
    await held.control.give_back(held.anna)
    async with asyncio.timeout(5):
        await held.task
    assert live.gone.is_set()
    assert await Sessions(db).list_sessions(only_open=True) == []


@pytest.mark.parametrize("ends", ["stop", "cancel", "gone"])
async def test_a_person_who_keeps_the_page_holds_up_no_shutdown_and_no_browser_that_is_gone(
    held: SimpleNamespace, live: Live, db: Database, ends: str
) -> None:
    if ends == "stop":
        held.stop.set()
    elif ends == "cancel":
        held.task.cancel()
    else:
        live.gone.because("its page crashed")
    async with asyncio.timeout(5):
        await asyncio.wait([held.task])
    assert held.control.ended.is_set()
    assert held.control.person is None
    assert await Sessions(db).list_sessions(only_open=True) == []


async def test_nobody_gets_the_page_while_a_last_look_is_taken_at_it(
    db: Database, visits: Visits, live: Live, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands: list[Stand] = []

    async def whoami() -> None:
        control = opened.control
        await control.take(Person(key="1", name="anna"))
        stands.append(control.stand)

    async def leave(session: Any) -> None:
        del session

    monkeypatch.setattr(login_state, "leave", leave)
    looking = SigningIn(
        results=CheckResults(db),
        profiles=Profiles(db),
        checkpoints=cast("Any", SimpleNamespace(newest=lambda whose: None)),
        usage=RateUsage(db),
        password_of=cast("Any", None),
        rules=SignInRules(checkpoint_every_s=900, sign_in_wait_s=900),
        clock=clock,
    )
    async with visits.visit("amy", Look(), asyncio.Event()) as visit:
        opened = await visits.open(visit)
        visit.is_signed_in = True
        opened.site = cast("Any", SimpleNamespace(whoami=whoami))
        visits._leaving = looking.leaving
    assert stands == [Stand.ASKED]
    assert live.gone.is_set()


# ── What stays warm ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def keeps(visits: Visits) -> Keeps:
    keeps = Keeps()
    visits._pool = cast("Any", keeps)
    return keeps


async def test_a_visit_that_went_well_leaves_its_session_to_the_next_one(
    db: Database, visits: Visits, live: Live, keeps: Keeps
) -> None:
    async with visits.visit("amy", Look(), asyncio.Event(), warm=True) as visit:
        first = await visits.open(visit)
        site = first.site
    assert not live.gone.is_set()
    with pytest.raises(Conflict, match="Nothing is being done"):
        await first.control.take(Person(key="1", name="anna"))
    async with visits.visit("amy", Look(), asyncio.Event(), warm=True) as visit:
        again = await visits.open(visit)
        assert (again.row, again.live) == (first.row, first.live)
        assert again.site is not site, "which knew of a page that is gone"
        await _in_hand(visit, asyncio.Event())
    (row,) = await Sessions(db).list_sessions()
    assert row.end is SessionEnd.DONE


async def _failed(visit: Any, stop: asyncio.Event) -> None:
    visit.end = SessionEnd.FAILED


async def _spoilt(visit: Any, stop: asyncio.Event) -> None:
    visit.spoilt = True


async def _stopped(visit: Any, stop: asyncio.Event) -> None:
    stop.set()


async def _in_hand(visit: Any, stop: asyncio.Event) -> None:
    anna = Person(key="1", name="anna")
    await visit.session.control.take(anna)
    await visit.session.control.give_back(anna)


async def _headed(visit: Any, stop: asyncio.Event) -> None:
    visit.session.request.mode = Mode.HEADED


@pytest.mark.parametrize("what", [_failed, _spoilt, _stopped, _in_hand, _headed])
async def test_a_browser_that_is_not_well_or_not_only_ours_is_closed(
    db: Database, visits: Visits, live: Live, keeps: Keeps, what: Any
) -> None:
    stop = asyncio.Event()
    async with visits.visit("amy", Look(), stop, warm=True) as visit:
        await visits.open(visit)
        await what(visit, stop)
    assert (live.gone.is_set(), keeps.warm) == (True, [])
    assert await Sessions(db).list_sessions(only_open=True) == []


async def test_a_visit_of_a_person_leaves_no_browser_behind(visits: Visits, live: Live, keeps: Keeps) -> None:
    async with visits.visit("amy", Look(), asyncio.Event()) as visit:
        await visits.open(visit)
    assert (live.gone.is_set(), keeps.warm) == (True, [])


async def test_a_visit_that_is_cancelled_leaves_no_browser_behind(visits: Visits, live: Live, keeps: Keeps) -> None:
    async def work() -> None:
        async with visits.visit("amy", Look(), asyncio.Event(), warm=True) as visit:
            await visits.open(visit)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await work()
    assert (live.gone.is_set(), keeps.warm) == (True, [])
