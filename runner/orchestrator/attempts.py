"""One execution of a Job, from login probe to recorded outcome. The one place where an error becomes an Outcome."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import structlog

from runner.browser.fence import submit_fence
from runner.browser.page_loads import PageLoads
from runner.domain.accounts import Account
from runner.domain.clock import Clock
from runner.domain.jobs import Attempt, Job, Lease
from runner.domain.retry import Decision, Next, RetryPolicy, decide
from runner.domain.states import AccountState, Outcome, SessionEnd
from runner.engine.interface import JobEngine
from runner.errors import (
    AttemptError,
    ErrorKind,
    Interrupted,
    NoRoom,
    Rejected,
    SetupError,
    SiteChanged,
    StaleLease,
)
from runner.orchestrator import asking, page_loads, unseen, verdicts
from runner.orchestrator.effects import Journal
from runner.orchestrator.evidence import EvidenceKeeper
from runner.orchestrator.failures import Failure, Failures
from runner.orchestrator.patience import recorded
from runner.orchestrator.pausing import pause_for_a_person
from runner.orchestrator.records import Goods, Inbox, Records
from runner.orchestrator.signing_in import SigningIn
from runner.orchestrator.steps import Recorder
from runner.orchestrator.visits import OpenSession, Visit, Visits
from runner.orchestrator.watch import Ending, Watch
from runner.sites.flow import Stage
from runner.sites.flows import catalog
from runner.sites.params import Params
from runner.sites.translate import translate

log = structlog.get_logger()

Trace = Literal["on-retry", "always", "off"]


@dataclass(frozen=True, kw_only=True)
class AttemptRules:
    """Settings of an Attempt; times in seconds. A Job for which nobody asked for a number has `max_attempts`."""

    attempt_s: float
    trace: Trace
    policy_for: Callable[[ErrorKind], RetryPolicy]
    max_attempts: int = 3

    def policy(self, job: Job, kind: ErrorKind) -> RetryPolicy:
        """The policy after a failure of this kind; a Job that was given a number of attempts of its own keeps to it."""
        policy = self.policy_for(kind)
        return policy if job.max_attempts == self.max_attempts else replace(policy, max_attempts=job.max_attempts)


@dataclass(kw_only=True)
class Trial:
    """What is known of a running Attempt."""

    lease: Lease
    attempt: Attempt
    visit: Visit
    recorder: Recorder
    session: OpenSession | None = None
    sign_ins: int = 0
    evidence_dir: str | None = None
    failure: AttemptError | None = None
    deadline: asyncio.Timeout | None = None
    kept: Failure | None = None
    loads: PageLoads | None = None
    _popups_before: int = 0

    def begin(self, session: OpenSession) -> None:
        """Count from here: a Session may have served other Attempts before."""
        self.session = session
        self._popups_before = session.popups.count

    @property
    def popups(self) -> int:
        """Pop-ups dismissed in this Attempt."""
        return self.session.popups.count - self._popups_before if self.session else 0


class Attempts:
    """Performs leased Jobs in a Visit and records how that ended, always under the lease's fence."""

    def __init__(
        self,
        *,
        engine: JobEngine,
        visits: Visits,
        records: Records,
        keeper: EvidenceKeeper,
        failures: Failures,
        rules: AttemptRules,
        signing_in: SigningIn,
        password_of: Callable[[Account], Awaitable[str]],
        clock: Clock,
        dice: random.Random,
    ) -> None:
        self._engine = engine
        self._visits = visits
        self._records = records
        self._keeper = keeper
        self._failures = failures
        self._rules = rules
        self._signing_in = signing_in
        self._password_of = password_of
        self._clock = clock
        self._dice = dice

    async def perform(self, lease: Lease, visit: Visit, watch: Watch) -> None:
        """Perform the Job once. Raises CancelledError when it was ended from outside, nothing for its own failures."""
        attempt = await recorded(lambda: self._records.attempts.start(lease))
        trial = Trial(lease=lease, attempt=attempt, visit=visit, recorder=Recorder(self._records.steps, attempt))
        with structlog.contextvars.bound_contextvars(account=lease.job.account, job=lease.job.id, attempt=attempt.id):
            try:
                await self._to_an_outcome(trial)
            except asyncio.CancelledError:
                await self._ended_from_outside(trial, watch.ending)
                raise
            except StaleLease as lost:
                visit.spoilt = True
                await self._let_go(lease, lost)
            finally:
                await trial.recorder.close()
                if visit.session is not None:
                    visit.session.relay.recorder = None
                    await visit.session.control.leave()

    async def show(self, visit: Visit) -> None:
        """Make the page of the Attempt that has just failed; its lease is over, and nobody waits for this."""
        failed, visit.failed = visit.failed, None
        if failed is not None:
            await self._failures.show(failed)

    async def _to_an_outcome(self, trial: Trial) -> None:
        try:
            async with asyncio.timeout(trial.lease.job.timeout_s or self._rules.attempt_s) as trial.deadline:
                result = await self._flow(trial)
        except StaleLease:
            raise
        except Exception as error:  # noqa: BLE001 — the one place where an error becomes an Outcome
            await self._failed(trial, error)
        else:
            await self._end(trial, Outcome.SUCCEEDED)
            await recorded(lambda: self._engine.succeed(trial.lease, result))

    async def _flow(self, trial: Trial) -> Mapping[str, Any]:
        flow = catalog.flow_named(trial.lease.job.flow)
        params = flow.parse(trial.lease.job.params)
        visit, step = trial.visit, trial.recorder.step
        if visit.spoilt:
            await self._visits.close(visit)
            visit.spoilt = False
        async with step("open browser", self._visits.standing(visit)):
            session = await self._visits.open(visit)
        session.relay.recorder = trial.recorder
        trial.begin(session)
        session.live.forget()
        await self._records.attempts.joined(trial.attempt, session.row)
        await self._record(trial, session)
        stage = await self._stage(trial, session, params)
        usage, lease = self._records.effects.usage, trial.lease
        async with (
            session.control.at_work(flow.name, attempt=trial.attempt, deadline=trial.deadline),
            page_loads.counted(usage, session, lease.job.account, lease) as trial.loads,
        ):
            trial.recorder.control = session.control
            result = await self._signing_in.signed_in(
                trial, session, lambda: flow.perform(stage), translated=lambda error: self._translated(trial, error)
            )
        await session.live.for_the_trace(session.live.trace.stop(None), "throwing the trace away")
        session.live.trail.end()
        return result

    async def _record(self, trial: Trial, session: OpenSession) -> None:
        """Begin to keep what explains a failure: more of it where one has failed before, or somebody debugs."""
        again = trial.attempt.number > 1 or trial.visit.look.debug
        if self._rules.trace == "always" or trial.visit.look.debug or (self._rules.trace == "on-retry" and again):
            await session.live.for_the_trace(session.live.trace.start(trial.attempt.id), "starting the trace")
        session.live.trail.begin(pictures_without=await self._secrets_of(trial.visit.account) if again else None)
        trial.recorder.trail = session.live.trail

    async def _stage(self, trial: Trial, session: OpenSession, params: Params) -> Stage[Any]:
        account = trial.visit.account
        return Stage(
            site=session.site,
            account=account,
            params=params,
            step=trial.recorder.step,
            inbox=Inbox.of(self._records, account=account.name, job_id=trial.lease.job.id),
            listings=Goods(listings=self._records.listings, account=account.name),
            effects=Journal(
                self._records.effects,
                lease=trial.lease,
                commit_latency_s=session.site.commit_latency_s,
                answers_when_done=session.site.answers_when_done,
                fence=lambda kind: submit_fence(
                    session.live.context,
                    session.site.submit_addresses.get(kind),
                    answer_s=session.live.timeouts.navigation_s,
                ),
                lost=lambda error: self._answer_lost(trial, error),
                control=session.control,
            ),
            evidence=self._keeper.sink(trial.attempt, session.live, await self._secrets_of(account)),
            clock=self._clock,
            allowed_origins=session.allowed_origins,
            may_read_unseen=await unseen.told(self._records, session, trial.attempt, trial.visit, self._rules.trace),
        )

    async def _translated(self, trial: Trial, error: Exception) -> AttemptError:
        refused = page_loads.refusal(trial.loads, error)
        if refused is not None:
            return refused
        if isinstance(error, AttemptError) and not isinstance(error, SiteChanged):
            return error
        session = trial.session
        if session is None:
            return verdicts.before_the_page(error)
        return await translate(
            error,
            site=session.site,
            last_response=session.live.ring.last_response,
            session_gone=session.live.gone.is_set(),
            step=trial.recorder.failed_in,
            guard=session.live.guard,
        )

    async def _answer_lost(self, trial: Trial, raised: Exception) -> None:
        """Evidence at once, though reading back may find that all is well: it leads the page elsewhere."""
        error = await self._translated(trial, raised)
        log.warning("the answer to a submit is lost; reading back", kind=error.kind, error=error.what)
        await self._keep(trial, error, counts=False)

    async def _failed(self, trial: Trial, raised: Exception) -> None:
        """Evidence first, then policy."""
        lease = trial.lease
        error = await self._translated(trial, raised)
        if isinstance(error, NoRoom):
            await self._put_off(trial, error)
            return
        if error.kind is ErrorKind.INTERNAL:
            log.error("internal error", exc_info=raised)
        trial.failure = error
        failure = await self._keep(trial, error)
        live = trial.session.live if trial.session else None
        await pause_for_a_person(trial.visit.look, live, error, step=trial.recorder.failed_in, attempt=trial.attempt)
        counted = lease.job.attempts + 1
        decision = decide(
            error,
            attempts=counted,
            policy=self._rules.policy(lease.job, error.kind),
            dice=self._dice,
            number=trial.attempt.number,
        )
        if decision.next is Next.FAIL and await self._records.fired_and_unsettled(lease):
            decision = Decision(next=Next.UNKNOWN, wait_s=0, reason="fired, and no attempt is left to read back")
        await self._failures.tell(failure, decision)
        trial.visit.spoilt = not isinstance(error, Rejected)
        trial.visit.end = SessionEnd.CRASHED if error.kind is ErrorKind.BROWSER_CRASHED else SessionEnd.FAILED
        try:
            await self._end(trial, verdicts.OUTCOMES[decision.next], error=error, decision=decision)
            await recorded(lambda: self._apply(trial, error, decision))
            if decision.next is Next.PARK:
                live = trial.session.live if trial.session else None
                await recorded(lambda: asking.ask(self._records, trial.attempt, error, live))
        except StaleLease as lost:
            await self._let_go(lease, lost)
        trial.visit.failed = trial.attempt

    async def _put_off(self, trial: Trial, no_room: NoRoom) -> None:
        """A limit or the hours, and no failure: there is nothing to be seen of it, and the Session may be used on."""
        if trial.session is not None:
            live = trial.session.live
            await live.for_the_trace(live.trace.stop(None), "throwing the trace away")
            live.trail.end()
        decision = Decision(next=Next.REQUEUE, wait_s=0, reason=no_room.words)
        try:
            await self._end(trial, Outcome.INTERRUPTED, decision=decision)
            await recorded(lambda: self._engine.postpone(trial.lease, no_room))
        except StaleLease as lost:
            await self._let_go(trial.lease, lost)

    async def _let_go(self, lease: Lease, lost: StaleLease) -> None:
        """The lease is another's now, and nothing is recorded. Should it be ours all the same, a person is asked.

        For then a record was refused for another reason, and in a process that lives on nobody would ever take the Job
        up: it would stay `running` for good.
        """
        words = f"A record of this job was refused although it was still ours: {lost.what}"
        try:
            await recorded(lambda: self._engine.doubt(lease, kind=ErrorKind.INTERNAL, error=words))
        except StaleLease:
            log.warning("the lease was lost; nothing is recorded")
        else:
            log.error("internal error", error=words)

    async def _apply(self, trial: Trial, error: AttemptError, decision: Decision) -> None:
        lease, kind, told = trial.lease, error.kind, verdicts.words(error, decision, trial.lease)
        match decision.next:
            case Next.RETRY:
                due_at = self._clock.now() + timedelta(seconds=decision.wait_s)
                await self._engine.retry_later(lease, due_at=due_at, kind=kind, error=told)
            case Next.FAIL:
                await self._engine.fail(lease, kind=kind, error=told)
            case Next.UNKNOWN:
                await self._records.give_to_a_person(lease, told)
                await self._engine.doubt(lease, kind=kind, error=told)
            case Next.REQUEUE:
                due_at = self._clock.now() + timedelta(seconds=decision.wait_s)
                await self._engine.requeue(lease, due_at=due_at, error=told)
            case Next.PARK:
                state = AccountState.LOCKED if kind is ErrorKind.ACCOUNT_LOCKED else AccountState.PARKED
                await self._records.accounts.set_state(trial.visit.account.name, state, reason=told)
                await self._engine.park(lease, kind=kind, error=told)

    async def _ended_from_outside(self, trial: Trial, ending: Ending) -> None:
        trial.visit.spoilt = True
        trial.visit.end = SessionEnd.INTERRUPTED
        if ending is Ending.STALE:
            return
        try:
            if ending is Ending.CANCELLED:
                await self._end(trial, Outcome.CANCELLED)
                # Cancelled means gone: an operator who asked for it must not find the browser still at work.
                await self._visits.close(trial.visit)
                await self._engine.acknowledge_cancel(trial.lease)
            else:
                before = f" It had failed before: {trial.failure.what}" if trial.failure else ""
                await self._end(trial, Outcome.INTERRUPTED, error=Interrupted(f"The runner was stopped.{before}"))
                await self._engine.requeue(trial.lease)
        except StaleLease:
            log.warning("the lease was lost; the ending is not recorded")

    async def _end(
        self, trial: Trial, outcome: Outcome, *, error: AttemptError | None = None, decision: Decision | None = None
    ) -> None:
        await recorded(trial.recorder.written)
        await recorded(
            lambda: self._records.attempts.end(
                trial.lease,
                trial.attempt,
                outcome=outcome,
                kind=error.kind if error else None,
                error=str(error) if error else None,
                step=trial.recorder.failed_in if error else None,
                wait_s=decision.wait_s if decision and decision.next is Next.RETRY else None,
                reason=decision.reason if decision else None,
                sign_ins=trial.sign_ins,
                popups=trial.popups,
                evidence_dir=trial.evidence_dir,
                locator=error.locator if error else None,
                site_revision=trial.kept.revision if error and trial.kept else None,
                signature=trial.kept.group if error and trial.kept else None,
            )
        )

    async def _keep(self, trial: Trial, error: AttemptError, *, counts: bool = True) -> Failure:
        """Pictures and texts of what the browser saw, once in an Attempt, and the error group of its failure."""
        account, session = trial.visit.account, trial.session
        trial.kept = self._failures.judge(
            trial.attempt,
            trial.lease,
            error,
            step=trial.recorder.failed_in,
            site=account.site,
            revision=session.site.revision if session else "",
            counts=counts,
        )
        if trial.evidence_dir is None:
            live = session.live if session else None
            trial.evidence_dir = await self._failures.keep(
                trial.kept,
                live,
                secrets=lambda: self._secrets_of(account),
                conditions=lambda: self._visits.conditions(account),
            )
        return trial.kept

    async def _secrets_of(self, account: Account) -> Sequence[str]:
        """What must not be seen in pictures; nothing when the password cannot be had, for then no page holds it."""
        try:
            return [await self._password_of(account)]
        except SetupError:
            return []
