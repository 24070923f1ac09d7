"""Listings and the paths of their photos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.listings import Listing, ListingState, StoredListing
from runner.errors import Conflict, NotFound
from runner.store import events
from runner.store.account_ids import CHUNK, id_of
from runner.store.columns import storable
from runner.store.database import Database
from runner.store.saved import Saved
from runner.store.tables import account
from runner.store.trade_tables import listing, listing_photo

PLAIN = tuple(field.name for field in fields(Listing) if field.name != "photos")


class Listings:
    """The stored Listings; an Account's are told apart by their reference."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def save(self, item: Listing, account_name: str | None) -> tuple[StoredListing, Saved]:
        """Store one Listing, see `save_many`."""
        return (await self.save_many([(item, account_name)]))[0]

    async def save_many(self, items: Sequence[tuple[Listing, str | None]]) -> list[tuple[StoredListing, Saved]]:
        """Store Listings with the Accounts that shall publish them, all or none; a second time changes nothing.

        One that is stored under the same reference and differs is changed while it is a draft, and kept as it is once
        it is published. Raises NotFound for an unknown Account.
        """
        async with self._db.write() as connection:
            done = [await self._save(connection, item, name) for item, name in items]
            stored = {each.id: each for each in await _by_ids(connection, [number for number, _ in done])}
        return [(stored[number], saved) for number, saved in done]

    async def get(self, listing_id: int) -> StoredListing:
        """One Listing. Raises NotFound."""
        async with self._db.read() as connection:
            return await _get(connection, listing_id)

    async def by_reference(self, reference: str, account_name: str | None) -> StoredListing:
        """An Account's Listing by its reference. Raises NotFound with the nearest references."""
        async with self._db.read() as connection:
            whose = _of(None if account_name is None else await id_of(connection, account_name))
            same = select(listing.c.id).where(whose, listing.c.reference == storable(reference))
            number = (await connection.execute(same)).scalar()
            if number is None:
                references = (await connection.execute(select(listing.c.reference).where(whose))).scalars()
                raise NotFound("listing", reference, references)
            return await _get(connection, number)

    async def list_listings(
        self,
        *,
        account_name: str | None = None,
        states: Sequence[ListingState] = (),
        limit: int = 1000,
        after_id: int = 0,
        newest_first: bool = False,
    ) -> list[StoredListing]:
        """Listings that match, oldest first, with ids beyond `after_id`. Raises NotFound for an unknown Account."""
        statement = _select().order_by(listing.c.id.desc() if newest_first else listing.c.id).limit(limit)
        if after_id:
            statement = statement.where(listing.c.id < after_id if newest_first else listing.c.id > after_id)
        if states:
            statement = statement.where(listing.c.state.in_(states))
        async with self._db.read() as connection:
            if account_name is not None:
                statement = statement.where(listing.c.account_id == await id_of(connection, account_name))
            return await _fetch(connection, statement)

    async def set_published(
        self, listing_id: int, *, remote_id: str, url: str, published_at: datetime | None = None
    ) -> StoredListing:
        """Record that the Site confirmed it; the same again changes nothing.

        Raises NotFound, and Conflict when it is known at the Site under another id.
        """
        async with self._db.write() as connection:
            before = await _get(connection, listing_id)
            if before.state is ListingState.PUBLISHED:
                if before.remote_id != remote_id:
                    raise Conflict(
                        f'Listing "{before.listing.reference}" of account {before.account} is published as '
                        f"{before.remote_id} already, and now the site gives {remote_id}.",
                        cure="Look at the site whether it is there twice.",
                    )
                return before
            now = self._db.clock.now()
            values = {
                "state": ListingState.PUBLISHED,
                "remote_id": remote_id,
                "url": url,
                "published_at": published_at or now,
                "changed_at": now,
            }
            await connection.execute(update(listing).where(listing.c.id == listing_id).values(values))
            after = await _get(connection, listing_id)
            whose = None if after.account is None else (await id_of(connection, after.account), after.account)
            data = {"listing": after.id, "reference": after.listing.reference, "remote_id": remote_id, "url": url}
            await events.record(self._db, connection, [events.Fact(name="ListingPublished", account=whose, data=data)])
            return after

    async def _save(self, connection: AsyncConnection, item: Listing, account_name: str | None) -> tuple[int, Saved]:
        account_id = None if account_name is None else await id_of(connection, account_name)
        now = self._db.clock.now()
        values = {name: getattr(item, name) for name in PLAIN} | {"changed_at": now}
        found = await _fetch(
            connection, _select().where(_of(account_id), listing.c.reference == storable(item.reference))
        )
        if not found:
            first = values | {"account_id": account_id, "state": ListingState.DRAFT, "created_at": now}
            inserted = await connection.execute(insert(listing).returning(listing.c.id), first)
            number: int = inserted.scalar_one()
            await _set_photos(connection, number, item.photos)
            return number, Saved.ADDED
        stored = found[0]
        if stored.listing == _storable(item):
            return stored.id, Saved.UNCHANGED
        if stored.state is ListingState.PUBLISHED:
            return stored.id, Saved.KEPT
        await connection.execute(update(listing).where(listing.c.id == stored.id).values(values))
        await _set_photos(connection, stored.id, item.photos)
        return stored.id, Saved.CHANGED


