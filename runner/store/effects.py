"""The journal of Effects (DESIGN §5): rows are moved by compare-and-set, under the fence of a Lease or by a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.effects import EFFECT_TRANSITIONS, Effect, EffectKind, EffectState
from runner.domain.jobs import Lease
from runner.domain.states import ENDED
from runner.errors import Conflict, NotFound, StaleLease
from runner.store import events, fences, replay_chains
from runner.store.account_ids import id_of
from runner.store.columns import storable
from runner.store.database import Database
from runner.store.rate_usage import RateUsage
from runner.store.tables import account, effect, job

SETTLED = frozenset({EffectState.CONFIRMED, EffectState.UNKNOWN, EffectState.DUPLICATED})
"""Nothing is done about these by a worker: another Job with the same natural key only learns of them."""

UNFIRED = frozenset({EffectState.PLANNED, EffectState.PREPARED, EffectState.REJECTED, EffectState.NOT_DONE})
"""Surely not at the Site: the payload may still become another one."""


class Effects:
    """The journal of all Accounts; UNIQUE(account, kind, natural_key) is what makes two submissions one."""

    def __init__(self, db: Database, usage: RateUsage | None = None) -> None:
        self._db = db
        self.usage = usage or RateUsage(db)

    async def plan(self, lease: Lease, kind: EffectKind, natural_key: str, payload_hash: str) -> Effect:
        """Enter an Effect, or take over the one that stands there for the same thing, under this Lease's fence.

        One that is confirmed, unknown or duplicated comes back as it is. Raises StaleLease.
        """
        async with self._db.write() as connection:
            account_id = await fences.check(connection, lease)
            same = (
                effect.c.account_id == account_id,
                effect.c.kind == kind,
                effect.c.natural_key == storable(natural_key),
            )
            row = (await connection.execute(_select().where(*same))).first()
            if row is None:
                return await self._enter(connection, lease, account_id, kind, natural_key, payload_hash)
            if row.state in SETTLED:
                return _effect(row)
            # The Lease is the Account's only one, so whoever wrote this row before has lost it for good.
            values: dict[str, Any] = {"job_id": lease.job.id, "fence": lease.fence}
            if row.state in UNFIRED:
                values["payload_hash"] = payload_hash
            await connection.execute(update(effect).where(effect.c.id == row.id).values(values))
            return await _fetch(connection, row.id)

    async def transition(
        self, lease: Lease, before: Effect, to: EffectState, *, remote_id: str | None = None, detail: str | None = None
    ) -> Effect:
        """Move an Effect from the state it has in `before`; a None leaves its field as it was.

        Raises StaleLease when the Lease is lost or the Effect was moved by somebody else, Conflict for a move that the
        journal does not know, and NoRoom when it would be armed beyond a limit or outside the hours.
        """
        _check_move(before, to)
        async with self._db.write() as connection:
            account_id = await fences.check(connection, lease)
            expected = (
                effect.c.id == before.id,
                effect.c.state == before.state,
                effect.c.job_id == lease.job.id,
                effect.c.fence == lease.fence,
            )
            values = self._values(to, remote_id, detail)
            moved = await connection.execute(update(effect).where(*expected).values(values))
            if moved.rowcount != 1:
                raise StaleLease(
                    f"Effect {before.id} of account {before.account} is not {before.state} for job {lease.job.id} "
                    "any more: somebody else moved it.",
                    cure="Nothing was written; whoever has the job now settles it.",
                )
            if to is EffectState.ARMED:
                await self.usage.arm(connection, lease, account_id, before.kind, before.id)
            elif to is not EffectState.UNKNOWN:
                await self.usage.settled(connection, before.id)
            return await _told(self._db, connection, before.id)

    async def settle(
        self, effect_id: int, to: EffectState, *, remote_id: str | None = None, detail: str | None = None
    ) -> Effect:
        """A person's decision about an Effect that is unknown, or confirmed but there twice.

        Raises NotFound, and Conflict when it is not for a person to decide.
        """
        async with self._db.write() as connection:
            before = await _fetch(connection, effect_id)
            if before.state not in SETTLED:
                raise Conflict(
                    f"Effect {before.id} of account {before.account} is {before.state}: there is nothing to decide.",
                    cure="Only an effect that is unknown, or confirmed and there twice, waits for a person.",
                )
            _check_move(before, to)
            values = self._values(to, remote_id, detail)
            await connection.execute(update(effect).where(effect.c.id == before.id).values(values))
            await self.usage.settled(connection, before.id)
            return await _told(self._db, connection, before.id)

    async def find(self, account_name: str, kind: EffectKind, natural_key: str) -> Effect | None:
        """The Effect for the same thing; None when there was none. Raises NotFound for an unknown Account."""
        async with self._db.read() as connection:
            number = await id_of(connection, account_name)
            same = (effect.c.account_id == number, effect.c.kind == kind, effect.c.natural_key == storable(natural_key))
            row = (await connection.execute(_select().where(*same))).first()
            return None if row is None else _effect(row)

    async def get(self, effect_id: int) -> Effect:
        """One Effect. Raises NotFound."""
        async with self._db.read() as connection:
            return await _fetch(connection, effect_id)

    async def list_effects(
        self,
        *,
        account_name: str | None = None,
        job_id: int | None = None,
        states: Sequence[EffectState] = (),
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[Effect]:
        """Effects that match, newest first. Raises NotFound for an unknown Account."""
        statement = _select().order_by(effect.c.id.desc()).limit(limit)
        if job_id is not None:
            statement = statement.where(effect.c.job_id == job_id)
        if states:
            statement = statement.where(effect.c.state.in_(states))
        if before_id is not None:
            statement = statement.where(effect.c.id < before_id)
        async with self._db.read() as connection:
            if account_name is not None:
                statement = statement.where(effect.c.account_id == await id_of(connection, account_name))
            return [_effect(row) for row in await connection.execute(statement)]

    async def of_chain(self, job_id: int) -> list[Effect]:
        """What a Job has entered, and those that it repeats or that repeat it; the newest first."""
        async with self._db.read() as connection:
            numbers = await replay_chains.chain_of(connection, job_id)
            statement = _select().where(effect.c.job_id.in_(numbers)).order_by(effect.c.id.desc())
            return [_effect(row) for row in await connection.execute(statement)]

    async def _enter(
        self,
        connection: AsyncConnection,
        lease: Lease,
        account_id: int,
        kind: EffectKind,
        natural_key: str,
        payload_hash: str,
    ) -> Effect:
        now = self._db.clock.now()
        values = {
            "account_id": account_id,
            "kind": kind,
            "natural_key": natural_key,
            "payload_hash": payload_hash,
            "state": EffectState.PLANNED,
            "job_id": lease.job.id,
            "fence": lease.fence,
            "created_at": now,
            "changed_at": now,
        }
        number: int = (await connection.execute(insert(effect).returning(effect.c.id), values)).scalar_one()
        return await _told(self._db, connection, number)

    def _values(self, to: EffectState, remote_id: str | None, detail: str | None) -> dict[str, Any]:
        now = self._db.clock.now()
        values: dict[str, Any] = {"state": to, "changed_at": now}
        if to is EffectState.ARMED:
            values["armed_at"] = now
        if remote_id is not None:
            values["remote_id"] = remote_id
        if detail is not None:
            values["detail"] = detail
        return values


async def give_up(db: Database, connection: AsyncConnection, job_id: int, why: str) -> None:
    """Nobody will read back any more what this Job, or one that it repeats, has armed: it waits for a person now.

    What a Job of the chain has armed that is yet to be performed is that Job's own to read back.
    """
    numbers = await replay_chains.chain_of(connection, job_id)
    others = select(job.c.id).where(job.c.id.in_(numbers), job.c.id != job_id, job.c.state.not_in(ENDED))
    armed = (effect.c.job_id.in_(numbers), effect.c.state == EffectState.ARMED, effect.c.job_id.not_in(others))
    for number in (await connection.execute(select(effect.c.id).where(*armed).order_by(effect.c.id))).scalars().all():
        values = {"state": EffectState.UNKNOWN, "changed_at": db.clock.now(), "detail": why}
        await connection.execute(update(effect).where(effect.c.id == number).values(values))
        told = await _told(db, connection, number)
        # EffectUnknown alone notifies nobody: elsewhere it is a moment of reading back, or its Job ends as unknown.
        whose = (await id_of(connection, told.account), told.account)
        data = {"effect": number, "why": why}
        fact = events.Fact(name="EffectGivenUp", account=whose, job_id=told.job_id, data=data)
        await events.record(db, connection, [fact])


async def _told(db: Database, connection: AsyncConnection, effect_id: int) -> Effect:
    row = (await connection.execute(_select().where(effect.c.id == effect_id))).one()
    moved = _effect(row)
    data = {
        "effect": moved.id,
        "kind": str(moved.kind),
        "natural_key": moved.natural_key,
        "remote_id": moved.remote_id,
        "detail": moved.detail,
    }
    name = "Effect" + "".join(word.capitalize() for word in moved.state.split("_"))
    fact = events.Fact(name=name, account=(row.account_id, moved.account), job_id=moved.job_id, data=data)
    await events.record(db, connection, [fact])
    return moved


def _check_move(before: Effect, to: EffectState) -> None:
    if to not in EFFECT_TRANSITIONS[before.state]:
        raise Conflict(
            f"Effect {before.id} of account {before.account} is {before.state} and cannot become {to}.",
            cure=f"It may become: {', '.join(sorted(EFFECT_TRANSITIONS[before.state])) or 'nothing else'}.",
        )


def _select() -> Select[Any]:
    return select(effect, account.c.name.label("account")).select_from(effect.join(account))


async def _fetch(connection: AsyncConnection, effect_id: int) -> Effect:
    row = (await connection.execute(_select().where(effect.c.id == effect_id))).first()
    if row is None:
        raise NotFound("effect", str(effect_id), ())
    return _effect(row)


def _effect(row: Row[Any]) -> Effect:
    fields = row._mapping
    return Effect(**{name: fields[name] for name in Effect.__dataclass_fields__})
