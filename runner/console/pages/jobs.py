"""Jobs: the queue and its history, with what one does to many of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from runner.console import asking, filters, naming, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.domain.states import JobState
from runner.errors import ErrorKind

FLOWS = ("read_inbox", "publish_listing", "send_message", "check_login", "capture_page")
NARROWING = ("state", "account", "flow", "error_kind", "batch", "key")
PAGE = 50


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/jobs", "Jobs", wide=True)
    async def jobs(desk: Desk) -> None:
        chosen = Chosen(desk)
        await desk.region(lambda: _counts(desk), _strip)
        await _filters(desk)
        if desk.may("agent"):
            chosen.bar()
        await desk.region(lambda: _page(desk, chosen), lambda found: _list(desk, chosen, found))


class Chosen:
    """The Jobs that a person has ticked, and what may be done with them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ids: set[str] = set()
        self.shown: list[str] = []
        """Those that stand on the page."""

    def bar(self) -> None:
        """What is done with those that are ticked, or with all that meet the filters when none is."""
        with parts.tag("div").classes("across bulk"):
            self._said = parts.tag("span", "").classes("soft")
            self._said.props["role"] = "status"
            parts.button("Tick all on this page", self._all)
            parts.button("Cancel", lambda: self._do("cancel"), icon="block", looks="danger")
            parts.button("Retry", lambda: self._do("retry"), icon="replay")
        self._say()

    def box(self, number: str) -> None:
        """The box of one Job."""
        box = ui.checkbox(value=number in self._ids, on_change=lambda event: self._tick(number, event.value))
        box.props("dense")
        box.props["aria-label"] = f"Tick job {number}"

    def _tick(self, number: str, on: bool) -> None:
        (self._ids.add if on else self._ids.discard)(number)
        self._say()

    def _say(self) -> None:
        self._said.text = f"{len(self._ids)} ticked" if self._ids else "None ticked: all that meet the filters"

    async def _all(self) -> None:
        self._ids = set() if self._ids >= set(self.shown) else self._ids | set(self.shown)
        self._say()
        await self._desk.update()

    def signs(self) -> list[str]:
        """What is ticked, so that the list is drawn anew when that changed otherwise than by a box."""
        return sorted(self._ids & set(self.shown))

    async def _do(self, action: str) -> None:
        which = {"ids": sorted(self._ids, key=int)} if self._ids else _meeting(self._desk)
        if not which:
            self._desk.say("Tick some jobs first, or set a filter.", "warning")
            return
        how_many = parts.counted(len(self._ids), "job") if self._ids else "all jobs that meet the filters"
        question = f"{action.capitalize()} {how_many}?"
        if not await asking.sure(question, action.capitalize() + " them", more=MEANING[action]):
            return
        found = await self._desk.act(lambda: self._desk.api.post("/jobs/bulk", {"action": action, **which}))
        if found is not None:
            self._ids.clear()
            self._say()
            said_about(self._desk, action, found)
            await self._desk.update()


MEANING = {
    "cancel": "Those that have ended stay as they are; a running one is ended and its browser closed.",
    "retry": "Failed, parked and cancelled ones go back to the queue with all their attempts; others stay as they are.",
}


def said_about(desk: Desk, action: str, found: Mapping[str, Any]) -> None:
    """Say what came of changing many Jobs."""
    done = {"cancel": "cancelled", "retry": "queued again"}[action]
    words = [f"{len(found['changed'])} {done}."]
    if found["refused"]:
        words.append(f"{len(found['refused'])} stay as they are: {next(iter(found['refused'].values()))}")
    desk.say(" ".join(words), "positive" if found["changed"] else "warning")


def _meeting(desk: Desk) -> dict[str, Any]:
    """The filters as POST /jobs/bulk takes them."""
    given = {name: desk.filters[name] for name in NARROWING if desk.filters.get(name)}
    renamed: dict[str, Any] = {name: given[name] for name in ("account", "flow", "error_kind", "key") if name in given}
    if "state" in given:
        renamed["states"] = [given["state"]]
    if "batch" in given:
        renamed["batch_id"] = given["batch"]
    return renamed


async def _counts(desk: Desk) -> Any:
    overview = await desk.api.get("/overview", timeframe="24h")
    kept = {name: value for name, value in desk.filters.items() if name not in ("cursor", "state")}
    addresses = {"": desk.address(**kept)} | {state: desk.address(**kept, state=state) for state in overview["jobs"]}
    return {"counts": overview["jobs"], "addresses": addresses, "here": desk.filters.get("state", "")}


