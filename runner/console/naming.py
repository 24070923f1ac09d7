"""The names of all accounts, to choose from: however many there are, and in as few calls as that takes."""

from __future__ import annotations

from runner.console.desk import Desk

AT_ONCE = 500


async def accounts(desk: Desk, *, state: str | None = None) -> list[str]:
    """All of them, or those in a state, by name. Raises Refused."""
    names: list[str] = []
    cursor: str | None = None
    while True:
        found = await desk.api.get("/accounts", state=state, limit=AT_ONCE, cursor=cursor)
        names += [each["name"] for each in found["items"]]
        cursor = found["next_cursor"]
        if cursor is None:
            return names
