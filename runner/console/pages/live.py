"""Live: a wall of the sessions that are open now, each a way to watch and to take over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.console import at_work, parts
from runner.console.application import House
from runner.console.desk import Desk

MOST = 60
HEADLESS = "headless"
HOW = "runner daemon --console"


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
    doing = {each["session_id"]: each for each in found["work"] if each["session_id"]}
    at_rest = [each for each in found["sessions"] if each["id"] not in doing and each["mode"] == HEADLESS]
    shown = [each for each in found["sessions"] if each not in at_rest]
    if shown:
        parts.title(parts.counted(len(shown), "session"), "open now")
        with parts.tag("div").classes("wall"):
            for session in shown:
                _tile(desk, session, doing.get(session["id"]), watches=watches)
    else:
        parts.empty(
            "No browser is at work now.",
            "They are shown here as they begin. Start a cycle on Now to see some.",
            address="/",
            action="To Now",
        )
    _at_rest(at_rest, watches=watches)
    if found["more"]:
        parts.tag("p", f"Only the newest {MOST} are shown.").classes("soft")


def _at_rest(sessions: Sequence[Mapping[str, Any]], *, watches: bool) -> None:
    """Those that are kept warm, and one that a person has kept in hand: no picture, but a way to each."""
    if not sessions:
        return
    with parts.tag("p").classes("soft across tight"):
        parts.tag("span", "Open, with nothing being done:")
        for each in sessions:
            if watches:
                parts.link(f"/live/{each['id']}", each["account"], label=f"Watch {each['account']}", new_tab=True)
            else:
                parts.link(parts.inside("accounts", each["account"]), each["account"])


def _tile(desk: Desk, session: Mapping[str, Any], work: Mapping[str, Any] | None, *, watches: bool) -> None:
    with parts.tag("article").classes("card-box tile stack near") as tile:
        tile.props["aria-label"] = f"Session of {session['account']}"
        if watches:
            with parts.link(f"/live/{session['id']}", label=f"Watch {session['account']}", new_tab=True):
                at_work.live_picture(session["id"], f"What {session['account']}'s browser shows")
        with parts.tag("div").classes("across tight"):
            parts.link(parts.inside("accounts", session["account"]), session["account"]).classes("name")
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
