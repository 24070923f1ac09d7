"""API tokens: shown once, stored as a hash, scoped and revocable."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update

from runner.domain.access import SCOPE, ApiToken, Role, fingerprint
from runner.errors import Conflict, NotFound, SetupError
from runner.store.access_tables import api_token
from runner.store.database import Database

PREFIX = "rnr_"
USED_EVERY = timedelta(minutes=1)
"""That a token was used is written so often at most."""


class Tokens:
    """The tokens of programs, those that were revoked included."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, name: str, role: Role, scopes: Sequence[str], created_by: str) -> tuple[ApiToken, str]:
        """Make a token; its secret is returned here and nowhere else. Raises Conflict, SetupError for a wrong scope."""
        for scope in scopes:
            if SCOPE.fullmatch(scope) is None:
                raise SetupError(
                    f'"{scope[:60]}" is no scope.', cure="Write *, a noun like jobs, or jobs:read, jobs:write, *:read."
                )
        secret = PREFIX + secrets.token_urlsafe(32)
        async with self._db.write() as connection:
            if (await connection.execute(select(api_token.c.id).where(api_token.c.name == name))).first():
                raise Conflict(f'There is or was a token "{name}".', cure="A name is used once: choose another.")
            values = {
                "name": name,
                "hint": secret[:10],
                "secret_hash": fingerprint(secret),
                "role": role,
                "scopes": list(scopes) or ["*"],
                "created_at": self._db.clock.now(),
                "created_by": created_by,
            }
            await connection.execute(insert(api_token), values)
            row = (await connection.execute(select(api_token).where(api_token.c.name == name))).one()
            return _token(row), secret

    async def list_tokens(self) -> list[ApiToken]:
        """All of them, the newest first."""
        async with self._db.read() as connection:
            return [_token(row) for row in await connection.execute(select(api_token).order_by(api_token.c.id.desc()))]

    async def revoke(self, name: str) -> ApiToken:
        """End a token at once; a second time changes nothing. Raises NotFound."""
        async with self._db.write() as connection:
            alive = update(api_token).where(api_token.c.name == name, api_token.c.revoked_at.is_(None))
            await connection.execute(alive.values(revoked_at=self._db.clock.now()))
            row = (await connection.execute(select(api_token).where(api_token.c.name == name))).first()
            if row is None:
                raise NotFound("token", name, (await connection.execute(select(api_token.c.name))).scalars())
            return _token(row)

    async def by_secret(self, secret: str) -> ApiToken | None:
        """The token whose secret this is; None when there is none, or it was revoked."""
        now = self._db.clock.now()
        same = (api_token.c.secret_hash == fingerprint(secret), api_token.c.revoked_at.is_(None))
        async with self._db.read() as connection:
            row = (await connection.execute(select(api_token).where(*same))).first()
        if row is None:
            return None
        if row.last_used_at is None or now - row.last_used_at > USED_EVERY:
            async with self._db.write(durable=False) as connection:
                await connection.execute(update(api_token).where(*same).values(last_used_at=now))
        return _token(row)


def _token(row: Row[Any]) -> ApiToken:
    fields = row._mapping
    values = {name: fields[name] for name in ApiToken.__dataclass_fields__}
    return ApiToken(**values | {"scopes": tuple(values["scopes"])})
