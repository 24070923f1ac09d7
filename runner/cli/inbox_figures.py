"""`runner inbox figures`: how far messages got, how fast, by whom, and with what."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.durations import in_words, parse_duration
from runner.domain.inbox_figures import Forecast, Funnel, HourOfDay, Yield

app = typer.Typer()
"""Its command stands among those of `runner inbox`."""

LOOKED_BACK = timedelta(weeks=8)


@app.command()
def figures(
    last: Annotated[
        str, typer.Option("--last", metavar="SPAN", help="Messages of this span: 24h, 7d, 30d. Else: 7d.")
    ] = "7d",
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Show how far messages got, how long first replies took by hour of the day, and what templates and rules bring."""
    settings, _ = options.settings(config)
    span, zone = parse_duration(last), ZoneInfo(settings.browser.timezone)

    async def work(books: wiring.Books) -> tuple[Funnel, list[HourOfDay], list[Yield], list[Yield], Forecast]:
        now, of = books.clock.now(), books.inbox_figures
        return (
            await of.funnel(now - span),
            await of.first_replies(now - span, zone),
            await of.yields(now - span, of="template"),
            await of.yields(now - span, of="rule"),
            await of.forecast(now - LOOKED_BACK, zone),
        )

    funnel, hours, templates, rules, expected = options.with_books(settings, work)
    if as_json:
        told = {"funnel": funnel, "first_reply": hours, "templates": templates, "rules": rules, "forecast": expected}
        output.document(told)
        return
    stages = [(name, getattr(funnel, name)) for name in ("received", "classified", "answered", "replied", "sold")]
    output.table(("stage", "messages"), stages)
    output.table(("answered by", "questions"), [(by, count) for by, count in funnel.answered_by.items() if count])
    rows = [
        (f"{each.hour:02}:00", each.questions, each.answered, _span(each.p50_s), _span(each.p95_s)) for each in hours
    ]
    asked = [row for row in rows if row[1]]
    output.table(("hour", "questions", "answered", "p50", "p95"), asked, empty="Nobody asked anything in this time.")
    for name, yields in (("template", templates), ("rule", rules)):
        _yields(name, yields)
    _expected(expected)


def _yields(name: str, yields: list[Yield]) -> None:
    columns = (name, "drafts", "sent", "replied", "sold", "reply rate", "success rate")
    rows = [
        (each.name, each.drafts, each.sent, each.replied, each.sold, share(each.reply_rate), share(each.success_rate))
        for each in yields
    ]
    output.table(columns, rows, empty=f"No {name} wrote a draft in this time.")


def _expected(found: Forecast) -> None:
    if found.expected is None:
        output.say(f"Messages to expect tomorrow: not enough data ({found.weeks} whole weeks; three are needed).")
    else:
        output.say(
            f"Messages to expect tomorrow, {found.day:%A}: {found.expected:.0f}, "
            f"with a mean error of {found.error:.1f} over {found.judged_days} days."
        )


def _span(seconds: float | None) -> str:
    return "–" if seconds is None else in_words(timedelta(seconds=seconds))


def share(value: float | None) -> str:
    """A share as a person reads it."""
    return "–" if value is None else f"{value:.0%}"
