"""Handoffs: a person puts right what only a person can, in the Account's own browser, and the same Job goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from runner.domain.accounts import Account
from runner.domain.jobs import Job, Lease
from runner.domain.states import AccountState, JobState, SessionEnd
from runner.engine.interface import JobEngine
from runner.errors import AttemptError, BrowserGone, Conflict, ErrorKind, NeedsPerson, SessionExpired, SetupError
from runner.orchestrator import asking, owners
from runner.orchestrator.asking import WAITING, Need
from runner.orchestrator.first_of import first_of
from runner.orchestrator.orchestrator import Orchestrator
from runner.orchestrator.records import Records
from runner.orchestrator.rescuer import Rescuer
from runner.orchestrator.steps import Unrecorded
from runner.orchestrator.takeovers import Wanted
from runner.orchestrator.visits import Look, OpenSession, Visit, Visits
from runner.orchestrator.workers import LEASE_TTL_S, Worker
from runner.sites.translate import translate

log = structlog.get_logger()

PATIENCE_S = 3.0
"""How long a profile that is just being closed elsewhere is waited for; a person is told at once who has it."""
PROBE_S = 60.0
MOST_CRASHES = 2
TAKEN_UP = (*WAITING, AccountState.ACTIVE)
"""Of other Accounts nothing goes on: an operator has said so."""
NOTHING_ASKED = Wanted(what="Nobody has asked for a person here.", cure="Look around; what you do here holds.")


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a person must know to begin; `live_url` is None where this process serves no live view."""

    account: str
    wanted: Wanted
    picture: str | None
    live_url: str | None


class Desk(Protocol):
    """Where the person sits who has typed the command."""

    given_back: asyncio.Event
    """Set by whoever gives it back from there."""

    def opened(self, opened: Opened) -> None:
        """The browser is open, and this is what is to be done."""

    def still(self, trouble: AttemptError) -> None:
        """It was given back, and this still stands in the way."""

    async def goes_on(self, job: Job | None) -> None:
        """All is well, and this Job goes on; None when none was waiting."""


class Back(Enum):
    """Why the waiting for a person has ended."""

    GIVEN = auto()
    CLOSED = auto()  # they closed the window, which means the same
    STOPPED = auto()  # nothing is settled: all stays as it was


