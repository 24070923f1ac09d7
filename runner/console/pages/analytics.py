"""Analytics: what happened over time, drawn, told as tables, and given as files."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nicegui import ui

from runner.console import charts, parts
from runner.console.application import House
from runner.console.charts import Series
from runner.console.desk import Desk
from runner.console.pages import analytics_inbox
from runner.console.pages.analytics_drawn import Drawn, column

FRAMES = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
USUAL = "7d"
EXPORT = "/api/v1/analytics/export"
MOST_BARS = 20


def install(house: House) -> None:
    """Take the page in."""

    @house.page("/analytics", "Analytics", wide=True)
    async def analytics(desk: Desk) -> None:
        figures = Figures(desk)
        with parts.tag("div").classes("across"):
            _frames(desk)
            parts.link(f"{EXPORT}?timeframe=7d", "Export the week", classes="button quiet").props["download"] = ""
        counting = parts.tag("p", "Counting …").classes("soft")
        above, below = parts.tag("div").classes("region"), parts.tag("div").classes("charts")
        # A month of a large shop takes seconds to count: the page is there before.
        with contextlib.suppress(TimeoutError):
            await ui.context.client.connected()
            with above:
                await desk.region(figures.read, _figures)
            if below.is_deleted:
                return  # the page was closed meanwhile
            counting.delete()
            with below:
                for panel in PANELS:
                    await Board(desk, panel, figures).build()


class Figures:
    """What all charts of one page are drawn from: read once for all of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.found: dict[str, Any] = {}

    @property
    def timeframe(self) -> str:
        """How far back, as the page's address says."""
        asked = self._desk.filters.get("timeframe", USUAL)
        return asked if asked in FRAMES else USUAL

    async def read(self) -> dict[str, Any]:
        """Ask the API for all of it."""
        nouns = ("messages", "responses", "attempts", "accounts")
        paths = {**dict(zip(nouns, nouns, strict=True)), **analytics_inbox.NOUNS}
        asked = [self._desk.api.get(f"/analytics/{path}", timeframe=self.timeframe) for path in paths.values()]
        *told, expected = await asyncio.gather(*asked, self._desk.api.get("/analytics/forecast"))
        self.found = {"timeframe": self.timeframe, "forecast": expected, **dict(zip(paths, told, strict=True))}
        return self.found


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A chart: what it is called, which exported table it is, and how it comes from the figures."""

    title: str
    soft: str
    table: str
    draw: Callable[[Desk, Mapping[str, Any]], Drawn]


class Board:
    """A chart on the page with its table and its files. It stays when the figures change, and so does what is open."""

    def __init__(self, desk: Desk, panel: Panel, figures: Figures) -> None:
        self._desk, self._panel, self._figures = desk, panel, figures

    async def build(self) -> None:
        """Draw it."""
        panel = self._panel
        with parts.tag("section").classes("card-box stack") as box:
            box.props["aria-label"] = panel.title
            with parts.tag("div").classes("across"):
                with parts.tag("div").classes("grow"):
                    parts.title(panel.title, panel.soft)
                self._links = [
                    (kind, parts.link("#", kind.upper(), label=f"{panel.title} as {kind.upper()}"))
                    for kind in ("csv", "xlsx")
                ]
            self._none = parts.tag("p", "Nothing happened in this time. Choose a longer one above.").classes(
                "soft none"
            )
            self._chart = charts.empty(panel.title)
            with parts.tag("details"):
                parts.tag("summary", "As a table")
                await self._desk.region(self._read, self._show)

    async def _read(self) -> Any:
        if not self._figures.found:
            await self._figures.read()
        return self._figures.found

    def _show(self, found: Mapping[str, Any]) -> None:
        drawn = self._panel.draw(self._desk, found)
        for kind, link in self._links:
            link.props["href"] = f"{EXPORT}/{self._panel.table}?timeframe={found['timeframe']}&format={kind}"
            link.props["download"] = ""
            link.update()
        anything = any(value for series in drawn.series for value in series.values)
        self._none.set_visibility(not anything)
        self._chart.set_visibility(anything)
        charts.draw(
            self._chart,
            drawn.names[:MOST_BARS] if drawn.lying else drawn.names,
            drawn.series,
            lying=drawn.lying,
            whole=drawn.whole,
        )
        if drawn.rows:
            parts.table(drawn.rows[:100], drawn.columns, name=self._panel.title)
        else:
            parts.tag("p", "Nothing happened in this time.").classes("soft")


def _frames(desk: Desk) -> None:
    value = desk.filters.get("timeframe", USUAL)
    toggle = ui.toggle(FRAMES, value=value if value in FRAMES else USUAL)
    toggle.props("no-caps unelevated").classes("frames").props["aria-label"] = "Timeframe"
    toggle.on_value_change(lambda event: desk.narrow(timeframe=event.value))


def _figures(found: Mapping[str, Any]) -> None:
    messages, waits = found["messages"]["items"], found["responses"]["all"]
    done = sum(each["succeeded"] for each in found["accounts"]["items"])
    failed = sum(each["failed"] for each in found["accounts"]["items"])
    balance = found["accounts"]["balance"]
    with parts.tag("div").classes("figures"):
        parts.figure("Messages in", f"{sum(each['inbound'] for each in messages):,}")
        parts.figure("Messages out", f"{sum(each['outbound'] for each in messages):,}")
        parts.figure("Answered after", parts.duration(waits["p50_s"]), hint=f"half of {waits['count']:,} messages")
        parts.figure("95 % answered after", parts.duration(waits["p95_s"]))
        parts.figure(
            "Attempts succeeded",
            parts.share(done / (done + failed) if done + failed else None),
            hint=f"{failed:,} of {done + failed:,} failed",
            looks="bad" if failed else "good",
        )
        analytics_inbox.expected(found["forecast"])
        parts.figure("Balance", "—" if balance is None else f"{balance:.2f}", hint="1: all accounts served alike")


def _at(desk: Desk, row: Mapping[str, Any], *, hours: bool = False) -> str:
    at = datetime.fromisoformat(row["at"]).astimezone(desk.timezone)
    return f"{at:%a} {at.day} {at:%H:%M}" if hours else f"{at:%a} {at.day} {at:%b}"


def _messages(desk: Desk, found: Mapping[str, Any]) -> Drawn:
    rows, hours = found["messages"]["items"], found["messages"]["bucket"] == "hour"
    return Drawn(
        names=[_at(desk, row, hours=hours) for row in rows],
        series=[
            Series(name="inbound", tone="busy", values=[row["inbound"] for row in rows]),
            Series(name="outbound", tone="good", values=[row["outbound"] for row in rows]),
        ],
        rows=rows,
        columns=[
            parts.Column(name="Hour" if hours else "Day", show=lambda row: _at(desk, row, hours=hours)),
            column("Inbound", "inbound"),
            column("Outbound", "outbound"),
        ],
    )


def _waits(names: Sequence[str], rows: Sequence[Mapping[str, Any]], first: parts.Column, *, lying: bool) -> Drawn:
    def minutes(key: str) -> list[float | None]:
        return [None if row[key] is None else round(row[key] / 60, 1) for row in rows]

    return Drawn(
        names=names,
        series=[
            Series(name="half (p50)", tone="good", values=minutes("p50_s"), line=not lying),
            Series(name="95 % (p95)", tone="wary", values=minutes("p95_s"), line=not lying, beside=True),
        ],
        rows=rows,
        columns=[
            first,
            column("Answered", "count"),
            column("p50", "p50_s", parts.duration),
            column("p95", "p95_s", parts.duration),
        ],
        lying=lying,
        whole=False,
    )


def _responses(desk: Desk, found: Mapping[str, Any]) -> Drawn:
    rows = found["responses"]["days"]
    day = parts.Column(name="Day", show=lambda row: _at(desk, row))
    return _waits([_at(desk, row) for row in rows], rows, day, lying=False)


def _account_responses(_: Desk, found: Mapping[str, Any]) -> Drawn:
    rows = found["responses"]["accounts"]
    account = parts.Column(name="Account", show=lambda row: row["account"])
    return _waits([row["account"] for row in rows], rows, account, lying=True)


def _ended(names: Sequence[str], rows: Sequence[Mapping[str, Any]], first: parts.Column, *, lying: bool) -> Drawn:
    def rate(row: Mapping[str, Any]) -> str:
        ended = row["succeeded"] + row["failed"]
        return parts.share(row["succeeded"] / ended if ended else None)

    return Drawn(
        names=names,
        series=[
            Series(name="succeeded", tone="good", values=[row["succeeded"] for row in rows]),
            Series(name="failed", tone="bad", values=[row["failed"] for row in rows]),
        ],
        rows=rows,
        columns=[
            first,
            column("Succeeded", "succeeded"),
            column("Failed", "failed"),
            parts.Column(name="Rate", show=rate, numeric=True),
        ],
        lying=lying,
    )


def _results(desk: Desk, found: Mapping[str, Any]) -> Drawn:
    rows = found["attempts"]["days"]
    day = parts.Column(name="Day", show=lambda row: _at(desk, row))
    return _ended([_at(desk, row) for row in rows], rows, day, lying=False)


def _flows(_: Desk, found: Mapping[str, Any]) -> Drawn:
    rows = found["attempts"]["flows"]
    flow = parts.Column(name="Flow", show=lambda row: parts.words(row["flow"]))
    return _ended([parts.words(row["flow"]) for row in rows], rows, flow, lying=True)


def _kinds(_: Desk, found: Mapping[str, Any]) -> Drawn:
    counts: dict[str, int] = {}
    for flow in found["attempts"]["flows"]:
        for kind, count in flow["kinds"].items():
            counts[kind] = counts.get(kind, 0) + count
    rows = [{"kind": kind, "count": count} for kind, count in sorted(counts.items(), key=lambda each: -each[1])]
    return Drawn(
        names=[parts.words(str(row["kind"])) for row in rows],
        series=[Series(name="failed attempts", tone="bad", values=[counts[str(row["kind"])] for row in rows])],
        rows=rows,
        columns=[
            parts.Column(name="Error kind", show=lambda row: parts.words(row["kind"])),
            column("Attempts", "count"),
        ],
        lying=True,
    )


def _accounts(_: Desk, found: Mapping[str, Any]) -> Drawn:
    rows = sorted(found["accounts"]["items"], key=lambda row: (-row["served"], row["account"]))
    account = parts.Column(name="Account", show=lambda row: row["account"])
    drawn = _ended([row["account"] for row in rows], rows, account, lying=True)
    more = (
        column("Messages in", "inbound"),
        column("Messages out", "outbound"),
        column("Of all that was done", "share", parts.share),
    )
    return Drawn(names=drawn.names, series=drawn.series, rows=rows, columns=(*drawn.columns, *more), lying=True)


PANELS = (
    Panel(title="Messages", soft="by direction", table="messages", draw=_messages),
    Panel(title="Funnel", soft="how far messages got", table="funnel", draw=analytics_inbox.funnel),
    Panel(
        title="First reply by hour of day",
        soft="minutes from a question to the answer",
        table="first-reply",
        draw=analytics_inbox.first_reply,
    ),
    Panel(title="Templates", soft="what their replies brought", table="templates", draw=analytics_inbox.templates),
    Panel(title="Rules", soft="what their replies brought", table="rules", draw=analytics_inbox.rules),
    Panel(title="Attempts by day", soft="and how they ended", table="results", draw=_results),
    Panel(title="Response times by day", soft="minutes until an answer", table="responses", draw=_responses),
    Panel(title="Response times by account", soft="minutes", table="responses-by-account", draw=_account_responses),
    Panel(title="Accounts compared", soft="attempts of each", table="accounts", draw=_accounts),
    Panel(title="Flows", soft="attempts and how they ended", table="flows", draw=_flows),
    Panel(title="Errors by kind", soft="failed attempts", table="error-kinds", draw=_kinds),
)
