"""Settings: who may come in. Operators sign in, programs send tokens; a secret is shown once and never again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from nicegui import ui

from runner.console import asking, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.pages.settings import tabs

ROLES = {"viewer": "viewer: sees the shop", "agent": "agent: does the daily work", "admin": "admin: may do everything"}
MOST = 100


def install(house: House) -> None:
    """Take the pages in."""

    @house.page("/settings/operators", "Settings")
    async def operators(desk: Desk) -> None:
        if not tabs(desk, "/settings/operators"):
            return
        with parts.tag("div").classes("across"):
            parts.button("Add an operator", lambda: _add_operator(desk), icon="person_add", looks="main", key="a")
        await desk.region(lambda: desk.api.get("/operators", limit=MOST), lambda found: _operators(desk, found))

    @house.page("/settings/tokens", "Settings")
    async def tokens(desk: Desk) -> None:
        if not tabs(desk, "/settings/tokens"):
            return
        with parts.tag("div").classes("across"):
            parts.button("Make a token", lambda: _add_token(desk), icon="key", looks="main", key="a")
        await desk.region(lambda: desk.api.get("/tokens", limit=MOST), lambda found: _tokens(desk, found))


async def asked(title: str, build: Callable[[], Callable[[], dict[str, Any]]], yes: str) -> dict[str, Any] | None:
    """What a person filled in; None when they left it. `build` makes the fields and gives what reads them."""
    with ui.context.client.content, ui.dialog() as dialog, ui.card().classes("stack"):
        parts.title(title)
        read = build()
        with parts.tag("div").classes("across"):
            parts.button(yes, lambda: dialog.submit(read()), looks="main")
            parts.button("Leave it", lambda: dialog.submit(None))
    answer: dict[str, Any] | None = await dialog
    dialog.delete()
    return answer


def field(label: str, value: str = "") -> ui.input:
    """A line to type into."""
    return ui.input(label, value=value).props("outlined dense").classes("wide-field")


def _role() -> ui.select:
    return ui.select(ROLES, value="viewer", label="Role").props("outlined dense options-dense").classes("wide-field")


async def _shown_once(title: str, more: str, secret: str) -> None:
    with ui.context.client.content, ui.dialog().props("persistent") as dialog, ui.card().classes("stack"):
        parts.title(title)
        parts.tag("p", more).classes("soft")
        parts.tag("code", secret).classes("secret").props["data-secret"] = ""
        with parts.tag("div").classes("across"):
            parts.button("Copy", lambda: ui.clipboard.write(secret), icon="content_copy")
            parts.button("I have it", lambda: dialog.submit(True), looks="main")
    await dialog
    dialog.delete()


async def _add_operator(desk: Desk) -> None:
    def build() -> Callable[[], dict[str, Any]]:
        name, role = field("Name"), _role()
        return lambda: {"name": name.value, "role": role.value}

    body = await asked("Add an operator", build, "Add")
    if body is None:
        return
    made = await desk.act(lambda: desk.api.post("/operators", body, creates=True))
    if made is not None:
        await _link(desk, made["name"], made["role"])


async def _link(desk: Desk, name: str, role: str) -> None:
    made = await desk.act(lambda: desk.api.post(f"/operators/{quoted(name)}/link", {"role": role}))
    if made is not None:
        more = "It works once, within a day, and lets choose a password. It is shown here and never again."
        await _shown_once(f"The link for {name}", more, made["link"])


def _operators(desk: Desk, found: dict[str, Any]) -> None:
    if not found["items"]:
        parts.empty("Nobody can sign in yet.", "Add an operator, and give them their link.")
        return
    columns = [
        parts.Column(name="Operator", show=lambda row: row["name"]),
        parts.Column(name="Role", show=lambda row: _changed_role(desk, row)),
        parts.Column(name="Since", show=lambda row: _drawn(parts.when(row["created_at"], desk.timezone))),
        parts.Column(name="", show=lambda row: _operator_buttons(desk, row)),
    ]
    parts.table(found["items"], columns, name="Operators")


def _changed_role(desk: Desk, row: Any) -> str | None:
    address = f"/operators/{quoted(row['name'])}/role"

    async def change(role: str) -> None:
        await desk.act(lambda: desk.api.put(address, {"role": role}), f"{row['name']} is {role} now.")

    with (
        ui.button(row["role"], color=None, icon="expand_more").props("unelevated no-caps dense").classes("act") as made
    ):
        made.props["aria-label"] = f"Role of {row['name']}: {row['role']}"
        with ui.menu():
            for role, words in ROLES.items():
                ui.menu_item(words, lambda role=role: change(role))
    return None


def _operator_buttons(desk: Desk, row: Any) -> None:
    name = row["name"]

    async def remove() -> None:
        if await asking.sure(
            f"Remove {name}?", "Remove", more="Their browsers are signed out at once, and their channels are disabled."
        ):
            await desk.act(lambda: desk.api.delete(f"/operators/{quoted(name)}"), f"{name} is removed.")

    with parts.tag("div").classes("across"):
        _named(parts.button("New link", lambda: _link(desk, name, row["role"])), f"New link for {name}")
        _named(parts.button("Remove", remove, looks="danger"), f"Remove {name}")


async def _add_token(desk: Desk) -> None:
    def build() -> Callable[[], dict[str, Any]]:
        name, role = field("Name"), _role()
        scopes = field("Scopes, with commas between them", "*")
        parts.tag("p", "A noun (jobs), a noun with read or write (jobs:write, *:read), or * for all.").classes("soft")
        return lambda: {
            "name": name.value,
            "role": role.value,
            "scopes": [each.strip() for each in scopes.value.split(",") if each.strip()],
        }

    body = await asked("Make a token", build, "Make it")
    if body is None:
        return
    made = await desk.act(lambda: desk.api.post("/tokens", body))
    if made is not None:
        more = "A program sends it as Authorization: Bearer. It is shown here and never again."
        await _shown_once(f"The token {made['name']}", more, made["secret"])


def _tokens(desk: Desk, found: dict[str, Any]) -> None:
    if not found["items"]:
        parts.empty("No program can come in yet.", "Make a token, and give it to the program.")
        return
    columns = [
        parts.Column(name="Token", show=lambda row: row["name"]),
        parts.Column(name="Begins with", show=lambda row: row["hint"]),
        parts.Column(name="Role", show=lambda row: row["role"]),
        parts.Column(name="Scopes", show=lambda row: ", ".join(row["scopes"])),
        parts.Column(name="Made by", show=lambda row: row["created_by"]),
        parts.Column(name="Last used", show=lambda row: _drawn(parts.when(row["last_used_at"], desk.timezone))),
        parts.Column(name="", show=lambda row: _revoke_button(desk, row)),
    ]
    parts.table(found["items"], columns, name="Tokens")


def _revoke_button(desk: Desk, row: Any) -> None:
    name = row["name"]
    if row["revoked_at"] is not None:
        parts.chip("revoked", "bad")
        return

    async def revoke() -> None:
        if await asking.sure(f"Revoke {name}?", "Revoke", more="Programs that use it are shut out at once."):
            await desk.act(lambda: desk.api.delete(f"/tokens/{quoted(name)}"), f"{name} is revoked.")

    _named(parts.button("Revoke", revoke, looks="danger"), f"Revoke {name}")


def _named(button: ui.button, words: str) -> None:
    button.props["aria-label"] = words


def quoted(name: str) -> str:
    """A name as a part of an address."""
    return quote(name, safe="")


def _drawn(_: object) -> None:
    """An element that was built is shown already."""
