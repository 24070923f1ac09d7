"""One listing: all that is known of it, how far each account is with it, and what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from runner.console import parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.pages import publishing

MOST_SHOWN = 20


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/listings/{number}", "Listings")
    async def listing(desk: Desk) -> None:
        number = desk.path["number"] if desk.path["number"].isdecimal() else "0"
        one = await desk.api.get(f"/listings/{number}")

        async def read() -> Any:
            return await _read(desk, number)

        async def publish() -> None:
            found = await desk.api.get("/listings/groups", reference=one["reference"], limit=1)
            await publishing.ask(desk, [group | {"newest_id": number} for group in found["items"]])

        with parts.tag("div").classes("across"):
            parts.link("/listings", "All listings")
            if desk.may("agent"):
                parts.button("Publish", publish, icon="publish", looks="main", key="p")
        await publishing.progress(desk, {number: one["title"]})
        await desk.region(read, lambda found: _show(desk, found))


async def _read(desk: Desk, number: str) -> dict[str, Any]:
    one = await desk.api.get(f"/listings/{number}")
    groups, errors = await asyncio.gather(
        desk.api.get("/listings/groups", reference=one["reference"], limit=1),
        desk.api.get("/errors", listing=number, limit=MOST_SHOWN),
    )
    copies = [copy for group in groups["items"] for copy in group["copies"]]
    jobs = await desk.api.get("/jobs", listing=[copy["id"] for copy in copies][:100], limit=MOST_SHOWN)
    return {"one": one, "copies": copies, "jobs": jobs["items"], "errors": errors["items"]}


def _show(desk: Desk, found: dict[str, Any]) -> None:
    one = found["one"]
    with parts.tag("section").classes("card-box stack"):
        parts.title(one["title"], publishing.price(one))
        if one["photos"]:
            with parts.tag("div").classes("photos"):
                for place, address in enumerate(one["photos"], 1):
                    parts.tag("img", src=address, alt=f"Photo {place} of {one['title']}", loading="lazy")
        _facts(one)
        parts.tag("p", one["description"]).classes("told")
    parts.title("Accounts")
    _copies(desk, found["copies"], one["id"])
    parts.title("Jobs", "that were to publish it, the newest first")
    _jobs(desk, found["jobs"])
    if found["errors"]:
        parts.title("Errors", f"of account {one['account']}")
        _errors(desk, found["errors"])


def _facts(one: Mapping[str, Any]) -> None:
    with parts.tag("dl").classes("facts"):
        for name in ("reference", "account", "state", "category", "condition", "location"):
            parts.tag("dt", name)
            parts.tag("dd", one[name] or "—")


def _copies(desk: Desk, copies: list[dict[str, Any]], here: str) -> None:
    columns = [
        parts.Column(name="Account", show=lambda row: (row["account"] or "nobody yet") + _here(row, here)),
        parts.Column(name="State", show=lambda row: _drawn(parts.chip(publishing.state(row)))),
        parts.Column(name="At the site as", show=lambda row: row["remote_id"] or "—"),
        # An address that came from a site is shown, never linked.
        parts.Column(name="Its address there", show=lambda row: row["url"] or "—"),
        parts.Column(name="Published", show=lambda row: _drawn(parts.when(row["published_at"], desk.timezone))),
        parts.Column(name="Last problem", show=_problem),
    ]
    parts.table(copies, columns, address=lambda row: f"/listings/{row['id']}", name="Accounts")


def _jobs(desk: Desk, jobs: list[dict[str, Any]]) -> None:
    if not jobs:
        parts.empty("Nobody has asked to publish it.", "Press Publish, and choose accounts.")
        return
    columns = [
        parts.Column(name="Job", show=lambda row: row["id"]),
        parts.Column(name="Account", show=lambda row: row["account"]),
        parts.Column(name="State", show=lambda row: _drawn(parts.chip(row["state"]))),
        parts.Column(name="Asked for", show=lambda row: _drawn(parts.when(row["created_at"], desk.timezone))),
        parts.Column(name="Attempts", show=lambda row: str(row["attempts"]), numeric=True),
        parts.Column(name="Problem", show=lambda row: row["error"] or "—"),
    ]
    parts.table(jobs, columns, address=lambda row: f"/jobs/{row['id']}", name="Jobs")


def _errors(desk: Desk, errors: list[dict[str, Any]]) -> None:
    columns = [
        parts.Column(name="Attempt", show=lambda row: row["id"]),
        parts.Column(name="When", show=lambda row: _drawn(parts.when(row["started_at"], desk.timezone))),
        parts.Column(name="Kind", show=lambda row: _drawn(parts.chip(row["kind"] or "unknown", "bad"))),
        parts.Column(name="What happened", show=lambda row: row["error"] or "—"),
        parts.Column(name="Picture", show=_picture),
    ]
    parts.table(errors, columns, address=lambda row: f"/attempts/{row['id']}", name="Errors")


def _picture(row: Mapping[str, Any]) -> str | None:
    if row["evidence_id"] is None:
        return "—"
    parts.picture(row["evidence_id"], f"What attempt {row['id']} saw", classes="small")
    return None


def _problem(row: Mapping[str, Any]) -> str | None:
    job = row["job"]
    if job is None or not job["error"]:
        return "—"
    parts.link(f"/jobs/{job['id']}", job["error"])
    return None


def _here(row: Mapping[str, Any], here: str) -> str:
    return " (this one)" if row["id"] == here else ""


def _drawn(_: object) -> None:
    """An element that was built is shown already."""
