"""The templates: reply texts by family, each with its variants, what it is for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from nicegui import ui

from runner.console import asking, filters, meanings, parts
from runner.console.application import House
from runner.console.client import Refused
from runner.console.desk import Desk
from runner.console.pages import template_form
from runner.console.pages.rules import TITLE, tabs

One = Mapping[str, Any]

MOST = 100


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/rules/templates", TITLE)
    async def templates(desk: Desk) -> None:
        tabs("/rules/templates")
        if desk.may("agent"):
            with parts.tag("div").classes("across"):
                parts.button("Add a template", lambda: template_form.edit(desk, {}), icon="add", looks="main", key="a")
        else:
            parts.tag("p", "Changing rules and templates takes the role agent.").classes("soft")

        async def read() -> Any:
            return await desk.api.get("/templates", limit=MOST, sort="name", cursor=desk.filters.get("cursor"))

        await desk.region(read, lambda found: _list(desk, found))


def _list(desk: Desk, found: One) -> None:
    if not found["items"]:
        parts.empty(
            "There is no template yet.",
            "A template is a text that a rule replies with. {buyer_name} and the like are filled in from the thread "
            "and its listing; {buyer_name|there} says what stands there when nobody knows.",
        )
        return
    for name, family in groupby(found["items"], key=lambda each: each["name"]):
        _family(desk, name, list(family))
    filters.more(desk, found["next_cursor"])


def _family(desk: Desk, name: str, family: Sequence[One]) -> None:
    with parts.tag("section").classes("card-box stack family") as place:
        place.props["aria-label"] = name
        place.props["role"] = "region"
        with parts.tag("div").classes("across"):
            parts.tag("h3", name).classes("grow")
            parts.button("Preview", lambda: _preview(desk, name), icon="visibility").props["aria-label"] = (
                f"Preview {name}"
            )
            if desk.may("agent"):
                more = parts.button("Another for …", lambda: template_form.edit(desk, {"name": name}), icon="add")
                more.props["aria-label"] = f"Another template {name}"
        for each in family:
            _template(desk, each)


def _template(desk: Desk, each: One) -> None:
    with parts.tag("div").classes("template stack near"):
        with parts.tag("div").classes("across tight"):
            for words in _whom(each):
                parts.chip(words, "plain")
            parts.tag("span", f"Used: {meanings.used(each['uses'])}").classes("soft")
        for text in each["variants"]:
            parts.tag("p", text).classes("quoted")
        if desk.may("agent"):
            with parts.tag("div").classes("across rule-ways"):
                edit = parts.button("Edit", lambda: template_form.edit(desk, each), icon="edit")
                edit.props["aria-label"] = f"Edit template {each['id']}, {each['name']}"
                gone = parts.button("Remove", lambda: _remove(desk, each), looks="danger")
                gone.props["aria-label"] = f"Remove template {each['id']}, {each['name']}"


def _whom(each: One) -> list[str]:
    told = [f"for {each['account']}"] if each["account"] else []
    told += [f"at {each['site']}"] if each["site"] else []
    told += [f"in {template_form.LANGUAGES.get(each['language'], each['language'])}"] if each["language"] else []
    told += [f"when it {meanings.type_words(each['type'])}"] if each["type"] else []
    return told or ["for all messages"]


async def _remove(desk: Desk, each: One) -> None:
    more = "What it has answered stays. The last one of a name stays as long as a rule replies with it."
    if await asking.sure(f"Remove this template of {each['name']}?", "Remove", more=more):
        path = parts.inside("templates", each["name"], number=each["id"])
        await desk.act(lambda: desk.api.delete(path), "It is removed.")


async def _preview(desk: Desk, name: str) -> None:
    with ui.context.client.content, ui.dialog() as dialog, ui.card().classes("stack broad"):
        parts.tag("h2", f"{name}, with real data")
        field = ui.input("With the data of message number (empty: the newest)").props('outlined dense debounce="400"')
        field.classes("wide-field")
        place = parts.tag("div").classes("stack")
        with parts.tag("div").classes("across"):
            parts.button("Close", dialog.close)

    async def show() -> None:
        number = (field.value or "").strip()
        try:
            if number and not (number.isascii() and number.isdigit()):
                raise Refused(422, "invalid", "The number of a message is made of digits.")
            found = await desk.api.get(parts.inside("templates", name, "preview"), message_id=number)
        except Refused as refused:
            detail = refused.detail
            place.clear()
            with place:
                parts.tag("p", detail).classes("problem")
            return
        if not dialog.is_deleted:
            place.clear()
            with place:
                _previews(found)

    field.on_value_change(show)
    dialog.on("hide", dialog.delete)
    dialog.open()
    await show()


def _previews(found: Sequence[One]) -> None:
    if found:
        parts.tag("p", f"With the data of message {found[0]['message_id']}:").classes("soft")
    for each in found:
        if each["text"] is None:
            parts.tag("p", f"Would not be sent: {each['why_not']}.").classes("problem")
        else:
            parts.tag("p", each["text"]).classes("quoted")
