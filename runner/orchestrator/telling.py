"""Tells people what has happened, over their Channels: beside the work, never in its way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

import structlog

from runner.domain.channels import Channel, ChannelWay, Delivery, said
from runner.domain.clock import Clock
from runner.domain.notices import DIGESTS, EVENTS, NoticeKind
from runner.domain.retry import RetryPolicy, backoff_s
from runner.errors import RunnerError
from runner.notices.interface import NotDelivered, Parcel, Sender
from runner.orchestrator.digesting import Digesting
from runner.orchestrator.first_of import first_of
from runner.store.channels import Channels
from runner.store.events import Events
from runner.store.hub import Subscription
from runner.store.notice_deliveries import NoticeDeliveries
from runner.store.notices import Notices

log = structlog.get_logger()

SWEEP_EVERY_S = 15.0
"""What another process has done is told after so long at most."""
LAST_SWEEP_S = 10.0
"""A person who stops the runner waits no longer than this for what is on its way and for what has come by then."""
AT_ONCE = 3
"""So many receivers are spoken to at once: one that is slow keeps the others waiting for a while only."""
MOST_IN_A_ROW = 3
"""Each sender takes so many, then what has happened meanwhile is looked at: a slow receiver does not hold that up."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How long and how often a Notice is tried; `console_url` is where links lead."""

    policy: RetryPolicy
    send_s: float
    console_url: str | None = None
    sweep_every_s: float = SWEEP_EVERY_S

    @property
    def lease(self) -> timedelta:
        """How long one try may take before somebody else may try."""
        return timedelta(seconds=3 * self.send_s + 30)


