"""Floods: many failures of one error group in a short time become one notice, and thinner evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(minutes=10)
"""Failures within this time belong together; after as much quiet the flood is over."""
FULL_EVIDENCE = 20
"""So many of a group within the window keep all their evidence; later ones keep a picture and the summary."""


class Notice(StrEnum):
    """What is said of one failure."""

    TELL = "tell"  # as ever
    FLOOD = "flood"  # the one notice that there are many
    HOLD = "hold"  # nothing: it is counted


@dataclass(frozen=True, kw_only=True)
class Flood:
    """One group's failures of late; `held` counts those of which nothing was said, `since` is set in a flood."""

    times: Sequence[datetime] = ()
    since: datetime | None = None
    held: int = 0

    @property
    def last(self) -> datetime | None:
        """When the newest failure came."""
        return self.times[-1] if self.times else None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What to do about a failure: what is said, whether its evidence is thin, and what is known of its group now.

    `over` is the count of a flood that had ended before this failure came, and was not told yet.
    """

    notice: Notice
    thin: bool
    flood: Flood = field(default_factory=Flood)
    over: int | None = None


def judge(flood: Flood, now: datetime, *, after: int) -> Judged:
    """Judge one more failure of a group: the first `after` within the window are told, then there is a flood."""
    over = None
    if ended(flood, now):
        over, flood = flood.held, Flood()
    recent = [each for each in flood.times if now - each < WINDOW] + [now]
    thin = len(recent) > FULL_EVIDENCE
    # Times beyond what any decision asks for are let go, or a flood of a night would be kept in memory.
    kept = replace(flood, times=tuple(recent[-(max(after, FULL_EVIDENCE) + 1) :]))
    if flood.since is not None:
        return Judged(notice=Notice.HOLD, thin=thin, flood=replace(kept, held=flood.held + 1), over=over)
    if len(recent) > after:
        return Judged(notice=Notice.FLOOD, thin=thin, flood=replace(kept, since=now), over=over)
    return Judged(notice=Notice.TELL, thin=thin, flood=kept, over=over)


def ended(flood: Flood, now: datetime) -> bool:
    """Whether a flood has been quiet for the whole window, so that its count may be told."""
    return flood.since is not None and flood.last is not None and now - flood.last >= WINDOW
