"""Batches: jobs that were submitted together, and how far they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.console import asking, filters, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.pages import jobs

PAGE = 50


def install(house: House) -> None:
    """Take the pages in."""

    @house.page("/batches", "Jobs")
    async def batches(desk: Desk) -> None:
        parts.title("Batches", "jobs that were submitted together")
        with parts.tag("div").classes("filters"):
            filters.choice(desk, "name", "batch", {"cycle": "cycle", "publish": "publish", "demo": "demo"})
            parts.link("/jobs", "All jobs")
        await desk.region(
            lambda: desk.api.get(
                "/batches", name=desk.filters.get("name"), cursor=desk.filters.get("cursor"), limit=PAGE
            ),
            lambda found: _list(desk, found),
        )

    @house.page("/batches/{id}", "Jobs")
    async def one(desk: Desk) -> None:
        await desk.region(lambda: _read(desk), lambda found: _show(desk, found))


def _list(desk: Desk, found: Mapping[str, Any]) -> None:
    if not found["items"]:
        parts.empty("There are no batches here.", "A cycle is one: start it on Now.", address="/", action="To Now")
        return
    columns = [
        parts.Column(name="Batch", show=lambda row: f"{row['id']} · {row['name']}"),
        parts.Column(name="Begun", show=lambda row: _begun(desk, row)),
        parts.Column(name="Progress", show=lambda row: progress(row)),
        parts.Column(name="Failed", show=lambda row: str(row["failed"] or ""), numeric=True),
        parts.Column(name="Waits for a person", show=lambda row: str(row["waiting"] or ""), numeric=True),
    ]
    parts.table(found["items"], columns, address=lambda row: f"/batches/{row['id']}", name="Batches")
    filters.more(desk, found["next_cursor"])


def _begun(desk: Desk, row: Mapping[str, Any]) -> None:
    parts.when(row["created_at"], desk.timezone)


def progress(batch: Mapping[str, Any]) -> None:
    """How far a Batch is, as a bar and in numbers."""
    with parts.tag("span").classes("progress"):
        parts.bar(batch["done"], batch["total"], label=f"Batch {batch['id']}")
        parts.tag("span", f"{percentage(batch)} % · {batch['done']} of {batch['total']}").classes("soft number")


def percentage(batch: Mapping[str, Any]) -> int:
    """How much of a Batch is done."""
    return int(100 * batch["done"] / batch["total"]) if batch["total"] else 100


async def _read(desk: Desk) -> Any:
    number = desk.path["id"]
    batch = await desk.api.get(f"/batches/{number}")
    running = await desk.api.get("/jobs", batch=number, state="running", limit=20)
    cursor = desk.filters.get("cursor")
    listed = await desk.api.get("/jobs", batch=number, state=desk.filters.get("state"), cursor=cursor, limit=PAGE)
    return {"batch": batch, "running": running["items"], "jobs": listed, "state": desk.filters.get("state", "")}


def _show(desk: Desk, found: Mapping[str, Any]) -> None:
    batch = found["batch"]
    _head(desk, batch)
    whole(desk, batch, found["running"])
    _strip(desk, batch, found["state"])
    if found["jobs"]["items"]:
        parts.table(found["jobs"]["items"], jobs.columns(desk), name="Jobs of this batch")
    else:
        parts.empty("No job of this batch is here.", "Choose another state above.")
    filters.more(desk, found["jobs"]["next_cursor"])


def _head(desk: Desk, batch: Mapping[str, Any]) -> None:
    with parts.tag("div").classes("across"):
        parts.title(f"Batch {batch['id']}: {batch['name']}")
        parts.when(batch["created_at"], desk.timezone).classes("soft")
        parts.tag("span").classes("grow")
        if desk.may("agent") and batch["failed"]:
            parts.button("Retry what failed", lambda: _change(desk, batch, "retry", "failed"), icon="replay", key="r")
        if desk.may("agent") and batch["queued"]:
            stop = parts.button("Cancel what is queued", lambda: _change(desk, batch, "cancel", "queued"), icon="block")
            stop.classes("danger")


async def _change(desk: Desk, batch: Mapping[str, Any], action: str, state: str) -> None:
    how_many = parts.counted(batch[state], f"{state} job")
    if not await asking.sure(f"{action.capitalize()} {how_many} of this batch?", f"{action.capitalize()} them"):
        return
    asked = {"action": action, "batch_id": batch["id"], "states": [state]}
    found = await desk.act(lambda: desk.api.post("/jobs/bulk", asked))
    if found is not None:
        jobs.said_about(action, found)


def whole(desk: Desk, batch: Mapping[str, Any], running: list[Mapping[str, Any]]) -> None:
    """How far a Batch is: total, done, failed, percentage, and what is done for it now."""
    with parts.tag("div").classes("card-box stack"):
        with parts.tag("div").classes("across"):
            parts.tag("strong", f"{percentage(batch)} %").classes("figure-value")
            parts.tag("span", f"{batch['done']} of {batch['total']} done").classes("grow")
            for state in ("failed", "waiting", "held"):
                if batch[state]:
                    words = {"waiting": "wait for a person", "held": "of accounts that are not active"}.get(
                        state, state
                    )
                    where = {"waiting": "parked", "held": "queued"}.get(state, state)
                    with parts.link(f"/batches/{batch['id']}?state={where}"):
                        parts.chip(f"{batch[state]} {words}", "bad" if state == "failed" else "wary")
        parts.bar(batch["done"], batch["total"], label=f"Batch {batch['id']}")
        for each in running:
            with parts.tag("div").classes("across tight"):
                parts.chip("running")
                parts.link(f"/jobs/{each['id']}", f"{parts.words(each['flow'])} for {each['account']}")
        if not running:
            over = "Nothing more happens by itself." if batch["done"] == batch["total"] else "Waits for its turn."
            parts.tag("span", over).classes("soft")


def _strip(desk: Desk, batch: Mapping[str, Any], here: str) -> None:
    states = ("queued", "running", "parked", "succeeded", "failed", "cancelled", "unknown")
    with parts.tag("nav").classes("strip") as strip:
        strip.props["aria-label"] = "States"
        for state in ("", *(each for each in states if batch[each] or each == here)):
            address = desk.address(state=state) if state else desk.address()
            with parts.link(address, classes="strip-place") as link:
                link.classes(parts.tone(state))
                if state == here:
                    link.classes("here").props["aria-current"] = "true"
                parts.tag("span", state or "all")
                parts.tag("strong", f"{batch[state] if state else batch['total']:,}")
