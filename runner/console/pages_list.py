"""All pages of the console, in the order of its menu."""

from __future__ import annotations

from runner.console.application import House
from runner.console.pages import (
    account,
    account_import,
    accounts,
    analytics,
    attempt,
    batches,
    errors,
    inbox,
    job,
    jobs,
    keys,
    listing,
    listing_import,
    listings,
    live,
    now,
    rule_trial,
    rules,
    sequence,
    sequences,
    settings,
    settings_access,
    settings_notices,
    settings_rules,
    settings_sla,
    templates,
)

PAGES = (
    now,
    accounts,
    account_import,
    account,
    inbox,
    rules,
    templates,
    rule_trial,
    sequences,
    sequence,
    listings,
    listing_import,
    listing,
    jobs,
    job,
    attempt,
    batches,
    errors,
    live,
    analytics,
    settings,
    settings_access,
    settings_notices,
    settings_rules,
    settings_sla,
    keys,
)


def install(house: House) -> None:
    """Take all pages in."""
    for page in PAGES:
        page.install(house)
