"""Who operates the page of a Session: its Flow, or one person who has asked for it.

A Flow is stopped where its next Step would begin, never while an Effect is armed; its Attempt's time stands still
meanwhile. Whatever a person does to the page is an Event that says who did it, and what was typed stands in none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import structlog

from runner.browser.session import LiveSession
from runner.domain.clock import Clock
from runner.domain.jobs import Attempt
from runner.errors import Conflict, RunnerError
from runner.orchestrator.first_of import first_of
from runner.orchestrator.inputs import Input
from runner.orchestrator.patience import recorded

log = structlog.get_logger()

VANISHED_S = 60.0
"""How long somebody whose window has gone keeps the page: a reload, or a train in a tunnel."""


class How(StrEnum):
    """How a takeover ended."""

    GIVEN_BACK = "given_back"
    VANISHED = "vanished"  # the window was closed, and nobody came back in time
    SESSION_ENDED = "session_ended"


class Stand(StrEnum):
    """Who operates the page now."""

    FLOW = "flow"
    ASKED = "asked"  # a person, as soon as the next Step would begin
    PERSON = "person"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody at a live view; `key` tells their window from every other one."""

    key: str
    name: str


class Append(Protocol):
    """Appends an Event to the store."""

    def __call__(
        self, name: str, *, account: str | None, job_id: int | None, attempt_id: int | None, **data: Any
    ) -> Awaitable[object]:
        """Append one Event in a transaction of its own."""
        ...


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Why a person is asked to this Session (a Handoff), and what is to be done."""

    what: str
    cure: str


class Control:
    """The one place that says who operates one Session's page; made when it opens, closed when it ends."""

    def __init__(
        self,
        live: LiveSession,
        *,
        session_id: int,
        account: str,
        append: Append,
        clock: Clock,
        vanished_s: float = VANISHED_S,
    ) -> None:
        self._live, self._append, self._clock = live, append, clock
        self._session_id, self._account = session_id, account
        self._vanished_s = vanished_s
        self.person: Person | None = None
        self.stand = Stand.FLOW
        self.since: datetime | None = None
        self.doing = ""
        self.step = ""
        self.notice = ""
        self.wanted: Wanted | None = None
        self.idle = False
        self.given_back = asyncio.Event()
        self.ended = asyncio.Event()
        self.turns = 0
        self._attempt: Attempt | None = None
        self._deadline: asyncio.Timeout | None = None
        self._at_work = self._armed = False
        self._free = asyncio.Event()
        self._free.set()
        self._in_hand: AbstractAsyncContextManager[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._acting = asyncio.Lock()
        self._windows: dict[str, int] = {}
        self._vanishing: dict[str, asyncio.Task[None]] = {}
        self._bells: set[asyncio.Event] = set()

    # What a Flow asks.

    @contextlib.asynccontextmanager
    async def at_work(
        self, doing: str, *, attempt: Attempt | None = None, deadline: asyncio.Timeout | None = None
    ) -> AsyncIterator[None]:
        """The page is a Flow's while the body runs; `deadline` is what stands still while a person has it."""
        self._at_work, self._attempt, self._deadline, self.doing, self.step = True, attempt, deadline, doing, ""
        self.ring()
        try:
            yield
        finally:
            self._at_work, self._attempt, self._deadline, self.doing, self.step = False, None, None, "", ""
            self.ring()

    async def before_step(self, name: str) -> None:
        """Wait here while a person has the page, or has asked for it."""
        while self.person is not None and self._may_pause():
            with self._time_stands_still():
                await self._begin()
                await self._free.wait()
        self.step = name
        self.ring()

    def rest(self) -> None:
        """Nothing is done in this Session until `wake`, and nobody gets its page."""
        self.idle = True
        self.say("Nothing is being done here now. The browser is kept warm for the account's next job.")

    def wake(self) -> None:
        """A Flow is about to come."""
        self.idle = False
        self.say("")

    async def leave(self) -> None:
        """No Flow will come for now: whoever has asked has the page."""
        if self.person is None or self._at_work or self.ended.is_set():
            return
        try:
            await self._begin()
        except Exception as error:  # noqa: BLE001 — the browser's errors too: nothing here may end the work that is done
            log.warning("the page could not be handed over", account=self._account, error=str(error))

    async def out_of_hand(self, *unless: asyncio.Event) -> None:
        """Wait until no person has the page any more, or one of these is set."""
        while self.person is not None and not any(each.is_set() for each in unless):
            self.say("The work is done; the browser is closed when it is given back.")
            await first_of(self._free, *unless)

    @property
    def is_armed(self) -> bool:
        """Whether something was fired, and its answer is waited for."""
        return self._armed

    @contextlib.contextmanager
    def armed(self) -> Iterator[None]:
        """Nobody gets the page before the body ends: something was fired, and its answer is waited for."""
        self._armed = True
        try:
            yield
        finally:
            self._armed = False

    # What people ask.

    async def take(self, person: Person) -> None:
        """Ask for the page; it is theirs at once, or where the Flow's next Step would begin.

        Raises Conflict, saying who has it, when somebody else has asked before.
        """
        if self.ended.is_set():
            raise Conflict("This session has ended.")
        if self.idle:
            raise Conflict(
                "Nothing is being done in this session now.",
                cure=f"Ask again when the next job has begun, or open it for yourself: runner handoff {self._account}",
            )
        if self.person is not None and self.person.key != person.key:
            raise Conflict(f"{self.person.name} has the page since {self._since()}.", cure="One person at a time.")
        if self.person is None:
            self.person, self.since = person, self._clock.now()
            self.stand = Stand.ASKED
            self._free.clear()
            self.ring()
        if not self._at_work:
            await self._begin()

    async def act(self, person: Person, deed: Input) -> None:
        """Do to the page what a person asks for. Raises Conflict when the page is not theirs, RunnerError."""
        if self.stand is not Stand.PERSON or self.person is None or self.person.key != person.key:
            raise Conflict("The page is not in your hands.", cure="Ask for control first.")
        who, failed = self.person.name, {}
        async with self._acting:
            try:
                await deed.perform(self._live.hands)
            except RunnerError as error:
                failed = {"failed": error.what}
                raise
            finally:
                await self._tell("InputGiven", who=who, **deed.told(), **failed)

    async def give_back(self, person: Person, how: How = How.GIVEN_BACK) -> None:
        """Let the Flow go on; does nothing for somebody who has nothing."""
        # What is being done is finished first: the Flow must not find a hand on its page.
        async with self._acting, self._one_at_a_time:
            if self.person is None or self.person.key != person.key:
                return
            who, began = self.person.name, self.stand is Stand.PERSON
            if began and how is not How.SESSION_ENDED:
                await self._live.hands.settle()
            try:
                if began:
                    await self._out_of_hand()
                    await self._tell("TakeoverEnded", who=who, how=str(how))
            finally:
                # Whatever came of that, and even if the one who gives back has gone: the Flow waits for this alone.
                self.person, self.since, self.stand = None, None, Stand.FLOW
                if how is How.GIVEN_BACK:
                    self.given_back.set()
                self._free.set()
                self.ring()

    def appeared(self, person: Person) -> None:
        """A window of this person is open."""
        self._windows[person.key] = self._windows.get(person.key, 0) + 1
        if (vanishing := self._vanishing.pop(person.key, None)) is not None:
            vanishing.cancel()

    def disappeared(self, person: Person) -> None:
        """It is closed; when it was the last one, what they hold is given back after a while."""
        self._windows[person.key] -= 1
        if self._windows[person.key] or self.person is None or self.person.key != person.key:
            return
        self._vanishing[person.key] = asyncio.create_task(self._vanish(person), name=f"wait for {person.name}")

    async def close(self) -> None:
        """The Session has ended, and with it whatever anybody held."""
        self.ended.set()
        for task in self._vanishing.values():
            task.cancel()
        await asyncio.gather(*self._vanishing.values(), return_exceptions=True)
        if self.person is not None:
            await self.give_back(self.person, How.SESSION_ENDED)
        self.ring()

    # For whoever shows it.

    @contextlib.contextmanager
    def watched(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever anything here has changed."""
        bell = asyncio.Event()
        bell.set()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    def ring(self) -> None:
        """Tell everybody who shows it that something has changed."""
        for bell in self._bells:
            bell.set()

    def say(self, notice: str) -> None:
        """Something that everybody who watches should read."""
        self.notice = notice
        self.ring()

    async def _begin(self) -> None:
        """The page is theirs from here on."""
        async with self._one_at_a_time:
            if self.person is None or self.stand is Stand.PERSON:
                return
            in_hand = self._live.in_hand()
            try:
                await in_hand.__aenter__()
            except BaseException:
                self.person, self.stand = None, Stand.FLOW
                self._free.set()
                self.ring()
                raise
            self._in_hand = in_hand
            self.stand, self.since = Stand.PERSON, self._clock.now()
            self.turns += 1
            await self._tell("TakeoverBegan", who=self.person.name)
            self.ring()

    def _may_pause(self) -> bool:
        """Not while something is armed, nor while a password is being typed, nor once all is over."""
        return not (self._armed or self._live.view.is_withheld or self.ended.is_set())

    async def _out_of_hand(self) -> None:
        in_hand, self._in_hand = self._in_hand, None
        if in_hand is not None:
            try:
                await in_hand.__aexit__(None, None, None)
            except Exception as error:  # noqa: BLE001 — the browser's errors too: the Flow goes on without its trace
                log.warning("the trace does not go on after a takeover", account=self._account, error=str(error))

    async def _vanish(self, person: Person) -> None:
        await asyncio.sleep(self._vanished_s)
        self._vanishing.pop(person.key, None)
        log.warning("nobody came back to the page; it is given back", account=self._account)
        await self.give_back(person, How.VANISHED)

    @contextlib.contextmanager
    def _time_stands_still(self) -> Iterator[None]:
        deadline, loop = self._deadline, asyncio.get_running_loop()
        ends = deadline.when() if deadline is not None else None
        if deadline is None or ends is None:
            yield
            return
        left_s = ends - loop.time()
        deadline.reschedule(None)
        try:
            yield
        finally:
            deadline.reschedule(loop.time() + left_s)

    async def _tell(self, name: str, **data: Any) -> None:
        attempt = self._attempt
        await recorded(
            lambda: self._append(
                name,
                account=self._account,
                job_id=attempt.job_id if attempt else None,
                attempt_id=attempt.id if attempt else None,
                session=self._session_id,
                **data,
            )
        )

    def _since(self) -> str:
        return f"{self.since:%H:%M:%S} UTC" if self.since else "a moment ago"
