"""An Effect of which nobody can tell whether it happened: what a person saw at the site settles it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from runner.console import asking, parts
from runner.console.desk import Desk

ANSWERS = {
    "confirmed": "It is there, once",
    "not_done": "It is not there: it may be done again",
    "duplicated": "It is there more than once",
}


def unknown(desk: Desk, effect: Mapping[str, Any]) -> None:
    """One such Effect, with the way to settle it."""
    with parts.tag("div").classes("alert wary"):
        with parts.tag("div").classes("grow"):
            parts.tag("strong", f"{effect['account']}: was it done? {parts.words(effect['kind'])}")
            parts.tag("p", effect["natural_key"]).classes("soft")
            parts.tag("p", "Nobody can tell whether the site took it. Look there, and say what you see.")
            parts.link(f"/jobs/{effect['job_id']}", f"Job {effect['job_id']}")
        if desk.may("agent"):
            parts.button("Settle", lambda: _settle(desk, effect), icon="gavel")


async def _settle(desk: Desk, effect: Mapping[str, Any]) -> None:
    what = f"{effect['account']}: {parts.words(effect['kind'])}, as it stands at the site"
    verdict = await asking.choice(what, ANSWERS, label="What you see there", yes="Settle it")
    if verdict is None:
        return
    path = f"/effects/{effect['id']}/settle"
    if await desk.act(lambda: desk.api.post(path, {"verdict": verdict})) is not None:
        ui.notify("Settled; its job goes on from there.", type="positive", position="top")
