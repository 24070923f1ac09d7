"""Operators, the browsers in which they are signed in, and the one-time links that sign them in."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.access import Operator, OperatorSession, Role, fingerprint
from runner.errors import Conflict, NotFound
from runner.store.access_tables import operator, operator_session, sign_in_link
from runner.store.database import Database
from runner.store.notice_tables import channel

FIRST = "admin"
"""What the first Operator is called until they say otherwise."""

LINK_LASTS = timedelta(hours=24)
SESSION_LASTS, SESSION_IDLE = timedelta(days=30), timedelta(days=3)
SEEN_EVERY = timedelta(minutes=1)
"""That somebody is still there is written so often at most."""


class Operators:
    """Everybody who may sign in."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list_operators(self) -> list[Operator]:
        """All of them, by name."""
        async with self._db.read() as connection:
            return [_operator(row) for row in await connection.execute(select(operator).order_by(operator.c.name))]

    async def by_name(self, name: str) -> Operator | None:
        """The Operator of that name, if there is one."""
        async with self._db.read() as connection:
            return await _by_name(connection, name)

    async def add(self, name: str, role: Role, password_hash: str | None) -> Operator:
        """Store an Operator. Raises Conflict when the name is taken."""
        async with self._db.write() as connection:
            if await _by_name(connection, name) is not None:
                raise Conflict(f'There is an operator "{name}" already.', cure="Choose another name.")
            return await self._insert(connection, name, role, password_hash)

    async def change(self, name: str, *, role: Role | None = None, password_hash: str | None = None) -> Operator:
        """Give an Operator another role or password; sessions elsewhere end with either. Raises NotFound, Conflict."""
        values = {"role": role, "password_hash": password_hash}
        given = {key: value for key, value in values.items() if value is not None}
        async with self._db.write() as connection:
            found = await _expect(connection, name)
            if role is not None and role is not Role.ADMIN:
                await _expect_another_admin(connection, found)
            if role is not None:
                # A link that is still unused was given for the role of that time.
                await connection.execute(delete(sign_in_link).where(sign_in_link.c.name == found.name))
            if given:
                await connection.execute(update(operator).where(operator.c.id == found.id).values(given))
                await connection.execute(delete(operator_session).where(operator_session.c.operator_id == found.id))
            return await _expect(connection, name)

    async def names(self) -> list[str]:
        """Of all Operators, and of those who have a link to become one."""
        async with self._db.read() as connection:
            return await _names(connection, self._db.clock.now())

    async def expect(self, name: str) -> None:
        """Raises NotFound for a name that is no Operator's and nobody's who has a link to become one."""
        async with self._db.read() as connection:
            await expect_operator(connection, name, self._db.clock.now())

    async def remove(self, name: str) -> tuple[Operator, list[str]]:
        """Take an Operator's access away at once, and send nothing over their Channels, whose names are returned.

        Raises NotFound, and Conflict for the last admin.
        """
        async with self._db.write() as connection:
            found = await _expect(connection, name)
            await _expect_another_admin(connection, found)
            # An unused link would make the Operator anew.
            await connection.execute(delete(sign_in_link).where(sign_in_link.c.name == found.name))
            await connection.execute(delete(operator_session).where(operator_session.c.operator_id == found.id))
            await connection.execute(delete(operator).where(operator.c.id == found.id))
            theirs = update(channel).where(channel.c.owner == found.name, channel.c.enabled.is_(True))
            silenced = await connection.execute(theirs.values(enabled=False).returning(channel.c.name))
            return found, sorted(silenced.scalars())

    async def new_link(self, name: str = FIRST, role: Role = Role.ADMIN) -> str:
        """A secret that signs in once, as that Operator, who is made then when there is none of that name."""
        secret = secrets.token_urlsafe(32)
        values = {
            "secret_hash": fingerprint(secret),
            "name": name,
            "role": role,
            "expires_at": self._db.clock.now() + LINK_LASTS,
        }
        async with self._db.write() as connection:
            await connection.execute(delete(sign_in_link).where(sign_in_link.c.name == name))
            await connection.execute(insert(sign_in_link), values)
        return secret

    async def first_link(self) -> str | None:
        """The link for the very first start; None when there is an Operator already."""
        async with self._db.read() as connection:
            if (await connection.execute(select(func.count()).select_from(operator))).scalar_one():
                return None
        return await self.new_link()

    async def use_link(self, secret: str, password_hash: str | None) -> Operator | None:
        """Redeem a one-time link; None when it is unknown, used or too old."""
        now = self._db.clock.now()
        usable = (
            sign_in_link.c.secret_hash == fingerprint(secret),
            sign_in_link.c.used_at.is_(None),
            sign_in_link.c.expires_at > now,
        )
        async with self._db.write() as connection:
            used = update(sign_in_link).where(*usable).values(used_at=now).returning(sign_in_link)
            link = (await connection.execute(used)).first()
            if link is None:
                return None
            found = await _by_name(connection, link.name)
            if found is None:
                return await self._insert(connection, link.name, link.role, password_hash)
            if password_hash is not None:
                chosen = update(operator).where(operator.c.id == found.id).values(password_hash=password_hash)
                await connection.execute(chosen)
            return found

    async def sign_in(self, who: Operator, address: str) -> str:
        """Begin a session; returns the secret that the browser keeps."""
        secret, now = secrets.token_urlsafe(32), self._db.clock.now()
        values = {"operator_id": who.id, "secret_hash": fingerprint(secret), "address": address[:100]}
        async with self._db.write() as connection:
            over = operator_session.c.created_at < now - SESSION_LASTS
            await connection.execute(delete(operator_session).where(over))
            await connection.execute(insert(operator_session), values | {"created_at": now, "last_seen_at": now})
        return secret

    async def session(self, secret: str) -> OperatorSession | None:
        """The session that a browser's secret belongs to; None when there is none any more."""
        now = self._db.clock.now()
        alive = (
            operator_session.c.secret_hash == fingerprint(secret),
            operator_session.c.created_at > now - SESSION_LASTS,
            operator_session.c.last_seen_at > now - SESSION_IDLE,
        )
        columns = (operator_session, operator.c.name, operator.c.role)
        async with self._db.read() as connection:
            row = (await connection.execute(select(*columns).join(operator).where(*alive))).first()
        if row is None:
            return None
        if now - row.last_seen_at > SEEN_EVERY:
            async with self._db.write(durable=False) as connection:
                seen = update(operator_session).where(operator_session.c.id == row.id)
                await connection.execute(seen.values(last_seen_at=now))
        who = Operator(id=row.operator_id, name=row.name, role=row.role, password_hash=None, created_at=row.created_at)
        return OperatorSession(
            id=row.id, operator=who, address=row.address, created_at=row.created_at, last_seen_at=row.last_seen_at
        )

    async def sign_out(self, session_id: int) -> None:
        """End a session."""
        async with self._db.write() as connection:
            await connection.execute(delete(operator_session).where(operator_session.c.id == session_id))

    async def _insert(self, connection: AsyncConnection, name: str, role: Role, password_hash: str | None) -> Operator:
        values = {"name": name, "role": role, "password_hash": password_hash, "created_at": self._db.clock.now()}
        await connection.execute(insert(operator), values)
        return await _expect(connection, name)


