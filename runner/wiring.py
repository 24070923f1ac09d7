"""The only place where parts are put together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import structlog

from runner import inbox_wiring, live_wiring, notice_wiring, pool_wiring, storage_wiring
from runner.browser.launch import kill_driver_of
from runner.browser.processes import kill_process
from runner.browser.session import kill_browser_of
from runner.config.settings import AccountSettings, Settings
from runner.domain.clock import Clock, SystemClock
from runner.domain.states import AccountState
from runner.engine.embedded import EmbeddedEngine
from runner.engine.paces import Paces
from runner.inbox.answering import Answering
from runner.inbox.classify.local import LocalClassifier
from runner.inbox.following import Following
from runner.logs import Redactor
from runner.orchestrator import former_conditions
from runner.orchestrator.attempt_pages import AttemptPages
from runner.orchestrator.attempts import AttemptRules, Attempts
from runner.orchestrator.cycles import Cycles
from runner.orchestrator.deciding import Deciding
from runner.orchestrator.escalating import Escalating
from runner.orchestrator.evidence import EvidenceKeeper
from runner.orchestrator.failures import Failures
from runner.orchestrator.floods import Floods
from runner.orchestrator.following_up import FollowingUp
from runner.orchestrator.former_conditions import FormerConditions
from runner.orchestrator.handoffs import Handoffs
from runner.orchestrator.heartbeats import Heartbeats
from runner.orchestrator.open_sessions import OpenSessions
from runner.orchestrator.orchestrator import RESCUE_EVERY_S, Orchestrator
from runner.orchestrator.owners import Owner
from runner.orchestrator.profile_care import ProfileCare
from runner.orchestrator.records import Records
from runner.orchestrator.replays import Replays
from runner.orchestrator.rescuer import Rescuer
from runner.orchestrator.salvage import Salvage
from runner.orchestrator.scheduler import Scheduler
from runner.orchestrator.signing_in import SigningIn, SignInRules
from runner.orchestrator.telling import Telling
from runner.orchestrator.understanding import Understanding
from runner.orchestrator.visits import Visits, WarmSessions
from runner.orchestrator.workers import LEASE_TTL_S, Worker
from runner.plans import Plans, checkpoints, secrets_of
from runner.storage_wiring import Room
from runner.store.accounts import Accounts
from runner.store.attempts import Attempts as AttemptRows
from runner.store.check_results import CheckResults
from runner.store.classifications import Classifications
from runner.store.counterparts import Counterparts
from runner.store.database import Database
from runner.store.desk import Desk
from runner.store.drafts import Drafts
from runner.store.due_times import DueTimes
from runner.store.effects import Effects
from runner.store.enrolments import Enrolments
from runner.store.error_groups import ErrorGroups
from runner.store.events import Events
from runner.store.evidence import EvidenceFiles
from runner.store.history import History
from runner.store.inbox_figures import InboxFigures
from runner.store.listings import Listings
from runner.store.operators import Operators
from runner.store.profiles import Profiles
from runner.store.rate_usage import RateUsage
from runner.store.schedules import Schedules
from runner.store.sessions import Sessions
from runner.store.slas import Slas
from runner.store.steps import Steps
from runner.store.threads import Threads
from runner.store.tokens import Tokens

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Books:
    """The store with its engine: all that commands need which open no browser."""

    settings: Settings
    database: Database
    records: Records
    events: Events
    schedules: Schedules
    engine: EmbeddedEngine
    room: Room
    pages: AttemptPages
    error_groups: ErrorGroups
    operators: Operators
    tokens: Tokens
    classifications: Classifications
    classifier: LocalClassifier
    answering: Answering
    desk: Desk
    inbox_figures: InboxFigures
    following: Following
    paces: Paces
    counterparts: Counterparts
    due_times: DueTimes
    history: History
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Runner:
    """The whole product, ready to open browsers; `owner` is this process as Leases name it."""

    books: Books
    orchestrator: Orchestrator
    cycles: Cycles
    scheduler: Scheduler
    handoffs: Handoffs
    open_sessions: OpenSessions
    floods: Floods
    replays: Replays
    profile_care: ProfileCare
    telling: Telling
    owner: str

    async def create_jobs(self, stop: asyncio.Event) -> None:
        """Create the Jobs of cycles and of Schedules until `stop` is set: what a daemon does beside its work."""
        async with asyncio.TaskGroup() as group:
            for each in (self.cycles, self.scheduler, self.floods, self.telling, self.books.room.freeing):
                group.create_task(each.repeat(stop))


@asynccontextmanager
async def open_books(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Books]:
    """Open the store, migrated, and put the configuration's accounts into it. Raises SetupError, Conflict.

    `clock` is the machine's unless given.
    """
    clock = clock or SystemClock()
    async with Database.open(settings.store.path, clock=clock, busy_timeout_s=settings.store.busy_timeout_s) as db:
        usage = RateUsage(db, settings.pacing())
        records = Records(
            accounts=Accounts(db),
            attempts=AttemptRows(db),
            check_results=CheckResults(db),
            drafts=Drafts(db),
            effects=Effects(db, usage),
            enrolments=Enrolments(db),
            events=Events(db),
            evidence=EvidenceFiles(db),
            listings=Listings(db),
            profiles=Profiles(db),
            sessions=Sessions(db),
            steps=Steps(db),
            threads=Threads(db),
        )
        await _sync(records.accounts, settings.accounts)
        engine = EmbeddedEngine(db, usage)
        classifications = Classifications(db)
        yield Books(
            settings=settings,
            database=db,
            records=records,
            events=records.events,
            schedules=Schedules(db),
            engine=engine,
            room=storage_wiring.room(settings, db, engine),
            error_groups=ErrorGroups(db),
            pages=AttemptPages(
                engine=engine,
                records=records,
                folder=settings.evidence.dir,
                secrets_of=lambda name: secrets_of(settings, records.accounts, name),
            ),
            operators=Operators(db),
            tokens=Tokens(db),
            classifications=classifications,
            classifier=LocalClassifier(inbox_wiring.model_dir(settings), classifications.corrections),
            answering=inbox_wiring.answering(settings, db, records, engine),
            desk=Desk(db),
            inbox_figures=InboxFigures(db),
            following=inbox_wiring.following(settings, db, records, engine),
            paces=Paces(db, usage),
            counterparts=Counterparts(db),
            due_times=DueTimes(db, usage, Slas(db)),
            history=History(db),
            clock=clock,
        )


async def _sync(accounts: Accounts, configured: tuple[AccountSettings, ...]) -> None:
    """The configuration's accounts as they stand there now; the store keeps their state and history."""
    if not configured:
        return
    stored = await accounts.save_many([each.new_account() for each in configured])
    for each, (account, _) in zip(configured, stored, strict=True):
        if not each.enabled and account.state is not AccountState.DISABLED:
            await accounts.set_state(account.name, AccountState.DISABLED, "enabled = false in the configuration")
        elif each.enabled and account.state is AccountState.DISABLED:
            await accounts.set_state(account.name, AccountState.ACTIVE)


