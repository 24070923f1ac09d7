"""Turns a reference to a secret into the secret: the only place where one is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from runner.domain.accounts import SecretRef
from runner.errors import SetupError

LARGEST_FILE_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A secret, masked in repr and logs, and what an operator should be warned of."""

    value: SecretStr
    warning: str | None = None


def resolve(
    ref: SecretRef, *, account: str, base_dir: Path | None = None, environ: Mapping[str, str] | None = None
) -> Resolved:
    """Fetch the password of `account`; SetupError says what to do when it is not there. See `fetch`."""
    return fetch(ref, whose=f'The password of account "{account}"', base_dir=base_dir, environ=environ)


def fetch(
    ref: SecretRef,
    *,
    whose: str,
    what: str = "password",
    base_dir: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    """Fetch a secret; SetupError says what to do when it is not there.

    `whose` names it for a person, `what` in one word. `base_dir` is where a relative file starts. May block on disk or
    on a keyring's prompt: call it in a thread.
    """
    if ref.kind == "env":
        return Resolved(value=_from_environment(ref.name, whose, os.environ if environ is None else environ))
    if ref.kind == "keyring":
        return Resolved(value=_from_keyring(ref.name, whose))
    return _from_file(Path(base_dir or "", ref.name).expanduser(), whose, what)


def _from_environment(name: str, whose: str, environ: Mapping[str, str]) -> SecretStr:
    value = environ.get(name, "")
    if not value:
        state = "is empty" if name in environ else "is not set"
        raise SetupError(
            f"{whose} is missing: environment variable {name} {state}.",
            cure=f"Set it before starting the runner: export {name}=…",
        )
    return SecretStr(value)


def _from_keyring(name: str, whose: str) -> SecretStr:
    # Imported here because looking for the machine's keyring takes time that most runs need not spend.
    import keyring
    from keyring.errors import KeyringError

    service, _, username = name.rpartition("/")
    if not service or not username:
        raise SetupError(
            f'{whose} cannot be looked up: "{name}" is not of the form service/username.',
            cure='Write it as { keyring = "runner/amy" }.',
        )
    try:
        value = keyring.get_password(service, username)
    except (KeyringError, RuntimeError, OSError) as error:
        raise SetupError(
            f"{whose} cannot be read from the keyring: {type(error).__name__}.",
            cure='Unlock the keyring, or, where there is none, use { env = "…" } or { file = "…" }.',
        ) from error
    if not value:
        raise SetupError(
            f'{whose} is missing: the keyring holds none for service "{service}", user name "{username}".',
            cure=f"Store it: keyring set {service} {username}",
        )
    return SecretStr(value)


def _from_file(path: Path, whose: str, what: str) -> Resolved:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            raw = file.read(LARGEST_FILE_BYTES + 1)
    except FileNotFoundError:
        raise SetupError(
            f"{whose} is missing: there is no file {path}.",
            cure=f"Write the {what} into it, and nothing else; then: chmod 600 {path}",
        ) from None
    except OSError as error:
        raise SetupError(
            f"{whose} cannot be read from {path}: {error.strerror}.", cure="Give a file that this user can read."
        ) from None
    if len(raw) > LARGEST_FILE_BYTES:
        raise SetupError(f"{whose} cannot be in {path}: the file is larger than 64 KiB.", cure="Is it the right file?")
    try:
        text = raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        # The decoder's own error carries the bytes, so it must not be chained.
        raise SetupError(f"{whose} cannot be read from {path}: it is not UTF-8.", cure="Save it as UTF-8.") from None
    if not text:
        raise SetupError(f"{whose} is missing: {path} is empty.", cure=f"Write the {what} into it, and nothing else.")
    warning = None
    if os.name == "posix" and mode & 0o177:
        warning = f"{path}, {whose[0].lower()}{whose[1:]}, may be read by others (mode {mode:04o}): chmod 600 {path}"
    return Resolved(value=SecretStr(text), warning=warning)