async def expect_operator(connection: AsyncConnection, name: str, now: datetime) -> None:
    """Raises NotFound for a name that is no Operator's and nobody's who has a link to become one."""
    known = await _names(connection, now)
    if name not in known:
        raise NotFound("operator", name, known)


async def _names(connection: AsyncConnection, now: datetime) -> list[str]:
    invited = select(sign_in_link.c.name).where(sign_in_link.c.used_at.is_(None), sign_in_link.c.expires_at > now)
    return sorted((await connection.execute(union(select(operator.c.name), invited))).scalars())


async def _by_name(connection: AsyncConnection, name: str) -> Operator | None:
    row = (await connection.execute(select(operator).where(operator.c.name == name))).first()
    return None if row is None else _operator(row)


async def _expect(connection: AsyncConnection, name: str) -> Operator:
    found = await _by_name(connection, name)
    if found is None:
        raise NotFound("operator", name, (await connection.execute(select(operator.c.name))).scalars())
    return found


async def _expect_another_admin(connection: AsyncConnection, but: Operator) -> None:
    if but.role is not Role.ADMIN:
        return
    others = select(func.count()).where(operator.c.role == Role.ADMIN, operator.c.id != but.id)
    if not (await connection.execute(others)).scalar_one():
        raise Conflict(f"{but.name} is the only admin.", cure="Make somebody else an admin first.")


def _operator(row: Row[Any]) -> Operator:
    fields = row._mapping
    return Operator(**{name: fields[name] for name in Operator.__dataclass_fields__})
