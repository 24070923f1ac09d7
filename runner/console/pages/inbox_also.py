"""Where the counterpart of a Thread also writes: suggested by the name, or linked by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from runner.console import parts
from runner.console.desk import Desk


def also_in(desk: Desk, thread: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> None:
    """The other Threads, each with the way to it, and to say that it is somebody else's."""
    if not others:
        return
    parts.title("Also in", "the same counterpart")
    for each in others:
        with parts.tag("div").classes("across"):
            words = f"{each['account']}: {each['listing_title'] or each['counterpart']}"
            parts.link(parts.inside("inbox", thread=each["thread_id"], status="all"), words)
            parts.chip(each["status"])
            told = f"linked by {each['linked_by']}" if each["linked_by"] else "by the name"
            parts.tag("span", told).classes("soft")
            if desk.may("agent"):
                parts.button("Somebody else", partial(_say, desk, thread, each, same=False), looks="quiet")


async def _say(desk: Desk, thread: Mapping[str, Any], other: Mapping[str, Any], *, same: bool) -> None:
    path = f"/threads/{thread['id']}/also-in/{other['thread_id']}"
    await desk.act(lambda: desk.api.put(path, {"same": same}), "Noted: they are two people's.")
