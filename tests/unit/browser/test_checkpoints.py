"""Checkpoints on disk: sealed, whole, five of them, and never another account's."""

from __future__ import annotations

import json
import os
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.browser import sealing
from runner.browser.checkpoints import Checkpoints, Condition, Whose
from runner.browser.login_state import LoginState
from runner.browser.sealing import Unsealed
from runner.errors import NotFound, SetupError

AMY, BEN = Whose(account="amy", site="mock"), Whose(account="ben", site="mock")
KEY = "a key of more than thirty-two characters, for tests"
CANARY = "canary-cookie-value"
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def state(value: str = CANARY) -> LoginState:
    return LoginState(cookies=({"name": "session", "value": value, "domain": "127.0.0.1", "path": "/", "expires": -1},))


@pytest.fixture
def kept(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path, lambda: KEY)


def save(kept: Checkpoints, whose: Whose = AMY, value: str = CANARY, minutes: int = 0) -> int:
    at = AT + timedelta(minutes=minutes)
    return kept.save(whose, state(value), who=whose.account, browser_version="156.0.1", at=at).number


def file_of(kept: Checkpoints, number: int, whose: Whose = AMY) -> Path:
    return kept.folder(whose.account) / f"{number:06d}.checkpoint"


def test_what_was_saved_is_opened_again_with_who_and_when(kept: Checkpoints) -> None:
    save(kept)
    found = kept.newest(AMY)
    assert found is not None
    assert found.state == state()
    version = found.version
    assert (version.number, version.saved_at, version.signed_in_as) == (1, AT, "amy")
    assert (version.browser_version, version.condition) == ("156.0.1", Condition.GOOD)


def test_folder_and_files_are_private_and_hold_no_value_in_the_clear(kept: Checkpoints) -> None:
    save(kept)
    assert stat.S_IMODE(kept.folder("amy").stat().st_mode) == 0o700
    (file,) = kept.folder("amy").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert CANARY.encode() not in file.read_bytes()
    assert KEY.encode() not in file.read_bytes()


def test_the_last_five_are_kept(kept: Checkpoints) -> None:
    for minute in range(7):
        save(kept, minutes=minute)
    assert [each.number for each in kept.versions(AMY)] == [7, 6, 5, 4, 3]


@pytest.mark.parametrize(
    "breaking",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: os.urandom(400),
        lambda data: data.replace(b'"signed_in_as": "amy"', b'"signed_in_as": "ben"'),
        lambda data: data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
    ],
    ids=["a byte short", "torn", "empty", "garbage", "another name in the header", "a bit"],
)
def test_a_broken_newest_is_set_aside_and_the_one_before_it_used(kept: Checkpoints, breaking) -> None:
    save(kept, value="old")
    newest = file_of(kept, save(kept, value="new"))
    before = newest.read_bytes()
    newest.write_bytes(breaking(before))
    assert newest.read_bytes() != before
    found = kept.newest(AMY)
    assert found is not None
    assert found.state == state("old")
    assert [each.name for each in (kept.folder("amy") / "broken").iterdir()] == ["000002.checkpoint"]
    assert save(kept) == 3, "a number is never given twice"


def test_anothers_file_is_not_opened_whoever_moved_it(kept: Checkpoints) -> None:
    save(kept)
    kept.folder("ben").mkdir(parents=True)
    shutil.copy(file_of(kept, 1), file_of(kept, 1, BEN))
    with pytest.raises(Unsealed, match="belongs to account amy"):
        kept.open(BEN, 1)
    assert kept.newest(BEN) is None


def test_not_even_with_a_header_that_was_changed_to_fit(kept: Checkpoints) -> None:
    save(kept)
    kept.folder("ben").mkdir(parents=True)
    stolen = file_of(kept, 1).read_bytes().replace(b'"account": "amy"', b'"account": "ben"')
    file_of(kept, 1, BEN).write_bytes(stolen)
    with pytest.raises(Unsealed, match="does not fit its seal"):
        kept.open(BEN, 1)


def test_the_content_of_one_account_does_not_open_under_the_key_of_another(kept: Checkpoints) -> None:
    """By construction: the keys differ, whatever the header says."""
    save(kept)
    sealed = sealing.look(file_of(kept, 1))
    with pytest.raises(Unsealed):
        sealing.unseal(sealing.derived(KEY, "checkpoint", "ben", "mock"), sealed)
    assert CANARY in str(json.loads(sealing.unseal(sealing.derived(KEY, "checkpoint", "amy", "mock"), sealed)))


def test_with_another_key_a_version_is_passed_over_and_left_where_it_is(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path, lambda: KEY))
    other = Checkpoints(tmp_path, lambda: KEY + "!")
    assert other.newest(AMY) is None
    assert [each.condition for each in other.versions(AMY)] == [Condition.OTHER_KEY]
    assert Checkpoints(tmp_path, lambda: KEY).newest(AMY) is not None, "the right key opens it again"


def test_a_version_that_did_not_help_is_remembered_and_kept(kept: Checkpoints) -> None:
    save(kept)
    kept.mark("amy", 1, helped=False)
    found = kept.newest(AMY)
    assert found is not None
    assert found.version.condition is Condition.UNHELPFUL
    kept.mark("amy", 1, helped=True)
    assert kept.versions(AMY)[0].condition is Condition.GOOD


def test_a_version_that_is_not_there_is_named_with_those_that_are(kept: Checkpoints) -> None:
    save(kept)
    with pytest.raises(NotFound, match='no checkpoint of account amy "4"') as caught:
        kept.open(AMY, 4)
    assert "1" in caught.value.cure


def test_a_folder_that_cannot_be_written_is_said_so(kept: Checkpoints) -> None:
    kept.folder("amy").parent.mkdir(parents=True)
    kept.folder("amy").write_text("in the way")
    with pytest.raises(SetupError, match="account amy cannot be written"):
        save(kept)


def test_what_a_killed_writer_leaves_is_no_version(kept: Checkpoints) -> None:
    save(kept)
    (kept.folder("amy") / ".new-abcd").write_bytes(b"half")
    assert [each.number for each in kept.versions(AMY)] == [1]


def test_only_what_belongs_to_the_allowed_origins_is_in_a_state() -> None:
    cookies = tuple({"name": "a", "value": "1", "domain": domain, "path": "/", "expires": -1} for domain in DOMAINS)
    origins = tuple(
        {"origin": origin, "localStorage": []} for origin in ("https://shop.example", "https://evil.example")
    )
    found = LoginState(cookies=cookies, origins=origins).within(["https://shop.example", "http://127.0.0.1:8000"])
    assert [cookie["domain"] for cookie in found.cookies] == ["shop.example", ".shop.example", ".example", "127.0.0.1"]
    assert [each["origin"] for each in found.origins] == ["https://shop.example"]


DOMAINS = (
    "shop.example",
    ".shop.example",
    ".example",
    "example",
    "evil.example",
    ".op.example",
    "shop.example.evil.test",
    "127.0.0.1",
)
