"""The wiring of what is done with Messages once they are read: classifying, and answering by rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from pydantic import SecretStr

from runner.config import secrets, values
from runner.config.settings import Settings
from runner.domain.accounts import SecretRef
from runner.domain.drafts import Terms
from runner.domain.sequences import Calendar, WorkingWeek
from runner.engine.interface import JobEngine
from runner.inbox.answering import Answering
from runner.inbox.classify.interface import Classifier
from runner.inbox.following import Following, FollowUpTerms
from runner.orchestrator.records import Records
from runner.orchestrator.sweeping import BesideWork
from runner.store.database import Database
from runner.store.enrolment_moves import EnrolmentMoves
from runner.store.provider_use import ProviderUse
from runner.store.rules import Rules
from runner.store.sequences import Sequences
from runner.store.templates import Templates

log = structlog.get_logger()


def model_dir(settings: Settings) -> Path:
    """The folder of the trained classifier."""
    return settings.inbox.model_dir or settings.store.path.parent / "models"


def understood_by(settings: Settings, db: Database, local: Classifier) -> Classifier:
    """Who says what Messages want: the local classifier, or a provider before it where the operator asks for one."""
    asked = settings.inbox.provider
    if asked is None:
        return local
    # Here, for an HTTP client takes time to import, and most have no provider.
    from runner.inbox.classify.provider import ProviderClassifier, ProviderTerms

    log.warning(
        "the texts of all messages are sent to a language-model provider, as [inbox.provider] asks for",
        base_url=asked.base_url,
        model=asked.model,
        remote=not values.is_loopback(asked.base_url),
    )
    terms = ProviderTerms(
        base_url=asked.base_url,
        model=asked.model,
        timeout_s=asked.timeout_s,
        batch=asked.batch,
        requests_per_day=asked.requests_per_day,
        tokens_per_day=asked.tokens_per_day,
    )
    keys = [partial(_key, ref) for ref in asked.api_keys]
    return ProviderClassifier(terms, keys=keys, use=ProviderUse(db), local=local, clock=db.clock)


async def _key(ref: SecretRef) -> SecretStr:
    found = await asyncio.to_thread(secrets.fetch, ref, whose="A key of [inbox.provider]", what="key")
    return found.value


def answering(settings: Settings, db: Database, records: Records, engine: JobEngine) -> Answering:
    """Templates, Rules and Drafts on the terms of the configuration."""
    return Answering(
        templates=Templates(db),
        rules=Rules(db),
        drafts=records.drafts,
        threads=records.threads,
        engine=engine,
        terms=Terms(
            zone=ZoneInfo(settings.browser.timezone),
            threshold=settings.inbox.threshold,
            within=timedelta(seconds=settings.inbox.answer_within_s),
        ),
        max_attempts=settings.retry.max_attempts,
        clock=db.clock,
    )


def following(settings: Settings, db: Database, records: Records, engine: JobEngine) -> Following:
    """Sequences and Enrolments on the terms of the configuration, in the hours of each Account."""

    async def hours_of(account: str) -> Calendar:
        return WorkingWeek(hours=await records.effects.usage.hours(account))

    return Following(
        sequences=Sequences(db),
        enrolments=records.enrolments,
        moves=EnrolmentMoves(db),
        templates=Templates(db),
        engine=engine,
        hours_of=hours_of,
        clock=db.clock,
        terms=FollowUpTerms(
            away=timedelta(seconds=settings.inbox.away_s), within=timedelta(seconds=settings.inbox.answer_within_s)
        ),
        max_attempts=settings.retry.max_attempts,
    )


@asynccontextmanager
async def at_work(*beside: BesideWork) -> AsyncIterator[None]:
    """Have these go on beside the body; what has come by its end is seen to.

    They end in the order given: what is classified as this process ends is decided about, too.
    """
    async with AsyncExitStack() as stack:
        for each in reversed(beside):
            await stack.enter_async_context(_beside(each))
        yield


@asynccontextmanager
async def _beside(work: BesideWork) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(work.run(stop))
    try:
        yield
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        stop.set()
        await asyncio.wait([task])
