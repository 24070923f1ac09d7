"""What was promised, what was measured, and whether that is so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report import Measurement, Spread, of, ratios, widths
from bench.ways import Way


@dataclass(frozen=True, kw_only=True)
class Aim:
    """One figure; `found` is None where it could not be measured, and `why` says why."""

    figure: str
    limit: float
    found: Spread | None
    at_least: bool = False
    why: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the median keeps the promise."""
        if self.found is None:
            return False
        return self.found.median >= self.limit if self.at_least else self.found.median <= self.limit

    def row(self) -> str:
        """A line of the table."""
        sign = "≥" if self.at_least else "≤"
        if self.found is None:
            return f"| {self.figure} | {sign} {self.limit:g} | – | not measured: {self.why} |"
        verdict = "met" if self.is_met else "missed"
        return f"| {self.figure} | {sign} {self.limit:g} | {self.found.text(2)} | {verdict} |"


def of_sessions(measured: Sequence[Measurement]) -> list[Aim]:
    """The aims about sessions: processor time with one browser, sessions per minute with as many as were measured."""
    widest = max(widths(measured))
    faster = ((Way.USUAL, 4.0), (Way.SELENIUM, 4.0), (Way.CRAWLEE, 2.5), (Way.CRAWLEE_BEST, 1.5))
    return [
        _ratio(measured, 1, Way.BARE, 1.05, "processor time per session over bare Playwright in the same launch mode"),
        *(
            _ratio(measured, widest, way, limit, f"sessions per minute over {way}, {widest} side by side", faster=True)
            for way, limit in faster
        ),
    ]


def _ratio(
    measured: Sequence[Measurement], browsers: int, over: Way, limit: float, figure: str, *, faster: bool = False
) -> Aim:
    def number(each: Measurement) -> float:
        return each.per_minute if faster else each.cpu_s

    # In the same launch mode: a runner that keeps browsers warm is asked to launch one each time, as the script does.
    ours = Way.COLD if over is Way.BARE and of(measured, Way.COLD, browsers) else Way.RUNNER
    there = bool(of(measured, over, browsers))
    return Aim(
        figure=figure,
        limit=limit,
        found=ratios(measured, browsers, number, over=over, way=ours) if there else None,
        at_least=faster,
        why="this way was left out",
    )


def table(aims: Sequence[Aim]) -> str:
    """All of them as Markdown."""
    return "| figure | aim | measured | |\n|---|---|---:|---|\n" + "".join(f"{each.row()}\n" for each in aims)
