"""Accounts: all of them in one table, with the health of each login and what it did today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.console import filters, parts
from runner.console.application import House
from runner.console.desk import Desk

One = Mapping[str, Any]

PAGE_SIZE = 50
STATES = ("active", "paused", "parked", "locked", "disabled")
SORTS = {"": "by name", "last_served_at": "longest not served first", "-last_served_at": "served last first"}
HEALTH = {"healthy": "good", "warning": "wary", "error": "bad"}


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/accounts", "Accounts", wide=True)
    async def accounts(desk: Desk) -> None:
        tags = await desk.api.get("/tags")
        with parts.tag("div").classes("filters"):
            filters.words(desk, "q", "Search names")
            filters.choice(desk, "state", "state", STATES)
            filters.choice(desk, "tag", "tag", [each["name"] for each in tags["items"]])
            filters.choice(desk, "sort", "order", SORTS)

        async def read() -> Any:
            asked = {name: desk.filters.get(name) for name in ("q", "state", "tag", "sort", "cursor")}
            found = await desk.api.get("/accounts/table", limit=PAGE_SIZE, **asked)
            return {**found, "asked": asked}

        await desk.region(read, lambda found: _table(desk, found))


def _table(desk: Desk, found: dict[str, Any]) -> None:
    if not found["items"]:
        _nothing(desk)
        return
    columns = [
        parts.Column(name="Account", show=lambda row: row["name"]),
        parts.Column(name="Health", show=health),
        parts.Column(name="Signed in for", show=lambda row: age(row["session_age_days"])),
        parts.Column(name="Last served", show=lambda row: _moment(desk, row["last_served_at"])),
        parts.Column(name="Today", show=_today),
        parts.Column(name="Success", show=lambda row: parts.share(row["success_rate"]), numeric=True),
        parts.Column(name="Tags", show=tags),
    ]
    if desk.may("agent"):
        columns.append(parts.Column(name="", show=lambda row: _turn(desk, row)))
    parts.table(found["items"], columns, address=lambda row: parts.inside("accounts", row["name"]), name="Accounts")
    filters.more(desk, found["next_cursor"])


def _nothing(desk: Desk) -> None:
    if desk.filters:
        parts.empty("No account matches.", "Take a filter away.", address="/accounts", action="Show all accounts")
    else:
        parts.empty("There is no account yet.", "On the command line: runner accounts add NAME, or import a table.")


def health(row: One) -> None:
    """How the login is, and why; and the account's state when it is not active."""
    with parts.tag("div").classes("health"):
        with parts.tag("span").classes("across"):
            parts.chip(row["health"], HEALTH[row["health"]])
            if row["state"] != "active":
                parts.chip(row["state"])
        for words in dict.fromkeys((row["health_reason"], row["state_reason"])):
            if words:
                parts.tag("span", words).classes("soft")
        if row["health_action"]:
            parts.tag("span", row["health_action"])


def _today(row: One) -> None:
    with parts.tag("div").classes("health"):
        parts.tag("span", done(row))
        parts.tag("span", f"messages: {row['inbound']} in, {row['outbound']} out").classes("soft")


def age(days: float | None) -> str:
    """How long an account has been signed in."""
    return "—" if days is None else parts.duration(days * 86_400)


def done(row: One) -> str:
    """What an account's attempts came to today."""
    failed = f", {row['failed']} failed" if row["failed"] else ""
    return f"{row['succeeded']} done{failed}"


def tags(row: One) -> None:
    """An account's tags."""
    with parts.tag("div").classes("tags"):
        for each in row["tags"]:
            parts.link(parts.inside("accounts", tag=each), each, classes="tag")


def _moment(desk: Desk, moment: str | None) -> None:
    parts.when(moment, desk.timezone)


def _turn(desk: Desk, row: One) -> None:
    name = row["name"]
    if row["state"] == "active":
        button = parts.button("Pause", lambda: pause(desk, name, None), icon="pause")
    else:
        button = parts.button("Resume", lambda: resume(desk, name), icon="play_arrow")
    button.props["aria-label"] = f"{button.text} {name}"


async def pause(desk: Desk, name: str, reason: str | None) -> Any:
    """Give an account no more jobs."""
    body = {"reason": reason} if reason else None
    return await desk.act(
        lambda: desk.api.post(f"{parts.inside('accounts', name)}/pause", body),
        f"{name} is paused; what runs for it is finished.",
    )


async def resume(desk: Desk, name: str) -> None:
    """Let an account work again."""
    await desk.act(
        lambda: desk.api.post(f"{parts.inside('accounts', name)}/resume"), f"{name} is active; its jobs go on."
    )
