"""Rules, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.classification import MessageType
from runner.domain.hours import Hours
from runner.domain.listings import ListingState
from runner.domain.rules import Level, NewRule, Rule, Then, When
from runner.domain.templates import NewTemplate
from runner.errors import Conflict, NotFound
from runner.store import events
from runner.store.account_ids import ids_of
from runner.store.columns import clean
from runner.store.database import Database
from runner.store.operators import expect_operator
from runner.store.rule_tables import rule
from runner.store.sequences import fetch_sequence
from runner.store.templates import expect_family, save_template


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import has stored."""

    templates: int
    rules: int


class Rules:
    """All Rules, by name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list_rules(self) -> list[Rule]:
        """All of them, in their order."""
        async with self._db.read() as connection:
            return await fetch_rules(connection)

    async def by_name(self, name: str) -> Rule:
        """One Rule. Raises NotFound."""
        async with self._db.read() as connection:
            return await _fetch(connection, name)

    async def add(self, new: NewRule) -> Rule:
        """Store a Rule, and move those from its position on back by one.

        Raises NotFound for its Accounts, Templates, Operator or Sequence, and Conflict when the name is taken.
        """
        async with self._db.write() as connection:
            await self._expect_known(connection, new)
            taken = select(rule.c.id).where(rule.c.name == new.name)
            if (await connection.execute(taken)).first():
                raise Conflict(
                    f'There is a rule "{new.name}" already.', cure="Remove it first, or choose another name."
                )
            names = [each.name for each in await fetch_rules(connection)]
            at = len(names) if new.position is None else min(max(new.position - 1, 0), len(names))
            await self._insert(connection, new)
            await _order(connection, [*names[:at], new.name, *names[at:]])
            await self._tell(connection, "RuleSaved", new.name)
            return await _fetch(connection, new.name)

    async def replace(self, name: str, new: NewRule) -> Rule:
        """Put a Rule in the place of the one of this name; it may be called otherwise, and its Drafts stay its own.

        Raises NotFound for it, or what it names, and Conflict when its new name is another's.
        """
        async with self._db.write() as connection:
            found = await _fetch(connection, name)
            await self._expect_known(connection, new)
            taken = select(rule.c.id).where(rule.c.name == new.name, rule.c.id != found.id)
            if (await connection.execute(taken)).first():
                raise Conflict(f'There is a rule "{new.name}" already.', cure="Choose another name.")
            await connection.execute(update(rule).where(rule.c.id == found.id).values(_values(new)))
            await self._tell(connection, "RuleSaved", new.name)
            return await _fetch(connection, new.name)

    async def set_level(self, name: str, level: Level) -> Rule:
        """How far a Rule may go. Raises NotFound, and SetupError for a level that it cannot have."""
        async with self._db.write() as connection:
            found = replace(await _fetch(connection, name), level=level)
            await connection.execute(update(rule).where(rule.c.id == found.id).values(level=level))
            await self._tell(connection, "RuleSaved", name)
            return found

    async def move(self, name: str, position: int) -> Rule:
        """Have a Rule asked as the Nth, or as the last where there are not so many. Raises NotFound."""
        async with self._db.write() as connection:
            await _fetch(connection, name)
            others = [each.name for each in await fetch_rules(connection) if each.name != name]
            at = min(max(position - 1, 0), len(others))
            await _order(connection, [*others[:at], name, *others[at:]])
            await self._tell(connection, "RuleSaved", name)
            return await _fetch(connection, name)

    async def set_enabled(self, name: str, *, enabled: bool) -> Rule:
        """Have a Rule asked, or passed over. Raises NotFound."""
        async with self._db.write() as connection:
            found = await _fetch(connection, name)
            await connection.execute(update(rule).where(rule.c.id == found.id).values(enabled=enabled))
            await self._tell(connection, "RuleEnabled" if enabled else "RuleDisabled", name)
            return await _fetch(connection, name)

    async def remove(self, name: str) -> Rule:
        """Remove a Rule; its Drafts stay. Raises NotFound."""
        async with self._db.write() as connection:
            found = await _fetch(connection, name)
            await connection.execute(delete(rule).where(rule.c.id == found.id))
            await _order(connection, [each.name for each in await fetch_rules(connection)])
            await self._tell(connection, "RuleRemoved", name)
            return found

    async def save_all(self, templates: Sequence[NewTemplate], rules: Sequence[NewRule]) -> Imported:
        """Store all of them, or nothing: those that are there by name are replaced, the others added.

        The Rules stand in the order given, before all others. Raises NotFound.
        """
        async with self._db.write() as connection:
            for new in templates:
                await save_template(self._db, connection, new)
            for each in rules:
                await self._expect_known(connection, each)
                values = _values(each)
                same = update(rule).where(rule.c.name == each.name).values(values)
                if not (await connection.execute(same)).rowcount:
                    await self._insert(connection, each)
                await self._tell(connection, "RuleSaved", each.name)
            first = [each.name for each in rules]
            others = [each.name for each in await fetch_rules(connection) if each.name not in first]
            await _order(connection, [*first, *others])
        return Imported(templates=len(templates), rules=len(rules))

    async def _expect_known(self, connection: AsyncConnection, new: NewRule) -> None:
        await ids_of(connection, new.when.accounts)
        if new.then.reply is not None:
            await expect_family(connection, new.then.reply)
        if new.then.assign is not None:
            await expect_operator(connection, new.then.assign, self._db.clock.now())
        if new.then.enrol is not None:
            await fetch_sequence(connection, new.then.enrol)

    async def _insert(self, connection: AsyncConnection, new: NewRule) -> None:
        last = (await connection.execute(select(func.count()).select_from(rule))).scalar_one()
        stored = _values(new) | {"position": last + 1, "created_at": self._db.clock.now()}
        await connection.execute(insert(rule).values(stored))

    async def _tell(self, connection: AsyncConnection, what: str, name: str) -> None:
        await events.record(self._db, connection, [events.Fact(name=what, data=clean({"rule": name}))])


async def fetch_rules(connection: AsyncConnection) -> list[Rule]:
    """All of them, in their order."""
    return [_rule(row) for row in await connection.execute(select(rule).order_by(rule.c.position, rule.c.id))]


def actions_to_json(then: Then) -> dict[str, Any]:
    """What a Rule does, as a row keeps it: what is not asked for is left out."""
    kept = {name: value for name, value in vars(then).items() if value not in (None, False, ())}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def actions_from_json(kept: Mapping[str, Any]) -> Then:
    """The same back."""
    found: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
    return Then(**found)


async def _order(connection: AsyncConnection, names: Sequence[str]) -> None:
    for position, name in enumerate(names, start=1):
        await connection.execute(update(rule).where(rule.c.name == name).values(position=position))


async def _fetch(connection: AsyncConnection, name: str) -> Rule:
    row = (await connection.execute(select(rule).where(rule.c.name == name))).first()
    if row is None:
        raise NotFound("rule", name, (await connection.execute(select(rule.c.name))).scalars())
    return _rule(row)


def _values(new: NewRule) -> dict[str, Any]:
    return {
        "name": new.name,
        "enabled": new.enabled,
        "level": new.level,
        "conditions": _conditions_to_json(new.when),
        "actions": actions_to_json(new.then),
    }


def _conditions_to_json(when: When) -> dict[str, Any]:
    kept = {name: value for name, value in vars(when).items() if value not in (None, ())}
    texts = {name: str(kept[name]) for name in ("price_from", "price_to", "hours") if name in kept}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()} | texts


def _conditions_from_json(kept: Mapping[str, Any]) -> When:
    found: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
    found["types"] = tuple(map(MessageType, found.get("types", ())))
    found["listing_states"] = tuple(map(ListingState, found.get("listing_states", ())))
    for name in ("price_from", "price_to"):
        if name in found:
            found[name] = Decimal(found[name])
    if "hours" in found:
        found["hours"] = Hours.parse(found["hours"])
    return When(**found)


def _rule(row: Row[Any]) -> Rule:
    return Rule(
        id=row.id,
        name=row.name,
        position=row.position,
        enabled=row.enabled,
        level=row.level,
        when=_conditions_from_json(row.conditions),
        then=actions_from_json(row.actions),
        created_at=row.created_at,
    )
