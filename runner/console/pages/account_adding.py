"""The ways to more Accounts: one by hand, or a table of them. A password is never typed here."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from runner.console import parts
from runner.console.client import Refused
from runner.console.desk import Desk

PLACES = {
    "password_env": "an environment variable",
    "password_keyring": "the keyring (service/username)",
    "password_file": "a file (its path)",
}


def buttons(desk: Desk) -> None:
    """The buttons, and the dialog behind the first."""
    dialog = Adding(desk)
    with parts.tag("div").classes("across"):
        parts.button("Add an account", dialog.open, icon="person_add", key="a")
        parts.button("Import", lambda: ui.navigate.to("/accounts/import"), icon="upload_file")


class Adding:
    """The dialog in which one Account is described."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        with ui.dialog() as self._dialog, ui.card():
            parts.tag("h2", "Add an account")
            self._name = _field("Name")
            self._username = _field("Signs in as (else its name)")
            self._site = _field("Site (when there are several)")
            self._place = ui.select(PLACES, value="password_env", label="Where its password is kept")
            self._place.props("outlined dense options-dense").classes("wide-field")
            self._kept = _field("Name of that place")
            self._tags = _field("Tags, with commas between them")
            parts.tag("p", "The password itself is never given here.").classes("soft")
            self._wrong = parts.tag("p").classes("problem")
            self._wrong.set_visibility(False)
            with parts.tag("div").classes("across"):
                parts.button("Add it", self._add, looks="main")
                parts.button("Leave it", self._dialog.close)

    def open(self) -> None:
        """Show it."""
        self._wrong.set_visibility(False)
        self._dialog.open()

    async def _add(self) -> None:
        tags = [each.strip() for each in self._tags.value.split(",") if each.strip()]
        body: dict[str, Any] = {"name": self._name.value.strip(), "tags": tags}
        given = {"username": self._username, "site": self._site, str(self._place.value): self._kept}
        body |= {key: field.value.strip() for key, field in given.items() if field.value.strip()}
        try:
            made = await self._desk.api.post("/accounts", body, creates=True)
        except Refused as refused:
            words = [each.get("message", "") for each in refused.errors] or [refused.detail]
            self._wrong.text = " ".join(words)
            self._wrong.set_visibility(True)
            return
        self._dialog.close()
        ui.navigate.to(parts.inside("accounts", made["name"]))


def _field(label: str) -> ui.input:
    field = ui.input(label, value="").props("outlined dense").classes("wide-field")
    return field
