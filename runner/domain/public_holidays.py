"""Public holidays by country and subdivision, written as in ISO 3166: `DE`, `DE-BE`, `US-CA`."""

from __future__ import annotations

from datetime import date

import holidays

from runner.domain.hours import Holiday
from runner.errors import NotFound


def holidays_of(code: str) -> Holiday:
    """Which days are holidays there, and their English names where there are any. Raises NotFound."""
    country, _, subdivision = code.strip().upper().partition("-")
    known = holidays.list_supported_countries()
    if country not in known:
        raise NotFound("country", country, known)
    if subdivision and subdivision not in known[country]:
        raise NotFound(f"part of {country}", subdivision, known[country])
    # A year is looked up when a day of it is first asked for.
    calendar = holidays.country_holidays(country, subdiv=subdivision or None, language="en_US")

    def name(day: date) -> str | None:
        found = calendar.get(day)
        return None if found is None else str(found)

    return name