@asynccontextmanager
async def open_runner(settings: Settings, redactor: Redactor, *, clock: Clock | None = None) -> AsyncIterator[Runner]:
    """Open everything. Raises SetupError when the browser or the configuration stands in the way."""
    async with (
        open_books(settings, clock=clock) as books,
        pool_wiring.browsers(books.settings.browser.pool, books.records.accounts, books.clock) as pool,
        live_wiring.live_view(settings) as open_sessions,
        _inbox_at_work(books),
    ):
        await books.paces.keep_up()
        yield _assemble(books, pool, redactor, open_sessions)


def _inbox_at_work(books: Books) -> AbstractAsyncContextManager[None]:
    deciding = Deciding(answering=books.answering, events=books.events)
    following = FollowingUp(following=books.following, events=books.events)
    escalating = Escalating(due_times=books.due_times, events=books.events)
    if not books.settings.inbox.classify:
        return inbox_wiring.at_work(deciding, following, escalating)
    classifier = inbox_wiring.understood_by(books.settings, books.database, books.classifier)
    understanding = Understanding(rows=books.classifications, classifier=classifier, events=books.events)
    return inbox_wiring.at_work(understanding, deciding, following, escalating)


def _assemble(books: Books, pool: WarmSessions, redactor: Redactor, open_sessions: OpenSessions) -> Runner:
    settings, records, engine = books.settings, books.records, books.engine
    owner = str(Owner.this_process())
    plans = Plans(settings, redactor)
    floods = Floods(events=books.events, after=settings.evidence.flood_after, clock=books.clock)
    signing_in = _signing_in(books, plans, redactor)
    visits = _visits(books, pool, plans, signing_in, open_sessions, owner=owner)
    attempts = _attempts(books, plans, visits, signing_in, floods)
    rescuer = _rescuer(books, plans, owner=owner)

    def worker() -> Worker:
        poll_s = settings.orchestrator.idle_poll_s
        return Worker(engine=engine, attempts=attempts, visits=visits, owner=owner, idle_poll_s=poll_s)

    orchestrator = _orchestrator(books, visits, worker, rescuer, owner=owner)
    handoffs = Handoffs(
        engine=engine,
        visits=visits,
        records=records,
        orchestrator=orchestrator,
        rescuer=rescuer,
        worker=worker,
        owner=owner,
        live_url_of=open_sessions.url_of,
        password_of=plans.password,
    )
    return Runner(
        books=books,
        orchestrator=orchestrator,
        cycles=_cycles(books, orchestrator),
        scheduler=Scheduler(engine=engine, clock=books.clock),
        handoffs=handoffs,
        open_sessions=open_sessions,
        floods=floods,
        replays=_replays(books, visits, owner=owner),
        profile_care=profile_care(books, redactor),
        telling=notice_wiring.telling(settings, books.database, clock=books.clock, redactor=redactor),
        owner=owner,
    )


