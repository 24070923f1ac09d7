"""The key that seals checkpoints: referred to like a password, and made where nobody has set one."""

from __future__ import annotations

import contextlib
import os
import secrets as dice
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from runner.config import secrets
from runner.domain.accounts import SecretRef
from runner.errors import SetupError

WHOSE = "The key of the checkpoints"
SHORTEST = 32
"""Characters: as many as `secrets.token_urlsafe(24)` has, and no word that anybody would remember."""
MAKE_ONE = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def default_file(folder: Path) -> Path:
    """Where the key is kept when no other place is set; `folder` is that of the configuration."""
    return folder / "secrets" / "checkpoints.key"


def read(ref: SecretRef | None, *, folder: Path, environ: Mapping[str, str] | None = None) -> SecretStr:
    """The key that `ref` names; without one that of the default file, which is made at its first use.

    Raises SetupError. May block on disk or on a keyring's prompt: call it in a thread.
    """
    if ref is None:
        ref = SecretRef(kind="file", name=str(make(default_file(folder))))
    if ref.kind == "file":
        _refuse_shared(Path(ref.name))
    value = secrets.fetch(ref, whose=WHOSE, what="key", environ=environ).value
    if len(value.get_secret_value()) < SHORTEST:
        raise SetupError(
            f"{WHOSE} is too short: it has fewer than {SHORTEST} characters.", cure=f"Make a good one: {MAKE_ONE}"
        )
    return value


def make(path: Path) -> Path:
    """Make a key file of mode 0600 unless there is one; of several processes at once, all get the same one."""
    if path.exists():
        return path
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # of mode 0600
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(dice.token_urlsafe(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            # A link appears whole or not at all, and never in place of one that somebody made a moment before.
            with contextlib.suppress(FileExistsError):
                os.link(name, path)
        finally:
            os.unlink(name)
    except OSError as refused:
        raise SetupError(
            f"{WHOSE} cannot be made: {path}: {refused.strerror or refused}.",
            cure="Make its folder writable, or say in [profiles] key where else a key is kept.",
        ) from refused
    return path


def _refuse_shared(path: Path) -> None:
    """A key that others can read opens every account's login: unlike a password file, it is not used at all."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return  # what is wrong with it is said by whoever reads it
    if os.name == "posix" and mode & 0o077:
        raise SetupError(f"{WHOSE}, {path}, may be read by others (mode {mode:04o}).", cure=f'Type: chmod 600 "{path}"')
