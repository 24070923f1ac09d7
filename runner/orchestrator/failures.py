"""What a failed Attempt leaves for people: its error group, its Evidence, its page, and a word in the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from runner.browser.session import LiveSession
from runner.domain.floods import Judged, Notice
from runner.domain.jobs import Attempt, Lease
from runner.domain.retry import Decision
from runner.domain.signatures import signature
from runner.errors import AttemptError
from runner.orchestrator.attempt_pages import AttemptPages
from runner.orchestrator.evidence import EvidenceKeeper
from runner.orchestrator.floods import Floods

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failure: what broke, and which others are like it."""

    attempt: Attempt
    lease: Lease
    error: AttemptError
    step: str | None
    group: str | None
    revision: str | None
    judged: Judged


class Failures:
    """Keeps and tells what failed. Nothing in here raises: the failure itself must never be hidden."""

    def __init__(self, *, keeper: EvidenceKeeper, pages: AttemptPages, floods: Floods) -> None:
        self._keeper = keeper
        self._pages = pages
        self._floods = floods

    def judge(
        self,
        attempt: Attempt,
        lease: Lease,
        error: AttemptError,
        *,
        step: str | None,
        site: str,
        revision: str,
        counts: bool = True,
    ) -> Failure:
        """Which error group a failure belongs to, and whether that is a flood; it is one more unless told otherwise."""
        group = signature(kind=error.kind, step=step, locator=error.locator, site=site, revision=revision)
        return Failure(
            attempt=attempt,
            lease=lease,
            error=error,
            step=step,
            group=group,
            revision=revision or None,
            judged=self._floods.judge(group if counts else None),
        )

    async def keep(
        self,
        failure: Failure,
        live: LiveSession | None,
        *,
        secrets: Callable[[], Awaitable[Sequence[str]]],
        conditions: Callable[[], Awaitable[Mapping[str, Any]]],
    ) -> str | None:
        """Gather the Evidence; its folder below the evidence folder, None when nothing could be written."""
        try:
            place = await self._keeper.keep(
                failure.attempt,
                live,
                failure.error,
                step=failure.step,
                secrets=await secrets(),
                params=failure.lease.job.params,
                group=failure.group,
                thin=failure.judged.thin,
            )
            await self._keeper.keep_conditions(failure.attempt, await conditions())
            return place
        except Exception as problem:
            log.error("evidence could not be recorded", error=str(problem), exc_info=problem)
            return None

    async def tell(self, failure: Failure, decision: Decision) -> None:
        """A line in the log for each failure, and one notice for a flood of them."""
        error = failure.error
        if failure.judged.notice is Notice.TELL:
            log.warning("attempt failed", kind=error.kind, error=error.what, next=decision.next, reason=decision.reason)
        elif failure.judged.notice is Notice.FLOOD and failure.group is not None:
            try:
                await self._floods.tell(
                    failure.group, account=failure.attempt.account, kind=str(error.kind), error=error.what
                )
            except Exception as problem:  # noqa: BLE001 — as above; the log has said it already
                log.warning("the flood could not be recorded", error=str(problem))

    async def show(self, attempt: Attempt) -> None:
        """Make the page of an Attempt that has ended, and renew that of the one before it."""
        self._floods.look()
        try:
            await self._pages.renew(attempt)
        except Exception as problem:  # noqa: BLE001 — as above
            log.warning("the attempt's page could not be made", error=str(problem))
