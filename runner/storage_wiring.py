"""The wiring of what keeps room on disk, apart from the rest."""

from __future__ import annotations

from dataclasses import dataclass

from runner.config.settings import Settings
from runner.engine.interface import JobEngine
from runner.orchestrator.freeing import Freeing
from runner.orchestrator.pruning import Pruner
from runner.orchestrator.taking_stock import Places, TakingStock
from runner.store.attempts import Attempts
from runner.store.database import Database
from runner.store.events import Events
from runner.store.retention import Retention
from runner.store.storage import StorageView


@dataclass(frozen=True, kw_only=True)
class Room:
    """What takes records out of the store for good, and what tells how much there is."""

    pruner: Pruner
    freeing: Freeing
    taking_stock: TakingStock
    view: StorageView


def room(settings: Settings, db: Database, engine: JobEngine) -> Room:
    """Put it together."""
    retention, view, allowance = Retention(db), StorageView(db), settings.storage.allowance()
    pruner = Pruner(engine=engine, attempts=Attempts(db), folder=settings.evidence.dir, clock=db.clock)
    database = settings.store.path.absolute()
    others = {"profiles": settings.profiles.dir, "uploads": database.parent / "uploads"}
    return Room(
        pruner=pruner,
        freeing=Freeing(
            retention=retention,
            view=view,
            pruner=pruner,
            events=Events(db),
            allowance=allowance,
            every_s=settings.storage.every_s,
            clock=db.clock,
        ),
        taking_stock=TakingStock(
            retention=retention,
            view=view,
            allowance=allowance,
            places=Places(database=database, evidence=settings.evidence.dir, others=others),
            clock=db.clock,
        ),
        view=view,
    )
