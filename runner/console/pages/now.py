"""Now: how the shop stands, what is being done this second, and what wants a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from runner.console import asking, at_work, naming, parts
from runner.console.application import House
from runner.console.client import Refused
from runner.console.desk import Desk
from runner.console.glance import Glance, figures, trouble
from runner.console.pages import batches
from runner.console.telling import WORDS, gathered, told

TOLD = 50
LOOK_EVERY_S = 15.0
"""That nothing performs the jobs is no Event: it is looked at by time."""


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/", "Now")
    async def now(desk: Desk) -> None:
        page = Now(desk)
        if desk.may("agent"):
            page.actions()
        await desk.region(page.cycle, lambda found: _cycle(desk, found))
        await desk.region(page.glance.overview, figures)
        alerts = await desk.region(page.glance.trouble, lambda found: trouble(desk, found))
        ui.timer(LOOK_EVERY_S, alerts.update, immediate=False)
        with parts.tag("div").classes("columns"):
            with parts.tag("section").classes("stack"):
                parts.title("At work", "this second")
                watches = house.ports.watches
                await desk.region(
                    lambda: desk.api.get("/work"), lambda found: at_work.shown(desk, found, watches=watches)
                )
            with parts.tag("section").classes("stack"):
                parts.title("What happens", "the newest first")
                await desk.region(page.events, lambda found: _feed(desk, found))


class Now:
    """The page of one person: it remembers the cycle that was started here, and shows it to its end."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._begun: str | None = None
        self.glance = Glance(desk)

    def actions(self) -> None:
        """What one does most."""
        with parts.tag("div").classes("across"):
            parts.button("Start a cycle", self._start, icon="play_arrow", looks="main", key="c")
            parts.button("Read one inbox", self._read, icon="mark_email_unread")
            parts.button("Publish listings", lambda: ui.navigate.to("/listings"), icon="sell")
            parts.button("Pause all", self._pause, icon="pause")
            parts.button("Resume all", self._resume, icon="play_circle")

    async def cycle(self) -> Any:
        """The batch that was started here, or the newest that is under way, with what is done for it now."""
        if self._begun is not None:
            batch = await self._desk.api.get(f"/batches/{self._begun}")
        else:
            newest = (await self._desk.api.get("/batches", limit=3))["items"]
            batch = next((each for each in newest if each["done"] < each["total"]), None)
        if batch is None:
            return None
        running = await self._desk.api.get("/jobs", batch=batch["id"], state="running", limit=20)
        return {"batch": batch, "running": running["items"]}

    async def events(self) -> Any:
        """The newest Events that are worth telling."""
        return await self._desk.api.get("/events/history", newest_first="true", types=",".join(WORDS), limit=2 * TOLD)

    async def _start(self) -> None:
        begun = await self._desk.act(lambda: self._desk.api.post("/batches", {}, creates=True), "The cycle has begun.")
        if begun is not None:
            self._begun = begun["id"]
            await self._desk.update()

    async def _read(self) -> None:
        try:
            names = await naming.accounts(self._desk, state="active")
        except Refused as refused:
            self._desk.refused(refused)
            return
        if not names:
            self._desk.say("No account is active.", "warning")
            return
        whose = await asking.choice("Read one inbox", {each: each for each in names}, label="Account", yes="Read it")
        if whose is not None:
            asked = {"account": whose, "flow": "read_inbox", "priority": "high"}
            await self._desk.act(
                lambda: self._desk.api.post("/jobs", asked, creates=True), f"The inbox of {whose} is read next."
            )

    async def _pause(self) -> None:
        more = "Jobs that run are finished, and no other begins until you resume."
        if await asking.sure("Pause all accounts?", "Pause all", more=more):
            await self._all("active", "pause", "paused")

    async def _resume(self) -> None:
        more = "Only those that were paused; a parked or locked one wants you to look at it first."
        if await asking.sure("Resume all paused accounts?", "Resume all", more=more, looks="main"):
            await self._all("paused", "resume", "active again")

    async def _all(self, state: str, action: str, done: str) -> None:
        refused: list[str] = []

        async def change() -> int:
            names = await naming.accounts(self._desk, state=state)
            for name in names:
                try:
                    await self._desk.api.post(parts.inside("accounts", name, action))
                except Refused as problem:  # one that was parked meanwhile does not keep the others going
                    refused.append(problem.detail)
            return len(names) - len(refused)

        how_many = await self._desk.act(change)
        if how_many is not None:
            self._desk.say(f"{parts.counted(how_many, 'account')} {done}.")
        if refused:
            self._desk.say("\n".join(refused[:5]), "negative")


def _cycle(desk: Desk, found: Mapping[str, Any] | None) -> None:
    if found is None:
        return
    batch = found["batch"]
    with parts.tag("section").classes("stack"):
        with parts.tag("div").classes("title"):
            with parts.tag("h2"):
                parts.link(f"/batches/{batch['id']}", f"Batch {batch['id']}: {batch['name']}")
            parts.when(batch["created_at"], desk.timezone).classes("soft")
        batches.whole(desk, batch, found["running"])


def _feed(desk: Desk, found: Mapping[str, Any]) -> None:
    if not found["items"]:
        parts.empty("Nothing has happened yet.", "Start a cycle, and watch it here.")
        return
    with parts.tag("div").classes("card-box feed") as feed:
        feed.props["aria-label"] = "What happens"
        feed.props["role"] = "log"
        feed.props["tabindex"] = "0"
        feed.props["data-keep"] = "feed"
        for event in gathered(found["items"])[:TOLD]:
            _line(desk, event)


def _line(desk: Desk, event: Mapping[str, Any]) -> None:
    said = told(event)
    with parts.tag("div").classes("feed-line"):
        parts.when(event["at"], desk.timezone)
        with parts.tag("span").classes("grow"):
            parts.tag("span", "● ", aria_hidden="true").classes(f"dot {said.looks}")
            if event["account"]:
                parts.link(parts.inside("accounts", event["account"]), event["account"])
                parts.tag("span", " ")
            if said.address:
                parts.link(said.address, said.words, classes="quiet")
            else:
                parts.tag("span", said.words)
