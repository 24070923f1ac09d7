"""What binds an Account: its limits with what is left of them, and its hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.console import parts
from runner.console.desk import Desk

One = Mapping[str, Any]


def show(desk: Desk, name: str, limits: One, hours: One) -> None:
    """The card of limits and hours."""
    box = parts.tag("section").classes("card-box stack")
    box.props["aria-label"] = "Limits and hours"
    with box:
        parts.title("Limits and hours", f"by the clock of {limits['timezone']}")
        parts.tag("p", _open(hours))
        if not limits["usage"]:
            parts.tag("p", "No limit is set. Set one in a terminal:").classes("soft")
            parts.tag("code", f"runner limits set {name} messages --per-day 50").classes("command")
            return
        if limits["share"] < 1:
            parts.tag("p", f"It is new here and warms up: {parts.share(limits['share'])} of its limits today.")
        with parts.tag("dl").classes("facts"):
            for level in limits["usage"]:
                _level(desk, level)
        if limits["postponed"]:
            put_off = f"{parts.counted(limits['postponed'], 'job')} put off"
            parts.link(parts.inside("jobs", account=name, state="queued"), put_off)


def _level(desk: Desk, level: One) -> None:
    kind = {"sign_ins": "Sign-ins", "page_loads": "Page loads"}.get(level["kind"], str(level["kind"]).capitalize())
    parts.tag("dt", f"{kind} a{'n' if level['window'] == 'hour' else ''} {level['window']}")
    with parts.tag("dd"):
        parts.tag("span", f"{level['used']} of {level['limit']} used, {level['left']} left")
        if level["room_at"] is not None:
            parts.tag("span", "; again ")
            parts.when(level["room_at"], desk.timezone)


def _open(hours: One) -> str:
    words = str(hours["now"])
    bound = any(each is not None for each in hours["hours"].values()) or hours["holidays"]
    if hours["open"]:
        return "At work now." if bound else "At work day and night."
    reads = " Inboxes are read all the same." if hours["read_outside"] else ""
    return f"{words[:1].upper()}{words[1:]}.{reads}"
