"""Profiles: what is known of an Account's browser directory."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, insert, select, update

from runner.domain.accounts import Profile
from runner.errors import NotFound
from runner.store import events
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.tables import account, profile


class Profiles:
    """One Profile per Account, made at its first use."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def save(self, account_name: str, *, path: str, browser_major: int | None = None) -> Profile:
        """Note where the directory is and which Chromium wrote it last (None: as it was). Raises NotFound."""
        async with self._db.write() as connection:
            number = await id_of(connection, account_name)
            values: dict[str, Any] = {"path": path}
            if browser_major is not None:
                values["browser_major"] = browser_major
            changed = await connection.execute(update(profile).where(profile.c.account_id == number).values(values))
            if changed.rowcount == 0:
                await connection.execute(insert(profile), values | {"account_id": number})
            found = await connection.execute(_select().where(profile.c.account_id == number))
            return _profile(found.one())

    async def get(self, account_name: str) -> Profile | None:
        """The Account's Profile; None before its first use. Raises NotFound for an unknown Account."""
        async with self._db.read() as connection:
            number = await id_of(connection, account_name)
            row = (await connection.execute(_select().where(profile.c.account_id == number))).first()
            return None if row is None else _profile(row)

    async def list_profiles(self) -> list[Profile]:
        """All Profiles, by the names of their Accounts."""
        async with self._db.read() as connection:
            return [_profile(row) for row in await connection.execute(_select().order_by(account.c.name))]

    async def touch(
        self,
        account_name: str,
        *,
        last_login_at: datetime | None = None,
        last_probe_at: datetime | None = None,
        notes: str | None = None,
    ) -> None:
        """Note a sign-in, a login probe or a remark; None leaves a field as it was. Raises NotFound."""
        given = {"last_login_at": last_login_at, "last_probe_at": last_probe_at, "notes": notes}
        values = {name: value for name, value in given.items() if value is not None}
        async with self._db.write() as connection:
            number = await id_of(connection, account_name)
            if not values:
                return
            changed = await connection.execute(update(profile).where(profile.c.account_id == number).values(values))
            if changed.rowcount == 0:
                raise NotFound("profile of account", account_name, ())

    async def rebuilt(self, account_name: str, *, reason: str, kept: str) -> None:
        """Record that a broken directory was replaced; `kept` is where the broken one is. Raises NotFound."""
        async with self._db.write() as connection:
            number = await id_of(connection, account_name)
            data = {"reason": reason, "kept": kept}
            await events.record(
                self._db, connection, [events.Fact(name="ProfileRebuilt", account=(number, account_name), data=data)]
            )

    async def set_sign_in_tried(self, account_name: str, at: datetime | None) -> None:
        """Note a password that did not come to a login: it is not tried again for a while. None takes it back.

        A person who has acted takes it back. Raises NotFound for an unknown Account.
        """
        async with self._db.write() as connection:
            number = await id_of(connection, account_name)
            changed = update(profile).where(profile.c.account_id == number).values(sign_in_tried_at=at)
            await connection.execute(changed)


def _select() -> Select[Any]:
    return select(profile, account.c.name.label("account")).select_from(profile.join(account))


def _profile(row: Row[Any]) -> Profile:
    fields = row._mapping
    return Profile(**{name: fields[name] for name in Profile.__dataclass_fields__})
