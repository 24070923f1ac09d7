"""The pace of an Account: its limits and its hours, as the configuration says and a person's own word about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runner.domain.hours import WEEKDAYS, WorkingHours
from runner.domain.limits import Limit, LimitKind, Limits, WarmUp, only_reads
from runner.domain.public_holidays import holidays_of
from runner.errors import SetupError

LAST_CALL = timedelta(seconds=30)
"""Nothing is changed at a Site so shortly before closing: its answer would come, and be noted, after it."""


@dataclass(frozen=True, kw_only=True)
class HoursPlan:
    """Hours as people write them: per weekday, a country whose holidays are off, and whether reading goes on."""

    days: Mapping[str, str] = field(default_factory=dict)
    holidays: str | None = None
    read_outside: bool = False

    @property
    def is_none(self) -> bool:
        """Whether it closes nothing."""
        return not self.days and self.holidays is None

    def hours(self, timezone: str) -> WorkingHours:
        """Raises SetupError, NotFound."""
        off = None if self.holidays is None else holidays_of(self.holidays)
        return WorkingHours.of(self.days, timezone, holiday=off)

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        told: dict[str, Any] = dict(self.days)
        if self.holidays is not None:
            told["holidays"] = self.holidays
        return told | {"read_outside": True} if self.read_outside else told

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> HoursPlan:
        """Raises SetupError for what is no such thing."""
        days = {name: value for name, value in given.items() if name in WEEKDAYS}
        rest = {name: value for name, value in given.items() if name not in WEEKDAYS}
        if set(rest) - {"holidays", "read_outside"}:
            raise SetupError(f"These hours say {min(rest)}, which nobody knows.", cure="Set them anew.")
        return cls(days=days, **rest)


def limits_from_json(given: Mapping[str, Any]) -> dict[LimitKind, Limit]:
    """An Account's own limits as they are stored."""
    return {LimitKind(kind): Limit(**values) for kind, values in given.items()}


def limits_to_json(limits: Limits) -> dict[str, Any]:
    """The same, to be stored."""
    return {str(kind): {k: v for k, v in asdict(limit).items() if v is not None} for kind, limit in limits.items()}


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What binds one Account now."""

    limits: Limits
    warm_up: WarmUp | None
    hours: WorkingHours
    read_outside: bool
    since: datetime

    def limit(self, kind: LimitKind) -> Limit | None:
        """The limit of a kind; None where any number is allowed."""
        found = self.limits.get(kind)
        return None if found is None or found.is_none else found

    def share(self, now: datetime) -> float:
        """The share of its limits that the Account has reached."""
        if self.warm_up is None:
            return 1.0
        days = (now.astimezone(self.hours.zone).date() - self.since.astimezone(self.hours.zone).date()).days
        return self.warm_up.share(days)

    def is_open(self, flow: str, now: datetime) -> bool:
        """Whether a Job of this Flow may be begun now."""
        return self.opens(flow, now) == now

    def opens(self, flow: str, now: datetime) -> datetime | None:
        """When a Job of this Flow may be begun: now, or later; None for never."""
        if self.read_outside and only_reads(flow):
            return now
        found = self.hours.next_open(now)
        if found != now or only_reads(flow) or self.hours.open_at(now + LAST_CALL):
            return found
        return self.hours.next_open(now + LAST_CALL)

    def closed_words(self, now: datetime) -> str:
        """Why it is closed now, or will be in a moment, and until when: `closed until Monday 09:00, weekend`."""
        return self.hours.words(now + LAST_CALL if self.hours.open_at(now) else now)


class Pacing:
    """What the configuration says of every Account's pace. `zones` are those of Accounts with one of their own."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        warm_up: WarmUp | None = None,
        hours: HoursPlan | None = None,
        timezone: str = "UTC",
        zones: Mapping[str, str] | None = None,
    ) -> None:
        self.limits = dict(limits or {})
        self.warm_up = warm_up
        self.hours = hours or HoursPlan()
        self._timezone = timezone
        self._zones = dict(zones or {})
        self._made: dict[str, WorkingHours] = {}

    @property
    def binds_nobody(self) -> bool:
        """Whether an Account without a word of its own is bound by nothing."""
        return self.hours.is_none and all(limit.is_none for limit in self.limits.values())

    @property
    def digest(self) -> str:
        """Another one whenever the configuration says something else."""
        said = {
            "limits": limits_to_json(self.limits),
            "warm_up": None if self.warm_up is None else asdict(self.warm_up),
            "hours": self.hours.to_json(),
            "timezone": self._timezone,
            "zones": self._zones,
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def timezone(self, account: str) -> str:
        """The zone of an Account."""
        return self._zones.get(account, self._timezone)

    def pace(
        self, account: str, since: datetime, *, limits: Mapping[str, Any] | None, hours: Mapping[str, Any] | None
    ) -> Pace:
        """The pace of an Account that was added at `since`; `limits` and `hours` are its own, as they are stored.

        An own limit takes the place of the configured one of its kind; own hours take the place of all hours.
        """
        plan = self.hours if hours is None else HoursPlan.from_json(hours)
        own = {} if limits is None else limits_from_json(limits)
        return Pace(
            limits=self.limits | own,
            warm_up=self.warm_up,
            hours=self._hours(plan, self.timezone(account)),
            read_outside=plan.read_outside,
            since=since,
        )

    def _hours(self, plan: HoursPlan, timezone: str) -> WorkingHours:
        """Made once: a country's holidays take a moment to be worked out."""
        key = json.dumps([plan.to_json(), timezone], sort_keys=True)
        if key not in self._made:
            self._made[key] = plan.hours(timezone)
        return self._made[key]
