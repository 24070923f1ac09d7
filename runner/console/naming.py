"""The names of all accounts, to choose from: however many there are, and in as few calls as that takes."""

from __future__ import annotations

from typing import Any

from runner.console.desk import Desk

AT_ONCE = 500


async def accounts(desk: Desk, *, state: str | None = None) -> list[str]:
    """All of them, or those in a state, by name. Raises Refused."""
    return [each["name"] for each in await all_accounts(desk, state=state)]


async def all_accounts(desk: Desk, *, state: str | None = None) -> list[dict[str, Any]]:
    """The same with all that a list has of them. Raises Refused."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        found = await desk.api.get("/accounts", state=state, limit=AT_ONCE, cursor=cursor)
        items += found["items"]
        cursor = found["next_cursor"]
        if cursor is None:
            return items
