"""Checkpoints: the last login states known to be good, sealed, one file per version, the last five kept.

profiles/<account>/checkpoints/000007.checkpoint    the newest has the highest number
                               000007.unhelpful     it was laid in, and the account was still signed out
                               broken/000006.checkpoint    set aside: damaged, or another account's
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import structlog

from runner.browser import sealing
from runner.browser.login_state import LoginState
from runner.browser.sealing import Sealed, Unsealed
from runner.errors import NotFound, SetupError

FORMAT = 1
KEPT = 5
SUFFIX, UNHELPFUL, BROKEN = ".checkpoint", ".unhelpful", "broken"
_NAME = re.compile(r"(\d{6,})\.checkpoint")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Whose:
    """The Account that a Checkpoint belongs to."""

    account: str
    site: str


class Condition(StrEnum):
    """What a version is worth."""

    GOOD = "good"
    UNHELPFUL = "unhelpful"  # it was laid in once, and the account was still signed out
    OTHER_KEY = "other key"  # sealed with a key that is not the one in use
    DAMAGED = "damaged"


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version on disk, as its header tells; of a damaged one only number and size are known."""

    number: int
    condition: Condition
    size_bytes: int
    saved_at: datetime | None = None
    signed_in_as: str | None = None
    browser_version: str | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A version that was opened, with its login state."""

    version: Version
    state: LoginState


class Checkpoints:
    """The Checkpoints of all Accounts below one folder; `key` gives the runner's key, at the first need.

    Everything here blocks on disk: call it in a thread. Writing is left to whoever has the profile.
    """

    def __init__(self, profiles_dir: Path, key: Callable[[], str]) -> None:
        self._profiles_dir = profiles_dir
        self._key = key

    def folder(self, account: str) -> Path:
        """Where an Account's versions lie."""
        return self._profiles_dir / account / "checkpoints"

    def save(self, whose: Whose, state: LoginState, *, who: str, browser_version: str, at: datetime) -> Version:
        """Write a new version, and remove those beyond the last five. Raises SetupError."""
        folder = self.folder(whose.account)
        key = self._key()
        header = {
            "format": FORMAT,
            "account": whose.account,
            "site": whose.site,
            "saved_at": at.isoformat(),
            "signed_in_as": who,
            "browser_version": browser_version,
            "key": _mark(key),
        }
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            number = max([*_numbers(folder), *_numbers(folder / BROKEN)], default=0) + 1
            data = sealing.seal(_key_of(key, whose), header, state.packed())
            sealing.write_whole(folder / _name(number), data)
            _remove_old(folder)
        except OSError as error:
            raise SetupError(
                f"The checkpoint of account {whose.account} cannot be written to {folder}: {error.strerror or error}.",
                cure="Look at the folder's owner and at the free disk space.",
            ) from error
        return self.version(whose, number)

    def newest(self, whose: Whose) -> Checkpoint | None:
        """The newest version that can be opened; a broken one is set aside on the way, with a warning."""
        for number in sorted(_numbers(self.folder(whose.account)), reverse=True):
            try:
                return self.open(whose, number)
            except Unsealed as why:
                words = {"account": whose.account, "version": number, "reason": why.what}
                if self.version(whose, number).condition is Condition.OTHER_KEY:
                    log.warning("a checkpoint is passed over", **words)
                else:
                    log.warning("a checkpoint is broken; it is set aside and the one before it used", **words)
                    self._set_aside(whose.account, number)
            except NotFound:
                continue
        return None

    def open(self, whose: Whose, number: int) -> Checkpoint:
        """One version with its login state. Raises Unsealed, NotFound, SetupError when there is no key."""
        key = self._key()
        sealed = self._look(whose, number)
        _expect_whose(sealed, whose)
        _expect_key(sealed, key)
        try:
            state = LoginState.unpacked(sealing.unseal(_key_of(key, whose), sealed))
        except (ValueError, KeyError, TypeError):
            raise Unsealed("it is damaged: it holds no login state") from None
        return Checkpoint(version=self.version(whose, number), state=state)

    def versions(self, whose: Whose) -> Sequence[Version]:
        """All versions, the newest first."""
        numbers = sorted(_numbers(self.folder(whose.account)), reverse=True)
        return [self.version(whose, number) for number in numbers]

    def version(self, whose: Whose, number: int) -> Version:
        """What can be said of one version without opening it. Raises NotFound."""
        path = self.folder(whose.account) / _name(number)
        try:
            sealed = self._look(whose, number)
            _expect_whose(sealed, whose)
            saved_at = datetime.fromisoformat(str(sealed.header["saved_at"]))
        except (Unsealed, ValueError, KeyError) as wrong:
            why = wrong.what if isinstance(wrong, Unsealed) else "its header cannot be read"
            return Version(number=number, condition=Condition.DAMAGED, size_bytes=path.stat().st_size, why=why)
        condition, why = Condition.GOOD, ""
        if path.with_suffix(UNHELPFUL).exists():
            condition, why = Condition.UNHELPFUL, "it was laid in, and the account was still signed out"
        try:
            _expect_key(sealed, self._key())
        except Unsealed as other:
            condition, why = Condition.OTHER_KEY, other.what
        return Version(
            number=number,
            condition=condition,
            size_bytes=path.stat().st_size,
            saved_at=saved_at,
            signed_in_as=str(sealed.header.get("signed_in_as")),
            browser_version=str(sealed.header.get("browser_version")),
            why=why,
        )

    def mark(self, account: str, number: int, *, helped: bool) -> None:
        """Remember whether a version that was laid in helped: one that did not is not tried again by itself."""
        path = (self.folder(account) / _name(number)).with_suffix(UNHELPFUL)
        if helped:
            path.unlink(missing_ok=True)
        else:
            path.touch(mode=0o600)

    def _look(self, whose: Whose, number: int) -> Sealed:
        folder = self.folder(whose.account)
        try:
            return sealing.look(folder / _name(number))
        except FileNotFoundError:
            noun = f"checkpoint of account {whose.account}"
            raise NotFound(noun, str(number), map(str, _numbers(folder))) from None

    def _set_aside(self, account: str, number: int) -> None:
        folder = self.folder(account)
        aside = folder / BROKEN
        try:
            aside.mkdir(mode=0o700, exist_ok=True)
            os.replace(folder / _name(number), aside / _name(number))
        except OSError as error:
            log.warning("it cannot be set aside", folder=str(folder), error=str(error))


