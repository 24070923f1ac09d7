"""Notes about a Thread: for people only, never sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from runner.console import parts
from runner.console.desk import Desk


def notes(desk: Desk, thread: Mapping[str, Any], written: Sequence[Mapping[str, Any]]) -> None:
    """What was written, the oldest first; the place to write stands outside, in the tools."""
    parts.title("Notes", "never sent")
    if not written:
        parts.tag("p", "None yet.").classes("soft")
    for each in written:
        with parts.tag("article").classes("note"):
            with parts.tag("div").classes("bubble-head soft"):
                parts.tag("strong", each["by"])
                parts.when(each["at"], desk.timezone)
                if desk.may("agent"):
                    parts.button("Remove note", partial(_remove, desk, thread, each), looks="quiet")
            parts.tag("div", each["text"]).classes("bubble-text")


async def _remove(desk: Desk, thread: Mapping[str, Any], note: Mapping[str, Any]) -> None:
    await desk.act(lambda: desk.api.delete(f"/threads/{thread['id']}/notes/{note['id']}"), "The note is gone.")
