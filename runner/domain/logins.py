"""Logins: what a probe of who is signed in has found, and what had been done before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class After(StrEnum):
    """What a probe came after."""

    LOOK = "look"  # nothing: the browser as it was
    SIGN_IN = "sign_in"  # the password was typed
    CHECKPOINT = "checkpoint"  # a checkpoint was laid in
    PERSON = "person"  # a person had the browser in hand


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One finding: `who` is the name that the Site showed, None when nobody was signed in.

    `signed_in` is whether it was the Account that ought to be.
    """

    account: str
    at: datetime
    signed_in: bool
    after: After
    who: str | None
