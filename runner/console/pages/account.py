"""One Account: how its login is and how that is known, what it did, and why its turn comes or does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from runner.console import forms, parts
from runner.console.application import House
from runner.console.desk import Desk
from runner.console.pages import account_pace, accounts

One = Mapping[str, Any]

SESSIONS_SHOWN, JOBS_SHOWN, ERRORS_SHOWN, CHOICES_SHOWN, NAMESAKES = 8, 12, 6, 6, 100


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/accounts/{name}", "Accounts")
    async def account(desk: Desk) -> None:
        await Page(desk, watches=house.ports.watches).build()


class Page:
    """The open page of one Account."""

    def __init__(self, desk: Desk, *, watches: bool) -> None:
        self._desk, self._watches = desk, watches
        self._name = desk.path["name"]
        self._way = parts.inside("accounts", self._name)
        self._paused: ui.button | None = None
        self._state = "active"

    async def build(self) -> None:
        """Make the page."""
        with parts.tag("div").classes("title"):
            parts.tag("h2", self._name)
            parts.link("/accounts", "All accounts")
        await self._desk.api.get(self._way)  # one that is not there is said at once, and nothing else is
        if self._desk.may("agent"):
            self._buttons()
        await self._desk.region(self._read, self._show)

    def _buttons(self) -> None:
        with ui.dialog() as dialog, ui.card():
            ui.label(f"Pause {self._name}?").classes("text-h6")
            ui.label("It gets no more jobs; one that runs is finished.").classes("soft")
            reason = ui.input("Why, for whoever asks later").props("outlined dense autofocus")
            reason.on("keydown.enter", lambda: self._pause(dialog, reason.value))
            with parts.tag("div").classes("across"):
                parts.button("Pause it", lambda: self._pause(dialog, reason.value), looks="main")
                parts.button("Leave it", dialog.close)

        async def turn() -> None:
            if self._state == "active":
                dialog.open()
            else:
                await accounts.resume(self._desk, self._name)

        with parts.tag("div").classes("across"):
            self._paused = parts.button("Pause", turn, icon="pause", key="p")
            parts.button("Check login", self._check, icon="verified_user", key="l")
            parts.button("Read inbox now", self._read_inbox, icon="mark_email_read", key="i")
            parts.button("Tags", self._tag, icon="label")
            parts.button("Reset counters", self._reset, icon="restart_alt")

    async def _pause(self, dialog: ui.dialog, reason: str) -> None:
        dialog.close()
        await accounts.pause(self._desk, self._name, (reason or "").strip() or None)

    async def _check(self) -> None:
        await self._desk.act(
            lambda: self._desk.api.post(f"{self._way}/validate-session", creates=True),
            "It is being looked whether the account is signed in.",
        )

    async def _read_inbox(self) -> None:
        body = {"account": self._name, "flow": "read_inbox", "priority": "urgent"}
        await self._desk.act(lambda: self._desk.api.post("/jobs", body, creates=True), "Its inbox is read next.")

    async def _tag(self) -> None:
        account = await self._desk.api.get(self._way)
        places: dict[str, forms.Fields] = {}

        def build() -> Any:
            places["all"] = forms.Fields([forms.listed("tags", "Tags")], account)
            return lambda: {"tags": (places["all"].read() or {}).get("tags", [])}

        async def send(body: Mapping[str, Any]) -> bool:
            await self._desk.api.put(f"{self._way}/tags", body)
            return True

        if await forms.asked(f"Tags of {self._name}", "Keep them", build, send, lambda *_: False):
            await self._desk.update()

    async def _reset(self) -> None:
        await self._desk.act(
            lambda: self._desk.api.post(f"{self._way}/reset-counters"), "Counted from now on; the records stay."
        )

    async def _read(self) -> Any:
        ask = self._desk.api.get
        rows, health, sessions, jobs, errors, rotation, profile, limits, hours = await asyncio.gather(
            ask("/accounts/table", q=self._name, limit=NAMESAKES),
            ask(f"{self._way}/health"),
            ask("/sessions", account=self._name, limit=SESSIONS_SHOWN),
            ask("/jobs", account=self._name, limit=JOBS_SHOWN, sort="-id"),
            ask("/errors", account=self._name, limit=ERRORS_SHOWN),
            ask("/rotation", account=self._name),
            ask(parts.inside("profiles", self._name)),
            ask(f"{self._way}/limits"),
            ask(f"{self._way}/hours"),
        )
        row = next((each for each in rows["items"] if each["name"] == self._name), None)
        return {
            "row": row,
            "profile": profile,
            "limits": limits,
            "hours": hours,
            "health": health,
            "sessions": sessions["items"],
            "jobs": jobs["items"],
            "errors": errors["items"],
            "standing": rotation["account"],
            "choices": rotation["history"][:CHOICES_SHOWN],
        }

    def _show(self, found: dict[str, Any]) -> None:
        health = found["health"]
        self._state = health["state"]
        if self._paused is not None:
            words = "Pause" if self._state == "active" else "Resume"
            if self._paused.text != words:
                self._paused.text = words
                self._paused.props["title"] = f"{words} (p)"
                self._paused.props["icon"] = "pause" if words == "Pause" else "play_arrow"
        with parts.tag("div").classes("columns"):
            with parts.tag("div").classes("stack"):
                _health(self._desk, found["row"], health)
                _profile(self._desk, found["row"], health, found["profile"])
            with parts.tag("div").classes("stack"):
                _rotation(self._desk, found["standing"], found["choices"])
                account_pace.show(self._desk, self._name, found["limits"], found["hours"])
                self._hands(health)
        _jobs(self._desk, self._name, found["jobs"])
        _errors(self._desk, self._name, found["errors"])
        _sessions(self._desk, found["sessions"])

    def _hands(self, health: One) -> None:
        with _card("Take over"):
            opened = health["open_session"]
            if opened is not None and self._watches:
                parts.tag("p", "Its browser is open: watch it, and take it into your own hands.")
                parts.link(parts.inside("live", opened["id"]), "Watch and take over", classes="button")
                return
            parts.tag("p", "No browser of it is open here. To open one and work in it yourself, type in a terminal:")
            parts.tag("code", f"runner handoff {self._name}").classes("command")
            parts.tag("p", "Meanwhile the runner leaves it alone; then the job that waited goes on.").classes("soft")


def _card(name: str, soft: str = "") -> Any:
    box = parts.tag("section").classes("card-box stack")
    box.props["aria-label"] = name
    with box:
        parts.title(name, soft)
    return box


def _fact(name: str, value: str = "") -> Any:
    parts.tag("dt", name)
    return parts.tag("dd", value)


def _health(desk: Desk, row: One | None, health: One) -> None:
    with _card("Health"):
        if row is not None:
            with parts.tag("div").classes("across"):
                parts.chip(row["health"], accounts.HEALTH[row["health"]])
                parts.chip(row["state"])
                parts.tag("span", row["health_reason"])
            if row["health_action"]:
                parts.tag("p", row["health_action"]).classes("cure")
        if health["state_reason"]:
            parts.tag("p", health["state_reason"])
        with parts.tag("dl").classes("facts"):
            _login(desk, row, health)
            _fact("In a row", _in_a_row(health))
            with _fact("Last attempt"):
                _last(desk, health["last_attempt"])
            if row is not None:
                _fact("Today", f"{accounts.done(row)}; messages: {row['inbound']} in, {row['outbound']} out")
                _fact("Success today", parts.share(row["success_rate"]))
                with _fact("Counted from"):
                    parts.when(row["counted_from"], desk.timezone, none="midnight")
                with _fact("Tags"):
                    accounts.tags(row)


def _login(desk: Desk, row: One | None, health: One) -> None:
    profile = health["profile"]
    if row is not None:
        told = {True: "yes", False: "no", None: "nobody has looked lately"}[row["signed_in"]]
        _fact("Signed in", told)
        _fact("Session age", accounts.age(row["session_age_days"]))
    with _fact("Looked at"):
        parts.when(profile["last_probe_at"] if profile else None, desk.timezone)


def _in_a_row(health: One) -> str:
    failures = health["failures_in_a_row"]
    return "no failures" if not failures else f"{failures} failed attempt{'s' if failures > 1 else ''}"


def _last(desk: Desk, attempt: One | None) -> None:
    if attempt is None:
        parts.tag("span", "none yet").classes("soft")
        return
    parts.link(parts.inside("attempts", attempt["id"]), parts.words(attempt["flow"]))
    parts.tag("span", " ")
    parts.chip(attempt["outcome"] or "running")
    parts.tag("span", " ")
    parts.when(attempt["started_at"], desk.timezone).classes("soft")
    if attempt["error"]:
        parts.tag("p", attempt["error"])


def _rotation(desk: Desk, standing: One, choices: Sequence[One]) -> None:
    with _card("Rotation", "Why its turn comes, or does not."):
        if standing["running"]:
            parts.tag("p", f"It is being served now: {standing['reason']}")
        elif standing["place"]:
            parts.tag("p", f"It is number {standing['place']} of those whose turn comes: {standing['reason']}")
        else:
            parts.tag("p", f"Its turn does not come now: {standing['reason']}")
        if choices:
            parts.tag("h3", "When it was chosen")
        for each in choices:
            with parts.tag("div").classes("feed-line choice"):
                parts.when(each["at"], desk.timezone)
                with parts.tag("span"):
                    parts.link(parts.inside("jobs", each["job_id"]), parts.words(str(each["data"].get("flow", "job"))))
                    parts.tag("span", f": {each['data'].get('reason', '')}").classes("soft")


def _checkpoint(desk: Desk, kept: One) -> None:
    good = [each for each in kept["checkpoints"] if each["condition"] == "good"]
    if not kept["checkpoints"]:
        parts.tag("span", "none yet: one is kept when it is seen to be signed in").classes("soft")
        return
    if not good:
        parts.tag("span", f"none that can be laid in: {kept['checkpoints'][0]['why']}")
        return
    parts.tag("span", f"signed in as {good[0]['signed_in_as']}, saved ")
    parts.when(good[0]["saved_at"], desk.timezone)
    if len(kept["checkpoints"]) > 1:
        parts.tag("span", f"; {len(good)} good of {len(kept['checkpoints'])} kept").classes("soft")


def _profile(desk: Desk, row: One | None, health: One, kept: One) -> None:
    profile = health["profile"]
    with _card("Profile"):
        if profile is None:
            parts.tag("p", "It has no profile yet: one is made when it is served for the first time.").classes("soft")
            return
        with parts.tag("dl").classes("facts"):
            if row is not None:
                _fact("Site", row["site"])
                _fact("Username", row["username"])
            _fact("Browser", f"Chromium {profile['browser_major']}" if profile["browser_major"] else "not opened yet")
            with _fact("Last login"):
                last = profile["last_login_at"] or (row["last_login_at"] if row is not None else None)
                parts.when(last, desk.timezone, none="not known")
            with _fact("Last served"):
                parts.when(health["last_served_at"], desk.timezone)
            with _fact("Checkpoint"):
                _checkpoint(desk, kept)
            if profile["notes"]:
                _fact("Notes", profile["notes"])


def _jobs(desk: Desk, name: str, jobs: Sequence[One]) -> None:
    parts.title("Jobs", "The newest first.")
    if not jobs:
        parts.empty("It has no jobs.", "Read its inbox, or start a cycle.", address="/", action="To the cycle")
        return
    columns = (
        parts.Column(name="Job", show=lambda row: f"{row['id']} {parts.words(row['flow'])}"),
        parts.Column(name="State", show=lambda row: _chip(row["state"])),
        parts.Column(name="Asked for", show=lambda row: _when(desk, row["created_at"])),
        parts.Column(name="Ended", show=lambda row: _when(desk, row["ended_at"], "not yet")),
        parts.Column(name="Attempts", show=lambda row: str(row["attempts"]), numeric=True),
        parts.Column(name="Why it failed", show=lambda row: row["error"] or ""),
    )
    parts.table(jobs, columns, address=lambda row: parts.inside("jobs", row["id"]), name="Jobs")
    with parts.tag("div").classes("more"):
        parts.link(parts.inside("jobs", account=name), f"All jobs of {name}")


def _errors(desk: Desk, name: str, failures: Sequence[One]) -> None:
    parts.title("Errors", "Its failed attempts, the newest first.")
    if not failures:
        parts.tag("p", "None of its attempts has failed.").classes("soft")
        return
    with parts.tag("div").classes("error-gallery"):
        for each in failures:
            with parts.link(parts.inside("attempts", each["id"]), classes="card-box error-card"):
                parts.picture(each["evidence_id"], f"What the browser saw: {each['error'] or ''}", classes="wide")
                with parts.tag("div").classes("across"):
                    parts.chip(each["kind"], "bad")
                    parts.when(each["started_at"], desk.timezone).classes("soft")
                parts.tag("span", each["error"] or "").classes("error-text")
    with parts.tag("div").classes("more"):
        parts.link(parts.inside("errors", account=name), f"All errors of {name}")


def _sessions(desk: Desk, sessions: Sequence[One]) -> None:
    parts.title("Sessions", "The times that its browser was open.")
    if not sessions:
        parts.tag("p", "Its browser was never open.").classes("soft")
        return
    columns = (
        parts.Column(name="Session", show=lambda row: row["id"]),
        parts.Column(name="Begun", show=lambda row: _when(desk, row["started_at"])),
        parts.Column(name="Ended", show=lambda row: _when(desk, row["ended_at"], "open now")),
        parts.Column(name="Why it ended", show=lambda row: parts.words(row["end"] or "")),
        parts.Column(name="Mode", show=lambda row: row["mode"]),
        parts.Column(name="Browser", show=lambda row: row["browser_version"]),
    )
    parts.table(sessions, columns, name="Sessions")


def _chip(state: str) -> None:
    parts.chip(state)


def _when(desk: Desk, moment: str | None, none: str = "never") -> None:
    parts.when(moment, desk.timezone, none=none)
