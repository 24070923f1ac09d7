"""Spans of time as people write them: 90s, 15m, 12h, 30d, 2w, also together: 1h30m."""

from __future__ import annotations

import re
from datetime import timedelta

from runner.errors import SetupError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WHOLE = re.compile(r"(?:\d{1,6}[smhdw])+")
_PART = re.compile(r"(\d+)([smhdw])")


def parse_duration(text: str) -> timedelta:
    """The span that a person wrote. Raises SetupError when it is none, or none at all ("0s")."""
    written = text.strip().lower()
    if _WHOLE.fullmatch(written):
        found = sum((timedelta(**{UNITS[unit]: int(count)}) for count, unit in _PART.findall(written)), timedelta())
        if found:
            return found
    raise SetupError(f'"{text}" is not a span of time.', cure="Write it like 90s, 15m, 12h, 30d or 1h30m.")


def in_words(span: timedelta) -> str:
    """A span as `parse_duration` reads it: 1h30m; fractions of a second are left out."""
    left, parts = int(span.total_seconds()), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
