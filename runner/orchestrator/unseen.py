"""Whether nobody needs to see what is read: then a Site may read by its page's own requests, and opens no pages."""

from __future__ import annotations

from collections.abc import Callable

from runner.domain.jobs import Attempt
from runner.domain.limits import LimitKind
from runner.domain.states import Mode
from runner.orchestrator.records import Records
from runner.orchestrator.visits import OpenSession, Visit


async def told(
    records: Records, session: OpenSession, attempt: Attempt, visit: Visit, trace: str
) -> Callable[[], bool]:
    """What says so at any moment of an Attempt: pages are opened after a failure, and when anybody looks on.

    Under a limit for page loads too: what a page asks for by itself is none, and would slip past it.
    """
    look = visit.look
    looked_at = session.row.mode is not Mode.HEADLESS or look.debug or look.pause_on_error or trace == "always"
    limited = await records.effects.usage.limit(attempt.account, LimitKind.PAGE_LOADS) is not None
    alone = attempt.number == 1 and not looked_at and not limited
    return lambda: alone and not session.live.view.watched and session.control.person is None
