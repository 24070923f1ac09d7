"""Settings: Schedules, which make jobs by themselves, and the log of every change that somebody asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from runner.console import asking, filters, naming, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.pages.settings import tabs
from runner.console.pages.settings_access import asked, field, quoted

MOST = 100
PAGE = 50
FLOWS = ["read_inbox", "check_login"]
WAYS = {"cron": "at times (cron)", "every": "every so many minutes"}


def install(house: House) -> None:
    """Take the pages in."""

    @house.page("/settings/schedules", "Settings")
    async def schedules(desk: Desk) -> None:
        tabs(desk, "/settings/schedules")
        if desk.may("admin"):
            with parts.tag("div").classes("across"):
                parts.button("Add a schedule", lambda: _add(desk), icon="add_alarm", looks="main", key="a")
        else:
            parts.tag("p", "Adding and removing schedules takes the role admin.").classes("soft")
        await desk.region(
            lambda: desk.api.get("/schedules", limit=MOST, sort="next_due_at"), lambda found: _schedules(desk, found)
        )

    @house.page("/settings/audit", "Settings", wide=True)
    async def audit(desk: Desk) -> None:
        if not tabs(desk, "/settings/audit"):
            return
        with parts.tag("div").classes("filters"):
            filters.words(desk, "who", "Who: a whole name")

        async def read() -> Any:
            wanted = {name: desk.filters.get(name) for name in ("who", "cursor")}
            return await desk.api.get("/audit", limit=PAGE, **wanted)

        await desk.region(read, lambda found: _audit(desk, found))


async def _add(desk: Desk) -> None:
    accounts = await naming.accounts(desk)

    def build() -> Callable[[], dict[str, Any]]:
        name = field("Name")
        flow = ui.input("Flow", value=FLOWS[0], autocomplete=FLOWS).props("outlined dense").classes("wide-field")
        options = {"": "all accounts", **{each: each for each in accounts}}
        account = (
            ui.select(options, value="", label="For", with_input=len(options) > filters.MANY)
            .props("outlined dense options-dense")
            .classes("wide-field")
        )
        way = ui.select(WAYS, value="cron", label="When").props("outlined dense options-dense").classes("wide-field")
        cron = field("Cron: minute hour day month weekday", "0 8 * * 1-5")
        every = ui.number("Minutes", value=60, min=1).props("outlined dense").classes("wide-field")
        cron.bind_visibility_from(way, "value", value="cron")
        every.bind_visibility_from(way, "value", value="every")

        def read() -> dict[str, Any]:
            rule: dict[str, Any] = {"cron": cron.value} if way.value == "cron" else {"every_s": 60 * (every.value or 0)}
            return {"name": name.value, "flow": flow.value, "account": account.value or None, **rule}

        return read

    body = await asked("Add a schedule", build, "Add")
    if body is not None:
        await desk.act(lambda: desk.api.post("/schedules", body, creates=True), f"{body['name']} is added.")


def _schedules(desk: Desk, found: Mapping[str, Any]) -> None:
    if not found["items"]:
        parts.empty(
            "There are no schedules.",
            "A schedule makes jobs by itself: read all inboxes every hour, say. A daemon keeps to it.",
        )
        return
    columns = [
        parts.Column(name="Schedule", show=lambda row: row["name"]),
        parts.Column(name="Flow", show=lambda row: parts.words(row["flow"])),
        parts.Column(name="For", show=_whom),
        parts.Column(name="When", show=_rule),
        parts.Column(name="Next", show=lambda row: _moment(desk, row["next_due_at"])),
        parts.Column(name="Last", show=lambda row: _moment(desk, row["last_due_at"])),
    ]
    if desk.may("admin"):
        columns.append(parts.Column(name="", show=lambda row: _remove_button(desk, row)))
    parts.table(found["items"], columns, name="Schedules")


def _whom(row: Mapping[str, Any]) -> str:
    return row["account"] or (f"tag {row['tag']}" if row["tag"] else "all accounts")


def _rule(row: Mapping[str, Any]) -> str:
    return f"{row['cron']} ({row['timezone']})" if row["cron"] else f"every {parts.duration(row['every_s'])}"


def _remove_button(desk: Desk, row: Mapping[str, Any]) -> None:
    name = row["name"]

    async def remove() -> None:
        if await asking.sure(f"Remove {name}?", "Remove", more="The jobs that it has made stay."):
            await desk.act(lambda: desk.api.delete(f"/schedules/{quoted(name)}"), f"{name} is removed.")

    parts.button("Remove", remove, looks="danger").props["aria-label"] = f"Remove {name}"


def _audit(desk: Desk, found: Mapping[str, Any]) -> None:
    if not found["items"]:
        parts.empty("No change is noted.", "Every change that somebody asks for, here or over the API, comes here.")
        return
    columns = [
        parts.Column(name="When", show=lambda row: _moment(desk, row["at"])),
        parts.Column(name="Who", show=lambda row: row["who"]),
        parts.Column(name="As", show=lambda row: f"{row['role']}, by {row['via']}"),
        parts.Column(name="From", show=lambda row: row["address"]),
        parts.Column(name="What", show=_change),
        parts.Column(name="With", show=lambda row: _details(row["details"])),
        parts.Column(name="Came of it", show=_status),
    ]
    parts.table(found["items"], columns, name="Audit log")
    filters.more(desk, found["next_cursor"])


def _change(row: Mapping[str, Any]) -> str:
    verb, _, rest = row["action"].partition(" /")
    return f"{verb} {row['path'].removeprefix('/api/v1')}" if rest else str(row["action"])


def _details(details: Any) -> str:
    return "" if details in (None, {}) else json.dumps(details, ensure_ascii=False)[:300]


def _status(row: Mapping[str, Any]) -> None:
    status = row["status"]
    if status is None:
        parts.chip("not known", "wary")
    elif status < 400:
        parts.chip("done", "good")
    else:
        parts.chip(f"refused ({status})", "bad")


def _moment(desk: Desk, at: str | None) -> None:
    parts.when(at, desk.timezone, none="—")
