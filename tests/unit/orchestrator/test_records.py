"""What an Attempt leaves to a person when nobody can settle it."""

from __future__ import annotations

from typing import Any

from runner.domain.effects import EffectKind, EffectState
from runner.domain.jobs import Lease
from runner.engine.embedded import EmbeddedEngine
from runner.orchestrator.records import Records
from runner.store.accounts import Accounts
from runner.store.attempts import Attempts
from runner.store.check_results import CheckResults
from runner.store.database import Database
from runner.store.drafts import Drafts
from runner.store.effects import Effects
from runner.store.enrolments import Enrolments
from runner.store.events import Events
from runner.store.evidence import EvidenceFiles
from runner.store.listings import Listings
from runner.store.profiles import Profiles
from runner.store.sessions import Sessions
from runner.store.steps import Steps
from runner.store.threads import Threads


def all_of(db: Database) -> Records:
    nouns: dict[str, Any] = {
        "accounts": Accounts,
        "attempts": Attempts,
        "check_results": CheckResults,
        "drafts": Drafts,
        "effects": Effects,
        "enrolments": Enrolments,
        "events": Events,
        "evidence": EvidenceFiles,
        "listings": Listings,
        "profiles": Profiles,
        "sessions": Sessions,
        "steps": Steps,
        "threads": Threads,
    }
    return Records(**{name: noun(db) for name, noun in nouns.items()})


async def test_what_an_attempt_armed_that_died_is_given_to_a_person_by_the_next(
    db: Database, engine: EmbeddedEngine, lease: Lease
) -> None:
    """A driver that was killed as it started: the next attempt never came as far as the effect, and the job hung."""
    records = all_of(db)
    effect = await records.effects.plan(lease, EffectKind.PUBLISH_LISTING, "AMY-1", "hash")
    effect = await records.effects.transition(lease, effect, EffectState.PREPARED)
    await records.effects.transition(lease, effect, EffectState.ARMED)
    await engine.release_dead(dead=[lease.owner])
    again = await engine.claim(owner="w2", ttl_s=10)
    assert again is not None

    await records.give_to_a_person(again, "its browser cannot be started")

    (settled,) = await records.effects.list_effects(job_id=lease.job.id)
    assert (settled.state, settled.detail, settled.fence) == (
        EffectState.UNKNOWN,
        "its browser cannot be started",
        again.fence,
    )
