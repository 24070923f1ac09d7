"""A visit to one Account: its Session, opened at the first need, used by several Attempts, closed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from runner.browser import rebuilding
from runner.browser.launch import LaunchRequest
from runner.browser.pool import Pool
from runner.browser.session import LiveSession
from runner.domain.accounts import Account
from runner.domain.clock import Clock
from runner.domain.jobs import Attempt, Session
from runner.domain.states import AccountState, Mode, SessionEnd
from runner.errors import AttemptError, Conflict, NeedsPerson, RunnerError
from runner.orchestrator.open_sessions import OpenSessions, Watchable
from runner.orchestrator.patience import recorded
from runner.orchestrator.steps import StepRelay
from runner.orchestrator.takeovers import Control
from runner.sites.interface import Site
from runner.sites.popups import PopupWatch
from runner.store.accounts import Accounts
from runner.store.events import Events
from runner.store.profiles import Profiles
from runner.store.sessions import Sessions

log = structlog.get_logger()

CONDITIONS_S = 1.0
"""A Site that says nothing of itself by then is left alone: nobody waits for it while an Attempt ends."""
PROFILE_WAIT_S = 15.0
"""A profile that is just being closed elsewhere is free within the close deadline; one that is really in use is not."""


Stop = Callable[[str | None, AttemptError, Attempt, bool], Awaitable[None]]
"""Told of a failure's Step, its error, the Attempt, and whether its browser lives."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How the browser is shown and what happens on an error, for people who watch."""

    mode: Mode | None = None
    slow_mo_ms: int | None = None
    pause_on_error: bool = False
    keep_open: bool = False
    checkpoint: int | None = None
    """The version of the Account's checkpoints to be laid in first, whatever the browser holds; 0 for the newest."""
    debug: bool = False
    """Keep a trace and a picture of every Step from the first Attempt on."""
    stopped: Stop | None = None
    """With `pause_on_error`: asked where it stopped, with the inspector open; its return ends the pause."""


@dataclass(frozen=True, kw_only=True)
class SitePlan:
    """What is needed to put a Site on a page: its adapter class and its place."""

    adapter: type[Site]
    base_url: str
    options: Mapping[str, Any]


@dataclass(kw_only=True)
class OpenSession:
    """A live browser with the Account's Site on its page, its row in the store, and what it was opened by."""

    row: Session
    live: LiveSession
    request: LaunchRequest
    plan: SitePlan
    site: Site
    popups: PopupWatch
    relay: StepRelay
    control: Control

    @property
    def allowed_origins(self) -> frozenset[str]:
        """Where it may go."""
        return frozenset(self.request.allowed_origins)


WarmSessions = Pool[OpenSession]


@dataclass(kw_only=True)
class Visit:
    """One Account's turn. `spoilt` is set when an Attempt failed, so that the next one gets a fresh browser.

    With `warm` it begins in the browser that an earlier one has left in the pool, and leaves its own there.

    `is_signed_in` is set when the Site has shown the Account in the Session that is open, `by_hand` when a person had
    that Session in hand and nobody has looked at the login since.
    """

    account: Account
    look: Look
    warm: bool = False
    session: OpenSession | None = None
    end: SessionEnd = SessionEnd.DONE
    spoilt: bool = False
    is_signed_in: bool = False
    by_hand: bool = False
    failed: Attempt | None = None
    """The Attempt that has failed last, until its page is made."""


async def _just_go(visit: Visit, session: OpenSession) -> None:
    del visit, session


