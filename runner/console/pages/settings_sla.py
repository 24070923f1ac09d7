"""Settings: how soon threads with a tag are to be answered and closed, and what becomes of those that are late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from runner.console import asking, forms, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.pages.settings import tabs
from runner.console.pages.settings_access import quoted
from runner.domain.durations import in_words, parse_duration

One = Mapping[str, Any]

SPANS = ("first_response_s", "resolution_s")


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/settings/sla", "Settings")
    async def slas(desk: Desk) -> None:
        tabs(desk, "/settings/sla")
        if desk.may("agent"):
            with parts.tag("div").classes("across"):
                parts.button("Add an SLA", lambda: _edit(desk, None), icon="add", looks="main", key="a")
        await desk.region(lambda: desk.api.get("/sla"), lambda found: _slas(desk, found["items"]))


def _slas(desk: Desk, found: list[One]) -> None:
    if not found:
        parts.empty(
            "Nothing is promised.",
            "An SLA says how soon threads with a tag are answered and closed; those that are late stand in the inbox "
            "under Overdue. Times are open time: where an account has hours, only those count.",
        )
        return
    columns = [
        parts.Column(name="Tag", show=lambda row: row["tag"]),
        parts.Column(name="First answer within", show=lambda row: _span(row["first_response_s"]) or "—"),
        parts.Column(name="Closed within", show=lambda row: _span(row["resolution_s"]) or "—"),
        parts.Column(name="When late", show=_late),
    ]
    if desk.may("agent"):
        columns.append(parts.Column(name="", show=lambda row: _buttons(desk, row)))
    parts.table(found, columns, name="SLAs")


def _late(row: One) -> str:
    told = [f"given to {row['assign']}"] if row["assign"] else []
    told += [f"tagged {row['put_tag']}"] if row["put_tag"] else []
    return ", ".join(told) or "marked as overdue"


def _buttons(desk: Desk, row: One) -> None:
    async def remove() -> None:
        if await asking.sure(f"Promise nothing for {row['tag']}?", "Remove", more="Its threads are not late any more."):
            await desk.act(lambda: desk.api.delete(f"/sla/{quoted(row['tag'])}"), "Nothing is promised for it now.")

    with parts.tag("div").classes("across"):
        parts.button("Change", lambda: _edit(desk, row)).props["aria-label"] = f"Change {row['tag']}"
        parts.button("Remove", remove, looks="danger").props["aria-label"] = f"Remove {row['tag']}"


async def _edit(desk: Desk, row: One | None) -> None:
    names = (await desk.api.get("/operators/names"))["names"]
    before = {} if row is None else {**row, **{name: _span(row[name]) for name in SPANS}}
    of = [] if row is not None else [forms.text("tag", "Threads with the tag")]
    fields = [
        *of,
        forms.text("first_response_s", "First answer within", hint="2h, 1d, 1h30m", check=parse_duration),
        forms.text("resolution_s", "Closed within", hint="27h, 3d", check=parse_duration),
        forms.one("assign", "When late, give it to", {"": "nobody", **{each: each for each in names}}),
        forms.text("put_tag", "When late, tag it"),
    ]
    made: dict[str, forms.Fields] = {}

    def build() -> Any:
        made["all"] = forms.Fields(fields, {name: value for name, value in before.items() if name != "tag" or of})
        return made["all"].read

    async def send(body: One) -> bool:
        asked = {**body}
        tag = asked.pop("tag", "") if row is None else row["tag"]
        for name in SPANS:
            if name in asked:
                asked[name] = int(parse_duration(asked[name]).total_seconds())
        await desk.api.put(f"/sla/{quoted(tag or ' ')}", asked)
        return True

    def blame(at: str, message: str) -> bool:
        return made["all"].blame(at.rpartition(".")[2], message)

    title = "Add an SLA" if row is None else f"What is promised for {row['tag']}"
    if await forms.asked(title, "Add it" if row is None else "Keep it", build, send, blame):
        desk.say("It counts for threads that have the tag already, too.")
        await desk.update()


def _span(seconds: float | None) -> str | None:
    return None if seconds is None else in_words(timedelta(seconds=seconds))
