"""Listings: what is for sale, with its photo and how far each account is; chosen ones are published together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from nicegui import ui

from runner.console import filters, naming, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.pages import publishing

CARDS = 24
MOST_CHIPS = 6
STATES = ("draft", "published")


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/listings", "Listings")
    async def listings(desk: Desk) -> None:
        shelf = Shelf(desk)
        with parts.tag("div").classes("across"):
            if desk.may("agent"):
                shelf.buttons()
            else:
                parts.tag("span", "Importing and publishing take the role agent.").classes("soft")
        accounts = await naming.accounts(desk)
        with parts.tag("div").classes("filters"):
            filters.words(desk, "q", "Title or reference")
            filters.choice(desk, "account", "account", accounts)
            filters.choice(desk, "state", "state", STATES)
        await publishing.progress(desk, shelf.titles)
        await desk.region(shelf.read, shelf.show)


class Shelf:
    """The cards of one open page, and which of them are chosen."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._chosen: dict[str, Mapping[str, Any]] = {}
        self.titles: dict[str, str] = {}
        """Of the listings that were seen here, by id: a job names its listing by id only."""

    def buttons(self) -> None:
        """What is done with the chosen ones, and the way to more."""
        self._publish = parts.button("Publish", self._ask, icon="publish", looks="main", key="p")
        self._none = parts.button("Choose none", self._drop, icon="deselect")
        parts.link("/listings/import", "Import listings", classes="button quiet")
        self._count()

    async def read(self) -> Any:
        """The page of groups that the filters ask for."""
        asked = {name: self._desk.filters.get(name) for name in ("q", "account", "state", "cursor")}
        found = await self._desk.api.get("/listings/groups", limit=CARDS, **asked)
        self.titles |= {copy["id"]: copy["title"] for group in found["items"] for copy in group["copies"]}
        return found

    def show(self, found: dict[str, Any]) -> None:
        """The cards."""
        if not found["items"]:
            self._empty()
        with parts.tag("div").classes("shelf"):
            for group in found["items"]:
                with parts.tag("article").classes("item"):
                    self._card(group)
        filters.more(self._desk, found["next_cursor"])

    def _empty(self) -> None:
        if set(self._desk.filters) & {"q", "account", "state", "cursor"}:
            parts.empty("No listing is like that.", "Take a filter away, or look for another word.")
        else:
            parts.empty(
                "There are no listings yet.",
                "Import a table of what you sell: CSV, Excel or JSON, with photos if you have them.",
                address="/listings/import",
                action="Import listings",
            )

    def _card(self, group: Mapping[str, Any]) -> None:
        with parts.link(f"/listings/{group['newest_id']}", classes="item-photo", label=group["title"]):
            if group["photo"]:
                parts.tag("img", src=group["photo"], alt="", loading="lazy")
            else:
                ui.icon("image_not_supported").classes("soft")
        with parts.tag("div").classes("item-words"):
            parts.link(f"/listings/{group['newest_id']}", group["title"], classes="row-link item-title")
            with parts.tag("div").classes("item-line"):
                parts.tag("strong", publishing.price(group))
                parts.tag("span", group["reference"]).classes("soft mono")
            with parts.tag("div").classes("chips"):
                _chips(group["copies"])
        if self._desk.may("agent"):
            box = ui.checkbox(
                value=group["reference"] in self._chosen,
                on_change=lambda event, group=group: self._choose(group, event.value),
            )
            box.classes("item-choose").props["aria-label"] = f"Choose {group['title']}"

    def _choose(self, group: Mapping[str, Any], chosen: bool) -> None:
        self._chosen.pop(group["reference"], None)
        if chosen:
            self._chosen[group["reference"]] = group
        self._count()

    def _count(self) -> None:
        count = len(self._chosen)
        self._publish.set_text(f"Publish {count} chosen" if count else "Publish")
        self._none.set_visibility(count > 0)

    async def _drop(self) -> None:
        self._chosen.clear()
        self._count()
        await self._desk.update(anew=True)

    async def _ask(self) -> None:
        if not self._chosen:
            ui.notify("Choose listings first: tick their cards.", position="top")
            return
        if await publishing.ask(self._desk, list(self._chosen.values())):
            await self._drop()


def _chips(copies: list[dict[str, Any]]) -> None:
    # What was imported for nobody stays beside the copies that accounts have; it says nothing more then.
    whose = [copy for copy in copies if copy["account"]] or copies
    states = [(copy["account"] or "nobody yet", publishing.state(copy)) for copy in whose]
    if len(states) <= MOST_CHIPS:
        for account, state in states:
            parts.chip(f"{account}: {state}", parts.tone(state))
        return
    for state, count in Counter(state for _, state in states).most_common():
        parts.chip(f"{count} {state}", parts.tone(state))
