"""A digest as one HTML file: inline styles, charts drawn as SVG, no scripts, nothing loaded from anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from runner.domain.digests import Digest
from runner.notices import digest_words
from runner.notices.digest_words import Chart

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640.0, 166.0, 34.0, 22.0, 14.0


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A rectangle of a chart."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A chart with its places worked out; `lines` are (y, value), `labels` are (x, text)."""

    chart: Chart
    bars: tuple[Bar, ...]
    lines: tuple[tuple[float, str], ...]
    labels: tuple[tuple[float, str], ...]
    words: str


def drawn(
    chart: Chart,
    *,
    width: float = WIDTH,
    height: float = HEIGHT,
    left: float = LEFT,
    bottom: float = BOTTOM,
    top: float = TOP,
    step: int | None = None,
) -> Drawn:
    """Work out where everything stands; the same for SVG and for PDF. `step`: every so many labels is written."""
    plot, slot = height - bottom - top, (width - left) / max(1, len(chart.labels))
    each = min(slot * 0.8 / len(chart.series), width / 30)

    def y(value: int) -> float:
        return top + plot * (1 - value / chart.top)

    bars = tuple(
        Bar(
            x=round(left + slot * place + (slot - each * len(chart.series)) / 2 + each * at, 2),
            y=round(y(value), 2),
            width=round(each, 2),
            height=round(top + plot - y(value), 2),
            tone=series.tone,
        )
        for at, series in enumerate(chart.series)
        for place, value in enumerate(series.values)
        if value
    )
    every = step or (3 if len(chart.labels) > 12 else 1)
    labels = tuple(
        (round(left + slot * (at + 0.5), 2), text) for at, text in enumerate(chart.labels) if at % every == 0
    )
    lines = tuple((round(y(value), 2), f"{value:,}") for value in digest_words.ticks(chart.top))
    words = "; ".join(f"{sum(series.values):,} {series.name}" for series in chart.series)
    return Drawn(chart=chart, bars=bars, lines=lines, labels=labels, words=f"{chart.title}: {words}")


def as_html(digest: Digest) -> str:
    """The whole file."""
    # Most commands draw no digest, and need not wait for what draws it.
    import jinja2

    house = jinja2.Environment(
        loader=jinja2.PackageLoader("runner.notices"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return house.get_template("digest.html").render(
        title=digest.title,
        figures=digest_words.figures(digest),
        charts=[drawn(chart) for chart in digest_words.charts(digest)],
        tables=digest_words.tables(digest),
        foot=digest_words.foot(digest),
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
    )
