"""SLAs: how soon Threads with a tag are to be answered and settled, and what is done when they are not. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runner.domain import working_time
from runner.domain.hours import WorkingHours
from runner.domain.tags import tag_names
from runner.errors import SetupError

NEAR = 0.8
"""The share of its time after which a Thread is told to be near."""

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=90)


class SlaKind(StrEnum):
    """What is promised."""

    FIRST_RESPONSE = "first_response"  # our next Message after what the counterpart wrote
    RESOLUTION = "resolution"  # the Thread closed


@dataclass(frozen=True, kw_only=True)
class Sla:
    """What is promised for Threads with a tag, in open time of the Account; and who gets those that are late."""

    tag: str
    first_response: timedelta | None = None
    resolution: timedelta | None = None
    assign: str | None = None
    """The name of an Operator."""
    put_tag: str | None = None

    def within(self, kind: SlaKind) -> timedelta | None:
        """How long the Thread has; None where nothing is promised."""
        return self.first_response if kind is SlaKind.FIRST_RESPONSE else self.resolution


@dataclass(frozen=True, kw_only=True)
class Due:
    """What is owed in a Thread, by when, and whose promise that is."""

    thread_id: int
    kind: SlaKind
    tag: str
    begun_at: datetime
    near_at: datetime
    due_at: datetime


def expect_sla(given: Sla) -> Sla:
    """The same with its tags as they are stored. Raises SetupError for what is none."""
    spans = [span for span in (given.first_response, given.resolution) if span is not None]
    if not spans:
        raise SetupError("An SLA promises something.", cure="Say how soon: first response, resolution, or both.")
    if not all(SHORTEST <= span <= LONGEST for span in spans):
        raise SetupError("An SLA of that length cannot be kept.", cure="At least 1m, at most 90d.")
    put = None if given.put_tag is None else _one(given.put_tag)
    tag = _one(given.tag)
    if put == tag:
        raise SetupError(f'Whatever is late has the tag "{tag}" already.', cure="Put another one.")
    return Sla(
        tag=tag, first_response=given.first_response, resolution=given.resolution, assign=given.assign, put_tag=put
    )


def strictest(
    thread_id: int, kind: SlaKind, begun_at: datetime, slas: Iterable[Sla], hours: WorkingHours
) -> Due | None:
    """The first due time of those that several tags promise; None where none does, or the hours never open."""
    promised = [(span, sla.tag) for sla in slas if (span := sla.within(kind)) is not None]
    if not promised:
        return None
    span, tag = min(promised)
    near_at, due_at = (working_time.after(hours, begun_at, share) for share in (span * NEAR, span))
    if near_at is None or due_at is None:
        return None
    return Due(thread_id=thread_id, kind=kind, tag=tag, begun_at=begun_at, near_at=near_at, due_at=due_at)


def _one(tag: str) -> str:
    return tag_names([tag])[0]
