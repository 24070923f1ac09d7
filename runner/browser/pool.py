"""The pool: browsers that are kept warm between two visits to their Accounts, instead of being closed and launched.

A warm browser is at rest (resting.py) and nobody ever waits for it: a file beside its profile's lock says that it is
idle, and whoever takes that away, in this process or another, is given the profile (profiles.claim). Each is given up
when it is too old, too long unused, too large or gone, and the least recently used when all together are too large.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Generic, Self, TypeVar

import structlog

from runner.browser import profiles
from runner.browser.launch import Browsers
from runner.browser.resting import Rest
from runner.browser.session import LiveSession
from runner.domain.states import SessionEnd
from runner.errors import RunnerError

log = structlog.get_logger(__name__)

LOOK_S = 0.2
"""How often it is looked whether somebody wants a profile: who waits for one sees no difference."""
ASK_S = 5.0
MEASURE_S = 30.0

Kept = TypeVar("Kept")
End = Callable[[SessionEnd], Awaitable[None]]
"""Closes the browser and records why its Session ended."""


@dataclass(frozen=True, kw_only=True)
class PoolRules:
    """What may be kept: bytes of all idle browsers together (0: none is kept) and of one; times in seconds."""

    all_bytes: int
    each_bytes: int
    idle_s: float
    max_age_s: float


@dataclass(frozen=True, kw_only=True)
class Idle:
    """An idle browser as the choice of what to give up sees it."""

    account: str
    since: datetime
    opened_at: datetime
    size_bytes: int


def to_give_up(idle: Sequence[Idle], rules: PoolRules, now: datetime) -> dict[str, str]:
    """The Accounts whose browsers are to be closed, each with the reason in words."""
    why: dict[str, str] = {}
    for each in idle:
        if now - each.opened_at >= timedelta(seconds=rules.max_age_s):
            why[each.account] = f"it is open for more than {rules.max_age_s:g} s"
        elif now - each.since >= timedelta(seconds=rules.idle_s):
            why[each.account] = f"nobody has needed it for {rules.idle_s:g} s"
        elif each.size_bytes > rules.each_bytes:
            why[each.account] = f"it takes up {each.size_bytes // 1_000_000} MB"
    left_bytes = rules.all_bytes
    for each in sorted(idle, key=lambda one: one.since, reverse=True):
        if each.account not in why:
            left_bytes -= each.size_bytes
            if left_bytes < 0:
                why[each.account] = "others were used since, and there is no room for all"
    return why


@dataclass(kw_only=True)
class _Warm(Generic[Kept]):
    live: LiveSession
    rest: Rest
    kept: Kept
    end: End
    idle: Idle


class Pool(Generic[Kept]):
    """Keeps Sessions warm, each with what its owner needs to go on with it (`Kept`); all are closed at its end.

    `served` is asked every few seconds which of these Accounts may still be opened at all.
    """

    def __init__(
        self,
        browsers: Browsers,
        rules: PoolRules,
        *,
        served: Callable[[Collection[str]], Awaitable[Collection[str]]],
    ) -> None:
        self.browsers = browsers
        self._rules = rules
        self._served = served
        self._warm: dict[str, _Warm[Kept]] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._filled = asyncio.Event()
        self._over = False
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._rules.all_bytes:
            self._watching = asyncio.create_task(self._watch(), name="watch the warm browsers")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
            if not self._watching.cancelled() and (problem := self._watching.exception()):
                log.error("nobody has watched the warm browsers", error=repr(problem))
        await asyncio.gather(*self._closing.values(), return_exceptions=True)

    @property
    def accounts(self) -> list[str]:
        """Whose browsers are warm, the least recently used first."""
        return [each.idle.account for each in sorted(self._warm.values(), key=lambda each: each.idle.since)]

    async def keep(self, live: LiveSession, kept: Kept, end: End) -> bool:
        """Keep a Session that nobody uses any more; False when it is for the caller to close."""
        if not self._rules.all_bytes or self._over or live.gone.is_set():
            return False
        rest = Rest(live)
        try:
            await rest.begin()
            size_bytes = await asyncio.to_thread(live.memory_bytes)
            idle = Idle(account=live.account, since=self._now(), opened_at=live.started_at, size_bytes=size_bytes)
            if self._over or live.gone.is_set() or to_give_up([idle], self._rules, self._now()):
                return False
            profiles.offer(live.profile_dir)
        except (RunnerError, OSError) as problem:
            log.info("a browser is not kept warm", account=live.account, reason=str(problem))
            return False
        self._warm[live.account] = _Warm(live=live, rest=rest, kept=kept, end=end, idle=idle)
        self._give_up(to_give_up([each.idle for each in self._warm.values()], self._rules, self._now()))
        self._filled.set()
        return True

    async def take(self, account: str, fits: Callable[[Kept], bool]) -> Kept | None:
        """The Account's warm Session if there is one that fits and is well; any other is closed when this returns."""
        if (closing := self._closing.get(account)) is not None:
            await asyncio.wait({closing})
        warm = self._warm.pop(account, None)
        if warm is None:
            return None
        why = ""
        if not profiles.claim(warm.live.profile_dir):
            why = "somebody else wants its profile"
        elif not fits(warm.kept) or to_give_up([warm.idle], self._rules, self._now()):
            why = "another one is needed"
        try:
            if not why:
                await warm.rest.end()
                return warm.kept
        except RunnerError as problem:
            why = problem.what
        except BaseException:
            self._close(warm, "its visit was ended")
            raise
        await asyncio.wait({self._close(warm, why)})
        return None

    def stop(self) -> None:
        """Keep nothing any more, and begin to close what is warm: whoever stops the runner waits for it."""
        self._over = True
        self._give_up(dict.fromkeys(self._warm, "the runner stops"))

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        asked = measured = loop.time()
        while True:
            await self._filled.wait()
            await asyncio.sleep(LOOK_S)
            self._give_up({name: why for name, each in self._warm.items() if (why := _let_down(each))})
            if loop.time() - asked >= ASK_S:
                asked = loop.time()
                await self._ask()
            if loop.time() - measured >= MEASURE_S:
                measured = loop.time()
                await self._measure()
            self._give_up(to_give_up([each.idle for each in self._warm.values()], self._rules, self._now()))
            if not self._warm:
                self._filled.clear()

    async def _ask(self) -> None:
        """Accounts that were disabled, paused or parked meanwhile are open in no browser."""
        names = list(self._warm)
        try:
            served = await self._served(names)
        except RunnerError as problem:
            log.warning("it is not known whose browsers may stay warm", reason=str(problem))
            return
        self._give_up({name: "its account is not active" for name in names if name not in served})

    async def _measure(self) -> None:
        for each in list(self._warm.values()):
            size_bytes = await asyncio.to_thread(each.live.memory_bytes)
            each.idle = replace(each.idle, size_bytes=size_bytes)

    def _give_up(self, why: dict[str, str]) -> None:
        for account, reason in why.items():
            warm = self._warm.pop(account, None)
            if warm is not None:
                profiles.claim(warm.live.profile_dir)
                self._close(warm, reason)

    def _close(self, warm: _Warm[Kept], why: str) -> asyncio.Task[None]:
        account = warm.idle.account
        task = asyncio.create_task(self._ended(warm, why), name=f"close the warm browser of {account}")
        self._closing[account] = task

        def closed(_: asyncio.Task[None]) -> None:
            if self._closing.get(account) is task:
                del self._closing[account]

        task.add_done_callback(closed)
        return task

    async def _ended(self, warm: _Warm[Kept], why: str) -> None:
        log.debug("a warm browser is closed", account=warm.idle.account, reason=why)
        try:
            await warm.end(SessionEnd.CRASHED if warm.live.gone.is_set() else SessionEnd.DONE)
        except Exception as problem:  # noqa: BLE001 because nobody's work is at stake here, and the rescuer ends the row
            log.warning("the end of a warm browser is not recorded", account=warm.idle.account, error=str(problem))

    def _now(self) -> datetime:
        return self.browsers.clock.now()


def _let_down(warm: _Warm[Kept]) -> str:
    """Why this one must go at once; "" when it need not."""
    if warm.live.gone.is_set():
        return f"it is gone: {warm.live.gone.reason}"
    return "" if profiles.idle_file(warm.live.profile_dir).exists() else "somebody else wants its profile"
