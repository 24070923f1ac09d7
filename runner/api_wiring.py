"""The wiring of API and console, apart from the rest: most commands serve nothing, and a web framework takes time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import metadata
from zoneinfo import ZoneInfo

from runner.api import serving
from runner.api.app import create_app
from runner.api.doors import Gate
from runner.api.feed import Feed
from runner.api.limits import Patience, Rates
from runner.api.live import watched
from runner.api.services import Access, Rules, Services
from runner.config.in_force import settings_in_force
from runner.console.application import Ports, opened
from runner.engine.browsing import QueueView
from runner.store.account_table import AccountTable
from runner.store.analytics import Analytics
from runner.store.answers import Answers, AuditLog
from runner.store.browsing import InboxView, ShopView
from runner.store.error_log import ErrorLog
from runner.store.listing_groups import ListingGroups
from runner.store.work import WorkView
from runner.wiring import Runner


@asynccontextmanager
async def serve(runner: Runner, *, open_to_all: bool = False, performs: bool = False) -> AsyncIterator[str]:
    """Serve API and console beside whatever the body does; gives their address.

    `performs` says whether this process has sessions that can be watched. Raises SetupError before it can be reached.
    """
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
    app = create_app(services)
    ports = Ports(api=app, pulse=services.feed, timezone=ZoneInfo(services.rules.timezone), watches=performs)
    async with services.feed.open(), opened(ports) as pages:
        app.mount("/", Gate(watched(pages, runner.open_sessions), services))
        async with serving.served(app, listener, place):
            yield serving.address_of(listener, place)


def api_services(runner: Runner, *, secure: bool = False, open_to_all: bool = False) -> Services:
    """What the API works with."""
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
        threshold=settings.inbox.threshold,
        timezone=settings.browser.timezone,
        stuck_after=timedelta(seconds=console.stuck_after_s),
        sites=sorted(settings.sites),
        sign_in_wait=timedelta(seconds=settings.profiles.sign_in_wait_s),
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
        pruner=books.room.pruner,
        queue=QueueView(database),
        inbox=InboxView(database),
        classifications=books.classifications,
        desk=books.desk,
        inbox_figures=books.inbox_figures,
        counterparts=books.counterparts,
        slas=books.due_times.slas,
        history=books.history,
        answering=books.answering,
        classifier=books.classifier,
        paces=books.paces,
        following=books.following,
        telling=runner.telling,
        shop=ShopView(database),
        account_table=AccountTable(database),
        profile_care=runner.profile_care,
        work=WorkView(database),
        analytics=Analytics(database),
        listing_groups=ListingGroups(database),
        error_log=ErrorLog(database),
        error_groups=books.error_groups,
        access=access,
        feed=Feed(books.events),
        clock=clock,
        rules=rules,
    )