class Handoffs:
    """Opens an Account for a person, waits until it is given back, looks whether all is well, and goes on."""

    def __init__(
        self,
        *,
        engine: JobEngine,
        visits: Visits,
        records: Records,
        orchestrator: Orchestrator,
        rescuer: Rescuer,
        worker: Callable[[], Worker],
        owner: str,
        live_url_of: Callable[[int], str | None],
        password_of: Callable[[Account], Awaitable[str]],
    ) -> None:
        self._engine = engine
        self._visits = visits
        self._records = records
        self._orchestrator = orchestrator
        self._rescuer = rescuer
        self._worker = worker
        self._owner = owner
        self._live_url_of = live_url_of
        self._password_of = password_of

    async def perform(self, account_name: str, look: Look, stop: asyncio.Event, desk: Desk) -> Job | None:
        """Hand the Account over; returns the Job that went on, as it ended, None when none was waiting.

        Raises Conflict, naming who has it, when the Account is in use, and NeedsPerson when `stop` ended it: then all
        is as it was before.
        """
        await self._rescuer.rescue()
        if (holder := await self._engine.holder(account_name)) is not None:
            who = owners.described(holder.owner)
            raise Conflict(
                f"{account_name} is busy: job {holder.id} ({holder.flow}) has it, {who}.",
                cure=f"Wait until it ends, or take it over where it runs: runner live {account_name}",
            )
        async with self._visits.visit(account_name, look, stop) as visit:
            job = await self._in_hand(visit, stop, desk)
        if job is None or stop.is_set() or job.state is not JobState.QUEUED:
            return job
        return await self._orchestrator.run_job(job.id, look, stop)

    async def _in_hand(self, visit: Visit, stop: asyncio.Event, desk: Desk) -> Job | None:
        name = visit.account.name
        need = await asking.need_of(self._records, visit.account)
        with suppress(SetupError):  # what cannot be had is what the person may be here for
            await self._password_of(visit.account)  # known from here on, it is covered on every picture
        visit.end, crashes = SessionEnd.INTERRUPTED, 0
        while True:
            session = await self._visits.open(visit, patience_s=PATIENCE_S)
            wanted = _wanted(visit.account, need)
            await self._lead(session, None if crashes else need)
            session.control.wanted = wanted
            session.control.ring()
            picture = need.picture if need else None
            url = self._live_url_of(session.row.id)
            desk.opened(Opened(account=name, wanted=wanted, picture=picture, live_url=url))
            async with self._told(session, need):
                if await self._settled(session, visit.account, need, stop, desk):
                    break
            crashed = session.live.gone.crashed
            visit.end = SessionEnd.CRASHED if crashed else SessionEnd.HANDED_OVER
            if crashed:
                crashes += 1
                self._tell_of_crash(session, crashes, desk)
            await self._visits.close(visit)
            visit.end = SessionEnd.INTERRUPTED
            if not crashed:
                # The window was closed: what was done in it holds, and a new one shows whether it was enough.
                desk.given_back.set()
        visit.end = SessionEnd.HANDED_OVER
        visit.by_hand = visit.is_signed_in = True
        session.control.wanted = None
        session.control.ring()
        lease, job = await self._free(visit.account, need)
        await desk.goes_on(job)
        if lease is None:
            return job
        await self._orchestrator.to_its_end(self._worker().perform(lease, visit), stop)
        return await self._engine.get(lease.job.id)

    async def _settled(
        self, session: OpenSession, account: Account, need: Need | None, stop: asyncio.Event, desk: Desk
    ) -> bool:
        """Wait for the person, again and again, until the login is good; False when they closed the window."""
        while True:
            match await self._given_back(session, stop, desk):
                case Back.STOPPED:
                    raise NeedsPerson(
                        f"{account.name} is as it was: {account.state}.",
                        cure=f"Go on later: runner handoff {account.name}",
                    )
                case Back.CLOSED:
                    return False
                case Back.GIVEN:
                    trouble = await self._trouble(session, account, need)
            if session.live.gone.is_set():
                return False
            if trouble is None:
                session.control.say("")
                return True
            session.control.say(f"It is not settled yet. {trouble.what}")
            desk.still(trouble)
            await session.control.leave()

    def _tell_of_crash(self, session: OpenSession, crashes: int, desk: Desk) -> None:
        """Say why the browser is opened once more. Raises NeedsPerson when it is not."""
        name, why = session.row.account, session.live.gone.reason
        if crashes >= MOST_CRASHES:
            raise NeedsPerson(
                f"The browser of {name} is gone again: {why}. It is not opened once more; all is as it was.",
                cure=f"Look into the machine: runner doctor. Then: runner handoff {name}",
            )
        desk.still(BrowserGone(f"The browser is gone: {why}. It is opened once more, where the site begins."))

    async def _given_back(self, session: OpenSession, stop: asyncio.Event, desk: Desk) -> Back:
        control, gone = session.control, session.live.gone
        await first_of(stop, desk.given_back, control.given_back, gone)
        if stop.is_set():
            return Back.STOPPED
        if gone.is_set():
            return Back.CLOSED
        desk.given_back.clear()
        if control.person is not None:
            await control.give_back(control.person)
        control.given_back.clear()
        return Back.GIVEN

    async def _trouble(self, session: OpenSession, account: Account, need: Need | None) -> AttemptError | None:
        """The login probe: what still stands in the way, None when all is well."""
        session.relay.recorder = Unrecorded()
        site, live = session.site, session.live
        async with session.control.at_work("check_login"):
            await live.hands.settle()
            try:
                who = await live.within(PROBE_S, site.whoami(), "checking the login")
                seen = await live.within(PROBE_S, site.trouble(None), "looking at the page")
            except Exception as error:  # noqa: BLE001 — whatever it is, the person who waits is told, and may go on
                return await translate(
                    error,
                    site=site,
                    last_response=live.ring.last_response,
                    session_gone=live.gone.is_set(),
                    step="check login",
                    guard=live.guard,
                )
            finally:
                session.relay.recorder = None
        if seen is not None and not isinstance(seen, SessionExpired):
            return seen
        return _wrong_person(who, session, account, need)

    async def _free(self, account: Account, need: Need | None) -> tuple[Lease | None, Job | None]:
        """The Account is active again, its parked Jobs are queued, and the one that asked is leased to us.

        It is claimed while the Account is still parked: nobody else may have it in between. An Account that an operator
        has paused or disabled stays so, with its Jobs.
        """
        account = await self._records.accounts.by_name(account.name)  # somebody may have disabled it meanwhile
        if account.state not in TAKEN_UP:
            return None, None
        parked = await self._engine.list_jobs(account=account.name, states=[JobState.PARKED], limit=10_000)
        first = next((job for job in parked if need and job.id == need.job_id), parked[0] if parked else None)
        lease = None
        if first is not None:
            await self._rescuer.rescue()  # it may be reserved for the command that met the trouble and has ended
            first = await self._engine.retry(first.id)
            lease = await self._engine.claim_job(first.id, owner=self._owner, ttl_s=LEASE_TTL_S)
        if account.state in WAITING:
            await self._records.accounts.set_state(account.name, AccountState.ACTIVE)
        await self._engine.retry_many([job.id for job in parked if first is None or job.id != first.id])
        return lease, first

    async def _lead(self, session: OpenSession, need: Need | None) -> None:
        """To where the trouble was met, where that is known and allowed, else to where the Site begins."""
        met = need.url if need else None
        if met is None or _origin(met) not in session.allowed_origins or not await session.live.lead_to(met):
            await session.live.lead_to(session.site.base_url)

    @asynccontextmanager
    async def _told(self, session: OpenSession, need: Need | None) -> AsyncIterator[None]:
        """The Events around it."""
        account, job_id, number = session.row.account, need.job_id if need else None, session.row.id
        await self._records.events.append("HandoffBegan", account=account, job_id=job_id, session=number)
        how = "stopped"
        try:
            yield
            how = "given_back"
            if session.live.gone.is_set():
                how = "crashed" if session.live.gone.crashed else "closed"
        finally:
            await self._records.events.append("HandoffEnded", account=account, job_id=job_id, session=number, how=how)


def _wanted(account: Account, need: Need | None) -> Wanted:
    if account.state not in WAITING:
        return NOTHING_ASKED
    if need is None:
        return Wanted(what=account.state_reason or f"{account.name} is {account.state}.", cure="")
    return Wanted(what=need.what, cure="Do by hand what the page asks for, then give it back.")


def _wrong_person(who: str | None, session: OpenSession, account: Account, need: Need | None) -> AttemptError | None:
    if who is None:
        if need is not None and need.kind != ErrorKind.VALIDATION:
            return None  # signed out, and nothing asks for a person: the Job signs in by itself
        return SessionExpired(
            "The site does not say that anybody is signed in.", cure="Sign in by hand, then give it back."
        )
    if not session.site.same_account(who, account.username):
        return NeedsPerson(
            f'The browser is signed in as "{who}", not as "{account.username}".', cure="Sign out, and in again."
        )
    return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
