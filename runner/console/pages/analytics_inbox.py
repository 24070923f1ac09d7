"""Charts of the inbox: the funnel, first replies by hour of the day, what templates and rules bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.console import parts
from runner.console.charts import Series
from runner.console.desk import Desk
from runner.console.pages.analytics_drawn import Drawn, column

STAGES = ("received", "classified", "answered", "replied", "sold")
NOUNS = {"funnel": "funnel", "first_reply": "first-reply", "templates": "templates", "rules": "rules"}
"""What each is called among the figures, and at the API."""


def funnel(_: Desk, found: Mapping[str, Any]) -> Drawn:
    """How far inbound messages got."""
    told = found["funnel"]
    rows = [{"stage": each, "messages": told[each], "share": _share(told[each], told["received"])} for each in STAGES]
    return Drawn(
        names=[str(row["stage"]) for row in rows],
        series=[Series(name="messages", tone="busy", values=[told[each] for each in STAGES])],
        rows=rows,
        columns=[
            parts.Column(name="Stage", show=lambda row: row["stage"]),
            column("Messages", "messages"),
            column("Of those received", "share", parts.share),
        ],
        lying=True,
    )


def first_reply(_: Desk, found: Mapping[str, Any]) -> Drawn:
    """How long the first reply took, by the hour in which the question came."""
    rows = found["first_reply"]["items"]

    def minutes(key: str) -> list[float | None]:
        return [None if row[key] is None else round(row[key] / 60, 1) for row in rows]

    return Drawn(
        names=[f"{row['hour']:02}" for row in rows],
        series=[
            Series(name="half (p50)", tone="good", values=minutes("p50_s"), beside=True),
            Series(name="95 % (p95)", tone="wary", values=minutes("p95_s"), beside=True),
        ],
        rows=[row for row in rows if row["questions"]],
        columns=[
            parts.Column(name="Hour", show=lambda row: f"{row['hour']:02}:00"),
            column("Questions", "questions"),
            column("Answered", "answered"),
            column("p50", "p50_s", parts.duration),
            column("p95", "p95_s", parts.duration),
        ],
        whole=False,
    )


def templates(_: Desk, found: Mapping[str, Any]) -> Drawn:
    """What the drafts of each template came to."""
    return _yields(found["templates"]["items"], "Template")


def rules(_: Desk, found: Mapping[str, Any]) -> Drawn:
    """What the drafts of each rule came to."""
    return _yields(found["rules"]["items"], "Rule")


def expected(told: Mapping[str, Any]) -> None:
    """What tomorrow should bring, with its error, or that nobody can tell."""
    if told["expected"] is None:
        hint = f"not enough data: {told['weeks']} of 3 weeks"
    else:
        hint = f"± {told['error']:.1f} on the mean, judged on {parts.counted(told['judged_days'], 'day')}"
    value = "—" if told["expected"] is None else f"{told['expected']:.0f}"
    parts.figure("Expected tomorrow", value, hint=hint)


def _yields(rows: list[Mapping[str, Any]], name: str) -> Drawn:
    return Drawn(
        names=[row["name"] for row in rows],
        series=[
            Series(name="sent", tone="busy", values=[row["sent"] for row in rows], beside=True),
            Series(name="replied", tone="good", values=[row["replied"] for row in rows], beside=True),
            Series(name="sold", tone="wary", values=[row["sold"] for row in rows], beside=True),
        ],
        rows=rows,
        columns=[
            parts.Column(name=name, show=lambda row: row["name"]),
            column("Drafts", "drafts"),
            column("Sent", "sent"),
            column("Replied", "replied"),
            column("Sold", "sold"),
            column("Reply rate", "reply_rate", parts.share),
            column("Success rate", "success_rate", parts.share),
        ],
        lying=True,
    )


def _share(part: int, of: int) -> float | None:
    return part / of if of else None
