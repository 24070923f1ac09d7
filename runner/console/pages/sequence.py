"""One Sequence: its steps with what came after them, a dry run for a thread, and who goes through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from runner.console import asking, filters, parts
from runner.console.application import House
from runner.console.client import Refused
from runner.console.desk import Desk
from runner.console.pages.sequences import LOOKS, TITLE, WORDS, chip, edit

PAGE = 50
One = Mapping[str, Any]


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/sequences/{name}", TITLE)
    async def one(desk: Desk) -> None:
        name, path = desk.path["name"], parts.inside("sequences", desk.path["name"])
        await desk.region(lambda: desk.api.get(path), lambda found: _head(desk, found))
        Trial(desk, name, path)
        parts.title("Who goes through it")
        with parts.tag("div").classes("filters"):
            filters.choice(desk, "state", "state", {each: WORDS.get(each, each) for each in LOOKS})
        await desk.region(lambda: _read(desk, name), lambda found: _enrolments(desk, found))


async def _read(desk: Desk, name: str) -> Any:
    state, cursor = desk.filters.get("state"), desk.filters.get("cursor")
    return await desk.api.get("/enrolments", sequence=name, state=state or None, cursor=cursor, limit=PAGE)


def _head(desk: Desk, found: One) -> None:
    with parts.tag("div").classes("across"):
        parts.title(found["name"])
        if not found["enabled"]:
            parts.chip("disabled: everything in it waits", "wary")
        parts.tag("span").classes("grow")
        if desk.may("agent"):
            _buttons(desk, found)
    columns = [
        parts.Column(name="Step", show=lambda row: str(row["position"])),
        parts.Column(name="What", show=lambda row: _step(found, row["position"])),
        parts.Column(name="Sent", show=lambda row: str(row["sent"]), numeric=True),
        parts.Column(name="Wrote after it", show=_replied, numeric=True),
        parts.Column(name="Opted out", show=lambda row: str(row["opted_out"] or ""), numeric=True),
    ]
    parts.table(found["by_step"], columns, name="Steps")


def _step(found: One, position: int) -> str:
    if position == 0:
        return "enrolled"
    if position > len(found["steps"]):
        return "a step that is gone"
    step = found["steps"][position - 1]
    return f"{step['words']} later: {step['template']}"


def _replied(row: One) -> str:
    if not row["sent"]:
        return ""
    return f"{row['replied']} ({100 * row['replied'] / row['sent']:.0f}\N{NO-BREAK SPACE}%)"


def _buttons(desk: Desk, found: One) -> None:
    path = parts.inside("sequences", found["name"])

    async def switch() -> None:
        on = not found["enabled"]
        words = "It goes on." if on else "Everything in it waits."
        await desk.act(lambda: desk.api.put(f"{path}/enabled", {"enabled": on}), words)

    async def remove() -> None:
        if not await asking.sure(f"Remove {found['name']}?", "Remove", more="What was sent stays."):
            return
        try:
            await desk.api.delete(path)
        except Refused as refused:
            desk.refused(refused)
        else:
            ui.navigate.to("/sequences")

    parts.button("Other steps", lambda: edit(desk, found), icon="edit")
    parts.button("Disable" if found["enabled"] else "Enable", switch)
    parts.button("Remove", remove, looks="danger")


class Trial:
    """What a Thread would get, and the button that enrols it."""

    def __init__(self, desk: Desk, name: str, path: str) -> None:
        self._desk, self._name, self._path = desk, name, path
        with parts.tag("section").classes("card-box stack") as place:
            place.props["aria-label"] = "Dry run"
            parts.title("Dry run", "when each step would go out to a thread, and with what text; nothing is done")
            with parts.tag("div").classes("across"):
                self._number = ui.input("Number of the thread").props("outlined dense").classes("filter")
                self._number.on("keydown.enter", self.run)
                parts.button("Try it", self.run, icon="science", key="d")
                if desk.may("agent"):
                    parts.button("Enrol it", self.enrol, icon="schedule_send", looks="main")
            self._found = parts.tag("div").classes("stack")

    async def run(self) -> None:
        """Ask what would become of the Thread, and show it."""
        number = self._asked()
        if number is None:
            return
        try:
            found = await self._desk.api.get(f"{self._path}/preview", thread_id=number)
        except Refused as refused:
            detail = refused.detail
            self._found.clear()
            with self._found:
                parts.tag("p", detail).classes("problem")
            return
        self._found.clear()
        with self._found:
            self._show(found)

    async def enrol(self) -> None:
        """Enrol the Thread; what it may not is asked about."""
        number = self._asked()
        if number is None:
            return
        done = await self._enrol(number, again=False)
        refused = done["refused"] if done else []
        if refused and refused[0]["again"] and await asking.sure(refused[0]["why"], "Enrol it once more", looks="main"):
            done = await self._enrol(number, again=True)
        if done and done["refused"]:
            self._desk.say(done["refused"][0]["why"], "negative")
        elif done:
            self._desk.say(f"Thread {number} is enrolled.")

    async def _enrol(self, number: int, *, again: bool) -> Any:
        body = {"thread_ids": [number], "again": again}
        return await self._desk.act(lambda: self._desk.api.post(f"{self._path}/enrol", body))

    def _asked(self) -> int | None:
        written = (self._number.value or "").strip()
        if written.isascii() and written.isdigit() and len(written) < 18:
            return int(written)
        self._desk.say("Which thread? The address of its page in the inbox ends with its number.", "warning")
        return None

    def _show(self, found: One) -> None:
        parts.tag("p", f"Thread {found['thread_id']} of {found['account']} with {found['counterpart']}:")
        for each in found["steps"]:
            with parts.tag("div").classes("card-box stack"):
                with parts.tag("div").classes("across"):
                    parts.tag("strong", f"{each['position']}.")
                    parts.when(each["due_at"], self._desk.timezone, none="never: the account's hours never open")
                    parts.tag("span", f"{each['delay']} later, {each['template']}").classes("soft")
                if each["text"] is not None:
                    parts.tag("p", each["text"]).classes("quoted")
                else:
                    parts.tag("p", f"It would stop here: {each['why_not']}.").classes("problem")
        if found["problem"]:
            parts.tag("p", f"It cannot be enrolled now: {found['problem']}").classes("problem")


def _enrolments(desk: Desk, found: One) -> None:
    if not found["items"]:
        cure = "Enrol a thread above, by a rule, or from a file: runner sequences enrol NAME --file threads.csv"
        parts.empty("Nobody is here.", cure)
        return
    columns = [
        parts.Column(name="Counterpart", show=lambda row: row["counterpart"]),
        parts.Column(name="Account", show=lambda row: row["account"]),
        parts.Column(name="Listing", show=lambda row: row["listing_title"] or ""),
        parts.Column(name="State", show=lambda row: chip(row["state"])),
        parts.Column(name="Why", show=lambda row: row["detail"] or ""),
        parts.Column(name="Sent", show=lambda row: f"{row['position']} of {row['steps']}", numeric=True),
        parts.Column(name="Next", show=lambda row: _next(desk, row)),
        parts.Column(name="", show=lambda row: _ways(desk, row)),
    ]
    parts.table(found["items"], columns, address=lambda row: f"/inbox?thread={row['thread_id']}", name="Enrolments")
    filters.more(desk, found["next_cursor"])


def _next(desk: Desk, row: One) -> None:
    if row["next_due_at"]:
        parts.when(row["next_due_at"], desk.timezone)


def _ways(desk: Desk, row: One) -> None:
    if not desk.may("agent"):
        return
    whom = row["counterpart"]
    if row["state"] in ("active", "postponed", "in_doubt"):
        way = parts.button("Stop", lambda: _stop(desk, row), looks="danger")
        way.props["aria-label"] = f"Stop {whom}"
    elif row["state"] == "stopped":
        way = parts.button("Resume", lambda: _resume(desk, row))
        way.props["aria-label"] = f"Resume {whom}"


async def _stop(desk: Desk, row: One) -> None:
    path = f"/enrolments/{row['id']}/stop"
    await desk.act(lambda: desk.api.post(path, {}), f"{row['counterpart']} gets no more of it.")


async def _resume(desk: Desk, row: One) -> None:
    wrote = row["reason"] in ("replied", "opted_out")
    if wrote and not await asking.sure(
        f"Write to {row['counterpart']} all the same?", "Go on", more=str(row["detail"] or "")
    ):
        return
    path = f"/enrolments/{row['id']}/resume"
    await desk.act(lambda: desk.api.post(path, {"force": wrote}), f"{row['counterpart']} goes on.")
