"""Channels: where Notices go. What opens one (an Apprise URL, a signing key) is kept elsewhere and only named here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.accounts import SecretRef
from runner.domain.channels import Channel, NewChannel, Preferences
from runner.domain.classification import MessageType
from runner.domain.hours import Hours
from runner.domain.notices import NoticeKind
from runner.errors import Conflict, NotFound
from runner.store.account_ids import ids_of
from runner.store.columns import clean
from runner.store.database import Database
from runner.store.notice_tables import channel, notification
from runner.store.operators import expect_operator
from runner.store.tables import event


class Channels:
    """The Channels of all Operators."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list_channels(self, *, owner: str | None = None) -> list[Channel]:
        """All of them by name, or those of one Operator."""
        statement = select(channel).order_by(channel.c.name)
        if owner is not None:
            statement = statement.where(channel.c.owner == owner)
        async with self._db.read() as connection:
            return [channel_of(row) for row in await connection.execute(statement)]

    async def get(self, name: str) -> Channel:
        """One by its name. Raises NotFound."""
        async with self._db.read() as connection:
            return await _expect(connection, name)

    async def add(self, new: NewChannel) -> Channel:
        """Store a Channel; it is told what happens from now on.

        Raises NotFound for its owner or Accounts, and Conflict when the name is taken.
        """
        async with self._db.write() as connection:
            # A mistyped name would be silence for good.
            await ids_of(connection, new.preferences.accounts)
            if new.owner is not None:
                await expect_operator(connection, new.owner, self._db.clock.now())
            if (await connection.execute(select(channel.c.id).where(channel.c.name == new.name))).first():
                raise Conflict(f'There is a channel "{new.name}" already.', cure="Choose another name.")
            values = {
                "name": new.name,
                "way": new.way,
                "address": new.address,
                "secret_kind": new.secret.kind,
                "secret_name": new.secret.name,
                "owner": new.owner,
                "enabled": True,
                "preferences": preferences_to_json(new.preferences),
                "since_event": await _newest_event(connection),
                "created_at": self._db.clock.now(),
            }
            await connection.execute(insert(channel), values)
            return await _expect(connection, new.name)

    async def set_preferences(self, name: str, preferences: Preferences) -> Channel:
        """Have it told something else. Raises NotFound for it, or for its Accounts."""
        async with self._db.write() as connection:
            found = await _expect(connection, name)
            await ids_of(connection, preferences.accounts)
            values = {"preferences": preferences_to_json(preferences)}
            await connection.execute(update(channel).where(channel.c.id == found.id).values(values))
            return await _expect(connection, name)

    async def set_enabled(self, name: str, *, enabled: bool) -> Channel:
        """Have it told, or not: what waits for it goes on waiting, and what happens meanwhile is not told.

        Raises NotFound.
        """
        async with self._db.write() as connection:
            found = await _expect(connection, name)
            values: dict[str, Any] = {"enabled": enabled}
            if enabled and not found.enabled:
                values["since_event"] = await _newest_event(connection)
            await connection.execute(update(channel).where(channel.c.id == found.id).values(values))
            return await _expect(connection, name)

    async def remove(self, name: str) -> Channel:
        """Remove it, and what waits for it. Raises NotFound."""
        async with self._db.write() as connection:
            found = await _expect(connection, name)
            await connection.execute(delete(notification).where(notification.c.channel_id == found.id))
            await connection.execute(delete(channel).where(channel.c.id == found.id))
            return found


async def _newest_event(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.max(event.c.id)))).scalar() or 0


async def _expect(connection: AsyncConnection, name: str) -> Channel:
    row = (await connection.execute(select(channel).where(channel.c.name == name))).first()
    if row is None:
        raise NotFound("channel", name, (await connection.execute(select(channel.c.name))).scalars())
    return channel_of(row)


def channel_of(row: Row[Any]) -> Channel:
    """A row as a Channel."""
    return Channel(
        id=row.id,
        name=row.name,
        way=row.way,
        address=row.address,
        secret=SecretRef(kind=row.secret_kind, name=row.secret_name),
        owner=row.owner,
        enabled=row.enabled,
        preferences=preferences_from_json(row.preferences),
        since_event=row.since_event,
        created_at=row.created_at,
    )


def preferences_to_json(given: Preferences) -> dict[str, Any]:
    """As they are stored."""
    return {
        "kinds": [str(kind) for kind in given.kinds],
        "types": [str(type_) for type_ in given.types],
        "accounts": clean(list(given.accounts)),
        "tags": clean(list(given.tags)),
        "quiet": None if given.quiet is None else str(given.quiet),
        "timezone": given.timezone,
        "excerpts": given.excerpts,
    }


def preferences_from_json(stored: Mapping[str, Any]) -> Preferences:
    """The same read back."""
    return Preferences(
        kinds=tuple(NoticeKind(kind) for kind in stored["kinds"]),
        types=tuple(MessageType(type_) for type_ in stored["types"]),
        accounts=tuple(stored["accounts"]),
        tags=tuple(stored["tags"]),
        quiet=None if stored["quiet"] is None else Hours.parse(stored["quiet"]),
        timezone=stored["timezone"],
        excerpts=stored["excerpts"],
    )
