from __future__ import annotations

import asyncio

import pytest

from runner.domain.effects import EFFECT_TRANSITIONS, Effect, EffectKind, EffectState
from runner.domain.jobs import Lease
from runner.errors import Conflict, NotFound, StaleLease
from runner.store.database import Database
from runner.store.effects import SETTLED, Effects
from runner.store.events import Events

PUBLISH = EffectKind.PUBLISH_LISTING
PATHS: dict[EffectState, tuple[EffectState, ...]] = {
    EffectState.PLANNED: (),
    EffectState.PREPARED: (EffectState.PREPARED,),
    EffectState.ARMED: (EffectState.PREPARED, EffectState.ARMED),
    EffectState.CONFIRMED: (EffectState.CONFIRMED,),
    EffectState.REJECTED: (EffectState.PREPARED, EffectState.ARMED, EffectState.REJECTED),
    EffectState.UNKNOWN: (EffectState.PREPARED, EffectState.ARMED, EffectState.UNKNOWN),
    EffectState.NOT_DONE: (EffectState.NOT_DONE,),
    EffectState.DUPLICATED: (EffectState.CONFIRMED, EffectState.DUPLICATED),
}


async def brought_to(db: Database, lease: Lease, state: EffectState, key: str = "AMY-1") -> Effect:
    effect = await Effects(db).plan(lease, PUBLISH, key, "hash")
    for step in PATHS[state]:
        effect = await Effects(db).transition(lease, effect, step)
    return effect


async def test_an_effect_is_planned_once_however_often_it_is_asked_for(db: Database, leases) -> None:
    lease = await leases.new()
    first = await Effects(db).plan(lease, PUBLISH, "AMY-1", "hash")
    assert (first.state, first.account, first.job_id, first.fence) == (
        EffectState.PLANNED,
        "amy",
        lease.job.id,
        lease.fence,
    )
    assert await Effects(db).plan(lease, PUBLISH, "AMY-1", "hash") == first
    assert await Effects(db).find("amy", PUBLISH, "AMY-1") == first
    assert (await Effects(db).plan(lease, EffectKind.SEND_MESSAGE, "AMY-1", "hash")).id != first.id


async def test_the_way_to_confirmed_keeps_its_marks_and_is_told(db: Database, leases, clock) -> None:
    lease = await leases.new()
    effects = Effects(db)
    planned = await effects.plan(lease, PUBLISH, "AMY-1", "hash")
    prepared = await effects.transition(lease, planned, EffectState.PREPARED, detail="read back: absent")
    clock.forward(2)
    armed = await effects.transition(lease, prepared, EffectState.ARMED)
    assert (armed.armed_at, armed.detail) == (clock.now(), "read back: absent")
    confirmed = await effects.transition(lease, armed, EffectState.CONFIRMED, remote_id="77")
    assert (confirmed.remote_id, confirmed.state) == ("77", EffectState.CONFIRMED)
    told = [event.name for event in await Events(db).since(0, job_id=lease.job.id)]
    assert told[-4:] == ["EffectPlanned", "EffectPrepared", "EffectArmed", "EffectConfirmed"]


@pytest.mark.parametrize("before", EffectState)
@pytest.mark.parametrize("after", EffectState)
async def test_only_the_moves_of_the_journal_are_made(
    db: Database, leases, before: EffectState, after: EffectState
) -> None:
    lease = await leases.new()
    effect = await brought_to(db, lease, before)
    if after in EFFECT_TRANSITIONS[before]:
        assert (await Effects(db).transition(lease, effect, after)).state is after
    else:
        with pytest.raises(Conflict, match=f"cannot become {after}"):
            await Effects(db).transition(lease, effect, after)
        assert await Effects(db).get(effect.id) == effect


async def test_a_worker_that_lost_its_lease_moves_nothing_and_plans_nothing(db: Database, leases) -> None:
    lease = await leases.new()
    prepared = await brought_to(db, lease, EffectState.PREPARED)
    await leases.lose(lease)
    with pytest.raises(StaleLease):
        await Effects(db).transition(lease, prepared, EffectState.ARMED)
    with pytest.raises(StaleLease):
        await Effects(db).plan(lease, PUBLISH, "AMY-2", "hash")
    assert await Effects(db).list_effects() == [prepared]


