"""Session health: whether an Account is signed in, for how long that may last, and what to do when it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runner.domain.accounts import Account, Profile
from runner.domain.logins import After, CheckResult
from runner.domain.states import AccountState

SAMPLES_NEEDED = 5
"""Logins of a Site that must have come to their end before anything is said of how long they usually last."""
WARN_AT = 0.8
"""The share of the usual time after which a person is warned."""
OLD_AFTER = timedelta(days=2)
"""A finding that is older says nothing about now."""


class Health(StrEnum):
    HEALTHY = "healthy"
    WARNING = "warning"  # it works, or mends itself, but a person may want to act in time
    ERROR = "error"  # nothing goes on before a person acts


@dataclass(frozen=True, kw_only=True)
class Usual:
    """How long a login usually lasts at a Site: `life` is None while too few have ended to say so."""

    life: timedelta | None
    samples: int


@dataclass(frozen=True, kw_only=True)
class SessionHealth:
    """How an Account's login is doing; `valid` is None when nobody has looked lately, `age_days` since the sign-in."""

    account: str
    site: str
    health: Health
    reason: str
    action: str
    valid: bool | None
    age_days: float | None
    last_login_at: datetime | None
    last_probe_at: datetime | None
    usual_days: float | None
    samples: int


def lifetimes(results: Sequence[CheckResult]) -> list[timedelta]:
    """How long logins lasted: from a sign-in to the next look that found nobody; `results` by Account and in order.

    A look that a checkpoint put right is no end: the browser had lost the login, the Site had not ended it. Nor is
    what a person has signed out.
    """
    found: list[timedelta] = []
    account, began, ended = None, None, None
    for each in [*results, None]:
        if each is None or each.account != account:
            if began is not None and ended is not None:
                found.append(ended - began)
            account, began, ended = (each.account if each else None), None, None
        if each is None:
            break
        if not each.signed_in and each.after is After.PERSON:
            began, ended = None, None
        elif not each.signed_in:
            ended = ended or each.at
        elif each.after in (After.SIGN_IN, After.PERSON):
            if began is not None and ended is not None:
                found.append(ended - began)
            began, ended = each.at, None
        else:
            ended = None
    return found


def usual(lives: Sequence[timedelta]) -> Usual:
    """What most logins reach: the lower quartile, so that the warning comes before three of four have ended."""
    life = sorted(lives)[(len(lives) - 1) // 4] if len(lives) >= SAMPLES_NEEDED else None
    return Usual(life=life, samples=len(lives))


def health_of(
    account: Account,
    profile: Profile | None,
    last: CheckResult | None,
    *,
    usually: Usual,
    sign_in_wait: timedelta,
    now: datetime,
) -> SessionHealth:
    """How an Account's login is doing; `last` is the newest finding."""
    seen_at = profile.last_probe_at if profile else None
    valid = None if last is None or seen_at is None or now - seen_at > OLD_AFTER else last.signed_in
    login_at = profile.last_login_at if profile else None
    health, reason, action = _judged(account, profile, last, usually=usually, sign_in_wait=sign_in_wait, now=now)
    return SessionHealth(
        account=account.name,
        site=account.site,
        health=health,
        reason=reason,
        action=action,
        valid=valid,
        age_days=(now - login_at) / timedelta(days=1) if login_at and valid else None,
        last_login_at=login_at,
        last_probe_at=seen_at,
        usual_days=usually.life / timedelta(days=1) if usually.life else None,
        samples=usually.samples,
    )


def _judged(
    account: Account,
    profile: Profile | None,
    last: CheckResult | None,
    *,
    usually: Usual,
    sign_in_wait: timedelta,
    now: datetime,
) -> tuple[Health, str, str]:
    name = account.name
    probe = f"Look now: runner accounts health {name} --probe"
    if account.state in (AccountState.PARKED, AccountState.LOCKED):
        why = account.state_reason or "a person is needed"
        action = f"Look into it: runner run {name} check_login --keep-open, then: runner accounts resume {name}"
        return Health.ERROR, f"The account is {account.state}: {why}", action
    if profile is None or last is None or profile.last_probe_at is None:
        return Health.WARNING, "Nobody has looked yet whether it is signed in.", probe
    if not last.signed_in:
        return _signed_out(name, profile, last, sign_in_wait=sign_in_wait)
    unseen = now - profile.last_probe_at
    if unseen > OLD_AFTER:
        return Health.WARNING, f"It was signed in {_days(unseen)} ago; nobody has looked since.", probe
    age = now - profile.last_login_at if profile.last_login_at else None
    if age is not None and usually.life is not None and age >= usually.life * WARN_AT:
        reason = f"It has been signed in for {_days(age)}; a login at this site usually lasts {_days(usually.life)}."
        return Health.WARNING, reason, _in_time(name)
    return Health.HEALTHY, "It is signed in.", ""


def _signed_out(name: str, profile: Profile, last: CheckResult, *, sign_in_wait: timedelta) -> tuple[Health, str, str]:
    if last.who is not None:
        action = f"Put its profile aside and sign in anew: runner profiles reset {name} --all"
        return Health.ERROR, f'The browser is signed in as somebody else: "{last.who}".', action
    if profile.sign_in_tried_at is not None:
        until = profile.sign_in_tried_at + sign_in_wait
        reason = f"It is signed out, and the password, last tried at {profile.sign_in_tried_at:%Y-%m-%d %H:%M} UTC, "
        reason += "came to nothing."
        action = f"See what the site says: runner run {name} check_login --keep-open. "
        return Health.ERROR, reason, action + f"By itself it is tried again after {until:%H:%M} UTC."
    return Health.WARNING, "It is signed out; its next job signs it in.", f"Or now: runner run {name} check_login"


def _in_time(name: str) -> str:
    return (
        "Nothing must be done: when it ends, the password is typed by itself. Where the site asks for a person then, "
        f"sign in at a time that suits you: runner profiles reset {name} --all, then: runner run {name} check_login"
    )


def _days(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if hours < 48:
        return f"{hours:.0f} {'hour' if round(hours) == 1 else 'hours'}"
    return f"{span / timedelta(days=1):.0f} days"
