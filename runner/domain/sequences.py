"""Sequences: timed follow-ups to a Thread, in steps. Pure: when each step falls due, and with which text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from runner.domain.hours import WorkingHours
from runner.domain.rules import Situation
from runner.domain.templates import Template, best, fill, in_turn
from runner.errors import SetupError

MOST_STEPS = 20
LONGEST_DELAY = timedelta(days=366)
MOST_WORKING_DAYS = 260


class Unit(StrEnum):
    """What a delay is counted in."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"  # of the Account's hours and holidays


_SHORT = {"m": Unit.MINUTES, "h": Unit.HOURS, "d": Unit.DAYS, "wd": Unit.WORKING_DAYS}
_SPANS = {Unit.MINUTES: timedelta(minutes=1), Unit.HOURS: timedelta(hours=1), Unit.DAYS: timedelta(days=1)}


class Calendar(Protocol):
    """The hours of an Account, as `domain.hours.WorkingHours` has them."""

    def next_open(self, moment: datetime) -> datetime | None:
        """The first moment from this one on at which the Account may be at work; None when there is none."""
        ...

    def add_working_days(self, moment: datetime, count: int) -> datetime | None:
        """So many working days later, at an open moment; None when there are not so many."""
        ...


@dataclass(frozen=True, kw_only=True)
class WorkingWeek:
    """The Calendar of an Account: its hours; where these know no day off, working days are Monday to Friday."""

    hours: WorkingHours

    def next_open(self, moment: datetime) -> datetime | None:
        """See Calendar."""
        return self.hours.next_open(moment)

    def add_working_days(self, moment: datetime, count: int) -> datetime | None:
        """See Calendar."""
        if all(self.hours.week):
            free = replace(self.hours, week=(*self.hours.week[:5], (), ()))
            found = free.add_working_days(moment, count)
            return None if found is None else self.hours.next_open(found)
        return self.hours.add_working_days(moment, count)


@dataclass(frozen=True, kw_only=True)
class Delay:
    """How long after the message before it a step goes out; 0 of anything is as soon as the hours allow."""

    amount: int
    unit: Unit

    def __post_init__(self) -> None:
        most = MOST_WORKING_DAYS if self.unit is Unit.WORKING_DAYS else LONGEST_DELAY // _SPANS[self.unit]
        if not 0 <= self.amount <= most:
            raise SetupError(f"A step cannot wait for {self.amount} {self.unit}.", cure="Give at most a year.")

    @classmethod
    def parse(cls, text: str) -> Delay:
        """`30m`, `2h`, `3d`, or `2wd` for working days. Raises SetupError."""
        found = re.fullmatch(r"\s*(\d{1,6})\s*(m|h|d|wd)\s*", text.lower())
        if found is None:
            raise SetupError(f'"{text}" is no delay.', cure="Write it like 30m, 2h, 3d, or 2wd for working days.")
        return cls(amount=int(found[1]), unit=_SHORT[found[2]])

    def __str__(self) -> str:
        return f"{self.amount}{next(short for short, unit in _SHORT.items() if unit is self.unit)}"

    @property
    def words(self) -> str:
        """For a person: 2 working days."""
        unit = str(self.unit).replace("_", " ")
        return f"{self.amount} {unit.removesuffix('s') if self.amount == 1 else unit}"

    def after(self, moment: datetime, hours: Calendar) -> datetime | None:
        """When a step falls due that waits from this moment on: within the hours; None when these never open."""
        if self.unit is Unit.WORKING_DAYS and self.amount:
            return hours.add_working_days(moment, self.amount)
        span = _SPANS.get(self.unit, timedelta())
        return hours.next_open(moment + self.amount * span)


@dataclass(frozen=True, kw_only=True)
class SequenceStep:
    """One message of a Sequence; `template` names a family of Templates."""

    delay: Delay
    template: str

    @classmethod
    def parse(cls, text: str) -> SequenceStep:
        """`2wd:reminder`. Raises SetupError."""
        delay, colon, template = text.partition(":")
        if not colon or not template.strip():
            raise SetupError(f'"{text}" is no step.', cure="Write the delay and a template, like 2wd:reminder.")
        return cls(delay=Delay.parse(delay), template=template.strip())

    def __str__(self) -> str:
        return f"{self.delay}:{self.template}"


@dataclass(frozen=True, kw_only=True)
class NewSequence:
    """A Sequence as it is asked for. Raises SetupError for what makes no sense."""

    name: str
    steps: tuple[SequenceStep, ...]
    enabled: bool = True

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.isprintable():
            raise SetupError("A sequence needs a name.", cure="One word is best: nudge.")
        if not 1 <= len(self.steps) <= MOST_STEPS:
            raise SetupError(f'Sequence "{self.name}" needs 1 to {MOST_STEPS} steps.', cure="Give a step.")


@dataclass(frozen=True, kw_only=True)
class StoredSequence(NewSequence):
    """A Sequence in the store. A disabled one takes nobody in, and what goes through it waits."""

    id: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The text of a step for one Thread; without one, `words` says why."""

    text: str | None
    words: str = ""
    template_id: int | None = None
    template: str = ""


def word(step: SequenceStep, of: Situation, templates: Sequence[Template], used: Mapping[int, int]) -> Wording:
    """Write a step's message, by the last inbound Message of the Thread. `used` has how often each Template was."""
    family = [each for each in templates if each.name == step.template]
    found = best(family, type_=of.type, site=of.site, language=of.language, account=of.account)
    if found is None:
        return Wording(text=None, words=f'no template "{step.template}" fits this thread', template=step.template)
    filled = fill(in_turn(found.variants, used.get(found.id, 0)), of.values)
    if filled.text is None:
        names = ", ".join(f"{{{name}}}" for name in filled.missing)
        lacks = f"needs {names}, which is not known here, and has no fall-back" if names else "is empty here"
        return Wording(text=None, words=f'template "{found.name}" {lacks}', template=found.name)
    return Wording(text=filled.text, template_id=found.id, template=found.name)
