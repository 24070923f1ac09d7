"""Signing in: a look at who is signed in, then the checkpoint, and only then the password, once.

And the other way round: after every look that found the right Account after a change, the login state is saved.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog

from runner.browser import login_state
from runner.browser.checkpoints import Checkpoint, Checkpoints, Condition, Whose
from runner.browser.session import Sent
from runner.domain.accounts import Account
from runner.domain.clock import Clock
from runner.domain.jobs import Lease
from runner.domain.limits import LimitKind
from runner.domain.logins import After
from runner.errors import (
    AttemptError,
    BrowserGone,
    NeedsPerson,
    RateLimited,
    Rejected,
    RetryLater,
    RunnerError,
    SessionExpired,
    SignInWaits,
    StaleLease,
)
from runner.orchestrator import page_loads
from runner.orchestrator.patience import recorded
from runner.orchestrator.steps import Recorder, Unrecorded
from runner.orchestrator.visits import OpenSession, Visit
from runner.sites.translate import is_gone, translate
from runner.store.check_results import CheckResults
from runner.store.profiles import Profiles
from runner.store.rate_usage import RateUsage

log = structlog.get_logger()

LEAVING_S = 5.0
"""How long a look before closing may take: less than others wait for the profile."""


@dataclass(frozen=True, kw_only=True)
class SignInRules:
    """Settings in seconds: how old a Checkpoint may get, how long a password that came to nothing is left alone."""

    checkpoint_every_s: float
    sign_in_wait_s: float


class Signing(Protocol):
    """What signing in needs to know of an Attempt; it counts the passwords typed."""

    lease: Lease
    visit: Visit
    recorder: Recorder
    sign_ins: int


class SigningIn:
    """Brings a Session to where the Site shows the right Account, and keeps the Checkpoints of those that are there."""

    def __init__(
        self,
        *,
        results: CheckResults,
        profiles: Profiles,
        checkpoints: Checkpoints,
        usage: RateUsage,
        password_of: Callable[[Account], Awaitable[str]],
        rules: SignInRules,
        clock: Clock,
    ) -> None:
        self._results = results
        self._profiles = profiles
        self._checkpoints = checkpoints
        self._usage = usage
        self._password_of = password_of
        self._rules = rules
        self._clock = clock

    async def signed_in(
        self,
        trial: Signing,
        session: OpenSession,
        perform: Callable[[], Awaitable[Mapping[str, Any]]],
        *,
        translated: Callable[[Exception], Awaitable[AttemptError]],
    ) -> Mapping[str, Any]:
        """Perform the Flow as the right Account; when the login ends in mid-flow, sign in again, once, and go on."""
        for again in (False, True):
            try:
                await self.sign_in(trial, session)
                return await perform()
            except (StaleLease, asyncio.CancelledError):
                raise
            except Exception as error:
                problem = await translated(error)
                if again or not isinstance(problem, SessionExpired):
                    raise problem from error
                log.info("the login ended in mid-flow; signing in again")
        raise AssertionError("unreachable")

    async def sign_in(self, trial: Signing, session: OpenSession) -> None:
        """Have the Site show the right Account.

        Raises NeedsPerson when it shows another one, SignInWaits when the password must be left alone.
        """
        after = After.PERSON if trial.visit.by_hand else After.LOOK
        trial.visit.by_hand = False
        if trial.visit.look.checkpoint is not None:
            await self._restore_chosen(trial, session, trial.visit.look.checkpoint)
            return
        if after is After.PERSON:
            name = trial.visit.account.name
            await recorded(lambda: self._profiles.set_sign_in_tried(name, None))  # a person has seen to it
        async with trial.recorder.step("check login"):
            who = await session.site.whoami()
        await self._note(session, trial.visit.account, who, after)
        if who is None:
            who = await self._from_checkpoint(trial, session)
        elif after is After.PERSON and self._is(session, trial.visit.account, who):
            await self._save(trial.visit.account, session, who)
        if who is None:
            who = await self._with_password(trial, session)
        self._expect_same(trial.visit.account, session, who)
        trial.visit.is_signed_in = True

    async def leaving(self, visit: Visit, session: OpenSession) -> None:
        """Before a browser is closed after good work: save what has changed since, if the Site still knows us.

        Costs a question for the cookies; a page is loaded only when they have changed or the Checkpoint is old. Never
        raises: what was done is done.
        """
        if not visit.is_signed_in or session.live.gone.is_set():
            return
        session.relay.recorder = Unrecorded()
        try:
            # Whoever asks for the page now does not get it: it is closed in a moment.
            loads = page_loads.counted(self._usage, session, visit.account.name, None)
            async with asyncio.timeout(LEAVING_S), session.control.at_work("check_login"), loads:
                if await self._is_due(visit.account, session):
                    await login_state.leave(session.live)
                    who = await session.site.whoami()
                    await self._note(session, visit.account, who, After.LOOK)
                    if who is not None and self._is(session, visit.account, who):
                        await self._save(visit.account, session, who)
        except Exception as error:  # noqa: BLE001 because a look that fails must not touch the work that is done
            problem = await translate(
                error, site=session.site, last_response=None, session_gone=session.live.gone.is_set(), step=None
            )
            log.warning("no checkpoint was saved before closing", account=visit.account.name, reason=problem.what)
        finally:
            session.relay.recorder = None

    async def _from_checkpoint(self, trial: Signing, session: OpenSession) -> str | None:
        """Who is signed in after the newest Checkpoint was laid in; None as well when there is none worth trying."""
        account = trial.visit.account
        checkpoint = await self._newest(account)
        if checkpoint is None or checkpoint.version.condition is Condition.UNHELPFUL:
            return None
        if not self._is(session, account, checkpoint.version.signed_in_as or ""):
            log.warning(
                "the checkpoint is another user name's", account=account.name, who=checkpoint.version.signed_in_as
            )
            return None
        return await self._laid_in(trial, session, checkpoint)

    async def _laid_in(self, trial: Signing, session: OpenSession, checkpoint: Checkpoint) -> str | None:
        account, step, version = trial.visit.account, trial.recorder.step, checkpoint.version
        async with step("restore login", f"version {version.number} of {version.saved_at:%Y-%m-%d %H:%M:%S} UTC"):
            try:
                await login_state.lay_in(session.live, checkpoint.state)
            except BrowserGone:
                raise
            except RetryLater as problem:
                log.warning("a checkpoint could not be laid in whole", version=version.number, reason=problem.what)
        async with step("check login", "after restoring it"):
            who = await session.site.whoami()
        await self._note(session, account, who, After.CHECKPOINT)
        helped = who is not None and self._is(session, account, who)
        await asyncio.to_thread(self._checkpoints.mark, account.name, version.number, helped=helped)
        return who

    async def _restore_chosen(self, trial: Signing, session: OpenSession, number: int) -> None:
        """Lay in the version that a person chose (0: the newest), proved by a look; no password is typed.

        When it does not help, the login that was there before is put back. Raises Rejected.
        """
        account, before = trial.visit.account, None
        checkpoint = await self._chosen(account, number)
        async with trial.recorder.step("check login"):
            who = await session.site.whoami()
        if who is not None and self._is(session, account, who):
            before = await login_state.read(session.live)
        who = await self._laid_in(trial, session, checkpoint)
        if who is not None and self._is(session, account, who):
            await self._save(account, session, who)
            return
        if before is not None:
            await login_state.lay_in(session.live, before)
        shown = "nobody" if who is None else f'"{who}"'
        raise Rejected(
            f"Version {checkpoint.version.number} of {account.name}'s checkpoints did not help: "
            f"with it the site shows {shown} as signed in.",
            cure=f"Try another: runner profiles show {account.name}",
        )

    async def _chosen(self, account: Account, number: int) -> Checkpoint:
        try:
            found = await asyncio.to_thread(
                lambda: (
                    self._checkpoints.open(whose(account), number)
                    if number
                    else self._checkpoints.newest(whose(account))
                )
            )
        except RunnerError as problem:
            raise Rejected(f"Version {number} of {account.name}'s checkpoints cannot be used: {problem}") from problem
        if found is None:
            raise Rejected(f"{account.name} has no checkpoint that can be used.")
        return found

    async def _with_password(self, trial: Signing, session: OpenSession) -> str:
        account, site, step = trial.visit.account, session.site, trial.recorder.step
        await self._expect_rested(account)
        password = await self._password_of(account)
        use = await recorded(lambda: self._usage.reserve(trial.lease, LimitKind.SIGN_INS))
        trial.sign_ins += 1
        sent = Sent(password)
        try:
            # The look that tells whether it came to something is never refused, as little as what sends it.
            with session.control.armed():
                async with self._counted(use), session.live.signing_in(sent):
                    await site.login(account.username, password)
                async with step("check login", "after signing in"):
                    who = await site.whoami()
        except RateLimited:
            raise  # turned away before anybody looked at the password; how long to wait, the site has said
        except Exception as error:
            # A browser that died under it has refused nothing: its login may be good, and the next look tells.
            died = session.live.gone.is_set() or isinstance(error, BrowserGone) or is_gone(error)
            if sent.password and not died:
                await self._tried_in_vain(account)
            raise
        await self._note(session, account, who, After.SIGN_IN)
        if who is None:
            await self._tried_in_vain(account)
            raise self._waits("The site does not say that we are signed in, right after signing in.")
        if self._is(session, account, who):
            await self._save(account, session, who)
        return who

    @contextlib.asynccontextmanager
    async def _counted(self, use: int) -> AsyncIterator[None]:
        """A sign-in is over when the body is: then its use grows old, a little later where no answer was seen."""
        answered = False
        try:
            yield
            answered = True
        finally:
            await recorded(lambda: self._usage.over(use, answered=answered))

    async def _tried_in_vain(self, account: Account) -> None:
        now = self._clock.now()
        await recorded(lambda: self._profiles.set_sign_in_tried(account.name, now))

    async def _expect_rested(self, account: Account) -> None:
        """Raises SignInWaits while the last password that came to nothing is too fresh."""
        profile = await self._profiles.get(account.name)
        tried_at = profile.sign_in_tried_at if profile else None
        if tried_at is None:
            return
        due_at = tried_at + timedelta(seconds=self._rules.sign_in_wait_s)
        left_s = (due_at - self._clock.now()).total_seconds()
        if left_s > 0:
            raise self._waits(
                f"{account.name} is signed out, and its password, tried at {tried_at:%H:%M:%S} UTC, came to nothing. "
                f"It is not tried again before {due_at:%H:%M:%S} UTC.",
                left_s,
            )

    def _waits(self, what: str, wait_s: float | None = None) -> SignInWaits:
        wait_s = self._rules.sign_in_wait_s if wait_s is None else wait_s
        return SignInWaits(what, wait_s=wait_s, cure="A person may sign in before: see runner accounts health.")

    def _is(self, session: OpenSession, account: Account, who: str) -> bool:
        return session.site.same_account(who, account.username)

    def _expect_same(self, account: Account, session: OpenSession, who: str) -> None:
        if not self._is(session, account, who):
            raise NeedsPerson(
                f'The browser is signed in as "{who}", not as "{account.username}".',
                cure=f"Sign out in the profile of {account.name}, or reset the profile: "
                f"runner profiles reset {account.name} --all",
            )

    async def _note(self, session: OpenSession, account: Account, who: str | None, after: After) -> None:
        """History must not cost a job: what cannot be written down is only told."""
        signed_in = who is not None and self._is(session, account, who)
        try:
            await self._results.note(account.name, signed_in=signed_in, after=after, who=who)
        except RunnerError as problem:
            log.warning("the finding of a login check is not recorded", reason=problem.what)

    async def _newest(self, account: Account) -> Checkpoint | None:
        try:
            return await asyncio.to_thread(self._checkpoints.newest, whose(account))
        except RunnerError as problem:
            log.warning("no checkpoint can be used", account=account.name, reason=str(problem))
            return None

    async def _is_due(self, account: Account, session: OpenSession) -> bool:
        newest = await self._newest(account)
        if newest is None or newest.version.saved_at is None or newest.version.condition is Condition.UNHELPFUL:
            return True
        if (self._clock.now() - newest.version.saved_at).total_seconds() >= self._rules.checkpoint_every_s:
            return True
        return (await login_state.cookies_of(session.live)).cookies_hash() != newest.state.cookies_hash()

    async def _save(self, account: Account, session: OpenSession, who: str) -> None:
        """A Checkpoint of what is there now; a failure is told and costs nothing."""
        try:
            older = await self._newest(account)
            if older is not None and not self._is(session, account, older.version.signed_in_as or ""):
                older = None  # the account has had another user name: nothing of that belongs to this one
            state = await login_state.read(session.live, older=older.state if older else None)
            await asyncio.to_thread(
                self._checkpoints.save,
                whose(account),
                state,
                who=who,
                browser_version=session.live.browser_version,
                at=self._clock.now(),
            )
        except RunnerError as problem:
            log.warning("no checkpoint was saved", account=account.name, reason=str(problem))


def whose(account: Account) -> Whose:
    """The owner of an Account's Checkpoints."""
    return Whose(account=account.name, site=account.site)
