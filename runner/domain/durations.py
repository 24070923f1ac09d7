"""Spans of time as people write them: 90s, 15m, 12h, 30d, 2w, also together: 1h30m."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from runner.errors import SetupError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=36_525)
"""A hundred years: beyond it somebody mistyped, and not far beyond it calendars end."""
SHOWN = 60
_WHOLE = re.compile(r"(?:\d{1,6}[smhdw]){1,20}")
_PART = re.compile(r"(\d+)([smhdw])")


def parse_duration(text: str) -> timedelta:
    """The span that a person wrote. Raises SetupError when it is none, none at all ("0s") or too long."""
    written = text.strip().lower()
    if _WHOLE.fullmatch(written):
        found = sum((timedelta(**{UNITS[unit]: int(count)}) for count, unit in _PART.findall(written)), timedelta())
        if found > LONGEST:
            raise SetupError(f'"{text}" is more than a hundred years.', cure="Write a shorter one, like 30d or 52w.")
        if found:
            return found
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    raise SetupError(f'"{shown}" is not a span of time.', cure="Write it like 90s, 15m, 12h, 30d or 1h30m.")


def expect_near(wall: datetime, now: datetime) -> None:
    """Raises SetupError for a date that is so far away that a clock or a calendar ends before it."""
    if abs(wall.replace(tzinfo=None) - now.replace(tzinfo=None)) > LONGEST:
        raise SetupError(f"{wall.isoformat()} is more than a hundred years away.", cure="Give a moment that is nearer.")


def in_words(span: timedelta) -> str:
    """A span as `parse_duration` reads it: 1h30m; fractions of a second are left out."""
    left, parts = int(span.total_seconds()), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
