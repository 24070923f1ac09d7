"""Says once what happens many times: the floods of this process, and when each is over."""

from __future__ import annotations

import asyncio

import structlog

from runner.domain import floods
from runner.domain.clock import Clock
from runner.domain.floods import Flood, Judged, Notice
from runner.store.events import Events

log = structlog.get_logger()

LOOK_EVERY_S = 15.0


class Floods:
    """Judges each failure by its error group; `after` failures within ten minutes a group is a flood."""

    def __init__(self, *, events: Events, after: int, clock: Clock) -> None:
        self._events = events
        self._after = after
        self._clock = clock
        self._groups: dict[str, Flood] = {}

    def judge(self, group: str | None) -> Judged:
        """Count a failure of a group, and say what to do about it; what belongs to no group is always told."""
        if group is None:
            return Judged(notice=Notice.TELL, thin=False)
        judged = floods.judge(self._groups.get(group, Flood()), self._clock.now(), after=self._after)
        self._groups[group] = judged.flood
        if judged.over is not None:
            self._say_over(group, judged.over)
        return judged

    async def tell(self, group: str, *, account: str, kind: str, error: str) -> None:
        """The one notice of a flood: in the log, and as an Event."""
        count = len(self._groups[group].times)
        log.warning(
            "many failures of one kind; further ones are counted and not told",
            group=group,
            count=count,
            kind=kind,
            error=error,
            see=f"runner errors show {group}",
        )
        await self._events.append("ErrorFlood", account=account, group=group, count=count, kind=kind, error=error)

    def look(self) -> None:
        """Tell of the floods that have been quiet for long enough, and forget what is long over."""
        now = self._clock.now()
        for group, flood in list(self._groups.items()):
            if floods.ended(flood, now):
                self._say_over(group, flood.held)
                del self._groups[group]
            elif flood.since is None and flood.last is not None and now - flood.last >= floods.WINDOW:
                del self._groups[group]

    async def repeat(self, stop: asyncio.Event) -> None:
        """Look every now and then until `stop` is set: what a daemon does beside its work."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                self.look()

    def _say_over(self, group: str, held: int) -> None:
        log.warning(
            "the failures of one kind have ended", group=group, not_told=held, see=f"runner errors show {group}"
        )
