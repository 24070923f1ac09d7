"""Who writes what and when: a seeded week of counterparts."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 7, 10, 11, 10, 9, 10, 9, 8, 8, 9, 11, 13, 14, 13, 9, 5, 2)
"""How much is written in each hour of a counterpart's day."""
BY_WEEKDAY = (10, 9, 9, 10, 12, 15, 13)

INTERRUPTED = 0.08
"""How many messages are followed by another one while the first is being answered."""

NAMES = (
    "Ada Novak",
    "Bo Lind",
    "Cy Marsh",
    "Dina O'Neil",
    "Eli Stone",
    "Flor Ruiz",
    "Gus Meyer",
    "Hana Ito",
    "Ida Berg",
    "Jo Park",
    "Kim Yu",
    "Lea Roux",
    "Max Otto",
    "Nia Diaz",
    "Ola Nord",
    "Pia Conti",
    "Quin Fox",
    "Rui Melo",
    "Sam Wirth",
    "Tea Kos",
    "Uma Rao",
    "Vic Lam",
    "Wes Hall",
    "Xia Chen",
    "Yan Petit",
    "Zoe Ward",
)

UNSURE = ("hm", "ok?", "…", "so", "and?", "?", "eh well", "la la")
OPT_OUTS = ("Please stop writing to me. Unsubscribe.", "unsubscribe", "No more messages, unsubscribe me please")
AWAY = (
    "Out of office: I am away until Monday and will answer when I am back.",
    "Automatic reply: I am out of the office with limited access to my messages.",
)


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """One message of a counterpart. `thread` is a name of ours: the first message of that name begins a new thread.

    With `after_readings` it comes right after that many further readings of the thread, counted from `at`.
    """

    at: datetime
    account: str
    thread: str
    counterpart: str
    text: str
    label: str
    language: str
    about_listing: bool = True
    after_readings: int | None = None


def examples() -> dict[str, list[tuple[str, str]]]:
    """Labelled texts with their languages, by type."""
    found: dict[str, list[tuple[str, str]]] = {}
    data = resources.files("runner.inbox").joinpath("data/messages.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(data.splitlines()):
        # A text of several lines is split by the csv's own quotes; short ones are enough here.
        if row.get("language") and "unsubscribe" not in row["text"].casefold():
            found.setdefault(row["type"], []).append((row["text"].strip(), row["language"]))
    return found


class Writers:
    """Makes the messages of a week; the same seed makes the same ones."""

    def __init__(self, seed: int, zones: Mapping[str, str], *, start: datetime, days: int) -> None:
        self._dice = random.Random(seed)
        self._zones, self._start, self._days = zones, start, days
        self._texts = examples()
        self._types = sorted(self._texts)
        self._count = 0

    def week(self, messages: int) -> list[Inbound]:
        """So many messages in the order of their times, and beside them those that wait for a reading to come."""
        made: list[Inbound] = []
        accounts, left = sorted(self._zones), messages
        while left:
            exchange = list(self._exchange(self._dice.choice(accounts)))
            certain = [each for each in exchange if each.after_readings is None][:left]
            made += [each for each in exchange if each in certain or (each.after_readings and certain)]
            left -= len(certain)
        return sorted(made, key=lambda each: each.at)

    def _exchange(self, account: str) -> Iterator[Inbound]:
        """One thread: some messages of one counterpart, in bursts or days apart."""
        self._count += 1
        thread, counterpart = f"t{self._count}", self._dice.choice(NAMES)
        at, with_listing = self._moment(account), self._dice.random() < 0.8
        end = self._start + timedelta(days=self._days)
        for number in range(self._dice.choice((1, 1, 2, 2, 3, 5))):
            text, label, language = self._said(first=number == 0)
            yield Inbound(
                at=at,
                account=account,
                thread=thread,
                counterpart=counterpart,
                text=text,
                label=label,
                language=language,
                about_listing=with_listing,
            )
            if self._dice.random() < INTERRUPTED:
                text, label, language = self._said(first=False)
                # Once the inbox was read, a reply opens the thread, reads it again, and looks once more at the click.
                yield Inbound(
                    at=at + timedelta(milliseconds=1),
                    account=account,
                    thread=thread,
                    counterpart=counterpart,
                    text=text,
                    label=label,
                    language=language,
                    after_readings=self._dice.choice((2, 3, 4)),
                )
            at += self._pause()
            if at >= end:
                return

    def _moment(self, account: str) -> datetime:
        """By the day and the hour of the account's zone: its counterparts live there."""
        (day,) = self._dice.choices(range(self._days), [BY_WEEKDAY[n % 7] for n in range(self._days)])
        (hour,) = self._dice.choices(range(24), BY_HOUR)
        zone = ZoneInfo(self._zones[account])
        # By UTC days that are shifted by the zone, so that none is before the start or after the end.
        local = (self._start + timedelta(days=day)).replace(tzinfo=zone, fold=0) + timedelta(hours=hour)
        at = local.astimezone(self._start.tzinfo) + timedelta(seconds=self._dice.uniform(0, 3600))
        span = timedelta(days=self._days)
        return self._start + (at - self._start) % span

    def _pause(self) -> timedelta:
        """Seconds in a burst, minutes while an answer is on its way, or days."""
        kind = self._dice.random()
        if kind < 0.25:
            return timedelta(seconds=self._dice.uniform(0, 40))
        if kind < 0.65:
            return timedelta(minutes=self._dice.uniform(1, 90))
        return timedelta(hours=self._dice.uniform(3, 40))

    def _said(self, *, first: bool) -> tuple[str, str, str]:
        special = self._dice.random()
        if special < 0.03:
            return self._dice.choice(UNSURE), "unsure", "en"
        if not first and special < 0.05:
            return self._dice.choice(OPT_OUTS), "opt_out", "en"
        if not first and special < 0.07:
            return self._dice.choice(AWAY), "away", "en"
        label = self._dice.choice(self._types)
        text, language = self._dice.choice(self._texts[label])
        return text, label, language


def threads_of(traffic: Sequence[Inbound]) -> int:
    """How many threads they make."""
    return len({each.thread for each in traffic})
