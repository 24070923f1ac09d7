"""Live: a wall of the sessions that are open now, each a way to watch and to take over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.console import at_work, parts
from runner.console.application import House
from runner.console.desk import Desk

MOST = 60
HOW = "runner daemon --console --live"


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/live", "Live", wide=True)
    async def live(desk: Desk) -> None:
        watches = house.ports.watches
        if not watches:
            with parts.tag("div").classes("alert"), parts.tag("div").classes("grow"):
                parts.tag("strong", "This process has no browsers of its own, so there are no pictures here.")
                with parts.tag("p"):
                    parts.tag("span", "To watch sessions and to take them over: ")
                    parts.tag("code", HOW)
        await desk.region(lambda: _read(desk), lambda found: _wall(desk, found, watches=watches))


async def _read(desk: Desk) -> Any:
    sessions = await desk.api.get("/sessions", open="true", limit=MOST)
    work = await desk.api.get("/work")
    return {"sessions": sessions["items"], "work": work["items"], "more": sessions["next_cursor"] is not None}


def _wall(desk: Desk, found: Mapping[str, Any], *, watches: bool) -> None:
    if not found["sessions"]:
        parts.empty(
            "No browser is open now.",
            "They are shown here as they open. Start a cycle on Now to see some.",
            address="/",
            action="To Now",
        )
        return
    parts.title(parts.counted(len(found["sessions"]), "session"), "open now")
    doing = {each["session_id"]: each for each in found["work"] if each["session_id"]}
    with parts.tag("div").classes("wall"):
        for session in found["sessions"]:
            _tile(desk, session, doing.get(session["id"]), watches=watches)
    if found["more"]:
        parts.tag("p", f"Only the newest {MOST} are shown.").classes("soft")


def _tile(desk: Desk, session: Mapping[str, Any], work: Mapping[str, Any] | None, *, watches: bool) -> None:
    with parts.tag("article").classes("card-box tile stack near") as tile:
        tile.props["aria-label"] = f"Session of {session['account']}"
        if watches:
            with parts.link(f"/live/{session['id']}", label=f"Watch {session['account']}", new_tab=True):
                at_work.live_picture(session["id"], f"What {session['account']}'s browser shows")
        with parts.tag("div").classes("across tight"):
            parts.link(f"/accounts/{session['account']}", session["account"]).classes("name")
            parts.chip(session["mode"], "plain")
            if watches:
                parts.tag("live-stand", session=session["id"]).classes("chip busy")
        _doing(work)
        with parts.tag("span").classes("soft"):
            parts.tag("span", "open since ")
            parts.when(session["started_at"], desk.timezone)
        if watches:
            parts.link(
                f"/live/{session['id']}",
                "Watch / take over",
                classes="button watch",
                label=f"Watch or take over {session['account']}",
                new_tab=True,
            )


def _doing(work: Mapping[str, Any] | None) -> None:
    with parts.tag("span"):
        if work is None:
            parts.tag("span", "nothing just now").classes("soft")
            return
        parts.link(f"/jobs/{work['job_id']}", parts.words(work["flow"]))
        parts.tag("span", f" · {work['step'] or 'begins'} {work['step_detail'] or ''}".rstrip())
