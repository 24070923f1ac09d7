"""One Job: what it is, what it waits for, how its attempts went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runner.console import asking, cures, parts, settling
from runner.console.application import House
from runner.console.desk import Desk
from runner.domain.states import JobState

CANCELLED_FROM = (JobState.QUEUED, JobState.RUNNING, JobState.PARKED, JobState.UNKNOWN)
RETRIED_FROM = (JobState.FAILED, JobState.CANCELLED, JobState.PARKED, JobState.UNKNOWN)
MOST_DRAWN = 40
"""So many neighbours are drawn on each side."""
PICTURES = ("screenshot", "last_picture")


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/jobs/{id}", "Jobs")
    async def one(desk: Desk) -> None:
        await desk.region(lambda: _read(desk), lambda found: _show(desk, found))


async def _read(desk: Desk) -> Any:
    number = desk.path["id"]
    job = await desk.api.get(f"/jobs/{number}")
    around = [*job["needs"][:MOST_DRAWN], *job["needed_by"][:MOST_DRAWN]]
    neighbours = (await desk.api.get("/jobs", id=around, limit=2 * MOST_DRAWN))["items"] if around else []
    pictures = (await desk.api.get("/evidence", job=number, kind=list(PICTURES), limit=100))["items"]
    doubts = await desk.api.get("/effects", job=number, state="unknown") if job["state"] == "unknown" else {"items": []}
    return {"job": job, "neighbours": neighbours, "pictures": pictures, "doubts": doubts["items"]}


def _show(desk: Desk, found: Mapping[str, Any]) -> None:
    job = found["job"]
    _head(desk, job)
    for effect in found["doubts"]:
        settling.unknown(desk, effect)
    if job["error"]:
        cures.failure(job["error"], job["error_kind"], state=job["state"])
    _facts(desk, job)
    if job["needs"] or job["needed_by"]:
        _dependencies(job, found["neighbours"])
    _attempts(desk, job["attempt_list"], found["pictures"])


def _head(desk: Desk, job: Mapping[str, Any]) -> None:
    with parts.tag("div").classes("across"):
        parts.title(f"Job {job['id']}: {parts.words(job['flow'])} for {job['account']}")
        parts.chip(job["state"])
        if job["cancel_requested"] and job["state"] == JobState.RUNNING:
            parts.chip("is being cancelled", "wary")
        parts.tag("span").classes("grow")
        if desk.may("agent"):
            if job["state"] in RETRIED_FROM:
                parts.button("Retry", lambda: _retry(desk, job), icon="replay", looks="main", key="r")
            if job["state"] in CANCELLED_FROM:
                parts.button("Cancel", lambda: _cancel(desk, job), icon="block", looks="danger")


async def _retry(desk: Desk, job: Mapping[str, Any]) -> None:
    await desk.act(lambda: desk.api.post(f"/jobs/{job['id']}/retry"), "It is queued again.")


async def _cancel(desk: Desk, job: Mapping[str, Any]) -> None:
    more = "Its browser is closed in the middle of it." if job["state"] == JobState.RUNNING else ""
    if await asking.sure(f"Cancel job {job['id']}?", "Cancel it", more=more):
        await desk.act(lambda: desk.api.post(f"/jobs/{job['id']}/cancel"), "It is being cancelled.")


def _facts(desk: Desk, job: Mapping[str, Any]) -> None:
    def moment(name: str, at: str | None) -> None:
        if at is not None:
            parts.tag("dt", name)
            with parts.tag("dd"):
                parts.when(at, desk.timezone)

    def said(name: str, text: str | None, address: str = "") -> None:
        if text:
            parts.tag("dt", name)
            with parts.tag("dd"):
                parts.link(address, text) if address else parts.tag("span", text)

    with parts.tag("div").classes("card-box"), parts.tag("dl").classes("facts"):
        said("Account", job["account"], parts.inside("accounts", job["account"]))
        said("Batch", job["batch_id"], f"/batches/{job['batch_id']}")
        said("Priority", job["priority"] if job["priority"] != "normal" else None)
        said("Attempts", f"{job['attempts']} of {job['max_attempts']}")
        moment("Submitted", job["created_at"])
        moment("Due", job["due_at"] if job["state"] == JobState.QUEUED else None)
        said("Put off", job["postponed"] if job["state"] == JobState.QUEUED else None)
        moment("Ended", job["ended_at"])
        said("Chosen because", job["reason"])
        said("Performed by", job["owner"])
        said("Key", job["key"])
        for name, value in (("Asked for", job["params"]), ("Result", job["result"])):
            if value:
                parts.tag("dt", name)
                with parts.tag("dd"):
                    parts.tag("code", json.dumps(value, ensure_ascii=False, indent=1))


def _dependencies(job: Mapping[str, Any], neighbours: Sequence[Mapping[str, Any]]) -> None:
    known = {each["id"]: each for each in neighbours}
    with parts.tag("section").classes("stack"):
        parts.title("Dependencies", "a job begins when all before it have succeeded")
        with parts.tag("div").classes("depends"):
            _side("Needs", job["needs"], known, "It waits for nothing.")
            parts.tag("span", "→", aria_hidden="true").classes("arrow")
            with parts.tag("div").classes("side"):
                parts.tag("h3", "This job")
                with parts.tag("div").classes("node here"):
                    parts.tag("span", f"{job['id']} · {parts.words(job['flow'])}")
                    parts.chip(job["state"])
            parts.tag("span", "→", aria_hidden="true").classes("arrow")
            _side("Needed by", job["needed_by"], known, "Nothing waits for it.")


def _side(name: str, numbers: Sequence[str], known: Mapping[str, Mapping[str, Any]], none: str) -> None:
    with parts.tag("div").classes("side"):
        parts.tag("h3", name)
        if not numbers:
            parts.tag("p", none).classes("soft")
        for number in numbers[:MOST_DRAWN]:
            with parts.link(f"/jobs/{number}", classes="node"):
                other = known.get(number)
                if other is None:
                    parts.tag("span", number)
                else:
                    parts.tag("span", f"{number} · {parts.words(other['flow'])} · {other['account']}")
                    parts.chip(other["state"])
        if len(numbers) > MOST_DRAWN:
            parts.tag("p", f"and {len(numbers) - MOST_DRAWN} more").classes("soft")


def _attempts(desk: Desk, attempts: Sequence[Mapping[str, Any]], pictures: Sequence[Mapping[str, Any]]) -> None:
    shown = {each["attempt_id"]: each["id"] for each in reversed(pictures)}
    parts.title("Attempts")
    if not attempts:
        parts.empty("Nobody has begun it yet.", "A daemon performs it when it is due and its turn comes.")
        return
    columns = [
        parts.Column(name="Attempt", show=lambda row: f"No. {row['number']}"),
        parts.Column(name="Outcome", show=lambda row: _outcome(row)),
        parts.Column(name="Began", show=lambda row: _began(desk, row)),
        parts.Column(name="What happened", show=lambda row: row["error"] or row["reason"] or ""),
        parts.Column(
            name="Picture",
            show=lambda row: parts.picture(shown.get(row["id"]), "What the browser saw", classes="small"),
        ),
    ]
    parts.table(attempts, columns, address=lambda row: f"/attempts/{row['id']}", name="Attempts")


def _outcome(row: Mapping[str, Any]) -> None:
    with parts.tag("span").classes("across tight"):
        parts.chip(row["outcome"] or "running", "wary" if row["outcome"] == "retried" else None)
        if row["kind"]:
            parts.tag("span", parts.words(row["kind"])).classes("soft")


def _began(desk: Desk, row: Mapping[str, Any]) -> None:
    parts.when(row["started_at"], desk.timezone)