def _expect_whose(sealed: Sealed, whose: Whose) -> None:
    said = (sealed.header.get("account"), sealed.header.get("site"))
    if said != (whose.account, whose.site):
        raise Unsealed(f"it belongs to account {said[0]} of site {said[1]}")


def _expect_key(sealed: Sealed, key: str) -> None:
    if sealed.header.get("key") != _mark(key):
        raise Unsealed("it was sealed with another key than the one that [profiles] key names now")


def _mark(key: str) -> str:
    """Tells one key from another, and nothing else about it."""
    return sealing.derived(key, "mark").hex()[:16]


def _key_of(key: str, whose: Whose) -> bytes:
    return sealing.derived(key, "checkpoint", whose.account, whose.site)


def _name(number: int) -> str:
    return f"{number:06d}{SUFFIX}"


def _numbers(folder: Path) -> list[int]:
    try:
        found = [_NAME.fullmatch(name) for name in os.listdir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [int(each.group(1)) for each in found if each]


def _remove_old(folder: Path) -> None:
    kept = sorted(_numbers(folder))[-KEPT:]
    for number in set(_numbers(folder)) - set(kept):
        (folder / _name(number)).unlink(missing_ok=True)
    for mark in folder.glob(f"*{UNHELPFUL}"):
        if not mark.with_suffix(SUFFIX).exists():
            mark.unlink(missing_ok=True)
    for broken in sorted((folder / BROKEN).glob(f"*{SUFFIX}"))[:-KEPT]:
        broken.unlink(missing_ok=True)
