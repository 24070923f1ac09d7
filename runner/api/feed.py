"""The Events of all processes, read once and handed to everybody who listens: numbered, in order, without a gap.

Events are numbered within the one write transaction that may run at a time, so a number is never seen before a lower
one. This process is told by the store's own hub when it has committed some; what other processes commit is found by
looking, twice a second while somebody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence

from runner.domain.jobs import Event
from runner.store.events import Events

KEPT = 5_000
LOOK_EVERY_S = 0.5
AT_ONCE = 500


class Feed:
    """The newest Events, kept in memory for whoever listens."""

    def __init__(self, events: Events, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._events = events
        self._look_every_s = look_every_s
        self._recent: deque[Event] = deque(maxlen=KEPT)
        self._before = 0  # every Event above this number and up to `newest` is in `_recent`
        self._arrived = asyncio.Event()
        self.newest = 0
        self.listeners = 0
        self.closed = False

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Read for as long as the body runs; all who listen are sent home at its end."""
        self.newest = self._before = await self._events.last_id()
        reading = asyncio.create_task(self._read(), name="read events")
        try:
            yield
        finally:
            self.close()
            reading.cancel()
            await asyncio.wait({reading})
        if not reading.cancelled():
            reading.result()

    def close(self) -> None:
        """Send all who listen home."""
        self.closed = True
        self._wake()

    async def changed(self, after_id: int, timeout_s: float) -> bool:
        """Wait until there are Events above a number, or it is over; False when the time has passed without any."""
        if self.newest > after_id or self.closed:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                while self.newest <= after_id and not self.closed:
                    await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    async def since(
        self, after_id: int, *, account: str | None = None, batch_id: int | None = None, names: Sequence[str] = ()
    ) -> tuple[list[Event], int]:
        """Events above a number that match, and the number up to which all were looked at."""
        if after_id >= self._before:
            newest = self.newest
            found = self._above(after_id)
            return [each for each in found if _matches(each, account, batch_id, names)], newest
        newest = self.newest
        stored = await self._events.since(after_id, limit=AT_ONCE, account=account, batch_id=batch_id, names=names)
        if len(stored) < AT_ONCE:
            return stored, max(newest, stored[-1].id if stored else 0)
        return stored, stored[-1].id

    def _above(self, after_id: int) -> list[Event]:
        """From the newest back: 200 listeners who each look through all that is kept would hold everybody up."""
        found = []
        for each in reversed(self._recent):
            if each.id <= after_id:
                break
            found.append(each)
        return found[::-1]

    async def _read(self) -> None:
        with self._events.subscribe() as here:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._look_every_s):
                        await anext(here)
                here.ready()
                await self._catch_up()

    async def _catch_up(self) -> None:
        while found := await self._events.since(self.newest, limit=AT_ONCE):
            for event in found:
                if len(self._recent) == KEPT:
                    self._before = self._recent[0].id
                self._recent.append(event)
            self.newest = found[-1].id
            self._wake()
            if len(found) < AT_ONCE:
                return

    def _wake(self) -> None:
        self._arrived.set()
        self._arrived = asyncio.Event()


def _matches(event: Event, account: str | None, batch_id: int | None, names: Sequence[str]) -> bool:
    return (
        (account is None or event.account == account)
        and (batch_id is None or event.batch_id == batch_id)
        and (not names or event.name in names)
    )
