"""Settings: the configuration in force with where each value came from, and one's own password."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

from runner.console import filters, parts
from runner.console.application import House
from runner.console.client import Refused
from runner.console.desk import Desk

TABS = (
    # address, name, the role that sees it
    ("/settings", "Configuration", "admin"),
    ("/settings/schedules", "Schedules", "viewer"),
    ("/settings/notices", "Notifications", "viewer"),
    ("/settings/sla", "SLAs", "viewer"),
    ("/settings/operators", "Operators", "admin"),
    ("/settings/tokens", "Tokens", "admin"),
    ("/settings/audit", "Audit log", "admin"),
    ("/settings/password", "Your password", "viewer"),
)
SHORTEST = 12
"""Characters of a password: the API says so too."""
MOST = 100


def install(house: House) -> None:
    """Take the pages in."""

    @house.page("/settings", "Settings")
    async def settings(desk: Desk) -> None:
        if not tabs(desk, "/settings"):
            return
        found = await desk.api.get("/settings")
        with parts.tag("div").classes("filters"):
            filters.words(desk, "q", "Part of a key, a value or an origin")
            filters.flag(desk, "changed", "only what is not a default")
        await desk.region(lambda: _matching(desk, found["items"]), _settings)

    @house.page("/settings/password", "Settings")
    async def password(desk: Desk) -> None:
        tabs(desk, "/settings/password")
        if desk.who["via"] != "session":
            parts.empty("You have no password here.", "Only an operator who is signed in has one.")
            return
        _password(desk)


def tabs(desk: Desk, here: str) -> bool:
    """The ways between the parts of the settings; whether this person may see the one that they are at."""
    with parts.tag("nav").classes("tabs") as bar:
        bar.props["aria-label"] = "Parts of the settings"
        for address, name, role in TABS:
            if desk.may(role) or address == here:
                link = parts.link(address, name, classes="tab here" if address == here else "tab")
                if address == here:
                    link.props["aria-current"] = "page"
    role = next(each[2] for each in TABS if each[0] == here)
    if desk.may(role):
        return True
    parts.empty(f"This part takes the role {role}.", f"You are {desk.who['role']}. An admin can give you another role.")
    return False


async def _matching(desk: Desk, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    part, changed = desk.filters.get("q", "").casefold(), desk.filters.get("changed") == "true"
    shown = [each | {"told": _told(each["value"])} for each in items]
    return [
        each
        for each in shown
        if (not changed or each["origin"] != "default")
        and part in f"{each['key']} {each['told']} {each['origin']}".casefold()
    ]


def _settings(found: list[dict[str, Any]]) -> None:
    if not found:
        parts.empty("No setting is like that.", "Look for another word, or show the defaults too.")
        return
    columns = [
        parts.Column(name="Setting", show=lambda row: row["key"]),
        parts.Column(name="Value", show=lambda row: row["told"]),
        parts.Column(name="From", show=lambda row: row["origin"]),
    ]
    parts.tag("p", f"{len(found)} settings. They are read at the start: change the file, and start again.").classes(
        "soft"
    )
    parts.table(found[:MOST], columns, name="Settings in force")
    if len(found) > MOST:
        parts.tag("p", f"And {len(found) - MOST} more: look for a word.").classes("soft")


def _told(value: Any) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _password(desk: Desk) -> None:
    with parts.tag("section").classes("card-box stack narrow"):
        parts.title("Choose another password")
        parts.tag("p", f"At least {SHORTEST} characters. All your browsers sign in anew with it.").classes("soft")
        old, new = (
            ui.input(label, password=True).props("outlined dense").classes("wide-field")
            for label in ("The old password, if you have one", "The new password")
        )
        old.props('autocomplete="current-password"')
        new.props('autocomplete="new-password"')

        async def change() -> None:
            body = {"password": new.value or "", "old_password": old.value or None}
            try:
                await desk.api.put("/session/password", body)
            except Refused as refused:
                desk.refused(refused)
                return
            ui.navigate.to("/sign-in")

        parts.button("Change the password", change, looks="main")
