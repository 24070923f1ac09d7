"""The only place where parts are put together."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from runner.browser.discovery import Browser, find_browser
from runner.browser.launch import Browsers, LaunchRequest, kill_driver_of
from runner.browser.processes import kill_process
from runner.browser.sandbox import sandbox_mode
from runner.browser.session import Timeouts, kill_browser_of
from runner.config import secrets
from runner.config.in_force import settings_in_force
from runner.config.settings import AccountSettings, Settings, SiteSettings
from runner.domain.accounts import Account
from runner.domain.clock import Clock, SystemClock
from runner.domain.states import AccountState, Mode
from runner.engine.browsing import QueueView
from runner.engine.embedded import EmbeddedEngine
from runner.errors import NotFound
from runner.logs import Redactor
from runner.orchestrator.attempts import AttemptRules, Attempts
from runner.orchestrator.cycles import Cycles
from runner.orchestrator.evidence import EvidenceKeeper
from runner.orchestrator.heartbeats import Heartbeats
from runner.orchestrator.orchestrator import RESCUE_EVERY_S, Orchestrator
from runner.orchestrator.owners import Owner
from runner.orchestrator.pruning import Pruner
from runner.orchestrator.records import Records
from runner.orchestrator.rescuer import Rescuer
from runner.orchestrator.scheduler import Scheduler
from runner.orchestrator.visits import Look, SitePlan, Visits
from runner.orchestrator.workers import LEASE_TTL_S, Worker
from runner.sites import registry
from runner.sites.interface import Site
from runner.store.accounts import Accounts
from runner.store.answers import Answers, AuditLog
from runner.store.attempts import Attempts as AttemptRows
from runner.store.browsing import InboxView, ShopView
from runner.store.database import Database
from runner.store.effects import Effects
from runner.store.events import Events
from runner.store.evidence import EvidenceFiles
from runner.store.listings import Listings
from runner.store.operators import Operators
from runner.store.profiles import Profiles
from runner.store.schedules import Schedules
from runner.store.sessions import Sessions
from runner.store.steps import Steps
from runner.store.threads import Threads
from runner.store.tokens import Tokens

if TYPE_CHECKING:
    from runner.api.services import Services

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
    pruner: Pruner
    operators: Operators
    tokens: Tokens
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Runner:
    """The whole product, ready to open browsers; `owner` is this process as Leases name it."""

    books: Books
    orchestrator: Orchestrator
    cycles: Cycles
    scheduler: Scheduler
    owner: str

    async def create_jobs(self, stop: asyncio.Event) -> None:
        """Create the Jobs of cycles and of Schedules until `stop` is set: what a daemon does beside its work."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.cycles.repeat(stop))
            group.create_task(self.scheduler.repeat(stop))


