"""Accounts: identities on a Site, with a reference to their secret and never the secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runner.domain.states import AccountState
from runner.errors import SetupError


@dataclass(frozen=True, kw_only=True)
class SecretRef:
    """Where a password is kept: `env` variable, `keyring` "service/username" or `file` path."""

    kind: Literal["env", "keyring", "file"]
    name: str

    @classmethod
    def one_of(cls, *, env: str | None, file: str | None, keyring: str | None, what: str, cure: str) -> SecretRef:
        """The one place that was given. Raises SetupError, with these words, where it is not one; never with a value.

        An entry of the keyring is service/username: one without a stroke would be found missing at the first use only.
        """
        made = (
            None if env is None else cls(kind="env", name=env),
            None if file is None else cls(kind="file", name=file),
            None if keyring is None else cls(kind="keyring", name=keyring),
        )
        found = [each for each in made if each is not None]
        if len(found) != 1 or not found[0].name.strip():
            raise SetupError(what, cure=cure)
        (ref,) = found
        if ref.kind == "keyring" and not all(part.strip() for part in (*ref.name.split("/", 1), "")[:2]):
            raise SetupError("That is no entry of the keyring.", cure="Write it as service/username.")
        return ref


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
