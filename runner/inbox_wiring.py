"""The wiring of what is done with Messages once they are read: classifying, and answering by rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.config.settings import Settings
from runner.domain.drafts import Terms
from runner.engine.interface import JobEngine
from runner.inbox.answering import Answering
from runner.orchestrator.records import Records
from runner.orchestrator.sweeping import BesideWork
from runner.store.database import Database
from runner.store.rules import Rules
from runner.store.templates import Templates


def model_dir(settings: Settings) -> Path:
    """The folder of the trained classifier."""
    return settings.inbox.model_dir or settings.store.path.parent / "models"


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


@asynccontextmanager
async def at_work(*beside: BesideWork | None) -> AsyncIterator[None]:
    """Have these go on beside the body, each with what the one before it leaves; what has come by then is seen to.

    They end in their order: what is classified as this process ends is decided about, too.
    """
    async with AsyncExitStack() as stack:
        for each in reversed(beside):
            if each is not None:
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