@asynccontextmanager
async def open_books(settings: Settings) -> AsyncIterator[Books]:
    """Open the store, migrated, and put the configuration's accounts into it. Raises SetupError, Conflict."""
    clock = SystemClock()
    async with Database.open(settings.store.path, clock=clock, busy_timeout_s=settings.store.busy_timeout_s) as db:
        records = Records(
            accounts=Accounts(db),
            attempts=AttemptRows(db),
            effects=Effects(db),
            evidence=EvidenceFiles(db),
            listings=Listings(db),
            profiles=Profiles(db),
            sessions=Sessions(db),
            steps=Steps(db),
            threads=Threads(db),
        )
        await _sync(records.accounts, settings.accounts)
        engine = EmbeddedEngine(db)
        yield Books(
            settings=settings,
            database=db,
            records=records,
            events=Events(db),
            schedules=Schedules(db),
            engine=engine,
            pruner=Pruner(engine=engine, attempts=records.attempts, folder=settings.evidence.dir, clock=clock),
            operators=Operators(db),
            tokens=Tokens(db),
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
async def open_runner(settings: Settings, redactor: Redactor) -> AsyncIterator[Runner]:
    """Open everything. Raises SetupError when the browser or the configuration stands in the way."""
    async with open_books(settings) as books, Browsers(clock=books.clock) as browsers:
        yield _assemble(books, browsers, redactor)


def _assemble(books: Books, browsers: Browsers, redactor: Redactor) -> Runner:
    settings, records, engine, clock = books.settings, books.records, books.engine, books.clock
    owner = str(Owner.this_process())
    plans = _Plans(settings, redactor)
    visits = Visits(
        browsers=browsers,
        accounts=records.accounts,
        sessions=records.sessions,
        profiles=records.profiles,
        owner=owner,
        request_for=plans.request,
        plan_for=plans.site,
    )
    keeper = EvidenceKeeper(
        folder=settings.evidence.dir, rows=records.evidence, budget_s=settings.timeouts.evidence_s, clock=clock
    )
    rules = AttemptRules(
        attempt_s=settings.timeouts.attempt_s,
        trace=settings.evidence.trace,
        policy_for=settings.retry.policy,
        max_attempts=settings.retry.max_attempts,
    )
    attempts = Attempts(
        engine=engine,
        visits=visits,
        records=records,
        keeper=keeper,
        rules=rules,
        password_of=plans.password,
        clock=clock,
        dice=random.Random(),  # noqa: S311 — spreads waits, guards nothing
    )
    rescuer = Rescuer(
        engine=engine,
        sessions=records.sessions,
        owner=owner,
        heartbeats=Heartbeats(ttl_s=LEASE_TTL_S, longest_gap_s=RESCUE_EVERY_S),
        kill_browser=lambda name: kill_browser_of(plans.profile_dir(name)),
        kill_driver=kill_driver_of,
        kill_process=kill_process,
        kept_from_writing_by=books.database.kept_from_writing_by,
    )
    orchestrator = Orchestrator(
        engine=engine,
        visits=visits,
        worker=lambda: Worker(
            engine=engine,
            attempts=attempts,
            visits=visits,
            owner=owner,
            idle_poll_s=settings.orchestrator.idle_poll_s,
        ),
        rescuer=rescuer,
        owner=owner,
        concurrency=settings.orchestrator.concurrency,
        stop_s=settings.timeouts.stop_s,
        clock=clock,
    )
    cycles = Cycles(
        engine=engine,
        accounts=records.accounts,
        orchestrator=orchestrator,
        flows=settings.orchestrator.flows,
        every_s=settings.orchestrator.cycle_every_s,
        max_attempts=settings.retry.max_attempts,
        clock=clock,
    )
    scheduler = Scheduler(engine=engine, clock=clock)
    return Runner(books=books, orchestrator=orchestrator, cycles=cycles, scheduler=scheduler, owner=owner)


class _Plans:
    """What the configuration says about an Account's browser, Site and password."""

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        self._settings = settings
        self._redactor = redactor
        self._browsers: dict[bool, Browser] = {}
        self._adapters: dict[str, type[Site]] = {}
        self._warned: set[str] = set()
        self._timezones = {each.name: each.timezone for each in settings.accounts if each.timezone}
        self._sandbox = sandbox_mode(setting=settings.browser.sandbox, is_root=os.geteuid() == 0)
        if self._sandbox.warning:
            log.warning(self._sandbox.warning)

    def profile_dir(self, account: str) -> Path:
        """The Account's folder under profiles/."""
        return self._settings.profiles.dir / account

    def request(self, account: Account, look: Look) -> LaunchRequest:
        """The launch of an Account's browser. Raises BrowserMissing, NotFound for a site that is not configured."""
        browser, timeouts = self._settings.browser, self._settings.timeouts
        mode = look.mode or (Mode.HEADLESS if browser.headless else Mode.HEADED)
        return LaunchRequest(
            account=account.name,
            profile_dir=self.profile_dir(account.name),
            browser=self._browser(headless=mode is Mode.HEADLESS),
            sandbox=self._sandbox,
            allowed_origins=self._site(account).allowed_origins,
            mode=mode,
            slow_mo_ms=browser.slow_mo_ms if look.slow_mo_ms is None else look.slow_mo_ms,
            viewport=(browser.viewport.width, browser.viewport.height),
            locale=browser.locale,
            timezone=self._timezones.get(account.name, browser.timezone),
            args=browser.args,
            timeouts=Timeouts(
                launch_s=timeouts.launch_s,
                action_s=timeouts.action_s,
                navigation_s=timeouts.navigation_s,
                close_s=timeouts.close_s,
            ),
            redactor=self._redactor,
            last_picture_every_s=self._settings.evidence.last_picture_every_s,
        )

    def site(self, account: Account) -> SitePlan:
        """The adapter of an Account's Site, and where it begins."""
        site = self._site(account)
        if site.adapter not in self._adapters:
            self._adapters[site.adapter] = registry.site_class(site.adapter)
        return SitePlan(adapter=self._adapters[site.adapter], base_url=site.base_url, options=site.options)

    async def password(self, account: Account) -> str:
        """An Account's password, known to the Redactor before anybody can log it. Raises SetupError."""
        folder = self._settings.file.parent if self._settings.file else None
        resolved = await asyncio.to_thread(secrets.resolve, account.secret, account=account.name, base_dir=folder)
        password = resolved.value.get_secret_value()
        self._redactor.add(password)
        if resolved.warning and resolved.warning not in self._warned:
            self._warned.add(resolved.warning)
            log.warning(resolved.warning)
        return password

    def _site(self, account: Account) -> SiteSettings:
        if account.site not in self._settings.sites:
            raise NotFound("site", account.site, self._settings.sites)
        return self._settings.sites[account.site]

    def _browser(self, *, headless: bool) -> Browser:
        if headless not in self._browsers:
            browser = self._settings.browser
            self._browsers[headless] = find_browser(configured=browser.path, headless=headless, channel=browser.channel)
        return self._browsers[headless]


@asynccontextmanager
async def serve_api(runner: Runner, *, open_to_all: bool = False) -> AsyncIterator[str]:
    """Serve the API beside whatever the body does; gives its address. Raises SetupError before anybody can reach it."""
    # Here and not above: most commands serve nothing, and to import the web framework costs them half a second.
    from runner.api import serving
    from runner.api.app import create_app

    console = runner.books.settings.console
    place = serving.Place(
        host=console.host,
        port=console.port,
        tls_cert=console.tls_cert,
        tls_key=console.tls_key,
        behind_proxy=console.behind_proxy,
        open_to_all=open_to_all,
    )
    listener = serving.listen(place)
    services = api_services(runner, secure=place.secure, open_to_all=open_to_all)
    async with services.feed.open(), serving.served(create_app(services), listener, place):
        yield serving.address_of(listener, place)


def api_services(runner: Runner, *, secure: bool = False, open_to_all: bool = False) -> Services:
    """What the API works with."""
    from runner.api.feed import Feed
    from runner.api.limits import Patience, Rates
    from runner.api.services import Access, Rules, Services

    books, settings, clock = runner.books, runner.books.settings, runner.books.clock
    console, database = settings.console, books.database
    rules = Rules(
        hosts=frozenset({"127.0.0.1", "localhost", "::1", console.host, *console.allowed_hosts}) - {"0.0.0.0", "::"},  # noqa: S104 — taken out
        open_to_all=open_to_all,
        secure=secure,
        evidence_dir=settings.evidence.dir,
        uploads_dir=settings.store.path.absolute().parent / "uploads",
        configured_accounts=frozenset(account.name for account in settings.accounts),
        max_attempts=settings.retry.max_attempts,
        timezone=settings.browser.timezone,
        stuck_after=timedelta(seconds=console.stuck_after_s),
        settings=settings_in_force(settings),
        version=metadata.version("runner"),
    )
    access = Access(
        operators=books.operators,
        tokens=books.tokens,
        answers=Answers(database),
        audit=AuditLog(database),
        patience=Patience(clock=clock),
        rates=Rates(per_minute=console.requests_per_minute, clock=clock),
        hashing=asyncio.Semaphore(2),
    )
    return Services(
        records=books.records,
        events=books.events,
        schedules=books.schedules,
        engine=books.engine,
        cycles=runner.cycles,
        queue=QueueView(database),
        inbox=InboxView(database),
        shop=ShopView(database),
        access=access,
        feed=Feed(books.events),
        clock=clock,
        rules=rules,
    )
