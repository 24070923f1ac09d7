"""All pages of the console, in the order of its menu."""

from __future__ import annotations

from runner.console.application import House
from runner.console.pages import attempt, batches, errors, inbox, job, jobs, keys, live, now


def install(house: House) -> None:
    """Take all pages in."""
    for page in (now, inbox, jobs, job, attempt, batches, errors, live, keys):
        page.install(house)
