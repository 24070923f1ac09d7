"""All pages of the console, in the order of its menu."""

from __future__ import annotations

from runner.console.application import House
from runner.console.pages import (
    analytics,
    keys,
    listing,
    listing_import,
    listings,
    now,
    settings,
    settings_access,
    settings_rules,
)


def install(house: House) -> None:
    """Take all pages in."""
    for page in (now, listings, listing_import, listing, analytics, settings, settings_access, settings_rules, keys):
        page.install(house)
