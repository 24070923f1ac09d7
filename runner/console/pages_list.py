"""All pages of the console, in the order of its menu."""

from __future__ import annotations

from runner.console.application import House
from runner.console.pages import keys, now


def install(house: House) -> None:
    """Take all pages in."""
    for page in (now, keys):
        page.install(house)
