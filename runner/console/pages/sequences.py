"""Sequences: timed follow-ups, how many threads are where in them, and after which step people write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from runner.console import asking, parts
from runner.console.application import House
from runner.console.client import Refused
from runner.console.desk import Desk

TITLE = "Sequences"
MOST = 100
MOST_STEPS = 20
One = Mapping[str, Any]
LOOKS = {"active": "good", "postponed": "plain", "in_doubt": "bad", "finished": "plain", "stopped": "wary"}
WORDS = {"in_doubt": "in doubt"}


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/sequences", TITLE)
    async def sequences(desk: Desk) -> None:
        if desk.may("agent"):
            with parts.tag("div").classes("across"):
                parts.button("Add a sequence", lambda: edit(desk, None), icon="add", looks="main", key="a")
        await desk.region(lambda: desk.api.get("/sequences", limit=MOST), _list)


def _list(found: One) -> None:
    if not found["items"]:
        parts.empty(
            "There is no sequence yet.",
            "A sequence writes to a counterpart again when they have gone silent, and stops at their first word. "
            "It sends what templates say: write one first.",
            address="/rules/templates",
            action="To the templates",
        )
        return
    columns = [
        parts.Column(name="Sequence", show=lambda row: row["name"]),
        parts.Column(name="Steps", show=_steps),
        parts.Column(name="", show=lambda row: None if row["enabled"] else _chip("disabled", "wary")),
        *(_counted(state) for state in LOOKS),
    ]
    parts.table(found["items"], columns, address=lambda row: parts.inside("sequences", row["name"]), name="Sequences")


def _steps(row: One) -> str:
    return ", ".join(f"{each['delay']} {each['template']}" for each in row["steps"])


def _counted(state: str) -> parts.Column:
    name = WORDS.get(state, state).capitalize()
    return parts.Column(name=name, show=lambda row: str(row["enrolments"].get(state) or ""), numeric=True)


def _chip(words: str, looks: str) -> None:
    parts.chip(words, looks)


def chip(state: str) -> None:
    """The state of an Enrolment."""
    parts.chip(WORDS.get(state, state), LOOKS.get(state, "plain"))


async def edit(desk: Desk, found: One | None) -> None:
    """Add a Sequence, or give one other steps."""
    templates = await desk.api.get("/templates", limit=500)
    names = sorted({each["name"] for each in templates["items"]})
    if not names:
        if await asking.sure("There is no template yet.", "To the templates", more="A step sends what one says."):
            ui.navigate.to("/rules/templates")
        return
    with ui.context.client.content, ui.dialog() as dialog, ui.card().classes("stack broad"):
        parts.tag("h2", f"Other steps for {found['name']}" if found else "Add a sequence")
        name = ui.input("Name", value=found["name"] if found else "").props("outlined dense")
        name.set_visibility(found is None)
        form = Steps(names, found["steps"] if found else ())
        said = parts.tag("p").classes("problem")
        said.set_visibility(False)

        async def keep() -> None:
            body: dict[str, Any] = {"steps": form.read()}
            try:
                if found is None:
                    await desk.api.post("/sequences", body | {"name": name.value or ""}, creates=True)
                else:
                    await desk.api.put(parts.inside("sequences", found["name"]), body)
            except Refused as refused:
                said.text = "\n".join([refused.detail, *(str(each.get("message", "")) for each in refused.errors[:5])])
                said.set_visibility(True)
            else:
                dialog.submit(True)

        with parts.tag("div").classes("across"):
            parts.button("Keep them" if found else "Add it", keep, looks="main")
            parts.button("Leave it", lambda: dialog.submit(None))
    done = await dialog
    dialog.delete()
    if done:
        desk.say("The new steps count from now." if found else "Kept. Try it on a thread before you enrol many.")
        await desk.update()


class Steps:
    """The fields of the steps: a delay and a template each."""

    def __init__(self, names: Sequence[str], steps: Sequence[One]) -> None:
        self._names = list(names)
        self._rows: list[tuple[Any, ui.input, ui.select]] = []
        parts.tag(
            "p",
            "Each waits for the message before it: 30m, 2h, 3d, or 2wd for working days of the account. Nothing goes "
            "out outside its hours.",
        ).classes("soft")
        self._place = parts.tag("div").classes("stack")
        for each in steps or ({"delay": "2wd", "template": names[0]},):
            self._add(str(each["delay"]), str(each["template"]))
        parts.button("Another step", lambda: self._add("5wd", self._names[0]), icon="add")

    def read(self) -> list[dict[str, str]]:
        """What stands in them."""
        return [{"delay": delay.value or "", "template": template.value or ""} for _, delay, template in self._rows]

    def _add(self, delay: str, template: str) -> None:
        if len(self._rows) >= MOST_STEPS:
            return
        known = self._names if template in self._names else [template, *self._names]
        with self._place, parts.tag("div").classes("across step") as row:
            number = len(self._rows) + 1
            wait = ui.input(f"Delay {number}", value=delay).props("outlined dense").classes("delay")
            words = ui.select(known, value=template, label=f"Template {number}").props("outlined dense options-dense")
            words.classes("grow")
            away = ui.button(icon="close", on_click=lambda: self._remove(row), color=None).props("flat round dense")
            away.props["aria-label"] = f"Remove step {number}"
        self._rows.append((row, wait, words))

    def _remove(self, row: Any) -> None:
        if len(self._rows) > 1:
            self._rows = [each for each in self._rows if each[0] is not row]
            self._place.remove(row)
