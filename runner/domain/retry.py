"""What happens after a failed Attempt: one pure decision per error kind."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from runner.errors import AttemptError, ErrorKind, InDoubt, NeedsPerson, NoRoom, ProfileInUse, RateLimited, SignInWaits


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with jitter, in seconds; `jitter` 0.5 spreads a wait over 50% to 100% of itself."""

    max_attempts: int = 3
    first_wait_s: float = 2.0
    multiplier: float = 2.0
    max_wait_s: float = 300.0
    jitter: float = 0.5


class Next(StrEnum):
    """What a failed Attempt leads to."""

    RETRY = "retry"
    FAIL = "fail"
    PARK = "park"
    UNKNOWN = "unknown"
    REQUEUE = "requeue"  # it cost no attempt


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What happens next, after `wait_s` seconds where that means anything, and why in words for a person."""

    next: Next
    wait_s: float
    reason: str


NEVER_RETRIED = frozenset({ErrorKind.VALIDATION, ErrorKind.INTERNAL})
"""Trying again cannot change what was refused, and a bug of ours repeats itself."""

TRIES = {ErrorKind.SITE_CHANGED: 2}
"""Kinds with fewer tries than the policy allows: a page that stays changed needs a person, not patience."""


IN_USE = RetryPolicy(first_wait_s=5.0, max_wait_s=120.0)
"""How long a profile is left to whoever has it open: a person may need minutes, and must not be asked to hurry."""


def backoff_s(policy: RetryPolicy, attempt: int, draw: float) -> float:
    """The wait before the Attempt that follows number `attempt` (from 1); `draw` in [0, 1) is the jitter's dice."""
    full = min(policy.max_wait_s, policy.first_wait_s * policy.multiplier ** min(attempt - 1, 64))
    return full * (1 - policy.jitter * draw)


def decide(
    error: AttemptError, *, attempts: int, policy: RetryPolicy, dice: random.Random, number: int = 1
) -> Decision:
    """Decide after a failure; `attempts` counts the Attempts that cost one, this one included, `number` all of them."""
    kind = error.kind
    if isinstance(error, ProfileInUse):
        wait_s = backoff_s(IN_USE, number - attempts + 1, dice.random())
        return Decision(
            next=Next.REQUEUE, wait_s=wait_s, reason=f"in use elsewhere; costs no attempt, again in {wait_s:.0f} s"
        )
    if isinstance(error, NoRoom):
        return Decision(next=Next.REQUEUE, wait_s=0.0, reason=error.words)
    if kind is ErrorKind.INTERRUPTED:
        return Decision(next=Next.REQUEUE, wait_s=0.0, reason="interrupted by us; costs no attempt")
    if isinstance(error, InDoubt):
        return Decision(next=Next.UNKNOWN, wait_s=0.0, reason="fired, and read-back cannot tell; a person decides")
    if isinstance(error, NeedsPerson):
        return Decision(next=Next.PARK, wait_s=0.0, reason=f"{kind}: a person is needed")
    if kind in NEVER_RETRIED:
        return Decision(next=Next.FAIL, wait_s=0.0, reason=f"{kind} is never retried")
    allowed = min(policy.max_attempts, TRIES.get(kind, policy.max_attempts))
    if attempts >= allowed:
        return Decision(next=Next.FAIL, wait_s=0.0, reason=f"{kind}: attempt {attempts} of {allowed} was the last")
    wait_s = backoff_s(policy, attempts, dice.random())
    if isinstance(error, RateLimited) and error.retry_after_s is not None:
        # The site's own word is a floor, not a hint: coming back earlier would be going behind its back.
        wait_s = max(wait_s, error.retry_after_s)
        reason = f"{kind}: the site asks for {error.retry_after_s:.0f} s"
    elif isinstance(error, SignInWaits):
        # A floor as well: password after password is how accounts get locked.
        wait_s = max(wait_s, error.wait_s)
        reason = f"{kind}: the password is left alone for {wait_s:.0f} s"
    else:
        reason = f"{kind}: attempt {attempts} of {allowed}, again in {wait_s:.1f} s"
    return Decision(next=Next.RETRY, wait_s=wait_s, reason=reason)
