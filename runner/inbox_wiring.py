"""The wiring of what is done with Messages once they are read: classifying, and answering by rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.config.settings import Settings
from runner.domain.drafts import Terms
from runner.domain.hours import WorkingHours
from runner.domain.sequences import WorkingWeek
from runner.engine.interface import JobEngine
from runner.inbox.answering import Answering
from runner.inbox.following import Following, FollowUpTerms
from runner.orchestrator.deciding import Deciding
from runner.orchestrator.records import Records
from runner.orchestrator.understanding import Understanding
from runner.store.database import Database
from runner.store.enrolment_moves import EnrolmentMoves
from runner.store.enrolments import Enrolments
from runner.store.rules import Rules
from runner.store.sequences import Sequences
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
    )


def following(settings: Settings, db: Database, engine: JobEngine) -> Following:
    """Sequences and Enrolments on the terms of the configuration."""
    week = WorkingWeek(hours=WorkingHours.of({}, settings.browser.timezone))
    return Following(
        sequences=Sequences(db),
        enrolments=Enrolments(db),
        moves=EnrolmentMoves(db),
        templates=Templates(db),
        engine=engine,
        hours_of=lambda account: week,
        now=db.clock.now,
        terms=FollowUpTerms(away=timedelta(seconds=settings.inbox.away_s)),
        max_attempts=settings.retry.max_attempts,
    )


@asynccontextmanager
async def at_work(understanding: Understanding | None, deciding: Deciding, following: Deciding) -> AsyncIterator[None]:
    """Classify what this process reads, decide about it and follow up, beside the body; what came by then is seen to.

    Deciding is left last, so that what is classified as this process ends is decided about, too.
    """
    async with _beside(following), _beside(deciding):
        if understanding is None:
            yield
            return
        async with _beside(understanding):
            yield


@asynccontextmanager
async def _beside(work: Understanding | Deciding) -> AsyncIterator[None]:
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
