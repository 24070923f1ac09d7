"""What stands around every page: the menu, who is signed in, light or dark, and the way to the keyboard's page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

from runner.console import parts
from runner.console.client import Refused
from runner.console.desk import Desk

THEME = "runner_theme"
PLACES = (
    # address, name, icon (Material, from the package), the key after g
    ("/", "Now", "bolt", "n"),
    ("/accounts", "Accounts", "people", "a"),
    ("/inbox", "Inbox", "inbox", "i"),
    ("/rules", "Rules & Templates", "rule", "r"),
    ("/sequences", "Sequences", "schedule_send", "q"),
    ("/listings", "Listings", "sell", "l"),
    ("/jobs", "Jobs", "playlist_play", "j"),
    ("/errors", "Errors", "report", "e"),
    ("/live", "Live", "visibility", "v"),
    ("/analytics", "Analytics", "insights", "y"),
    ("/settings", "Settings", "tune", "s"),
)


@contextmanager
def around(desk: Desk, title: str, *, theme: str | None, wide: bool) -> Iterator[None]:
    """Everything that is there on every page; the page itself is built in the body."""
    ui.dark_mode({"light": False, "dark": True}.get(theme or ""))
    with parts.tag("header").classes("top"):
        with parts.link("/", classes="brand"):
            ui.icon("storefront")
            parts.tag("span", "runner")
        with parts.tag("nav").classes("menu") as menu:
            menu.props["aria-label"] = "Pages"
            for address, name, icon, key in PLACES:
                _place(address, name, icon, key, here=title == name)
        with parts.tag("div").classes("me"):
            _theme()
            parts.link("/keys", "?", classes="keys", label="Keyboard shortcuts")
            _who(desk)
    with parts.tag("main").classes("page wide" if wide else "page"):
        parts.tag("h1", title)
        yield


def _place(address: str, name: str, icon: str, key: str, *, here: bool) -> None:
    with parts.link(address, classes="place here" if here else "place") as link:
        link.props["data-key"] = key
        if here:
            link.props["aria-current"] = "page"
        ui.icon(icon)
        parts.tag("span", name)


def _theme() -> None:
    with parts.tag("button").classes("plain theme") as button:
        button.props["type"] = "button"
        button.props["aria-label"] = "Light, dark, or as the system says"
        button.props["title"] = "Light, dark, or as the system says"
        ui.icon("contrast")


def _who(desk: Desk) -> None:
    with ui.button(icon="account_circle", color=None).props("flat round dense").classes("who") as button:
        button.props["aria-label"] = "Signed in as"
        with ui.menu():
            ui.label(desk.who["name"]).classes("who-name")
            ui.label(desk.who["role"]).classes("soft who-role")
            if desk.who["via"] == "session":
                ui.menu_item("Sign out", lambda: _sign_out(desk))


async def _sign_out(desk: Desk) -> None:
    try:
        await desk.api.delete("/session")
    except Refused as refused:
        desk.refused(refused)
    ui.navigate.to("/sign-in")