def _signing_in(books: Books, plans: Plans, redactor: Redactor) -> SigningIn:
    profiles = books.settings.profiles
    return SigningIn(
        results=books.records.check_results,
        profiles=books.records.profiles,
        checkpoints=checkpoints(books.settings, redactor),
        usage=books.records.effects.usage,
        password_of=plans.password,
        rules=SignInRules(checkpoint_every_s=profiles.checkpoint_every_s, sign_in_wait_s=profiles.sign_in_wait_s),
        clock=books.clock,
    )


def _visits(
    books: Books, pool: WarmSessions, plans: Plans, signing_in: SigningIn, open_sessions: OpenSessions, *, owner: str
) -> Visits:
    records = books.records
    return Visits(
        pool=pool,
        accounts=records.accounts,
        sessions=records.sessions,
        profiles=records.profiles,
        events=records.events,
        open_sessions=open_sessions,
        clock=books.clock,
        owner=owner,
        request_for=plans.request,
        plan_for=plans.site,
        leaving=signing_in.leaving,
    )


def _attempts(books: Books, plans: Plans, visits: Visits, signing_in: SigningIn, floods: Floods) -> Attempts:
    settings, records, clock = books.settings, books.records, books.clock
    keeper = EvidenceKeeper(
        folder=settings.evidence.dir,
        rows=records.evidence,
        budget_s=settings.timeouts.evidence_s,
        clock=clock,
        threads=settings.evidence.threads,
    )
    rules = AttemptRules(
        attempt_s=settings.timeouts.attempt_s,
        trace=settings.evidence.trace,
        policy_for=settings.retry.policy,
        max_attempts=settings.retry.max_attempts,
    )
    return Attempts(
        engine=books.engine,
        visits=visits,
        records=records,
        keeper=keeper,
        failures=Failures(keeper=keeper, pages=books.pages, floods=floods),
        rules=rules,
        signing_in=signing_in,
        password_of=plans.password,
        clock=clock,
        dice=random.Random(),  # noqa: S311 — spreads waits, guards nothing
    )


def _rescuer(books: Books, plans: Plans, *, owner: str) -> Rescuer:
    settings, records = books.settings, books.records
    salvage = Salvage(
        records=records,
        pages=books.pages,
        folder=settings.evidence.dir,
        secrets_of=lambda name: secrets_of(settings, records.accounts, name),
    )
    return Rescuer(
        engine=books.engine,
        sessions=records.sessions,
        owner=owner,
        heartbeats=Heartbeats(ttl_s=LEASE_TTL_S, longest_gap_s=RESCUE_EVERY_S),
        kill_browser=lambda name: kill_browser_of(plans.profile_dir(name)),
        kill_driver=kill_driver_of,
        kill_process=kill_process,
        kept_from_writing_by=books.database.kept_from_writing_by,
        salvage=salvage,
    )


def _orchestrator(
    books: Books, visits: Visits, worker: Callable[[], Worker], rescuer: Rescuer, *, owner: str
) -> Orchestrator:
    return Orchestrator(
        engine=books.engine,
        visits=visits,
        worker=worker,
        rescuer=rescuer,
        owner=owner,
        concurrency=books.settings.orchestrator.concurrency,
        stop_s=books.settings.timeouts.stop_s,
        clock=books.clock,
    )


def _cycles(books: Books, orchestrator: Orchestrator) -> Cycles:
    return Cycles(
        engine=books.engine,
        accounts=books.records.accounts,
        orchestrator=orchestrator,
        flows=books.settings.orchestrator.flows,
        every_s=books.settings.orchestrator.cycle_every_s,
        max_attempts=books.settings.retry.max_attempts,
        clock=books.clock,
    )


def _replays(books: Books, visits: Visits, *, owner: str) -> Replays:
    return Replays(
        engine=books.engine,
        records=books.records,
        visits=visits,
        folder=books.settings.evidence.dir,
        former=FormerConditions(books.settings.store.path.parent / former_conditions.FOLDER),
        owner=owner,
    )


def profile_care(books: Books, redactor: Redactor) -> ProfileCare:
    """What a person may do with profiles."""
    return ProfileCare(
        records=books.records,
        checkpoints=checkpoints(books.settings, redactor),
        profiles_dir=books.settings.profiles.dir,
        clock=books.clock,
    )
