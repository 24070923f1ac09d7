"""Rules & Templates: what answers by itself, in the order in which it is asked."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from nicegui import events, ui

from runner.console import asking, filters, meanings, parts
from runner.console.application import House
from runner.console.client import Refused
from runner.console.desk import Desk
from runner.console.pages import rule_form

TITLE = "Rules & Templates"
TABS = (("/rules", "Rules"), ("/rules/templates", "Templates"), ("/rules/dry-run", "Dry run"))
MOST = 100
LARGEST_BYTES = 900_000
One = Mapping[str, Any]


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/rules", TITLE)
    async def rules(desk: Desk) -> None:
        tabs("/rules")
        if desk.may("agent"):
            with parts.tag("div").classes("across"):
                parts.button("Add a rule", lambda: rule_form.edit(desk, None), icon="add", looks="main", key="a")
                parts.button("Import a file", lambda: _import(desk), icon="upload_file")
        else:
            parts.tag("p", "Changing rules and templates takes the role agent.").classes("soft")

        async def read() -> Any:
            return await desk.api.get("/rules", limit=MOST, cursor=desk.filters.get("cursor"))

        await desk.region(read, lambda found: _list(desk, found))


def tabs(here: str) -> None:
    """The ways between the parts of this place."""
    with parts.tag("nav").classes("tabs") as bar:
        bar.props["aria-label"] = "Rules, templates, dry run"
        for address, name in TABS:
            link = parts.link(address, name, classes="tab here" if address == here else "tab")
            if address == here:
                link.props["aria-current"] = "page"


def _list(desk: Desk, found: One) -> None:
    if not found["items"]:
        parts.empty(
            "There is no rule yet.",
            "A rule says what is done when a message like this arrives. Write a template first, then a rule that "
            "replies with it; it suggests until you let it act by itself.",
            address="/rules/templates",
            action="To the templates",
        )
        return
    parts.tag("p", "They are asked in this order; the first that matches says what is done.").classes("soft")
    with parts.tag("ol").classes("rules stack") as whole:
        whole.props["aria-label"] = "Rules"
        for each in found["items"]:
            _rule(desk, each)
    filters.more(desk, found["next_cursor"])


def _rule(desk: Desk, rule: One) -> None:
    asked = rule["enabled"] and rule["level"] != "off"
    with parts.tag("li").classes("card-box rule" if asked else "card-box rule rests") as place:
        place.props["aria-label"] = rule["name"]
        with parts.tag("div").classes("across"):
            parts.tag("span", f"{rule['position']}.").classes("soft number")
            parts.tag("h3", rule["name"])
            parts.chip(rule["level"], meanings.LEVEL_LOOKS.get(rule["level"], "plain"))
            if not rule["enabled"]:
                parts.chip("disabled", "wary")
        with parts.tag("dl").classes("facts"):
            parts.tag("dt", "When")
            parts.tag("dd", meanings.conditions(rule["when"]))
            parts.tag("dt", "Then")
            parts.tag("dd", meanings.actions(rule["then"]))
            parts.tag("dt", "Used")
            parts.tag("dd", meanings.used(rule["uses"]))
        if desk.may("agent"):
            _buttons(desk, rule)


def _buttons(desk: Desk, rule: One) -> None:
    name, path = rule["name"], parts.inside("rules", rule["name"])

    async def switch() -> None:
        on = not rule["enabled"]
        words = f"{name} is asked again." if on else f"{name} is passed over; drafts that it has written stay."
        await desk.act(lambda: desk.api.put(f"{path}/enabled", {"enabled": on}), words)

    async def move(by: int) -> None:
        await desk.act(lambda: desk.api.put(f"{path}/position", {"position": max(1, rule["position"] + by)}))

    async def remove() -> None:
        if await asking.sure(f"Remove {name}?", "Remove", more="Drafts that it has written stay."):
            await desk.act(lambda: desk.api.delete(path), f"{name} is removed.")

    with parts.tag("div").classes("across rule-ways"):
        _named("Level", name, lambda: _level(desk, rule), icon="tune")
        _named("Edit", name, lambda: rule_form.edit(desk, rule), icon="edit")
        _named("Disable" if rule["enabled"] else "Enable", name, switch)
        _named("Up", name, lambda: move(-1), icon="arrow_upward")
        _named("Down", name, lambda: move(1), icon="arrow_downward")
        _named("Remove", name, remove, looks="danger")


def _named(text: str, name: str, on_click: Callable[[], Any], *, icon: str | None = None, looks: str = "") -> None:
    parts.button(text, on_click, icon=icon, looks=looks).props["aria-label"] = f"{text} {name}"


async def _level(desk: Desk, rule: One) -> None:
    now = str(rule["level"])
    answers = {now: meanings.LEVELS.get(now, now), **meanings.LEVELS}
    level = await asking.choice(f"How far may {rule['name']} go?", answers, label="Level", yes="So far")
    if level is None or level == rule["level"]:
        return
    if level == "automatic" and not await rule_form.automatic(rule["name"]):
        return
    path = parts.inside("rules", rule["name"], "level")
    await desk.act(lambda: desk.api.put(path, {"level": level}), f"{rule['name']}: {meanings.LEVELS[level]}.")


async def _import(desk: Desk) -> None:
    with ui.context.client.content, ui.dialog() as dialog, ui.card().classes("stack broad"):
        parts.tag("h2", "Import rules and templates")
        parts.tag(
            "p",
            "A TOML or JSON file with [[templates]] and [[rules]], as `runner rules import` takes it. All of it is "
            "stored, or nothing; what is there by name is replaced, and the file's rules come first.",
        )

        async def take(event: events.UploadEventArguments) -> None:
            try:
                body = document(event.file.name, await event.file.read())
                told = await desk.api.post("/rules/import", body)
            except ValueError as error:
                said.text = f"It cannot be read: {error}"
            except Refused as refused:
                said.text = "\n".join([refused.detail, *(_where(each) for each in refused.errors[:5])])
            else:
                dialog.submit(told)
                return
            said.set_visibility(True)

        chooser = ui.upload(label="File: choose or drop it", on_upload=take, auto_upload=True)
        chooser.props('flat bordered accept=".toml,.json"').props["max-file-size"] = LARGEST_BYTES
        said = parts.tag("p").classes("problem")
        said.set_visibility(False)
        with parts.tag("div").classes("across"):
            parts.button("Leave it", lambda: dialog.submit(None))
    told = await dialog
    asking.end(dialog)
    if told is not None:
        counts = (parts.counted(told["templates"], "template"), parts.counted(told["rules"], "rule"))
        desk.say(f"Stored {counts[0]} and {counts[1]}.")
        await desk.update()


def document(name: str, content: bytes) -> Any:
    """What stands in a TOML or JSON file. Raises ValueError."""
    text = content.decode("utf-8-sig")
    return json.loads(text) if name.lower().endswith(".json") else tomllib.loads(text)


def _where(problem: Mapping[str, str]) -> str:
    return f"{problem.get('field', '').removeprefix('body.')}: {problem.get('message', '')}"