def _strip(found: Mapping[str, Any]) -> None:
    with parts.tag("nav").classes("strip") as strip:
        strip.props["aria-label"] = "States"
        for state, count in {"": sum(found["counts"].values()), **found["counts"]}.items():
            with parts.link(found["addresses"][state], classes="strip-place") as link:
                link.classes(parts.tone(state))
                if state == found["here"]:
                    link.classes("here").props["aria-current"] = "true"
                parts.tag("span", state or "all")
                parts.tag("strong", f"{count:,}")
        parts.link("/batches", "Batches", classes="strip-place")


async def _filters(desk: Desk) -> None:
    accounts = await naming.accounts(desk)
    with parts.tag("div").classes("filters"):
        filters.choice(desk, "account", "account", accounts)
        filters.choice(desk, "flow", "flow", FLOWS)
        filters.choice(desk, "error_kind", "error", [str(each) for each in ErrorKind])
        filters.words(desk, "batch", "Batch number")


async def _page(desk: Desk, chosen: Chosen) -> Any:
    asked = {name: desk.filters.get(name) for name in (*NARROWING, "cursor", "sort")}
    found = await desk.api.get("/jobs", **asked, limit=PAGE)
    return {**found, "filters": dict(desk.filters), "ticked": chosen.signs()}


def _list(desk: Desk, chosen: Chosen, found: Mapping[str, Any]) -> None:
    chosen.shown = [each["id"] for each in found["items"]]
    if not found["items"]:
        if any(found["filters"].get(name) for name in (*NARROWING, "cursor")):
            parts.empty("No job meets these filters.", "Take one of them away.", address="/jobs", action="All jobs")
        else:
            parts.empty(
                "There are no jobs yet.",
                "A cycle makes one for each active account: start it on Now.",
                address="/",
                action="To Now",
            )
        return
    parts.table(found["items"], columns(desk, chosen if desk.may("agent") else None), name="Jobs")
    filters.more(desk, found["next_cursor"])


def columns(desk: Desk, chosen: Chosen | None = None, *, of_one_batch: bool = False) -> list[parts.Column]:
    """What is shown of a Job in a list."""
    batch = [] if of_one_batch else [parts.Column(name="Batch", show=_batch, numeric=True)]
    tick = [parts.Column(name="", show=lambda row: chosen.box(row["id"]))] if chosen else []
    return [
        *tick,
        parts.Column(name="Job", show=_named),
        parts.Column(name="Account", show=lambda row: row["account"]),
        parts.Column(name="State", show=lambda row: _state(row)),
        parts.Column(name="Attempts", show=lambda row: f"{row['attempts']} of {row['max_attempts']}", numeric=True),
        parts.Column(name="When", show=lambda row: _when(desk, row)),
        parts.Column(name="Why", show=lambda row: why(row)),
        *batch,
    ]


def _named(row: Mapping[str, Any]) -> None:
    with parts.link(f"/jobs/{row['id']}", classes="row-link one-line"):
        parts.tag("span", f"{row['id']} · {parts.words(row['flow'])}")


def _state(row: Mapping[str, Any]) -> None:
    with parts.tag("span").classes("across tight"):
        parts.chip(row["state"])
        if row["priority"] != "normal":
            parts.chip(row["priority"])


def _when(desk: Desk, row: Mapping[str, Any]) -> None:
    with parts.tag("span"):
        if row["state"] == JobState.QUEUED:
            parts.tag("span", "due ").classes("soft")
            parts.when(row["due_at"], desk.timezone)
        else:
            parts.when(row["ended_at"] or row["created_at"], desk.timezone)


def why(row: Mapping[str, Any]) -> str:
    """Why a Job is as it is: what went wrong, what it waits for, or why it was chosen."""
    if row["state"] == JobState.QUEUED and row["postponed"]:
        return f"put off: {row['postponed']}"
    if row["error"]:
        return str(row["error"])
    if row["state"] == JobState.QUEUED and row["waits_for"]:
        return f"waits for {parts.counted(row['waits_for'], 'other job')}"
    return str(row["reason"] or "")


def _batch(row: Mapping[str, Any]) -> None:
    if row["batch_id"]:
        parts.link(f"/batches/{row['batch_id']}", row["batch_id"])
