"""Carries a login state to another machine, in one file that only a passphrase opens.

Not the runner's key: that stays where it is, and another machine has its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runner.browser import sealing
from runner.browser.checkpoints import Checkpoint
from runner.browser.login_state import LoginState
from runner.browser.sealing import Unsealed

KIND = "login of one account"
SALT_BYTES = 16
SHORTEST = 12
"""Characters of a passphrase."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What such a file holds; nothing of it is proved before it was opened."""

    account: str
    site: str
    username: str
    signed_in_as: str
    saved_at: datetime
    browser_version: str
    state: LoginState


def write(path: Path, checkpoint: Checkpoint, *, account: str, site: str, username: str, passphrase: str) -> None:
    """Write the file, of mode 0600. Raises OSError."""
    version, salt = checkpoint.version, os.urandom(SALT_BYTES)
    header = {
        "kind": KIND,
        "account": account,
        "site": site,
        "username": username,
        "signed_in_as": version.signed_in_as,
        "saved_at": version.saved_at.isoformat() if version.saved_at else None,
        "browser_version": version.browser_version,
        "salt": salt.hex(),
    }
    sealing.write_whole(path, sealing.seal(sealing.stretched(passphrase, salt), header, checkpoint.state.packed()))


def told(path: Path) -> Mapping[str, object]:
    """What the file says it is, before anybody is asked for a passphrase. Raises Unsealed, FileNotFoundError."""
    header = sealing.look(path).header
    if header.get("kind") != KIND:
        raise Unsealed("it was not written by runner profiles export")
    return header


def read(path: Path, *, passphrase: str) -> Carried:
    """Open the file. Raises Unsealed, FileNotFoundError."""
    sealed = sealing.look(path)
    header = told(path)
    try:
        content = sealing.unseal(sealing.stretched(passphrase, bytes.fromhex(str(header["salt"]))), sealed)
    except (Unsealed, KeyError, ValueError):
        raise Unsealed("the passphrase is not the right one, or the file is damaged") from None
    try:
        return Carried(
            account=str(header["account"]),
            site=str(header["site"]),
            username=str(header["username"]),
            signed_in_as=str(header["signed_in_as"]),
            saved_at=datetime.fromisoformat(str(header["saved_at"])),
            browser_version=str(header["browser_version"]),
            state=LoginState.unpacked(content),
        )
    except (KeyError, ValueError, TypeError):
        raise Unsealed("it is damaged: it holds no login") from None
