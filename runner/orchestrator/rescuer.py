"""The rescuer: settles what dead owners left behind. Interrupted Jobs go back to the queue and lose no attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from runner.domain.states import JobState
from runner.engine.interface import JobEngine
from runner.orchestrator import owners
from runner.store.sessions import Sessions

log = structlog.get_logger()

MOST = 1000


class Rescuer:
    """Finds owners that are provably dead, ends their browsers, then frees their Jobs, in this order."""

    def __init__(
        self, *, engine: JobEngine, sessions: Sessions, kill_browser: Callable[[str], Awaitable[object]]
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._kill_browser = kill_browser

    async def rescue(self) -> int:
        """Rescue once; returns how many Jobs went back to the queue.

        An owner on another host cannot be seen from here and counts as alive; its own host rescues its Jobs.
        """
        sessions = await self._sessions.list_sessions(only_open=True, limit=MOST)
        known = {*await self._engine.owners(), *(session.owner for session in sessions)}
        dead = sorted(owner for owner in known if owners.is_alive(owner) is False)
        if not dead:
            return 0
        running = await self._engine.list_jobs(states=[JobState.RUNNING], limit=MOST)
        held = [(job.account, job.owner) for job in running] + [
            (session.account, session.owner) for session in sessions
        ]
        left = {account for account, owner in held if owner in dead}
        in_use = {account for account, owner in held if owner not in dead}
        for account in sorted(left - in_use):
            # The browser first: a job that is queued again while its old browser lives could act twice.
            await self._kill_browser(account)
        rescued = await self._engine.release_dead(dead=dead)
        for job in rescued:
            log.warning("a job of a dead process goes back to the queue", job=job.id, account=job.account)
        await self._sessions.close_orphans(dead=dead)
        return len(rescued)
