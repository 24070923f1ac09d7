"""Accounts from a table: choose it, see what would be done with which row, then import."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import events, ui

from runner.console import parts
from runner.console.application import House
from runner.console.client import Refused
from runner.console.desk import Desk

LARGEST_BYTES = 900_000
MOST_PROBLEMS = 100
DELIMITERS = ",;\t"
EXAMPLE = "name,username,password_env,tags\namy,amy@example.com,AMY_PASSWORD,north"
HINT = (
    "CSV or JSON. It never holds passwords, only where each is kept: password_env (a variable of the environment), "
    "password_keyring (service/username) or password_file (a path). For example:"
)


class Unreadable(Exception):
    """It is no table; the message says why."""


def rows_of(name: str, content: bytes) -> list[dict[str, Any]]:
    """The rows of a CSV or JSON file, each by its columns. Raises Unreadable."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("It is not text in UTF-8: save the table as CSV (UTF-8).") from None
    rows = _json(text) if name.lower().endswith(".json") else _csv(text)
    if not rows:
        raise Unreadable("There is no row in it under the names of the columns.")
    return rows


def _json(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError as wrong:
        raise Unreadable(f"It is not JSON: {wrong}.") from None
    rows = found.get("accounts") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        raise Unreadable('It should be a list of objects, or {"accounts": [...]}.')
    return rows


def _csv(text: str) -> list[dict[str, Any]]:
    heading = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=heading.count)
    try:
        found = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="(no column)"))
    except csv.Error as wrong:
        raise Unreadable(f"It is not a table: {wrong}.") from None
    return [{key.strip(): value for key, value in row.items() if value not in (None, "")} for row in found]


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/accounts/import", "Accounts")
    async def account_import(desk: Desk) -> None:
        with parts.tag("div").classes("title"):
            parts.tag("h2", "Import accounts")
            parts.link("/accounts", "All accounts")
        if not desk.may("admin"):
            parts.empty("Importing takes the role admin.", f"You are {desk.who['role']}: an admin can do it.")
            return
        Wizard(desk).build()


class Wizard:
    """One import that a person puts together."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rows: list[dict[str, Any]] = []

    def build(self) -> None:
        """The two steps, one under the other."""
        with parts.tag("section").classes("card-box stack"):
            parts.tag("h3", "1. The table")
            parts.tag("p", HINT)
            parts.tag("pre", EXAMPLE).classes("command")
            chooser = ui.upload(
                label="Table: choose or drop a file",
                on_upload=self._take,
                on_rejected=lambda: ui.notify(f"Larger than {LARGEST_BYTES:,} bytes: split it.", type="negative"),
                max_file_size=LARGEST_BYTES,
                auto_upload=True,
            )
            chooser.props('flat bordered accept=".csv,.tsv,.json"')
        with parts.tag("section").classes("card-box stack") as box:
            box.props["aria-label"] = "What would be done"
            parts.tag("h3", "2. Look, then import")
            self._found = parts.tag("div").classes("stack")
            with self._found:
                parts.tag("p", "Choose a table first.").classes("soft")
            self._button = parts.button("Import", self._import, icon="download_done", looks="main")
            self._button.disable()

    async def _take(self, event: events.UploadEventArguments) -> None:
        self._button.disable()
        try:
            self._rows = rows_of(event.file.name, await event.file.read())
            told = await self._ask(dry_run=True)
        except (Unreadable, Refused) as refused:
            self._say(refused.detail if isinstance(refused, Refused) else str(refused))
            return
        self._show(told, "would be")
        if told["accounts"]:
            self._button.enable()

    async def _import(self) -> None:
        self._button.disable()
        told = await self._desk.act(lambda: self._ask(dry_run=False), "Imported.")
        if told is not None:
            self._show(told, "were")

    async def _ask(self, *, dry_run: bool) -> Any:
        return await self._desk.api.post("/accounts/import", {"rows": self._rows, "dry_run": dry_run})

    def _say(self, words: str) -> None:
        self._found.clear()
        with self._found:
            parts.tag("p", words).classes("problem")

    def _show(self, told: Mapping[str, Any], verb: str) -> None:
        self._found.clear()
        with self._found:
            counts = ", ".join(f"{number} {verb} {what}" for what, number in told["counts"].items())
            parts.tag("p", f"Of {told['rows']} rows {counts or 'none can be imported'}.")
            if told["accounts"]:
                parts.tag("p", ", ".join(told["accounts"])).classes("soft")
            _problems("Rows that are left out", told["problems"])
            _problems("Worth a look", told["warnings"])


def _problems(name: str, problems: Sequence[Mapping[str, Any]]) -> None:
    if not problems:
        return
    parts.tag("h3", name)
    columns = (
        parts.Column(name="Row", show=lambda each: "" if each["row"] is None else str(each["row"])),
        parts.Column(name="Column", show=lambda each: each["column"] or ""),
        parts.Column(name="Found", show=lambda each: each["found"]),
        parts.Column(name="Why", show=lambda each: each["reason"]),
    )
    parts.table(problems[:MOST_PROBLEMS], columns, name=name)
