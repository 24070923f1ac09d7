"""From measurements to the table in RESULTS.md. Pure: no clock, no process, no file."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.measure import Cost, Part
from bench.ways import Way

MB = 1_000_000
AIM = 1.10


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """`browsers` sessions side by side, once: `seconds` from the order until the last browser was closed."""

    way: Way
    browsers: int
    round: int
    seconds: float
    cost: Cost

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


def ratios(measured: Sequence[Measurement], browsers: int, number: Number) -> Spread:
    """The runner's number over the bare script's, round by round: both had the same neighbours on the machine."""
    bare = {each.round: number(each) for each in _of(measured, Way.BARE, browsers)}
    ours = {each.round: number(each) for each in _of(measured, Way.RUNNER, browsers)}
    return Spread.of(ours[each] / bare[each] for each in sorted(bare.keys() & ours.keys()))


def tables(measured: Sequence[Measurement], memory: Sequence[Measurement]) -> str:
    """All tables as Markdown; `memory` are the measurements that looked at memory, whose times do not count."""
    parts = [_time_table(measured), _cpu_table(measured), _memory_table(memory), _verdict(measured)]
    return "\n".join(parts)


def _time_table(measured: Sequence[Measurement]) -> str:
    head = "| browsers | | bare script | runner | ratio |\n|---:|---|---:|---:|---:|\n"
    rows = []
    for browsers in _browsers(measured):
        if browsers == 1:
            rows.append(_row(measured, browsers, "seconds per session", lambda each: each.seconds, 2))
        rows.append(_row(measured, browsers, "sessions per minute", lambda each: each.per_minute, 1))
        rows.append(_row(measured, browsers, "processor seconds per session", lambda each: each.cpu_s, 2))
    return head + "".join(rows)


def _row(measured: Sequence[Measurement], browsers: int, what: str, number: Number, digits: int) -> str:
    bare, ours = (Spread.of(map(number, _of(measured, way, browsers))).text(digits) for way in Way)
    return f"| {browsers} | {what} | {bare} | {ours} | {ratios(measured, browsers, number).text(2)} |\n"


def _cpu_table(measured: Sequence[Measurement]) -> str:
    head = "| browsers | processor seconds per session | Chromium | driver | Python |\n|---:|---|---:|---:|---:|\n"
    rows = [
        _part_row(measured, browsers, way, lambda each, part: each.cost.cpu_s[part] / each.browsers, 2)
        for browsers in _browsers(measured)
        for way in Way
    ]
    return head + "".join(rows)


def _memory_table(memory: Sequence[Measurement]) -> str:
    head = "| browsers | peak PSS in MB | Chromium | driver | Python |\n|---:|---|---:|---:|---:|\n"
    rows = [
        _part_row(memory, browsers, way, lambda each, part: each.cost.peak_bytes[part] / MB, 0)
        for browsers in _browsers(memory)
        for way in Way
    ]
    return head + "".join(rows)


def _part_row(
    measured: Sequence[Measurement],
    browsers: int,
    way: Way,
    number: Callable[[Measurement, Part], float],
    digits: int,
) -> str:
    cells = []
    for part in (Part.CHROMIUM, Part.DRIVER, Part.PYTHON):
        values = [number(each, part) for each in _of(measured, way, browsers)]
        cells.append(f"{statistics.median(values):.{digits}f}")
    return f"| {browsers} | {way} | {' | '.join(cells)} |\n"


def _verdict(measured: Sequence[Measurement]) -> str:
    time = ratios(measured, 1, lambda each: each.seconds).median
    verdict = "reached" if time <= AIM else "missed"
    return (
        f"The aim is at most {AIM:.2f} times the seconds of the bare script, with one browser: "
        f"{time:.2f}, {verdict} in this run.\n"
    )


def _of(measured: Sequence[Measurement], way: Way, browsers: int) -> list[Measurement]:
    return [each for each in measured if each.way is way and each.browsers == browsers]


def _browsers(measured: Sequence[Measurement]) -> list[int]:
    return sorted({each.browsers for each in measured})
