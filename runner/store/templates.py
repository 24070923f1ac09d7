"""Templates, by family: those of one name, told apart by their selectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.templates import NewTemplate, Template
from runner.errors import Conflict, NotFound
from runner.store import events
from runner.store.account_ids import id_of
from runner.store.columns import clean
from runner.store.database import Database
from runner.store.rule_tables import rule, template
from runner.store.sequence_tables import sequence, sequence_step


class Templates:
    """All Templates."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list_templates(self) -> list[Template]:
        """All of them, by name; of a family the one for all Messages first."""
        async with self._db.read() as connection:
            return await fetch_templates(connection)

    async def family(self, name: str) -> list[Template]:
        """The Templates of one name. Raises NotFound."""
        found = await self.list_templates()
        mine = [each for each in found if each.name == name]
        if not mine:
            raise NotFound("template", name, {each.name for each in found})
        return mine

    async def add(self, new: NewTemplate) -> Template:
        """Store a Template. Raises NotFound for its Account, and Conflict for one that stands for the same already."""
        async with self._db.write() as connection:
            if await _same(connection, new) is not None:
                raise Conflict(
                    f'There is a template "{new.name}" for the same messages already.',
                    cure="Remove it first, or give it another name, type, site, language or account.",
                )
            return await save_template(self._db, connection, new)

    async def replace(self, number: int, new: NewTemplate) -> Template:
        """Put a Template in the place of the one with this number; what that has answered stays its own.

        Raises NotFound, and Conflict for one that stands for the same already, or a name that a Rule still asks for.
        """
        async with self._db.write() as connection:
            found = await fetch_templates(connection)
            before = next((each for each in found if each.id == number), None)
            if before is None:
                raise NotFound("template", str(number), {str(each.id) for each in found})
            if await _same(connection, new) not in (None, number):
                raise Conflict(
                    f'There is a template "{new.name}" for the same messages already.',
                    cure="Give it another name, type, site, language or account.",
                )
            if new.name != before.name and [each.name for each in found].count(before.name) == 1:
                await _expect_unused(connection, before.name)
            if new.account is not None:
                await id_of(connection, new.account)
            values = {"name": new.name, "variants": list(new.variants), **_selectors(new)}
            await connection.execute(update(template).where(template.c.id == number).values(values))
            fact = events.Fact(name="TemplateSaved", data=clean({"template": new.name, "number": number}))
            await events.record(self._db, connection, [fact])
            return _template((await connection.execute(select(template).where(template.c.id == number))).one())

    async def remove(self, name: str, *, number: int | None = None) -> list[Template]:
        """Remove a family, or the one of it with a number. Raises NotFound, and Conflict while a Rule needs it."""
        async with self._db.write() as connection:
            found = await fetch_templates(connection)
            family = [each for each in found if each.name == name]
            gone = [each for each in family if number in (None, each.id)]
            if not gone:
                known = {each.name for each in found} if not family else {str(each.id) for each in family}
                raise NotFound("template", name if not family else str(number), known)
            if len(gone) == len(family):
                await _expect_unused(connection, name)
            await connection.execute(delete(template).where(template.c.id.in_([each.id for each in gone])))
            fact = events.Fact(name="TemplateRemoved", data=clean({"template": name, "count": len(gone)}))
            await events.record(self._db, connection, [fact])
            return gone


async def fetch_templates(connection: AsyncConnection) -> list[Template]:
    """All of them, by name."""
    return [
        _template(row) for row in await connection.execute(select(template).order_by(template.c.name, template.c.id))
    ]


async def save_template(db: Database, connection: AsyncConnection, new: NewTemplate) -> Template:
    """Store a Template in the place of the one that stands for the same Messages, if there is one."""
    if new.account is not None:
        await id_of(connection, new.account)
    number = await _same(connection, new)
    values = {"name": new.name, "variants": list(new.variants), **_selectors(new)}
    if number is None:
        values["created_at"] = db.clock.now()
        number = int((await connection.execute(insert(template).returning(template.c.id), values)).scalar_one())
    else:
        await connection.execute(update(template).where(template.c.id == number).values(values))
    fact = events.Fact(name="TemplateSaved", data=clean({"template": new.name, "number": number}))
    await events.record(db, connection, [fact])
    return _template((await connection.execute(select(template).where(template.c.id == number))).one())


async def expect_family(connection: AsyncConnection, name: str) -> None:
    """Raises NotFound when there is no Template of this name."""
    names: Sequence[str] = (await connection.execute(select(template.c.name))).scalars().all()
    if name not in names:
        raise NotFound("template", name, set(names))


def _selectors(new: NewTemplate) -> dict[str, Any]:
    return {"type": new.type, "site": new.site, "language": new.language, "account": new.account}


async def _same(connection: AsyncConnection, new: NewTemplate) -> int | None:
    same = [template.c[name].is_not_distinct_from(value) for name, value in _selectors(new).items()]
    found = await connection.execute(select(template.c.id).where(template.c.name == new.name, *same))
    number: int | None = found.scalar()
    return number


async def _expect_unused(connection: AsyncConnection, name: str) -> None:
    rows = await connection.execute(select(rule.c.name, rule.c.actions))
    users = [row.name for row in rows if row.actions.get("reply") == name]
    if users:
        raise Conflict(
            f'Template "{name}" is what these rules reply with: {", ".join(users)}.',
            cure="Remove or change them first.",
        )
    steps = select(sequence.c.name).join(sequence_step).where(sequence_step.c.template == name).distinct()
    needing = (await connection.execute(steps)).scalars().all()
    if needing:
        raise Conflict(
            f'Template "{name}" is what these sequences send: {", ".join(needing)}.',
            cure="Remove or change them first.",
        )


def _template(row: Row[Any]) -> Template:
    fields = row._mapping
    kept = {name: fields[name] for name in Template.__dataclass_fields__}
    return Template(**kept | {"variants": tuple(row.variants)})
