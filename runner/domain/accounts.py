"""Accounts: identities on a Site, with a reference to their secret and never the secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runner.domain.states import AccountState


@dataclass(frozen=True, kw_only=True)
class SecretRef:
    """Where a password is kept: `env` variable, `keyring` "service/username" or `file` path."""

    kind: Literal["env", "keyring", "file"]
    name: str


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An Account as it is added; `name` is unique over all Sites and names the profile folder."""

    name: str
    site: str
    username: str
    secret: SecretRef
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Account:
    """A stored Account; `state_reason` says why it is not active and what to do.

    `counted_from`: what it did is counted from this moment on, where somebody had its counters reset.
    """

    id: int
    name: str
    site: str
    username: str
    secret: SecretRef
    tags: tuple[str, ...]
    state: AccountState
    state_reason: str | None
    last_served_at: datetime | None
    created_at: datetime
    counted_from: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """An Account's browser directory; `browser_major` is the Chromium that wrote it last.

    `sign_in_tried_at`: when a password was last tried without coming to a login; None when the last try came to one.
    """

    account: str
    path: str
    browser_major: int | None
    last_login_at: datetime | None
    last_probe_at: datetime | None
    notes: str | None
    sign_in_tried_at: datetime | None = None