async def test_the_next_attempt_takes_the_effect_over_and_the_last_one_cannot_move_it(db: Database, leases) -> None:
    old = await leases.new()
    armed = await brought_to(db, old, EffectState.ARMED)
    await leases.lose(old)
    new = await leases.again(old.job.id)
    taken = await Effects(db).plan(new, PUBLISH, "AMY-1", "other hash")
    assert (taken.id, taken.state, taken.fence, taken.payload_hash) == (armed.id, EffectState.ARMED, new.fence, "hash")
    with pytest.raises(StaleLease):
        await Effects(db).transition(old, armed, EffectState.CONFIRMED)
    assert (await Effects(db).transition(new, taken, EffectState.CONFIRMED)).state is EffectState.CONFIRMED


async def test_an_effect_is_moved_only_by_the_lease_that_planned_it_or_took_it_over(db: Database, leases) -> None:
    old = await leases.new()
    prepared = await brought_to(db, old, EffectState.PREPARED)
    await leases.lose(old)
    new = await leases.again(old.job.id)
    with pytest.raises(StaleLease):
        await Effects(db).transition(new, prepared, EffectState.ARMED)
    assert await Effects(db).get(prepared.id) == prepared


async def test_an_effect_is_armed_once(db: Database, leases) -> None:
    lease = await leases.new()
    prepared = await brought_to(db, lease, EffectState.PREPARED)
    moves = [Effects(db).transition(lease, prepared, EffectState.ARMED) for _ in range(5)]
    done = await asyncio.gather(*moves, return_exceptions=True)
    assert sum(isinstance(one, Effect) for one in done) == 1
    assert sum(isinstance(one, StaleLease) for one in done) == 4


@pytest.mark.parametrize("state", sorted(SETTLED))
async def test_another_job_for_the_same_thing_only_learns_of_it(db: Database, leases, state: EffectState) -> None:
    first = await leases.new()
    settled = await brought_to(db, first, state)
    await leases.engine.succeed(first, {})
    second = await leases.new()
    assert await Effects(db).plan(second, PUBLISH, "AMY-1", "other hash") == settled


async def test_another_job_may_fire_what_surely_did_not_happen(db: Database, leases) -> None:
    first = await leases.new()
    rejected = await brought_to(db, first, EffectState.REJECTED)
    await leases.engine.succeed(first, {})
    second = await leases.new()
    taken = await Effects(db).plan(second, PUBLISH, "AMY-1", "mended")
    assert (taken.id, taken.job_id, taken.payload_hash) == (rejected.id, second.job.id, "mended")


async def test_two_accounts_may_publish_the_same_thing(db: Database, leases) -> None:
    amys, bobs = await leases.new("amy"), await leases.new("bob")
    one = await Effects(db).plan(amys, PUBLISH, "X-1", "hash")
    two = await Effects(db).plan(bobs, PUBLISH, "X-1", "hash")
    assert one.id != two.id
    assert await Effects(db).list_effects(account_name="bob") == [two]
    assert await Effects(db).list_effects(job_id=amys.job.id, states=[EffectState.PLANNED]) == [one]
    assert await Effects(db).list_effects(states=[EffectState.ARMED]) == []


async def test_a_person_settles_what_is_unknown_and_nothing_else(db: Database, leases) -> None:
    lease = await leases.new()
    armed = await brought_to(db, lease, EffectState.ARMED)
    with pytest.raises(Conflict, match="nothing to decide"):
        await Effects(db).settle(armed.id, EffectState.CONFIRMED)
    await Effects(db).transition(lease, armed, EffectState.UNKNOWN, detail="the connection broke")
    await leases.engine.succeed(lease, {})
    settled = await Effects(db).settle(armed.id, EffectState.CONFIRMED, remote_id="77", detail="amy saw it")
    assert (settled.state, settled.remote_id, settled.detail) == (EffectState.CONFIRMED, "77", "amy saw it")
    with pytest.raises(Conflict, match="cannot become not_done"):
        await Effects(db).settle(armed.id, EffectState.NOT_DONE)
    with pytest.raises(NotFound):
        await Effects(db).settle(4711, EffectState.CONFIRMED)
