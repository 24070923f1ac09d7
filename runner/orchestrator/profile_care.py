"""What a person may do with Profiles while no browser has them open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runner.browser import carrying, profile_folders, profiles, trash
from runner.browser.checkpoints import Checkpoints, Version
from runner.browser.profile_folders import ProfileFolder
from runner.browser.sealing import Unsealed
from runner.browser.trash import Trashed
from runner.domain.accounts import Account, Profile
from runner.domain.clock import Clock
from runner.domain.logins import After
from runner.errors import Conflict, NotFound, SetupError
from runner.orchestrator.records import Records
from runner.orchestrator.signing_in import whose

TRIES = 3


@dataclass(frozen=True, kw_only=True)
class KeptProfile:
    """One Account's Profile: what the store knows of it, the folder, its Checkpoints and what is in the trash."""

    account: Account
    stored: Profile | None
    browser_version: str | None
    folder: ProfileFolder
    versions: tuple[Version, ...]
    trashed: tuple[Trashed, ...]


class ProfileCare:
    """Shows, resets, carries and tidies Profiles. What changes one is refused while a browser has it open."""

    def __init__(self, *, records: Records, checkpoints: Checkpoints, profiles_dir: Path, clock: Clock) -> None:
        self._records = records
        self._checkpoints = checkpoints
        self._dir = profiles_dir
        self._clock = clock

    async def look(self, name: str, *, browser_major: int | None = None) -> KeptProfile:
        """One Account's Profile. Raises NotFound."""
        account = await self._records.accounts.by_name(name)
        sessions = await self._records.sessions.list_sessions(account_name=name, limit=1)
        folder = await asyncio.to_thread(
            profile_folders.look, self._dir / name, account=name, browser_major=browser_major
        )
        kept = [each for each in await self.trash() if each.account == name]
        return KeptProfile(
            account=account,
            stored=await self._records.profiles.get(name),
            browser_version=sessions[0].browser_version if sessions else None,
            folder=folder,
            versions=tuple(await asyncio.to_thread(self._checkpoints.versions, whose(account))),
            trashed=tuple(kept),
        )

    async def versions(self, name: str) -> Sequence[Version]:
        """The Checkpoints of an Account, the newest first. Raises NotFound."""
        account = await self._records.accounts.by_name(name)
        for _ in range(TRIES):
            # An old one may be removed between the look at the folder and the look at it.
            with contextlib.suppress(NotFound, FileNotFoundError):
                return await asyncio.to_thread(self._checkpoints.versions, whose(account))
        return ()

    async def expect_closed(self, name: str) -> None:
        """Raises Conflict, naming who has it, while the Account's profile is open; NotFound."""
        await self._records.accounts.by_name(name)
        if (self._dir / name).is_dir():
            await asyncio.to_thread(self._locked_for_a_moment, name)

    async def note(self, name: str, text: str) -> None:
        """Keep a remark about the Profile; an empty one removes it. Raises NotFound."""
        await self._records.accounts.by_name(name)
        if await self._records.profiles.get(name) is None:
            await self._records.profiles.save(name, path=str(self._dir / name))
        await self._records.profiles.touch(name, notes=text)

    async def reset(self, name: str, *, with_checkpoints: bool) -> Path:
        """Put the browser's folder into the trash, and the Checkpoints as well if asked. Raises Conflict."""
        await self._records.accounts.by_name(name)
        trashed = await asyncio.to_thread(self._reset, name, with_checkpoints)
        await self._records.check_results.note(name, signed_in=False, after=After.PERSON, who=None)
        await self._records.profiles.set_sign_in_tried(name, None)
        return trashed

    async def export(self, name: str, file: Path, *, passphrase: str) -> Version:
        """Write the newest Checkpoint into a file for another machine. Raises Conflict, NotFound, SetupError."""
        account = await self._records.accounts.by_name(name)
        return await asyncio.to_thread(self._export, account, file, passphrase)

    async def take_in(self, file: Path, *, passphrase: str, name: str | None = None) -> tuple[str, Version]:
        """Make what another machine has exported the newest Checkpoint of its Account; the Account, and the version.

        Raises Conflict, NotFound, SetupError. Refused for another account, site or user name than those that it was
        written for.
        """
        try:
            said = carrying.told(file)
        except FileNotFoundError:
            raise NotFound("file", str(file), []) from None
        except Unsealed as wrong:
            raise _not_taken_in(file, wrong.what) from wrong
        account = await self._records.accounts.by_name(str(said.get("account")))
        for what, theirs, ours in (
            ("account", said.get("account"), name or account.name),
            ("site", said.get("site"), account.site),
            ("user name", said.get("username"), account.username),
        ):
            if theirs != ours:
                raise _not_taken_in(file, f'it is for {what} "{theirs}", not for "{ours}"')
        version = await asyncio.to_thread(self._take_in, account, file, passphrase)
        await self._records.profiles.save(account.name, path=str(self._dir / account.name))
        return account.name, version

    async def trash(self) -> list[Trashed]:
        """What is in the trash, the newest first."""
        return await asyncio.to_thread(trash.entries, self._dir)

    async def empty_trash(self, trashed: list[Trashed]) -> None:
        """Delete these for good. Raises SetupError."""
        await asyncio.to_thread(trash.empty, trashed)

    def _locked_for_a_moment(self, name: str) -> None:
        with profiles.locked(self._dir / name, account=name):
            pass

    def _reset(self, name: str, with_checkpoints: bool) -> Path:
        folder, at = self._dir / name, self._now()
        names = [profiles.user_data_dir(folder).name]
        if with_checkpoints:
            names.append(self._checkpoints.folder(name).name)
        if not any((folder / each).exists() for each in names):
            raise Conflict(f"{name} has no profile yet: there is nothing to put aside.")
        with profiles.locked(folder, account=name):
            return trash.move(folder, account=name, names=names, reason="reset by a person", at=at)

    def _export(self, account: Account, file: Path, passphrase: str) -> Version:
        if (self._dir / account.name).is_dir():
            self._locked_for_a_moment(account.name)
        checkpoint = self._checkpoints.newest(whose(account))
        if checkpoint is None:
            raise Conflict(
                f"{account.name} has no checkpoint that can be used.",
                cure=f"Sign it in first: runner run {account.name} check_login",
            )
        if file.exists():
            raise Conflict(f"{file} is there already.", cure="Choose another file.")
        try:
            carrying.write(
                file,
                checkpoint,
                account=account.name,
                site=account.site,
                username=account.username,
                passphrase=passphrase,
            )
        except OSError as error:
            raise SetupError(
                f"{file} cannot be written: {error.strerror or error}.", cure="Choose another file."
            ) from error
        return checkpoint.version

    def _take_in(self, account: Account, file: Path, passphrase: str) -> Version:
        try:
            carried = carrying.read(file, passphrase=passphrase)
        except Unsealed as wrong:
            raise _not_taken_in(file, wrong.what) from wrong
        folder = self._dir / account.name
        profiles.make(folder, account.name)
        with profiles.locked(folder, account=account.name):
            return self._checkpoints.save(
                whose(account),
                carried.state,
                who=carried.signed_in_as,
                browser_version=carried.browser_version,
                at=carried.saved_at,
            )

    def _now(self) -> datetime:
        return self._clock.now()


def _not_taken_in(file: Path, why: str) -> Conflict:
    return Conflict(f"{file} was not taken in: {why}.", cure="Write it anew there: runner profiles export ACCOUNT FILE")