class Visits:
    """Opens and closes Sessions. `request_for` gives the launch of an Account's browser, `plan_for` its Site.

    `leaving` is awaited before the browser of a visit that went well is closed or kept warm; it must not raise.
    """

    def __init__(
        self,
        *,
        pool: WarmSessions,
        accounts: Accounts,
        sessions: Sessions,
        profiles: Profiles,
        events: Events,
        open_sessions: OpenSessions,
        clock: Clock,
        owner: str,
        request_for: Callable[[Account, Look], LaunchRequest],
        plan_for: Callable[[Account], SitePlan],
        leaving: Callable[[Visit, OpenSession], Awaitable[None]] = _just_go,
    ) -> None:
        self._pool = pool
        self._accounts = accounts
        self._sessions = sessions
        self._profiles = profiles
        self._events = events
        self._open_sessions = open_sessions
        self._clock = clock
        self._owner = owner
        self._request_for = request_for
        self._plan_for = plan_for
        self._leaving = leaving

    async def expect_active(self, account_name: str) -> None:
        """Raises NeedsPerson, with the reason, for an Account that waits for a person; NotFound."""
        account = await self._accounts.by_name(account_name)
        if account.state is AccountState.ACTIVE:
            return
        why = f": {account.state_reason}" if account.state_reason else "."
        by_hand = (
            f"; to settle it: runner handoff {account.name}"
            if account.state in (AccountState.PARKED, AccountState.LOCKED)
            else ""
        )
        raise NeedsPerson(
            f"Account {account.name} is {account.state}{why}",
            cure=f"Nothing was tried. When it is settled: runner accounts resume {account.name}{by_hand}",
        )

    @asynccontextmanager
    async def visit(
        self, account_name: str, look: Look, stop: asyncio.Event, *, warm: bool = False
    ) -> AsyncIterator[Visit]:
        """The Account's turn: whatever Session was opened in it is closed at its end, or kept warm if all went well.

        A person who has the page then keeps it until they give it back, or `stop` is set.
        """
        visit = Visit(account=await self._accounts.by_name(account_name), look=look, warm=warm)
        over = False
        try:
            yield visit
            await self._out_of_hand(visit, stop)
            over = not stop.is_set()
        finally:
            await self.close(visit, may_keep=over)

    async def _out_of_hand(self, visit: Visit, stop: asyncio.Event) -> None:
        """Wait while a person has the page: the browser that they look into costs nobody an Attempt."""
        session = visit.session
        if session is not None and visit.end is not SessionEnd.INTERRUPTED:
            await session.control.out_of_hand(session.live.gone, stop)

    def standing(self, visit: Visit) -> str:
        """How the visit's browser stands before it is opened, in a word or two; "" when it must be launched."""
        if visit.session is not None:
            return "still open"
        return "kept warm" if visit.warm and visit.account.name in self._pool.accounts else ""

    async def open(self, visit: Visit, *, patience_s: float = PROFILE_WAIT_S) -> OpenSession:
        """The visit's Session, opened now if it is not open. Raises Conflict when the profile is in use elsewhere."""
        if visit.session is not None:
            return visit.session
        request = self._request_for(visit.account, visit.look)
        plan = self._plan_for(visit.account)
        warm = await self._pool.take(
            visit.account.name, lambda kept: visit.warm and (kept.request, kept.plan) == (request, plan)
        )
        if warm is not None:
            visit.session = await self._go_on(warm)
            return visit.session
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Conflict),
            stop=stop_after_delay(patience_s),
            wait=wait_fixed(0.5),
            reraise=True,
        ):
            with attempt:
                live, rebuilt = await rebuilding.opened(self._pool.browsers, request)
        try:
            if rebuilt is not None:
                await self._profiles.rebuilt(visit.account.name, reason=rebuilt.reason, kept=str(rebuilt.trashed))
            visit.session = await self._begin(visit, request, plan, live)
        except BaseException:
            await live.close()
            raise
        return visit.session

    async def _begin(self, visit: Visit, request: LaunchRequest, plan: SitePlan, live: LiveSession) -> OpenSession:
        name = visit.account.name
        row = await self._sessions.start(
            name,
            mode=request.mode,
            owner=self._owner,
            browser_version=live.browser_version,
            live_url_of=self._open_sessions.url_of,
        )
        try:
            return await self._set_up(row, request, plan, live)
        except BaseException:
            await live.close()
            await recorded(lambda: self._sessions.end(row.id, end=SessionEnd.FAILED))
            raise

    async def _go_on(self, warm: OpenSession) -> OpenSession:
        """The Site anew in a browser that was kept warm: what it knew of the page is not so any more."""
        try:
            warm.site, warm.popups, warm.relay = await self._site_on(warm.live, warm.plan)
        except BaseException:
            await self._end(warm, SessionEnd.FAILED)
            raise
        warm.control.wake()
        return warm

    async def _site_on(self, live: LiveSession, plan: SitePlan) -> tuple[Site, PopupWatch, StepRelay]:
        relay = StepRelay()
        site = plan.adapter(live.page, base_url=plan.base_url, steps=relay, options=plan.options)
        popups = PopupWatch(live.page, site.popups())
        await popups.__aenter__()  # it ends with the page, or when the browser is laid to rest
        return site, popups, relay

    async def _set_up(self, row: Session, request: LaunchRequest, plan: SitePlan, live: LiveSession) -> OpenSession:
        name = row.account
        await self._profiles.save(name, path=str(request.profile_dir), browser_major=request.browser.major)
        site, popups, relay = await self._site_on(live, plan)
        control = Control(live, session_id=row.id, account=name, append=self._events.append, clock=self._clock)
        self._open_sessions.add(Watchable(row=row, live=live, control=control))
        return OpenSession(
            row=row,
            live=live,
            request=request,
            plan=plan,
            site=site,
            popups=popups,
            relay=relay,
            control=control,
        )

    def plan(self, account: Account) -> SitePlan:
        """The adapter of an Account's Site, and where it begins. Raises NotFound for a site that is not configured."""
        return self._plan_for(account)

    async def conditions(self, account: Account) -> Mapping[str, Any]:
        """What the Account's Site can say of its own circumstances; {} when it cannot, or not in time."""
        try:
            plan = self._plan_for(account)
            async with asyncio.timeout(CONDITIONS_S):
                return await plan.adapter.conditions(plan.base_url)
        except (RunnerError, OSError, ValueError, TimeoutError) as problem:
            log.info("the site's conditions are not known", site=account.site, error=str(problem))
            return {}

    async def close(self, visit: Visit, *, may_keep: bool = False) -> None:
        """Close the visit's Session, if one is open, and record why it ended; or keep it warm, if it `may_keep`."""
        session, visit.session = visit.session, None
        if session is None:
            return
        end, kept = visit.end, False
        try:
            if not visit.spoilt and session.control.person is None:  # a page in somebody's hands is not driven
                await self._leaving(visit, session)
                kept = may_keep and await self._kept(visit, session)
        finally:
            visit.is_signed_in = False
            if not kept:
                await self._end(session, end)
        visit.end = SessionEnd.DONE

    async def _kept(self, visit: Visit, session: OpenSession) -> bool:
        """Whether the Session is warm now, and the pool's: nobody has it in hand, and all has gone well."""
        control = session.control
        if not visit.warm or visit.end is not SessionEnd.DONE or session.request.mode is not Mode.HEADLESS:
            return False
        if control.person is not None or control.turns:
            return False  # they were told that it is closed when they give it back
        control.rest()  # from here on nobody gets the page
        live = session.live
        try:
            await live.within(live.timeouts.action_s, session.popups.__aexit__(None, None, None), "leaving the page")
        except RunnerError:
            return False  # frozen or gone: closed it will be, at the cost of a kill
        return await self._pool.keep(session.live, session, lambda end: self._end(session, end))

    async def _end(self, session: OpenSession, end: SessionEnd) -> None:
        self._open_sessions.remove(session.row.id)
        try:
            await session.live.close()
        finally:
            try:
                await session.control.close()
            finally:
                await recorded(lambda: self._sessions.end(session.row.id, end=end))

    def let_idle_go(self) -> None:
        """The runner stops: what is warm is closed, and nothing is kept any more."""
        self._pool.stop()
