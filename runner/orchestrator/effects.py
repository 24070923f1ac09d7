"""The effects journal at work: nothing is fired unless armed, and nothing armed is fired again unless settled.

The rules are DESIGN §5 "Effects". A Site has no idempotency key, so the only judge of what happened is reading back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

import structlog

from runner.browser.fence import SubmitFence
from runner.domain.effects import Effect, EffectKind, EffectState, binding, payload_hash
from runner.domain.jobs import Lease
from runner.errors import ErrorKind, InDoubt, Interrupted, NeedsPerson, Rejected
from runner.orchestrator.takeovers import Control
from runner.sites.interface import BeforeSubmit
from runner.store.effects import Effects

log = structlog.get_logger()

Find = Callable[[], Awaitable[list[str]]]
Fire = Callable[[BeforeSubmit], Awaitable[str]]
Pause = Callable[[float], Awaitable[None]]
Lost = Callable[[Exception], Awaitable[None]]
Fencing = Callable[[EffectKind], AbstractAsyncContextManager[SubmitFence | None]]

SECOND_LOOK_S = 1.0
"""Between the two read-backs that must agree before an Effect counts as not done."""

LAST_LOOK_S = 5.0
"""Where a late commit knows no bound: how long one is waited for before a person is asked."""

MOST_UNSETTLED = 1000


class Journal:
    """Performs the Effects of one Attempt; every row that it writes carries the Attempt's fence.

    `lost` is told when a shot ended in an error, before reading back leads the page away from what it showed then.
    """

    def __init__(
        self,
        effects: Effects,
        *,
        lease: Lease,
        commit_latency_s: float | None,
        answers_when_done: bool,
        fence: Fencing,
        lost: Lost,
        control: Control | None = None,
        pause: Pause = asyncio.sleep,
        monotonic_s: Callable[[], float] | None = None,
    ) -> None:
        self._effects = effects
        self._lease = lease
        self._commit_latency_s = commit_latency_s
        self._answers_when_done = answers_when_done
        self._fence = fence
        self._lost = lost
        self._control = control
        self._pause = pause
        # The loop's time is the machine's monotonic one, and virtual where the whole loop is.
        self._monotonic_s = monotonic_s or asyncio.get_running_loop().time
        # Whatever an earlier Attempt fired was given up before this moment, which is all that is sure about it.
        self._given_up_s = self._monotonic_s()

    async def begun(self, kind: EffectKind) -> str | None:
        """The natural key that an earlier Attempt of this Job, or of its chain of replays, entered; None: none did."""
        found = await self._binding(kind)
        return found.natural_key if found else None

    async def made(self, kind: EffectKind) -> Effect | None:
        """What this Job, or another of its chain of replays, has made for sure; None when nothing is sure."""
        found = await self._binding(kind)
        return found if found and found.state is EffectState.CONFIRMED else None

    async def others_in_doubt(self, kind: EffectKind, begins: str) -> bool:
        """Whether another Job has fired an Effect of this kind, with a key that begins so, which is not settled yet."""
        unsettled = (EffectState.ARMED, EffectState.UNKNOWN)
        account = self._lease.job.account
        found = await self._effects.list_effects(account_name=account, states=unsettled, limit=MOST_UNSETTLED)
        mine = {effect.id for effect in await self._effects.of_chain(self._lease.job.id)}
        return any(each.kind is kind and each.natural_key.startswith(begins) and each.id not in mine for each in found)

    async def _binding(self, kind: EffectKind) -> Effect | None:
        entered = await self._effects.of_chain(self._lease.job.id)
        return binding([effect for effect in entered if effect.kind is kind], job_id=self._lease.job.id)

    async def perform(
        self, kind: EffectKind, natural_key: str, payload: str, *, find: Find, fire: Fire
    ) -> tuple[str, bool]:
        """Make the change once, whatever happened before; returns the Site's id and whether this call fired it.

        `find` reads the Site back: the ids there that are this Effect, [] when absent. `fire` makes the change and
        awaits what it is given immediately before the click. Raises InDoubt when a person must decide, NeedsPerson when
        the Site shows it more than once, and whatever `fire` raised when the Site shows it absent.
        """
        turns = self._turns()
        effect = await self._effects.plan(self._lease, kind, natural_key, payload_hash(payload))
        if effect.state is EffectState.CONFIRMED:
            return effect.remote_id or "", False
        if effect.state in (EffectState.UNKNOWN, EffectState.DUPLICATED):
            raise _in_doubt(effect)
        if effect.state is EffectState.ARMED:
            with self._undisturbed():
                effect = await self._settle(effect, find)
        if effect.state is not EffectState.CONFIRMED:
            effect = await self._look_first(effect, find)
        if effect.state is EffectState.CONFIRMED:
            return effect.remote_id or "", False
        with contextlib.ExitStack() as undisturbed:
            return await self._fire(effect, find=find, fire=fire, turns=turns, undisturbed=undisturbed)

    def _turns(self) -> int:
        """How often a person has had the page: what was read back before says nothing of what they did."""
        return self._control.turns if self._control else 0

    def _undisturbed(self) -> contextlib.AbstractContextManager[None]:
        """While the body runs nobody gets the page: something is fired, and its answer is waited for."""
        return self._control.armed() if self._control else contextlib.nullcontext()

    async def _look_first(self, effect: Effect, find: Find) -> Effect:
        """The baseline: what is at the Site already is not made again."""
        present = await find()
        if present:
            return await self._move(effect, EffectState.CONFIRMED, remote_id=present[0], detail="was there already")
        if effect.state is EffectState.PREPARED:
            return effect
        return await self._move(effect, EffectState.PREPARED, detail="read back: absent")

    async def _fire(
        self, prepared: Effect, *, find: Find, fire: Fire, turns: int, undisturbed: contextlib.ExitStack
    ) -> tuple[str, bool]:
        armed: Effect | None = None

        async def arm() -> None:
            nonlocal armed
            if armed is not None:
                raise InDoubt("The adapter tried to submit twice in one attempt.", kind=ErrorKind.INTERNAL)
            undisturbed.enter_context(self._undisturbed())
            if self._turns() != turns:
                raise Interrupted(
                    "A person had the page while this was being prepared.", cure="It begins anew and looks first."
                )
            if fence is not None:
                await fence.put_up()
            armed = await self._move(prepared, EffectState.ARMED)

        try:
            async with self._fence(prepared.kind) as fence:
                remote_id = await fire(arm)
        except Exception as error:
            if armed is None:
                raise
            self._given_up_s = self._monotonic_s()
            await self._lost(error)
            over = self._answers_when_done and fence is not None and fence.answered
            settled = await self._settle_after(error, armed, find, over=over)
            if settled is None or settled.state is not EffectState.CONFIRMED:
                raise
            return settled.remote_id or "", True
        if armed is None:
            raise InDoubt("The adapter submitted without arming.", kind=ErrorKind.INTERNAL)
        if fence is None:
            # Without a fence the browser may have sent it twice while the page shows one: only reading back tells.
            present = await find()
            if len(present) > 1:
                await self._duplicated(armed, present)
        await self._move(armed, EffectState.CONFIRMED, remote_id=remote_id)
        return remote_id, True

    async def _settle_after(self, error: Exception, armed: Effect, find: Find, *, over: bool) -> Effect | None:
        """Judge a shot that ended in an error; None when the Site cannot be asked now: then it stays armed."""
        try:
            if isinstance(error, Rejected) and not await find():
                return await self._move(armed, EffectState.REJECTED, detail=error.what)
            return await self._settle(armed, find, over=over)
        except (InDoubt, NeedsPerson):
            raise
        except Exception as second:  # noqa: BLE001 — the first error is the story; the next attempt reads back again
            log.warning("read-back failed, the effect stays armed", effect=armed.id, error=str(second))
            return None

    async def _settle(self, armed: Effect, find: Find, *, over: bool = False) -> Effect:
        """Read an armed Effect back until it is confirmed, surely not done, or for a person to judge.

        It counts as not done only when two read-backs agree and its request cannot take effect any more: because the
        Site's commit latency is bounded and has passed since the request was given up, or because it is `over`.
        The old browser is dead by then: this Attempt holds the profile's lock.
        """
        present = await find()
        if not present:
            await self._pause(self._second_look_s(over=over))
            present = await find()
        if len(present) > 1:
            await self._duplicated(armed, present)
        if present:
            return await self._move(armed, EffectState.CONFIRMED, remote_id=present[0], detail="read back: there")
        if self._commit_latency_s is None and not over:
            moved = await self._move(armed, EffectState.UNKNOWN, detail="absent, but the site may still commit it")
            raise _in_doubt(moved)
        unknown = await self._move(armed, EffectState.UNKNOWN, detail="absent at the first look")
        detail = "absent twice, and the site had answered" if over else "absent twice, settle window over"
        return await self._move(unknown, EffectState.NOT_DONE, detail=detail)

    def _second_look_s(self, *, over: bool) -> float:
        """Counted on the monotonic clock, never by `armed_at`: a clock set forward would cut the window short."""
        if over:
            return SECOND_LOOK_S
        if self._commit_latency_s is None:
            return LAST_LOOK_S
        passed_s = self._monotonic_s() - self._given_up_s
        return max(SECOND_LOOK_S, self._commit_latency_s - passed_s)

    async def _duplicated(self, armed: Effect, present: Sequence[str]) -> NoReturn:
        """It happened more than once, and the account is quarantined until a person has looked."""
        ids = ", ".join(present[:5])
        detail = f"{len(present)} times at the site: {ids}"
        unknown = await self._move(armed, EffectState.UNKNOWN, remote_id=present[0], detail=detail)
        await self._move(unknown, EffectState.DUPLICATED, remote_id=present[0], detail=detail)
        raise NeedsPerson(
            f"The site shows it {len(present)} times ({ids}).",
            cure="Delete the surplus ones at the site, then resume the account.",
            kind=ErrorKind.INTERNAL,
        )

    async def _move(
        self, effect: Effect, to: EffectState, *, remote_id: str | None = None, detail: str | None = None
    ) -> Effect:
        return await self._effects.transition(self._lease, effect, to, remote_id=remote_id, detail=detail)


def _in_doubt(effect: Effect) -> InDoubt:
    return InDoubt(
        f"{effect.kind} was fired and nobody can tell whether it happened ({effect.natural_key}; {effect.detail}).",
        cure="Look at the site, then settle it.",
        kind=ErrorKind.NETWORK,
    )
