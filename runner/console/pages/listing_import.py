"""The import of listings: choose a table, see what is wrong with which row, then import."""

from __future__ import annotations

from typing import Any

from nicegui import events, ui

from runner.console import filters, naming, parts
from runner.console.application import House
from runner.console.client import Refused, Upload
from runner.console.desk import Desk

LARGEST_TABLE_BYTES = 20_000_000
LARGEST_PHOTO_BYTES = 20_000_000
LARGEST_PHOTOS_BYTES = 150_000_000
MOST_PHOTOS = 500
MOST_ROWS = 100
NOBODY = ""
TEMPLATE = "/api/v1/listings/template"


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/listings/import", "Listings")
    async def listing_import(desk: Desk) -> None:
        parts.title("Import listings", "Nothing is stored before you have seen what would be.")
        if not desk.may("agent"):
            parts.empty("Importing takes the role agent.", f"You are {desk.who['role']}: an admin can change that.")
            return
        Wizard(desk).build(await naming.accounts(desk))


class Wizard:
    """One import that a person puts together."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._table: tuple[str, bytes] | None = None
        self._photos: dict[str, bytes] = {}
        self._account = NOBODY

    def build(self, accounts: list[str]) -> None:
        """The three steps, one under the other."""
        with parts.tag("section").classes("card-box stack"):
            parts.tag("h3", "1. The table")
            with parts.tag("p"):
                parts.tag("span", "CSV, Excel (.xlsx) or JSON. It needs the columns reference, title and price. ")
                parts.link(TEMPLATE, "Download a template with all columns").props["download"] = "listings.csv"
            _chooser("Table: choose or drop a file", self._take_table, LARGEST_TABLE_BYTES).props(
                'accept=".csv,.tsv,.xlsx,.json"'
            )
            options = {NOBODY: "nobody yet", **{name: name for name in accounts}}
            field = ui.select(
                options,
                value=NOBODY,
                label="Who publishes rows that name no account",
                with_input=len(options) > filters.MANY,
            )
            field.props("dense outlined options-dense").classes("filter").on_value_change(self._take_account)
        with parts.tag("section").classes("card-box stack"):
            parts.tag("h3", "2. Photos")
            parts.tag("p", "If the table names any, in its column photos: several names with ; between them.")
            photos = _chooser("Photos: choose or drop files", self._take_photo, LARGEST_PHOTO_BYTES, many=True)
            photos.props('accept=".jpg,.jpeg,.png,.webp,.gif"')
        with parts.tag("section").classes("card-box stack"):
            parts.tag("h3", "3. Look, then import")
            self._found = parts.tag("div").classes("stack")
            with self._found:
                parts.tag("p", "Choose a table first.").classes("soft")
            self._button = parts.button("Import", self._import, icon="download_done", looks="main")
            self._button.disable()

    async def _take_table(self, event: events.UploadEventArguments) -> None:
        self._table = (event.file.name, await event.file.read())
        await self._look()

    async def _take_photo(self, event: events.UploadEventArguments) -> None:
        content = await event.file.read()
        if sum(map(len, self._photos.values())) + len(content) > LARGEST_PHOTOS_BYTES:
            ui.notify("These are too many photos for one import: send the rest with another.", type="negative")
            return
        self._photos[event.file.name] = content
        await self._look()

    async def _take_account(self, event: events.ValueChangeEventArguments[str]) -> None:
        self._account = event.value
        await self._look()

    async def _send(self, *, dry_run: bool) -> Any:
        assert self._table is not None
        files: list[Upload] = [("file", self._table), *(("photos", photo) for photo in self._photos.items())]
        fields = {"account": self._account} if self._account else {}
        return await self._desk.api.upload("/listings/import", files, **fields, dry_run="true" if dry_run else "false")

    async def _look(self) -> None:
        """Ask what would be imported, and show it."""
        if self._table is None:
            return
        self._button.disable()
        try:
            found = await self._send(dry_run=True)
        except Refused as refused:
            detail = refused.detail
            self._say(lambda: ui.label(detail).classes("problem"))
            return
        self._say(lambda: _told(found))
        self._button.set_text(f"Import {found['ready']} listings" if found["ready"] != 1 else "Import 1 listing")
        self._button.set_enabled(found["ready"] > 0)

    async def _import(self) -> None:
        self._button.disable()
        done = await self._desk.act(lambda: self._send(dry_run=False), "The import is done.")
        if done is not None:
            self._say(lambda: _done(done))
            return
        self._button.enable()

    def _say(self, show: Any) -> None:
        self._found.clear()
        with self._found:
            show()


def _chooser(label: str, take: Any, largest: int, *, many: bool = False) -> ui.upload:
    def refuse() -> None:
        ui.notify("This file is too large, or of another kind.", type="negative", position="top")

    made = ui.upload(
        label=label,
        multiple=many,
        auto_upload=True,
        max_file_size=largest,
        max_files=MOST_PHOTOS if many else None,
        on_upload=take,
        on_rejected=refuse,
    )
    return made.props("flat bordered")


def _told(found: dict[str, Any]) -> None:
    """What would be imported, and what would not, and why."""
    wrong = len({each["line"] for each in found["problems"]})
    with parts.tag("div").classes("across"):
        parts.tag("strong", f"{found['rows']} rows")
        parts.chip(f"{found['ready']} can be imported", "good" if found["ready"] else "plain")
        if wrong:
            parts.chip(f"{wrong} rows are wrong and stay out", "bad")
    _rows(found["problems"], "Rows that are wrong")
    _rows(found["warnings"], "Worth a look")


def _rows(rows: list[dict[str, Any]], name: str) -> None:
    if not rows:
        return
    parts.tag("h3", name)
    columns = [
        parts.Column(name="Line", show=lambda row: "whole file" if row["line"] is None else str(row["line"])),
        parts.Column(name="Column", show=lambda row: row["column"] or "—"),
        parts.Column(name="What is wrong" if name.startswith("Rows") else "What", show=lambda row: row["reason"]),
    ]
    parts.table(rows[:MOST_ROWS], columns, name=name)
    if len(rows) > MOST_ROWS:
        parts.tag("p", f"And {len(rows) - MOST_ROWS} more: mend these first.").classes("soft")


def _done(done: dict[str, Any]) -> None:
    with parts.tag("div").classes("across"):
        for what, count in sorted(done["counts"].items()):
            parts.chip(f"{count} {what}", "good" if what in ("added", "changed") else "plain")
        if not done["counts"]:
            parts.tag("span", "Nothing was imported.")
    _rows(done["problems"], "Rows that are wrong")
    parts.link("/listings", "See the listings", classes="button")
