"""Check results: the history of logins, by which it is known how long they last at a Site."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.logins import After, CheckResult
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.tables import account, check_result, profile

EVERY = timedelta(hours=1)
"""The same finding again is written down no more often than this."""
KEPT = timedelta(days=400)


class CheckResults:
    """What login probes have found, per Account; the Profile's times are kept up beside it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def note(self, account_name: str, *, signed_in: bool, after: After, who: str | None) -> None:
        """Note what a probe found just now. Raises NotFound."""
        now = self._db.clock.now()
        async with self._db.write(durable=False) as connection:
            number = await id_of(connection, account_name)
            values: dict[str, Any] = {"last_probe_at": now}
            if signed_in:
                values["sign_in_tried_at"] = None
                if after in (After.SIGN_IN, After.PERSON):
                    values["last_login_at"] = now
            await connection.execute(update(profile).where(profile.c.account_id == number).values(values))
            if after is not After.LOOK or await self._is_news(connection, number, signed_in, now):
                row = {"account_id": number, "at": now, "signed_in": signed_in, "after": after.value, "who": who}
                await connection.execute(insert(check_result), row)
                old = check_result.c.at < now - KEPT
                await connection.execute(delete(check_result).where(check_result.c.account_id == number, old))

    async def of_account(self, account_name: str, *, limit: int = 50) -> list[CheckResult]:
        """An Account's findings, the newest first. Raises NotFound."""
        async with self._db.read() as connection:
            statement = _select().where(check_result.c.account_id == await id_of(connection, account_name))
            newest = statement.order_by(check_result.c.at.desc(), check_result.c.id.desc()).limit(limit)
            return [_result(row) for row in await connection.execute(newest)]

    async def of_site(self, site: str, *, since: datetime) -> list[CheckResult]:
        """All findings at a Site since then, by Account and then in order."""
        statement = _select().where(account.c.site == site, check_result.c.at >= since)
        ordered = statement.order_by(account.c.name, check_result.c.at, check_result.c.id)
        async with self._db.read() as connection:
            return [_result(row) for row in await connection.execute(ordered)]

    async def _is_news(self, connection: AsyncConnection, number: int, signed_in: bool, now: datetime) -> bool:
        newest = select(check_result.c.signed_in, check_result.c.at).where(check_result.c.account_id == number)
        newest = newest.order_by(check_result.c.at.desc(), check_result.c.id.desc()).limit(1)
        last = (await connection.execute(newest)).first()
        return last is None or last.signed_in != signed_in or now - last.at >= EVERY


def _select() -> Select[Any]:
    return select(check_result, account.c.name.label("account")).select_from(check_result.join(account))


def _result(row: Row[Any]) -> CheckResult:
    return CheckResult(account=row.account, at=row.at, signed_in=row.signed_in, after=After(row.after), who=row.who)
