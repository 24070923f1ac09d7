"""The chart of RESULTS.md: a bar for each way, drawn as SVG by hand, small and readable by light and dark. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.report import Measurement, Spread, of, ways
from bench.ways import Way

ROW, BAR, LEFT, WIDE = 26, 16, 330, 360
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.other{fill:#8c959f}.ours{fill:#2f6f4f}"
    ".spread{stroke:#24292f;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.other{fill:#6e7681}.ours{fill:#56a87f}.spread{stroke:#e6edf3}}"
)


def chart(measured: Sequence[Measurement], browsers: int) -> str:
    """Sessions per minute with so many browsers: the median as a bar, the least and the most as a line on it."""
    found = {way: Spread.of(each.per_minute for each in of(measured, way, browsers)) for way in ways(measured)}
    most = max(spread.most for spread in found.values())
    words = f"Sessions per minute, {browsers} side by side: median, least and most"
    rows = "".join(_row(number, way, spread, WIDE / most) for number, (way, spread) in enumerate(found.items()))
    height = 34 + ROW * len(found)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 70} {height}" role="img">'
        f'<style>{STYLE}</style><title>{words}</title><text x="8" y="20">{words}</text>{rows}</svg>\n'
    )


def _row(number: int, way: Way, spread: Spread, scale: float) -> str:
    top = 34 + ROW * number
    middle, text = top + BAR / 2, top + 13
    kind = "ours" if way is Way.RUNNER else "other"
    least, median, most = (LEFT + value * scale for value in (spread.least, spread.median, spread.most))
    return (
        f'<text x="{LEFT - 8}" y="{text}" text-anchor="end">{escape(way)}</text>'
        f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{median - LEFT:.0f}" height="{BAR}" rx="2"/>'
        f'<path class="spread" d="M{least:.0f} {middle}H{most:.0f}"/>'
        f'<text x="{max(median, most) + 6:.0f}" y="{text}">{spread.median:.0f}</text>'
    )
