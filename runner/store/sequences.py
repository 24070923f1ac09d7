"""Sequences, by name, with their steps."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.enrolments import LIVE
from runner.domain.sequences import Delay, NewSequence, SequenceStep, StoredSequence
from runner.errors import Conflict, NotFound
from runner.store import events
from runner.store.columns import clean
from runner.store.database import Database
from runner.store.rule_tables import rule
from runner.store.sequence_tables import enrolment, sequence, sequence_step
from runner.store.templates import expect_family


class Sequences:
    """All Sequences, by name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list_sequences(self) -> list[StoredSequence]:
        """All of them, by name."""
        async with self._db.read() as connection:
            return await fetch_sequences(connection)

    async def by_name(self, name: str) -> StoredSequence:
        """One Sequence. Raises NotFound."""
        async with self._db.read() as connection:
            return await fetch_sequence(connection, name)

    async def add(self, new: NewSequence) -> StoredSequence:
        """Store a Sequence. Raises NotFound for its Templates, and Conflict when the name is taken."""
        async with self._db.write() as connection:
            await _expect_templates(connection, new)
            if (await connection.execute(select(sequence.c.id).where(sequence.c.name == new.name))).first():
                raise Conflict(
                    f'There is a sequence "{new.name}" already.',
                    cure=f"Give it new steps: runner sequences replace {new.name} --step …",
                )
            values = {"name": new.name, "enabled": new.enabled, "created_at": self._db.clock.now()}
            number = (await connection.execute(insert(sequence).returning(sequence.c.id), values)).scalar_one()
            await _insert_steps(connection, number, new)
            await self._tell(connection, "SequenceSaved", new.name)
            return await fetch_sequence(connection, new.name)

    async def replace(self, new: NewSequence) -> StoredSequence:
        """Give a Sequence other steps; what goes through it goes on with those, from its place. Raises NotFound."""
        async with self._db.write() as connection:
            await _expect_templates(connection, new)
            found = await fetch_sequence(connection, new.name)
            await connection.execute(delete(sequence_step).where(sequence_step.c.sequence_id == found.id))
            await _insert_steps(connection, found.id, new)
            # Whoever is under way gets a new date at the next sweep.
            mine = (enrolment.c.sequence_id == found.id, enrolment.c.state.in_(LIVE))
            await connection.execute(update(enrolment).where(*mine).values(next_due_at=None))
            await self._tell(connection, "SequenceSaved", new.name)
            return await fetch_sequence(connection, new.name)

    async def set_enabled(self, name: str, *, enabled: bool) -> StoredSequence:
        """Have a Sequence take Threads in and send, or wait. Raises NotFound."""
        async with self._db.write() as connection:
            found = await fetch_sequence(connection, name)
            await connection.execute(update(sequence).where(sequence.c.id == found.id).values(enabled=enabled))
            await self._tell(connection, "SequenceEnabled" if enabled else "SequenceDisabled", name)
            return await fetch_sequence(connection, name)

    async def remove(self, name: str) -> StoredSequence:
        """Remove a Sequence; what was sent stays. Raises NotFound, and Conflict while anything needs it."""
        async with self._db.write() as connection:
            found = await fetch_sequence(connection, name)
            rows = await connection.execute(select(rule.c.name, rule.c.actions))
            users = [row.name for row in rows if row.actions.get("enrol") == name]
            if users:
                raise Conflict(
                    f'Sequence "{name}" is what these rules enrol in: {", ".join(users)}.',
                    cure="Remove or change them first.",
                )
            mine = (enrolment.c.sequence_id == found.id, enrolment.c.state.in_(LIVE))
            live = (await connection.execute(select(func.count()).select_from(enrolment).where(*mine))).scalar_one()
            if live:
                raise Conflict(
                    f'{live} thread(s) are going through sequence "{name}".',
                    cure=f"Stop them first: runner sequences stop --sequence {name}",
                )
            await connection.execute(delete(sequence_step).where(sequence_step.c.sequence_id == found.id))
            await connection.execute(delete(sequence).where(sequence.c.id == found.id))
            await self._tell(connection, "SequenceRemoved", name)
            return found

    async def _tell(self, connection: AsyncConnection, what: str, name: str) -> None:
        await events.record(self._db, connection, [events.Fact(name=what, data=clean({"sequence": name}))])


async def fetch_sequence(connection: AsyncConnection, name: str) -> StoredSequence:
    """One Sequence. Raises NotFound."""
    found = await fetch_sequences(connection)
    for each in found:
        if each.name == name:
            return each
    raise NotFound("sequence", name, {each.name for each in found})


async def fetch_sequences(connection: AsyncConnection) -> list[StoredSequence]:
    """All of them, by name."""
    steps: dict[int, list[SequenceStep]] = {}
    for row in await connection.execute(select(sequence_step).order_by(sequence_step.c.position)):
        step = SequenceStep(delay=Delay(amount=row.amount, unit=row.unit), template=row.template)
        steps.setdefault(row.sequence_id, []).append(step)
    rows = await connection.execute(select(sequence).order_by(sequence.c.name))
    return [
        StoredSequence(
            id=row.id, name=row.name, steps=tuple(steps[row.id]), enabled=row.enabled, created_at=row.created_at
        )
        for row in rows
    ]


async def _expect_templates(connection: AsyncConnection, new: NewSequence) -> None:
    for step in new.steps:
        await expect_family(connection, step.template)


async def _insert_steps(connection: AsyncConnection, number: int, new: NewSequence) -> None:
    rows: list[dict[str, Any]] = [
        {
            "sequence_id": number,
            "position": position,
            "amount": step.delay.amount,
            "unit": step.delay.unit,
            "template": step.template,
        }
        for position, step in enumerate(new.steps, start=1)
    ]
    await connection.execute(insert(sequence_step), rows)
