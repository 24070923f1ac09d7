"""What Now shows at a glance: the figures of the day with their trends, and what wants a person, with its cure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from runner.console import parts, settling
from runner.console.client import Refused
from runner.console.desk import Desk

FRESH_S = 0.5
MOST = 4
"""So many of one kind are shown; the rest is counted."""
GOOD, FAIR = 85, 60
"""A health score from here on is good, or fair."""


class Glance:
    """The overview, asked for once by all that show a part of it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._found: Any = None
        self._at = float("-inf")

    async def overview(self) -> Any:
        """The figures of the last 24 hours."""
        if self._found is None or time.monotonic() - self._at > FRESH_S:
            found = await self._desk.api.get("/overview", timeframe="24h")
            self._found = {**found, "waiting": await self._desk.api.get("/threads/waiting")}
            self._at = time.monotonic()
        return self._found

    async def trouble(self) -> Any:
        """What wants a person: asked for in detail only where the figures say that there is some."""
        api, figures = self._desk.api, await self.overview()
        accounts, jobs = figures["accounts"], figures["jobs"]
        stuck = ""
        try:
            await api.ready()
        except Refused as refused:
            stuck = refused.detail
        away, parked = [], []
        if accounts["parked"] + accounts["locked"]:
            away = (await api.get("/accounts", state=["parked", "locked"], limit=MOST))["items"]
        doubts = (await api.get("/effects", state="unknown", limit=MOST))["items"]
        if jobs["parked"]:
            parked = (await api.get("/jobs", state="parked", limit=MOST))["items"]
        return {
            "stuck": stuck,
            "accounts": away,
            "more_accounts": accounts["parked"] + accounts["locked"] - len(away),
            "doubts": doubts,
            "jobs": [each for each in parked if each["account"] not in {one["name"] for one in away}],
            "parked": jobs["parked"],
            "paused": accounts["paused"],
        }


def figures(found: Mapping[str, Any]) -> None:
    """The figures, each with how it was in the time before."""
    accounts, jobs, before = found["accounts"], found["jobs"], found["before"]
    ill = accounts["parked"] + accounts["locked"]
    waits = jobs["parked"] + jobs["unknown"]
    score = found["health_score"]
    with parts.tag("div").classes("figures day"):
        others = [f"{accounts[state]} {state}" for state in ("paused", "parked", "locked") if accounts[state]]
        parts.figure(
            "Accounts active",
            f"{accounts['active']} of {sum(accounts.values()) - accounts['disabled']}",
            hint=", ".join(others) or "all are well",
            address="/accounts",
            looks="wary" if ill else "good",
        )
        parts.figure(
            "Unread threads",
            f"{found['unread_threads']:,}",
            hint=f"of {found['open_threads']:,} open ones",
            address="/inbox?unread=true",
        )
        click, person = found["waiting"]["click"], found["waiting"]["person"]
        parts.figure(
            "Waiting for a click",
            f"{click:,}",
            hint=f"and {person:,} for a person",
            address="/inbox?waits=click" if click or not person else "/inbox?waits=person",
            looks="wary" if click else "plain",
        )
        parts.figure(
            "Messages, 24 h",
            f"{found['messages_inbound']:,}",
            hint=trend(found["messages_inbound"], before["messages_inbound"]),
            address="/analytics",
        )
        parts.figure(
            "Replies, 24 h",
            f"{found['messages_outbound']:,}",
            hint=trend(found["messages_outbound"], before["messages_outbound"]),
            address="/analytics",
        )
        parts.figure(
            "Queue",
            f"{jobs['queued']:,}",
            hint=f"{jobs['running']} running" + (f", {waits} parked or in doubt" if waits else ""),
            address="/jobs?state=queued",
            looks="busy" if jobs["running"] else "plain",
        )
        parts.figure(
            "Success, 24 h",
            parts.share(found["success_rate"]),
            hint=points(found["success_rate"], before["success_rate"]),
            address="/errors",
        )
        parts.figure(
            "Health",
            f"{score} %",
            hint="the shop as a whole",
            looks="good" if score >= GOOD else "wary" if score >= FAIR else "bad",
            address="/analytics",
        )


def trend(now: int, before: int) -> str:
    """How a count has changed."""
    if now == before:
        return "→ as before"
    return f"↑ {now - before:,} more than before" if now > before else f"↓ {before - now:,} fewer than before"


def points(now: float | None, before: float | None) -> str:
    """How a share has changed."""
    if now is None or before is None:
        return "of all attempts"
    change = round(100 * (now - before))
    if change == 0:
        return "→ as before"
    return f"↑ {change} points up" if change > 0 else f"↓ {-change} points down"


def trouble(desk: Desk, found: Mapping[str, Any]) -> None:
    """Everything that wants a person, with its cure."""
    with parts.tag("section").classes("stack") as section:
        section.props["aria-label"] = "What wants a person"
        _trouble(desk, found)


def _trouble(desk: Desk, found: Mapping[str, Any]) -> None:
    if found["stuck"]:
        _alert("Nothing performs the jobs that are due.", found["stuck"], "Start one: runner daemon", looks="bad")
    for each in found["accounts"]:
        reason = each["state_reason"] or ""
        cure = "Settle it with the site, then resume it." if each["state"] == "locked" else ""
        with _alert(f"{each['name']} is {each['state']}", reason, cure):
            parts.link(parts.inside("accounts", each["name"]), "Look", label=f"Look at {each['name']}")
            if desk.may("agent"):
                _resume(desk, each["name"])
    if found["more_accounts"] > 0:
        with _alert(f"{parts.counted(found['more_accounts'], 'more account')} like these", "", ""):
            parts.link("/accounts?state=parked", "All of them")
    for each in found["doubts"]:
        settling.unknown(desk, each)
    for each in found["jobs"]:
        with _alert(f"{each['account']}: {parts.words(each['flow'])} waits for a person", each["error"] or "", ""):
            parts.link(f"/jobs/{each['id']}", f"Job {each['id']}")
    if found["parked"] > MOST:
        with _alert(f"{found['parked']} jobs wait for a person", "", ""):
            parts.link("/jobs?state=parked", "All of them")


def _alert(what: str, why: str, cure: str, *, looks: str = "wary") -> Any:
    outer = parts.tag("div", role="group").classes("alert")
    outer.classes(looks)
    outer.props["aria-label"] = what
    with outer, parts.tag("div").classes("grow"):
        parts.tag("strong", what)
        if why:
            parts.tag("p", why)
        if cure:
            parts.tag("p", cure).classes("soft")
    return outer


def _resume(desk: Desk, name: str) -> None:
    async def resume() -> None:
        await desk.act(lambda: desk.api.post(parts.inside("accounts", name, "resume")), f"{name} is active again.")

    parts.button("Resume", resume, icon="play_arrow").props["aria-label"] = f"Resume {name}"
