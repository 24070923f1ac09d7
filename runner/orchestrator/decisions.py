"""What a person decides, with all that follows from it: the same from a terminal, the API and the console."""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.accounts import Account
from runner.domain.effects import Effect, EffectState
from runner.domain.jobs import Job, NewJob
from runner.domain.listings import StoredListing
from runner.domain.states import AccountState, JobState
from runner.engine.interface import JobEngine
from runner.errors import NotFound, SetupError
from runner.store.accounts import Accounts
from runner.store.effects import Effects
from runner.store.profiles import Profiles

SETTLABLE = (JobState.UNKNOWN, JobState.PARKED, JobState.FAILED)


async def pause(accounts: Accounts, name: str, reason: str | None) -> Account:
    """Give an Account no more Jobs; one that runs is finished. Raises NotFound, and Conflict unless it is active."""
    why = reason or "paused by an operator"
    return await accounts.set_state(name, AccountState.PAUSED, why, only_from=AccountState.ACTIVE)


async def resume(accounts: Accounts, profiles: Profiles, engine: JobEngine, name: str) -> Account:
    """Make an Account active again: its parked Jobs are queued, and its password rests no longer. Raises NotFound."""
    account = await accounts.set_state(name, AccountState.ACTIVE)
    await profiles.set_sign_in_tried(name, None)  # a person has seen to it
    for job in await engine.list_jobs(account=name, states=[JobState.PARKED], limit=10_000):
        await engine.retry(job.id)
    return account


async def settle(
    effects: Effects, engine: JobEngine, effect_id: int, to: EffectState, *, remote_id: str | None, why: str | None
) -> tuple[Effect, Job | None]:
    """Say what happened to an Effect; its Job goes on from there. None for a Job that was pruned.

    Raises NotFound, and Conflict when there is nothing to decide.
    """
    detail = f"settled by a person: {why}" if why else "settled by a person"
    found = await effects.settle(effect_id, to, remote_id=remote_id, detail=detail)
    try:
        job = await engine.get(found.job_id)
    except NotFound:
        return found, None
    if job.state in SETTLABLE and to is not EffectState.DUPLICATED:
        # The journal knows by now: performing the job again records what is confirmed, and fires what is not done.
        job = await engine.retry(job.id)
    return found, job


def publishing(listings: Sequence[StoredListing], *, max_attempts: int) -> list[NewJob]:
    """The Jobs that publish Listings, each by its Account. Raises SetupError when one has no Account."""
    homeless = [str(each.id) for each in listings if each.account is None]
    if homeless:
        raise SetupError(
            f"No account is to publish listing {', '.join(homeless)}.",
            cure="Import again with an accounts column, or with --account NAME.",
        )
    return [
        NewJob(account=each.account, flow="publish_listing", params={"listing": each.id}, max_attempts=max_attempts)
        for each in listings
        if each.account is not None
    ]