class Telling:
    """Makes Notices of what happens, and sends them. Any number of processes may, at once."""

    def __init__(
        self,
        *,
        channels: Channels,
        notices: Notices,
        deliveries: NoticeDeliveries,
        digesting: Digesting,
        senders: Mapping[ChannelWay, Sender],
        secret_of: Callable[[Channel], Awaitable[str]],
        terms: Terms,
        events: Events,
        clock: Clock,
        dice: random.Random,
    ) -> None:
        self.channels = channels
        self.deliveries = deliveries
        self.digesting = digesting
        self._notices = notices
        self._senders = senders
        self._secret_of = secret_of
        self._terms = terms
        self._events = events
        self._clock = clock
        self._dice = dice
        self._happened = asyncio.Event()

    async def repeat(self, stop: asyncio.Event) -> None:
        """Tell until `stop` is set, and what has come by then."""
        with self._events.subscribe() as seen:
            going = [asyncio.create_task(self._hear(seen)), asyncio.create_task(self._go_on(stop))]
            try:
                await stop.wait()
                # Beside the sweep that still runs: what hangs there holds up nobody else's last word.
                going.append(asyncio.create_task(self._sweep()))
                _, late = await asyncio.wait(going[1:], timeout=LAST_SWEEP_S)
                if late:
                    log.warning("notices stay unsent until the next run", after_s=LAST_SWEEP_S)
            finally:
                for each in going:
                    each.cancel()
                await asyncio.gather(*going, return_exceptions=True)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Tell for as long as the body runs, and what has come by then."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.repeat(stop))
        try:
            yield
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            stop.set()
            await asyncio.wait([task])

    async def sweep(self, stop: asyncio.Event | None = None) -> int:
        """Make Notices of what has happened, and send what is due; returns how many were sent.

        With `stop` some of what is due only, and nothing more once it is set.
        """
        await self._notices.look()
        await self._notices.see_floods_end()
        for due in self.digesting.due():
            await self._notices.add_digest(due.kind, due.name, due.title, due.data, due.at)
        await self.deliveries.release()
        senders = [asyncio.create_task(self._send_due(stop)) for _ in range(AT_ONCE)]
        # One that fails must not cut off the others: what they are sending would be sent once more.
        ends = await asyncio.gather(*senders, return_exceptions=True)
        if failed := [each for each in ends if isinstance(each, BaseException)]:
            raise failed[0]
        return sum(each for each in ends if isinstance(each, int))

    async def test(self, name: str) -> None:
        """Send a test over a Channel, now, whatever its hours. Raises NotFound, SetupError, NotDelivered."""
        where = await self.channels.get(name)
        now = self._clock.now()
        parcel = Parcel(
            uid=f"test-{int(now.timestamp())}",
            kind=NoticeKind.TEST,
            subject="test",
            title="A test of the runner's",
            lines=(f'This is how notices come over channel "{name}".',),
            account=None,
            at=now,
            link=self._link("/"),
        )
        await self._give(where, parcel)

    async def _send_due(self, stop: asyncio.Event | None) -> int:
        count = tried = 0
        while stop is None or not stop.is_set():
            if stop is not None and tried == MOST_IN_A_ROW:
                self._happened.set()  # there may be more: the next sweep comes at once
                return count
            taken = await self.deliveries.claim(lease=self._terms.lease, most=self._terms.policy.max_attempts)
            if taken is None:
                return count
            tried += 1
            count += await self._send(*taken)
        return count

    async def _send(self, delivery: Delivery, where: Channel) -> bool:
        try:
            await self._give(where, await self._parcel(delivery))
        except RunnerError as error:
            await self._failed(delivery, str(error))
            return False
        except Exception as error:  # noqa: BLE001 — a sender's bug; its words may hold what is secret
            await self._failed(delivery, f"It could not be sent: {type(error).__name__}.")
            return False
        await self.deliveries.sent(delivery)
        log.info("a notice was sent", channel=where.name, kind=delivery.kind, notice=delivery.id)
        return True

    async def _failed(self, delivery: Delivery, why: str) -> None:
        policy = self._terms.policy
        again_at = None
        if delivery.attempts < policy.max_attempts:
            wait_s = backoff_s(policy, delivery.attempts, self._dice.random())
            again_at = self._clock.now() + timedelta(seconds=wait_s)
        await self.deliveries.failed(delivery, why, again_at=again_at)
        words = "a notice was not sent, and is tried again" if again_at else "a notice is given up: runner notices dead"
        log.warning(words, channel=delivery.channel, kind=delivery.kind, notice=delivery.id, why=why)

    async def _give(self, where: Channel, parcel: Parcel) -> None:
        late = "The channel's secret could not be read in time: does a prompt wait for somebody?"
        try:
            async with asyncio.timeout(2 * self._terms.send_s):
                secret = await self._secret_of(where)
                late = "The receiver did not take it in time."
                await self._senders[where.way].send(parcel, address=where.address, secret=secret)
        except TimeoutError:
            raise NotDelivered(late) from None

    async def _parcel(self, delivery: Delivery) -> Parcel:
        parcel = Parcel(
            uid=delivery.uid,
            kind=delivery.kind,
            subject=delivery.subject,
            title=delivery.title,
            lines=said(delivery),
            account=delivery.account,
            at=delivery.happened_at,
            recovers=delivery.recovers,
            repeats=delivery.repeats + delivery.earlier,
            link=self._link(delivery.link),
            data=delivery.data,
        )
        return await self.digesting.filled(parcel) if delivery.kind in DIGESTS else parcel

    def _link(self, path: str) -> str | None:
        base = self._terms.console_url
        return None if base is None else base + quote(path, safe="/?=&")

    async def _go_on(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._sweep(stop)
            await self._woken(stop)

    async def _sweep(self, stop: asyncio.Event | None = None) -> None:
        self._happened.clear()
        try:
            await self.sweep(stop)
        except Exception:
            # Telling is never worth the work that it stands beside; what is not told is found again.
            log.exception("notices stay unsent, and are looked at again")

    async def _hear(self, seen: Subscription) -> None:
        async for event in seen:
            if event.name in EVENTS:
                self._happened.set()

    async def _woken(self, stop: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._terms.sweep_every_s):
                await first_of(self._happened, stop)
        except TimeoutError:
            return
