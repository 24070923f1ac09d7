"""Charts: drawn as SVG, so that their text and lines take the page's own colours, light or dark (static/charts.css)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui

TONES = {"good": "#2f9e5f", "bad": "#d9554c", "busy": "#3f8fd6", "wary": "#c98a1b"}
"""Seen as well on a light page as on a dark one."""
LINE, INK = "#8b93a0", "#7d8592"
"""What charts.css puts the page's own colours in place of."""
BAR_PX = 34
HEIGHT_PX = 260


@dataclass(frozen=True, kw_only=True)
class Series:
    """Values under one name, one for each name of the axis."""

    name: str
    tone: str
    values: Sequence[float | None]
    line: bool = False
    beside: bool = False
    """Beside the others, not on top of them."""


def empty(name: str) -> ui.echart:
    """A chart that is drawn later; `name` is what a screen reader says of it."""
    chart = ui.echart({}, renderer="svg").classes("chart")
    chart.props["role"] = "img"
    chart.props["aria-label"] = f"{name}: a chart, with the same figures as a table below"
    return chart


def draw(chart: ui.echart, names: Sequence[str], series: Sequence[Series], *, lying: bool, whole: bool = True) -> None:
    """Draw these values in place of what was there; `whole` ones are counts. No text in it is a template."""
    words: dict[str, Any] = {"type": "category", "data": list(names), "axisTick": {"show": False}}
    words |= {"axisLine": {"lineStyle": {"color": LINE}}, "axisLabel": {"color": INK, "hideOverlap": True}}
    counts: dict[str, Any] = {"type": "value", "minInterval": 1 if whole else 0}
    counts |= {
        "splitLine": {"lineStyle": {"color": LINE, "opacity": 0.35}},
        "axisLabel": {"color": INK, "hideOverlap": True},
    }
    if lying:
        words["inverse"] = True
        words["axisLabel"] |= {"width": 110, "overflow": "truncate"}
    chart.options.clear()
    chart.options.update(
        {
            "animation": False,
            "grid": {"left": 8, "right": 28, "top": 34, "bottom": 8, "containLabel": True},
            "legend": {"top": 0, "left": 0, "textStyle": {"color": INK}, "itemWidth": 14},
            "tooltip": {
                "trigger": "axis",
                "confine": True,
                "axisPointer": {"type": "shadow"},
                "className": "chart-tip",
            },
            "xAxis": counts if lying else words,
            "yAxis": words if lying else counts,
            "series": [_series(each, len(names)) for each in series],
        }
    )
    height = max(120, 70 + BAR_PX * len(names)) if lying else HEIGHT_PX
    chart.style["height"] = f"{height}px"
    chart.update()


def _series(series: Series, count: int) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "name": series.name,
        "type": "line" if series.line else "bar",
        "data": list(series.values),
        "itemStyle": {"color": TONES[series.tone]},
        "emphasis": {"disabled": True},
    }
    if series.line:
        return drawn | {
            "connectNulls": True,
            "symbol": "circle",
            "symbolSize": 7,
            "lineStyle": {"color": TONES[series.tone]},
        }
    return drawn | {"barMaxWidth": 26} | ({} if series.beside else {"stack": "all"})
