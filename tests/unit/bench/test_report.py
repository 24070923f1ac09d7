from __future__ import annotations

from statistics import StatisticsError

import pytest

from bench import aims, report
from bench.chart import chart
from bench.measure import Cost, Part
from bench.report import Measurement, Spread
from bench.ways import Way


def measurement(way: Way, *, browsers: int = 1, number: int = 1, seconds: float, cpu_s: float = 1.0) -> Measurement:
    cost = Cost(
        cpu_s={Part.CHROMIUM: cpu_s, Part.DRIVER: 0.0, Part.PYTHON: 0.0},
        peak_bytes={Part.CHROMIUM: 200_000_000, Part.DRIVER: 90_000_000, Part.PYTHON: 20_000_000},
    )
    held = {Part.CHROMIUM: 80_000_000, Part.DRIVER: 90_000_000}
    return Measurement(way=way, browsers=browsers, round=number, seconds=seconds, cost=cost, held=held)


def test_a_ratio_is_taken_within_a_round_so_that_a_slow_hour_does_not_count() -> None:
    # In round 2 the machine was ten times slower for both.
    measured = [
        measurement(Way.BARE, number=1, seconds=2.0),
        measurement(Way.RUNNER, number=1, seconds=2.2),
        measurement(Way.BARE, number=2, seconds=20.0),
        measurement(Way.RUNNER, number=2, seconds=21.0),
    ]
    spread = report.ratios(measured, 1, lambda each: each.seconds, over=Way.BARE)
    assert (spread.least, spread.most) == (pytest.approx(1.05), pytest.approx(1.1))


def test_a_round_that_only_one_way_finished_gives_no_ratio() -> None:
    measured = [
        measurement(Way.BARE, number=1, seconds=2.0),
        measurement(Way.RUNNER, number=1, seconds=3.0),
        measurement(Way.BARE, number=2, seconds=2.0),
    ]
    found = report.ratios(measured, 1, lambda each: each.seconds, over=Way.BARE)
    assert found == Spread(median=1.5, least=1.5, most=1.5)


def test_sessions_per_minute_and_processor_time_count_every_session() -> None:
    one = measurement(Way.RUNNER, browsers=4, seconds=8.0, cpu_s=6.0)
    assert one.per_minute == 30
    assert one.cpu_s == 1.5


@pytest.mark.parametrize(("numbers", "text"), [((1.0,), "1.00"), ((3.0, 1.0, 2.0), "2.00 (1.00–3.00)")])
def test_a_spread_shows_its_ends_where_it_has_some(numbers: tuple[float, ...], text: str) -> None:
    assert Spread.of(numbers).text(2) == text


def test_nothing_has_no_spread() -> None:
    with pytest.raises(StatisticsError):
        Spread.of([])


@pytest.mark.parametrize(("seconds", "words"), [(0.5, "| ≥ 4 | 4.00 | met |"), (1.0, "| ≥ 4 | 2.00 | missed |")])
def test_an_aim_says_what_was_measured_and_whether_that_is_enough(seconds: float, words: str) -> None:
    measured = [measurement(Way.USUAL, seconds=2.0), measurement(Way.RUNNER, seconds=seconds)]
    told = aims.table(aims.of_sessions(measured))
    assert words in told
    assert (
        "over Crawlee, persistent profiles, 1 side by side | ≥ 2.5 | – | not measured: this way was left out |" in told
    )


def test_every_number_of_browsers_and_every_way_has_its_row() -> None:
    measured = [
        measurement(way, browsers=browsers, seconds=2.0 * browsers, cpu_s=3.0 * browsers)
        for browsers in (1, 2)
        for way in (Way.BARE, Way.RUNNER)
    ]
    text = report.tables(measured, measured)
    assert f"| 2 | {Way.BARE} | 30.0 | 1.00 | 3.00 | 1.00 | 3.00 | 0.00 | 0.00 |" in text
    assert f"| 2 | {Way.RUNNER} | 155 | 200 | 90 | 20 | 40 |" in text


def test_the_chart_has_a_bar_for_each_way_and_names_it() -> None:
    drawn = chart([measurement(Way.BARE, seconds=2.0), measurement(Way.RUNNER, seconds=1.0)], 1)
    assert drawn.count("<rect") == 2
    assert f">{Way.BARE}</text>" in drawn
    assert ">60</text>" in drawn
