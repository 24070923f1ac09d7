"""The wiring of the API, apart from the rest: most commands serve nothing, and its framework takes half a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import metadata

from runner.api import serving
from runner.api.app import create_app
from runner.api.feed import Feed
from runner.api.limits import Patience, Rates
from runner.api.services import Access, Rules, Services
from runner.config.in_force import settings_in_force
from runner.engine.browsing import QueueView
from runner.store.answers import Answers, AuditLog
from runner.store.browsing import InboxView, ShopView
from runner.wiring import Runner


@asynccontextmanager
async def serve_api(runner: Runner, *, open_to_all: bool = False) -> AsyncIterator[str]:
    """Serve the API beside whatever the body does; gives its address. Raises SetupError before anybody can reach it."""
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
        classifications=books.classifications,
        shop=ShopView(database),
        access=access,
        feed=Feed(books.events),
        clock=clock,
        rules=rules,
    )
