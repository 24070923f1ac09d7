"""From measurements to the tables in RESULTS.md. Pure: no clock, no process, no file."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.measure import Cost, Part
from bench.ways import Way

MB = 1_000_000
PARTS = (Part.CHROMIUM, Part.DRIVER, Part.PYTHON)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """`browsers` sessions side by side, once: `seconds` from the order until the last was done.

    `held` is what the browsers hold afterwards, while nothing is asked of them, where memory was looked at.
    """

    way: Way
    browsers: int
    round: int
    seconds: float
    cost: Cost
    held: Mapping[Part, int] | None = None

    @property
    def cpu_s(self) -> float:
        """Processor seconds per session, all parts together."""
        return sum(self.cost.cpu_s.values()) / self.browsers

    @property
    def per_minute(self) -> float:
        """Sessions per minute."""
        return self.browsers / self.seconds * 60


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Median, least and most of some numbers."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, numbers: Iterable[float]) -> Spread:
        """The Spread of at least one number. Raises statistics.StatisticsError for none."""
        values = sorted(numbers)
        return cls(median=statistics.median(values), least=values[0], most=values[-1])

    def text(self, digits: int) -> str:
        """The median, with least and most in brackets where there was more than one number."""
        if self.least == self.most:
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} ({self.least:.{digits}f}–{self.most:.{digits}f})"


Number = Callable[[Measurement], float]


def ratios(
    measured: Sequence[Measurement], browsers: int, number: Number, *, over: Way, way: Way = Way.RUNNER
) -> Spread:
    """The runner's number over another way's, round by round: both had the same neighbours on the machine."""
    theirs = {each.round: number(each) for each in of(measured, over, browsers)}
    ours = {each.round: number(each) for each in of(measured, way, browsers)}
    return Spread.of(ours[each] / theirs[each] for each in sorted(theirs.keys() & ours.keys()))


def tables(measured: Sequence[Measurement], memory: Sequence[Measurement]) -> str:
    """All tables as Markdown; `memory` are the measurements that looked at memory, whose times do not count."""
    return f"{_session_table(measured)}\n{_memory_table(memory)}"


def _session_table(measured: Sequence[Measurement]) -> str:
    head = (
        "| browsers | way | sessions per minute | the runner's over it | processor s per session "
        "| the runner's over it | Chromium | driver | Python |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    return head + "".join(
        _session_row(measured, browsers, way) for browsers in widths(measured) for way in ways(measured)
    )


def _session_row(measured: Sequence[Measurement], browsers: int, way: Way) -> str:
    mine = of(measured, way, browsers)
    cells = [
        Spread.of(each.per_minute for each in mine).text(1),
        ratios(measured, browsers, lambda each: each.per_minute, over=way).text(2),
        Spread.of(each.cpu_s for each in mine).text(2),
        ratios(measured, browsers, lambda each: each.cpu_s, over=way).text(2),
        *(f"{statistics.median(each.cost.cpu_s[part] / browsers for each in mine):.2f}" for part in PARTS),
    ]
    return f"| {browsers} | {way} | {' | '.join(cells)} |\n"


def _memory_table(memory: Sequence[Measurement]) -> str:
    head = (
        "| browsers | way | peak PSS per session in MB | Chromium, in all | driver | Python "
        "| held per idle account in MB |\n|---:|---|---:|---:|---:|---:|---:|\n"
    )
    return head + "".join(_memory_row(memory, browsers, way) for browsers in widths(memory) for way in ways(memory))


def _memory_row(memory: Sequence[Measurement], browsers: int, way: Way) -> str:
    mine = of(memory, way, browsers)
    peaks = [statistics.median(each.cost.peak_bytes[part] / MB for each in mine) for part in PARTS]
    held = statistics.median(idle_mb(each) for each in mine)
    cells = " | ".join(f"{peak:.0f}" for peak in peaks)
    return f"| {browsers} | {way} | {sum(peaks) / browsers:.0f} | {cells} | {held:.0f} |\n"


def idle_mb(measured: Measurement) -> float:
    """Megabytes of browser that each account holds between sessions; a way that closes its browsers holds none."""
    return (measured.held or {}).get(Part.CHROMIUM, 0) / measured.browsers / MB


def of(measured: Sequence[Measurement], way: Way, browsers: int) -> list[Measurement]:
    """Those of one way with so many browsers."""
    return [each for each in measured if each.way is way and each.browsers == browsers]


def widths(measured: Sequence[Measurement]) -> list[int]:
    """The numbers of browsers that were measured."""
    return sorted({each.browsers for each in measured})


def ways(measured: Sequence[Measurement]) -> list[Way]:
    """The ways that were measured, in the order in which they stand in the tables."""
    found = {each.way for each in measured}
    return [way for way in Way if way in found]