def _of(account_id: int | None) -> ColumnElement[bool]:
    return listing.c.account_id.is_(None) if account_id is None else listing.c.account_id == account_id


def _storable(item: Listing) -> Listing:
    """The Listing as it will be read back."""
    given = ((name, getattr(item, name)) for name in PLAIN)
    texts: dict[str, Any] = {name: storable(value) if isinstance(value, str) else value for name, value in given}
    return Listing(**texts, photos=tuple(path.absolute() for path in item.photos))


async def _set_photos(connection: AsyncConnection, listing_id: int, photos: Sequence[Path]) -> None:
    await connection.execute(delete(listing_photo).where(listing_photo.c.listing_id == listing_id))
    rows = [{"listing_id": listing_id, "ordinal": n, "path": str(path.absolute())} for n, path in enumerate(photos)]
    if rows:
        await connection.execute(insert(listing_photo), rows)


def _select() -> Select[Any]:
    # An outer join: a Listing may have no Account yet.
    return select(listing, account.c.name.label("account")).select_from(listing.outerjoin(account))


async def _get(connection: AsyncConnection, listing_id: int) -> StoredListing:
    found = await _fetch(connection, _select().where(listing.c.id == listing_id))
    if not found:
        raise NotFound("listing", str(listing_id), ())
    return found[0]


async def _by_ids(connection: AsyncConnection, numbers: Sequence[int]) -> list[StoredListing]:
    found: list[StoredListing] = []
    for start in range(0, len(numbers), CHUNK):
        found += await _fetch(connection, _select().where(listing.c.id.in_(numbers[start : start + CHUNK])))
    return found


async def _fetch(connection: AsyncConnection, statement: Select[Any]) -> list[StoredListing]:
    rows = (await connection.execute(statement)).all()
    photos: defaultdict[int, list[Path]] = defaultdict(list)
    numbers = [row.id for row in rows]
    for start in range(0, len(numbers), CHUNK):
        part = listing_photo.c.listing_id.in_(numbers[start : start + CHUNK])
        ordered = select(listing_photo).where(part).order_by(listing_photo.c.ordinal)
        for row in await connection.execute(ordered):
            photos[row.listing_id].append(Path(row.path))
    return [_stored(row, photos[row.id]) for row in rows]


def _stored(row: Row[Any], photos: Sequence[Path]) -> StoredListing:
    columns = row._mapping
    return StoredListing(
        id=row.id,
        listing=Listing(**{name: columns[name] for name in PLAIN}, photos=tuple(photos)),
        account=row.account,
        state=row.state,
        remote_id=row.remote_id,
        url=row.url,
        published_at=row.published_at,
    )
