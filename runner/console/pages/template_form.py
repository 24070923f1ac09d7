"""The form of a Template: its texts with what each would say to a real Message, and which Messages it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from runner.console import forms, meanings, parts
from runner.console.client import Refused
from runner.console.desk import Desk
from runner.domain.templates import Placeholder

One = Mapping[str, Any]

LANGUAGES = {"en": "English", "es": "Spanish", "fr": "French"}
PLACEHOLDERS = {
    Placeholder.BUYER_NAME: "there",
    Placeholder.LISTING_TITLE: "it",
    Placeholder.PRICE: "the price in the listing",
    Placeholder.CONDITION: "as described",
    Placeholder.PICKUP_PLACE: "our place",
    Placeholder.REFERENCE: "",
    Placeholder.ACCOUNT: "",
    Placeholder.SITE: "",
}
"""What stands in a text, with a fall-back where one is likely to be needed."""
MOST = 500


async def edit(desk: Desk, template: One) -> None:
    """Add a Template, or change the one that has an id."""
    accounts = (await desk.api.get("/accounts", limit=MOST))["items"]
    names = [each["name"] for each in accounts]
    sites = sorted({each["site"] for each in accounts})
    texts = Texts(desk, list(template.get("variants", ())))
    selectors = [
        forms.one("type", "Only when it", {"": "whatever it wants", **meanings.TYPES}),
        forms.one("language", "Only in", {"": "any language", **LANGUAGES}),
        forms.one("site", "Only at", {"": "any site", **{each: each for each in sites}}),
        forms.one("account", "Only for", {"": "any account", **{each: each for each in names}}),
    ]
    places: dict[str, forms.Fields] = {}

    def build() -> Any:
        places["name"] = forms.Fields(
            [forms.text("name", "Name", hint="those of one name are a family; the one that fits best answers")],
            {"name": template.get("name")},
        )
        texts.build()
        parts.tag("h3", "Which messages it is for")
        with parts.tag("div").classes("form-grid"):
            places["for"] = forms.Fields(selectors, {each.name: template.get(each.name) for each in selectors})
        return read

    def read() -> dict[str, Any] | None:
        name, whom = places["name"].read(), places["for"].read()
        return None if name is None or whom is None else {"name": "", **name, **whom, "text": texts.read()}

    async def send(body: One) -> bool:
        if not await texts.fine():
            return False
        if "id" in template:
            await desk.api.put(parts.inside("templates", template["name"], template["id"]), body)
        else:
            await desk.api.post("/templates", body, creates=True)
        return True

    def blame(at: str, message: str) -> bool:
        name = at.removeprefix("body.").split(".")[0]
        return texts.blame(message) if name == "text" else any(each.blame(name, message) for each in places.values())

    title = f"Change a template of {template['name']}" if "id" in template else "Add a template"
    if await forms.asked(title, "Keep it" if "id" in template else "Add it", build, send, blame):
        desk.say("Kept. A rule replies with it by its name.")
        await desk.update()


class Texts:
    """The variants, each in a field of its own with what it would say under it."""

    def __init__(self, desk: Desk, variants: list[str]) -> None:
        self._desk = desk
        self._fields: list[tuple[ui.textarea, Any]] = []
        self._variants = variants or [""]
        self._last: ui.textarea | None = None
        self._asked = 0

    def build(self) -> None:
        """Make the fields, and under them what may stand in a text."""
        self._place = parts.tag("div").classes("stack")
        for text in self._variants:
            self._add(text)
        with parts.tag("div").classes("across"):
            parts.button("Another variant", lambda: self._add(""), icon="add")
            self._number = ui.input("Message to try with (empty: newest)").props('outlined dense debounce="400"')
            self._number.classes("grow").on_value_change(self.fine)
        with parts.tag("div").classes("across tight placeholders"):
            parts.tag("span", "Press to put in:").classes("soft")
            for name, fallback in PLACEHOLDERS.items():
                self._placeholder(f"{{{name}|{fallback}}}" if fallback else f"{{{name}}}")
        parts.tag(
            "p",
            "What stands after the bar is said when nobody knows the value. Without it, such a message is not "
            "answered but shown to a person. {{ and }} are braces.",
        ).classes("soft")

    def read(self) -> list[str]:
        """The variants that are not empty; one empty one where all are, for the API to refuse."""
        found = [each.value or "" for each, _ in self._fields]
        return [each for each in found if each.strip()] or found[:1]

    def blame(self, message: str) -> bool:
        """Say under the first text what the API refuses."""
        self._fields[0][0].error = message
        return True

    async def fine(self) -> bool:
        """Show what each would say, and under each what is wrong with it; whether none is wrong."""
        texts = [each.value or "" for each, _ in self._fields]
        filled = [at for at, text in enumerate(texts) if text.strip()]
        number = (self._number.value or "").strip()
        body = {"text": [texts[at] for at in filled], "message_id": int(number) if number.isdecimal() else None}
        for field, said in self._fields:
            field.error, said.text = None, ""
        if not filled:
            return True
        self._asked = turn = self._asked + 1
        try:
            found = await self._desk.api.post("/templates/preview", body)
        except Refused as refused:
            # No message to try it on is no reason not to store a text.
            self._fields[filled[0]][1].text = refused.detail
            return True
        # Of two that are asked one after the other, the later one is to be seen, whichever is answered first.
        for at, each in zip(filled, found, strict=True) if turn == self._asked else ():
            field, said = self._fields[at]
            field.error = each["wrong"]
            said.text = "" if each["wrong"] else each["text"] or f"Would not be sent: {each['why_not']}."
        return all(each["wrong"] is None for each in found)

    def _add(self, text: str) -> None:
        with self._place:
            field = ui.textarea(f"Text {len(self._fields) + 1}", value=text).props(
                'outlined dense autogrow debounce="400"'
            )
            field.classes("wide-field")
            said = parts.tag("p").classes("quoted soft")
        self._fields.append((field, said))
        self._last = field
        field.on("focus", lambda: self._remember(field))
        field.on_value_change(self.fine)

    def _remember(self, field: ui.textarea) -> None:
        self._last = field

    def _placeholder(self, text: str) -> None:
        def put() -> None:
            if self._last is not None:
                self._last.value = f"{self._last.value or ''}{text}"

        button = parts.tag("button", text).classes("plain word mono").on("click", put)
        button.props["type"] = "button"
