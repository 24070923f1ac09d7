"""The rescuer: settles what dead and frozen owners left behind. Interrupted Jobs go back to the queue at no cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog

from runner.domain.jobs import Job, Session
from runner.domain.states import JobState
from runner.engine.interface import JobEngine
from runner.orchestrator import owners
from runner.orchestrator.heartbeats import Heartbeats
from runner.store.sessions import Sessions

log = structlog.get_logger()

MOST = 1000


class Rescuer:
    """Finds owners that are provably dead or long silent, ends their browsers, then frees their Jobs, in this order.

    `kill_browser` ends the browser on an Account's profile, `kill_driver` what an owner (by its pid) drives browsers
    with, `kill_process` a process of ours that is stopped. `owner` is this process, which never takes anything from
    itself. `kept_from_writing_by` tells who else is writing to the database, None when we can. `salvage` takes up what
    killed owners had recorded.
    """

    def __init__(
        self,
        *,
        engine: JobEngine,
        sessions: Sessions,
        owner: str,
        heartbeats: Heartbeats,
        kill_browser: Callable[[str], Awaitable[object]],
        kill_driver: Callable[[int], Awaitable[object]],
        kill_process: Callable[[int], Awaitable[object]],
        kept_from_writing_by: Callable[[], Awaitable[Sequence[int] | None]],
        salvage: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._owner = owner
        self._heartbeats = heartbeats
        self._kill_browser = kill_browser
        self._kill_driver = kill_driver
        self._kill_process = kill_process
        self._kept_from_writing_by = kept_from_writing_by
        self._salvage = salvage

    async def rescue(self) -> int:
        """Rescue once, and salvage what the dead had recorded; returns how many Jobs went back to the queue."""
        rescued = await self._rescue()
        if self._salvage is not None:
            await self._salvage()
        return rescued

    async def _rescue(self) -> int:
        """Rescue once; returns how many Jobs went back to the queue.

        An owner on another host cannot be seen from here and counts as alive; its own host rescues its Jobs. One that
        lives here but has not renewed a Lease for its whole time to live is frozen: nothing that it does when it wakes
        counts any more, for its browsers are gone and every fence has risen.
        """
        writers = await self._kept_from_writing_by()
        if writers is not None:
            # Nobody could renew a lease meanwhile, so silence means nothing, and nothing could be taken over.
            self._heartbeats.forget()
            if not await self._end_stopped(writers):
                return 0
        sessions = await self._open_sessions()
        running = await self._engine.list_jobs(states=[JobState.RUNNING], limit=MOST)
        known = {*await self._engine.owners(), *(session.owner for session in sessions)}
        dead = {owner for owner in known if owners.is_alive(owner) is False}
        frozen = self._frozen(running) - dead
        lost = sorted(dead | frozen)
        if not lost:
            return 0
        for owner in sorted(frozen):
            log.warning("a process does not renew its leases; its work is taken over", owner=owners.described(owner))
            # A submit that it was told to send might go out when it wakes; without its driver nothing can.
            await self._kill_driver(owners.Owner.parse(owner).pid)
        for account in _accounts(running, sessions, lost):
            # The browser first: a job that is queued again while its old browser lives could act twice.
            await self._kill_browser(account)
        rescued = await self._engine.release_dead(dead=lost)
        for job in rescued:
            log.warning("a job of a dead or frozen process goes back to the queue", job=job.id, account=job.account)
        await self._sessions.close_orphans(dead=lost)
        return len(rescued)

    async def _end_stopped(self, writers: Sequence[int]) -> bool:
        """End those of our processes that were stopped in the middle of a write; whether there was one.

        A stopped process keeps the database's lock, and everybody waits for it: no lease can be renewed and no outcome
        recorded. What it was about to write was never promised to anybody, so it dies as if by kill -9.
        """
        held = {*await self._engine.owners(), *(each.owner for each in await self._open_sessions())}
        known = {owners.Owner.parse(owner).pid for owner in held if owners.is_alive(owner)}
        stopped = [pid for pid in writers if owners.is_stopped(pid) and (pid in known or owners.is_runner(pid))]
        for pid in stopped:
            log.warning("a runner was stopped in the middle of a write; it is ended", pid=pid)
            await self._kill_driver(pid)
            await self._kill_process(pid)
        return bool(stopped)

    async def _open_sessions(self) -> list[Session]:
        return await self._sessions.list_sessions(only_open=True, limit=MOST)

    def _frozen(self, running: Iterable[Job]) -> set[str]:
        """Owners of silent Leases whose processes can be dealt with from here."""
        silent = {job.owner for job in self._heartbeats.silent(running) if job.owner is not None}
        return {owner for owner in silent - {self._owner} if owners.is_alive(owner)}


def _accounts(running: Sequence[Job], sessions: Sequence[Session], lost: Sequence[str]) -> list[str]:
    """Accounts that lost owners held and that nobody else has taken up since."""
    held = [(job.account, job.owner) for job in running]
    held += [(session.account, session.owner) for session in sessions]
    left = {account for account, owner in held if owner in lost}
    in_use = {account for account, owner in held if owner not in lost}
    return sorted(left - in_use)
