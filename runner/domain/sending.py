"""When a single reply is sent: a moment as people write it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from runner.domain.durations import expect_near, parse_duration
from runner.domain.local_time import moment_of
from runner.errors import SetupError


def moment_in(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """A moment that a person wrote: a span, or a date with a time, by the clock of `zone` unless it says otherwise.

    Of a time that comes twice the first is meant; one that is left out is the end of the gap. Raises SetupError.
    """
    try:
        wall = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            return now + parse_duration(text)
        except SetupError as problem:
            raise SetupError(
                f'"{text}" is no moment.', cure='Write it like "2026-12-01 09:00", or as a span from now, like 2h30m.'
            ) from problem
    expect_near(wall, now)
    return to_come(moment_of(wall, zone) if wall.tzinfo is None else wall.astimezone(UTC), now)


def to_come(moment: datetime, now: datetime) -> datetime:
    """The moment itself. Raises SetupError for one that has passed, or is a hundred years away."""
    expect_near(moment, now)
    if moment <= now:
        raise SetupError(
            f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC has passed.", cure="Give a moment that is still to come."
        )
    return moment
