"""From the names that people and files use to the ids that rows use."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.errors import NotFound
from runner.store.tables import account

CHUNK = 500
"""Names in one statement: far below every database's limit of parameters."""


async def ids_of(connection: AsyncConnection, names: Iterable[str]) -> dict[str, int]:
    """The ids of Accounts by name. Raises NotFound for the first that does not exist."""
    wanted = list(dict.fromkeys(names))
    found: dict[str, int] = {}
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        rows = await connection.execute(select(account.c.name, account.c.id).where(account.c.name.in_(part)))
        found |= {row.name: row.id for row in rows}
    for name in wanted:
        if name not in found:
            raise NotFound("account", name, (await connection.execute(select(account.c.name))).scalars())
    return found


async def id_of(connection: AsyncConnection, name: str) -> int:
    """The id of one Account. Raises NotFound with the nearest names."""
    return (await ids_of(connection, [name]))[name]
