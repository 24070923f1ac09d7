from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest

from runner.config import secrets
from runner.domain.accounts import SecretRef
from runner.errors import SetupError


class DictKeyring(keyring.backend.KeyringBackend):
    """A keyring in memory; `locked` refuses as a locked one does."""

    priority = 1  # type: ignore[assignment]  # keyring declares a property and documents a number

    def __init__(self, passwords: dict[tuple[str, str], str], *, locked: bool = False) -> None:
        super().__init__()
        self.passwords = passwords
        self.locked = locked

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("hunter2")
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.passwords[service, username]


@pytest.fixture
def own_keyring() -> Iterator[DictKeyring]:
    before = keyring.get_keyring()
    mine = DictKeyring({("runner/shop", "amy"): "hunter2"})
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def _file(path: Path, content: bytes, mode: int = 0o600) -> SecretRef:
    path.write_bytes(content)
    path.chmod(mode)
    return SecretRef(kind="file", name=str(path))


def test_password_comes_from_a_variable() -> None:
    found = secrets.resolve(SecretRef(kind="env", name="AMY"), account="amy", environ={"AMY": " hunter2 "})
    assert found.value.get_secret_value() == " hunter2 "
    assert found.warning is None


@pytest.mark.parametrize(("environ", "state"), [({}, "is not set"), ({"AMY": ""}, "is empty")])
def test_missing_variable_names_account_and_cure(environ: dict[str, str], state: str) -> None:
    with pytest.raises(SetupError) as caught:
        secrets.resolve(SecretRef(kind="env", name="AMY"), account="amy", environ=environ)
    assert caught.value.what == f'The password of account "amy" is missing: environment variable AMY {state}.'
    assert "export AMY=" in caught.value.cure


def test_password_comes_from_the_keyring(own_keyring: DictKeyring) -> None:
    found = secrets.resolve(SecretRef(kind="keyring", name="runner/shop/amy"), account="amy")
    assert found.value.get_secret_value() == "hunter2"


def test_password_that_the_keyring_lacks_names_the_command(own_keyring: DictKeyring) -> None:
    with pytest.raises(SetupError) as caught:
        secrets.resolve(SecretRef(kind="keyring", name="runner/ben"), account="ben")
    assert 'account "ben"' in caught.value.what
    assert "keyring set runner ben" in caught.value.cure


def test_locked_keyring_says_so_without_its_own_words(own_keyring: DictKeyring) -> None:
    own_keyring.locked = True
    with pytest.raises(SetupError) as caught:
        secrets.resolve(SecretRef(kind="keyring", name="runner/shop/amy"), account="amy")
    assert "KeyringLocked" in caught.value.what
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"hunter2\r\n", b"\xef\xbb\xbfhunter2\n"])
def test_password_comes_from_a_file_without_its_last_newline(tmp_path: Path, content: bytes) -> None:
    found = secrets.resolve(_file(tmp_path / "amy", content), account="amy")
    assert found.value.get_secret_value() == "hunter2"
    assert found.warning is None


def test_relative_file_starts_at_the_given_folder(tmp_path: Path) -> None:
    _file(tmp_path / "amy", b"hunter2")
    found = secrets.resolve(SecretRef(kind="file", name="amy"), account="amy", base_dir=tmp_path)
    assert found.value.get_secret_value() == "hunter2"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_file_that_others_may_read_gives_a_warning(tmp_path: Path, mode: int) -> None:
    warning = secrets.resolve(_file(tmp_path / "amy", b"hunter2", mode), account="amy").warning
    assert warning is not None
    assert f"mode {mode:04o}" in warning
    assert f"chmod 600 {tmp_path / 'amy'}" in warning


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\n", "is empty"),
        (b"hunter2\xff", "it is not UTF-8"),
        (b"hunter2" * 20_000, "larger than 64 KiB"),
        (None, "there is no file"),
    ],
)
def test_file_that_holds_no_password_is_explained(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "amy"
    ref = SecretRef(kind="file", name=str(path)) if content is None else _file(path, content)
    with pytest.raises(SetupError) as caught:
        secrets.resolve(ref, account="amy")
    assert told in caught.value.what
    assert 'account "amy"' in caught.value.what
    assert caught.value.cure
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_folder_in_place_of_the_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=f"cannot be read from .*: {os.strerror(21)}"):
        secrets.resolve(SecretRef(kind="file", name=str(tmp_path)), account="amy")


def test_secret_is_masked_in_repr() -> None:
    found = secrets.resolve(SecretRef(kind="env", name="AMY"), account="amy", environ={"AMY": "hunter2"})
    assert "hunter2" not in repr(found)
    assert "hunter2" not in f"{found.value}"
