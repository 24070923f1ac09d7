"""What is being done this second: each running Job with its step, and a picture of its browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.console import parts
from runner.console.desk import Desk

COUNTED = re.compile(r"(\d{1,6}) of (\d{1,6})")
"""How a step says how far it is."""


def shown(desk: Desk, found: Mapping[str, Any], *, watches: bool) -> None:
    """All that is at work; `watches` is whether this process has pictures of its own sessions."""
    if not found["items"]:
        parts.empty("Nothing is being done.", "Start a cycle, or wait for the next schedule.")
        return
    with parts.tag("div").classes("stack"):
        for each in found["items"]:
            _one(desk, each, watches=watches)


def _one(desk: Desk, work: Mapping[str, Any], *, watches: bool) -> None:
    with parts.tag("article").classes("card-box work") as card:
        card.props["aria-label"] = f"{work['account']} at work"
        if watches and work["session_id"]:
            with parts.link(f"/live/{work['session_id']}", label=f"Watch {work['account']}", new_tab=True):
                live_picture(work["session_id"], f"What {work['account']}'s browser shows")
        else:
            parts.picture(work["evidence_id"], f"What {work['account']}'s browser showed", classes="small")
        with parts.tag("div").classes("grow stack near"):
            with parts.tag("div").classes("across tight"):
                parts.link(f"/jobs/{work['job_id']}", f"{work['account']}: {parts.words(work['flow'])}")
                if work["started_at"]:
                    parts.tag("ago-time", at=work["started_at"], zone=str(desk.timezone)).classes("soft")
            _step(work)
            parts.tag("span", work["worker"]).classes("soft worker")


def _step(work: Mapping[str, Any]) -> None:
    detail = work["step_detail"] or ""
    with parts.tag("span"):
        parts.tag("strong", work["step"] or "begins")
        parts.tag("span", f" {detail}").classes("soft")
    far = COUNTED.search(detail)
    if far and int(far[2]) > 1:
        parts.bar(int(far[1]), int(far[2]), label=f"{work['account']}: {work['step']}")
    else:
        parts.tag("span", f"{parts.counted(work['steps_done'], 'step')} done").classes("soft")


def live_picture(session_id: str, words: str) -> None:
    """A picture of a session of this process, which keeps itself up to date (static/console.js)."""
    parts.tag("live-picture", session=session_id, words=words)
