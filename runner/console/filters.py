"""Filters over a list: what stands in them stands in the page's address too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nicegui import ui

from runner.console import parts
from runner.console.desk import Desk

MANY = 12
"""From so many options on, one types to find one."""


def choice(desk: Desk, name: str, label: str, options: Sequence[str] | Mapping[str, str]) -> None:
    """A list to choose one from; the first line takes the filter away."""
    given = options if isinstance(options, Mapping) else {each: each.replace("_", " ") for each in options}
    known = {"": f"any {label}", **given}
    value = desk.filters.get(name, "")
    if value not in known:
        known[value] = value
    field = ui.select(
        known,
        value=value,
        label=label,
        on_change=lambda event: desk.narrow(**{name: event.value}),
        with_input=len(known) > MANY,
    )
    field.props("dense outlined options-dense").classes("filter")


def words(desk: Desk, name: str, label: str) -> None:
    """A field to search with: Enter, or half a second without a key, searches."""
    field = ui.input(
        label, value=desk.filters.get(name, ""), on_change=lambda event: desk.narrow(**{name: event.value})
    )
    field.props('dense outlined clearable debounce="500" data-search').classes("filter words")


def flag(desk: Desk, name: str, label: str, *, value: str = "true") -> None:
    """On or off."""
    box = ui.checkbox(
        label,
        value=desk.filters.get(name) == value,
        on_change=lambda event: desk.narrow(**{name: value if event.value else None}),
    )
    box.props("dense").classes("filter")


def more(desk: Desk, next_cursor: str | None) -> None:
    """The way to what follows, and back to the beginning."""
    begun = "cursor" in desk.filters
    if not next_cursor and not begun:
        return
    with parts.tag("div").classes("more"):
        if begun:
            parts.button("To the beginning", lambda: desk.narrow(cursor=None), icon="first_page")
        if next_cursor:
            parts.button("Further", lambda: desk.narrow(cursor=next_cursor), icon="chevron_right")
