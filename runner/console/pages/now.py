"""Now: how the shop stands, what is being done this second, and what wants a person."""

from __future__ import annotations

from typing import Any

from runner.console import parts
from runner.console.application import House
from runner.console.desk import Desk


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/", "Now")
    async def now(desk: Desk) -> None:
        if desk.may("agent"):
            with parts.tag("div").classes("across"):
                parts.button("Start a cycle", lambda: _start(desk), icon="play_arrow", looks="main", key="c")

        async def overview() -> Any:
            return await desk.api.get("/overview", timeframe="24h")

        await desk.region(overview, _figures)


async def _start(desk: Desk) -> None:
    await desk.act(lambda: desk.api.post("/batches", {}, creates=True), "The cycle has begun.")


def _figures(found: dict[str, Any]) -> None:
    jobs, accounts = found["jobs"], found["accounts"]
    with parts.tag("div").classes("figures"):
        parts.figure(
            "Accounts active", str(accounts["active"]), hint=f"{accounts['parked']} parked", address="/accounts"
        )
        parts.figure("Threads unread", str(found["unread_threads"]), hint=f"of {found['threads']}", address="/inbox")
        parts.figure("Queue", str(jobs["queued"]), hint=f"{jobs['running']} running", address="/jobs?state=queued")
        parts.figure("Succeeded", parts.share(found["success_rate"]), hint="of attempts in 24 h", address="/errors")
