"""Asking for a person: an Event with all that they need, and a line in the log with the command to type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from runner.browser.session import LiveSession
from runner.domain.accounts import Account
from runner.domain.jobs import Attempt, Event
from runner.domain.states import AccountState, EvidenceKind
from runner.errors import AttemptError
from runner.orchestrator.records import Records

log = structlog.get_logger()

PICTURES = (EvidenceKind.SCREENSHOT, EvidenceKind.LAST_PICTURE)
WAITING = (AccountState.PARKED, AccountState.LOCKED)
NEEDED = "PersonNeeded"


@dataclass(frozen=True, kw_only=True)
class Need:
    """Who waits for a person, since when and why; `picture` and `url` are what the browser showed, and where."""

    account: str
    job_id: int | None
    attempt_id: int | None
    at: datetime
    kind: str
    what: str
    cure: str
    url: str | None
    picture: str | None


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An Account that waits for a person; `need` is None where it was parked before anybody wrote down why."""

    account: Account
    need: Need | None


async def ask(records: Records, attempt: Attempt, error: AttemptError, live: LiveSession | None) -> None:
    """Tell that this Account waits for a person now."""
    found = await records.evidence.list_evidence(attempt_id=attempt.id, kinds=PICTURES, limit=1)
    await records.events.append(
        NEEDED,
        account=attempt.account,
        job_id=attempt.job_id,
        attempt_id=attempt.id,
        flow=attempt.flow,
        kind=str(error.kind),
        what=error.what,
        cure=error.cure,
        url=live.redactor.text(live.page.url) if live is not None else None,
        picture=found[0].path if found else None,
    )
    log.warning("a person is needed", what=error.what, command=f"runner handoff {attempt.account}")


async def need_of(records: Records, account: Account) -> Need | None:
    """What this Account waits for; None when it does not wait, or nobody wrote down why."""
    if account.state not in WAITING:
        return None  # what was asked for once was settled long ago
    event = await records.events.newest(NEEDED, account=account.name)
    return _need(event) if event is not None else None


async def waiting(records: Records) -> Sequence[Waiting]:
    """Every Account that waits for a person, and why."""
    accounts = await records.accounts.list_accounts(states=WAITING)
    return [Waiting(account=each, need=await need_of(records, each)) for each in accounts]


def _need(event: Event) -> Need:
    data = event.data
    return Need(
        account=event.account or "",
        job_id=event.job_id,
        attempt_id=event.attempt_id,
        at=event.at,
        kind=str(data.get("kind", "")),
        what=str(data.get("what", "")),
        cure=str(data.get("cure", "")),
        url=data.get("url"),
        picture=data.get("picture"),
    )
