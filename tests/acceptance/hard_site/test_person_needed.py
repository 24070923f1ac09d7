"""What only a person can settle parks the account, says so, and is not tried again behind anybody's back."""

from __future__ import annotations

from typing import Any

import pytest

CHALLENGES = {
    "captcha": ("captcha", "parked", "asks whether a human is there (captcha)"),
    "two_factor": ("challenge", "parked", "asks for a security code (two-factor)"),
    "terms": ("challenge", "parked", "asks to accept new terms"),
    "lock_account": ("account_locked", "locked", "We have seen unusual activity and locked your account."),
}


@pytest.fixture
def wrong_password(farid: Any) -> Any:
    """The file of farid's password, with a wrong one in it."""
    kept = farid.folder / "password"
    kept.write_text("not-the-password")
    kept.chmod(0o600)
    right = str(farid.market.data_dir / "passwords" / "farid")
    farid.config.write_text(farid.config.read_text().replace(right, kept.name))
    return kept


def test_a_wrong_password_parks_the_account_and_is_tried_once(
    farid: Any, wrong_password: Any, attempts: Any, picture: Any, evidence: Any
) -> None:
    first = farid.cli("run", "farid", "check_login")
    second = farid.cli("run", "farid", "check_login")

    assert (first.code, second.code) == (3, 3), first.said + second.said
    assert 'The password of account farid was refused: "That password is not right."' in first.said
    assert "runner accounts resume farid" in first.said
    assert "Account farid is parked: The password of account farid was refused" in second.said
    assert "Nothing was tried. When it is settled: runner accounts resume farid" in second.said
    (tried,) = attempts()
    assert (tried["outcome"], tried["kind"], tried["step"], tried["sign_ins"]) == ("parked", "validation", "sign in", 1)
    assert tried["wait_s"] is None
    assert farid.rows("select state from account") == [("parked",)]
    assert len(farid.market.ledger("sign_in_failed", "farid")) == 1
    picture(tried["id"])
    assert not [file for file, _ in evidence(tried["id"]).values() if b"not-the-password" in file.read_bytes()]


def test_a_mended_password_goes_on_after_resume(farid: Any, wrong_password: Any) -> None:
    farid.cli("run", "farid", "check_login")
    wrong_password.write_text(farid.market.password("farid"))

    resumed = farid.cli("accounts", "resume", "farid")
    done = farid.cli("run", "farid", "check_login")

    assert (resumed.code, done.code) == (0, 0), resumed.said + done.said
    assert len(farid.market.ledger("sign_in_failed", "farid")) == 1
    assert len(farid.market.ledger("sign_in", "farid")) == 1


@pytest.mark.parametrize("effect", CHALLENGES)
def test_a_challenge_parks_the_account_and_asks_a_person(
    farid: Any, attempts: Any, picture: Any, summary: Any, effect: str
) -> None:
    kind, state, words = CHALLENGES[effect]
    farid.market.faults({"route": "GET /inbox", "effect": effect, "account": "farid"})

    done = farid.cli("run", "farid", "check_login")

    assert done.code == 3
    assert words in done.said
    assert "runner run farid check_login --keep-open" in done.said
    assert "runner accounts resume farid" in done.said
    (tried,) = attempts()
    assert (tried["outcome"], tried["kind"], tried["wait_s"]) == ("parked", kind, None)
    assert tried["reason"] == f"{kind}: a person is needed"
    assert farid.rows("select state from account") == [(state,)]
    assert words in farid.rows("select state_reason from account")[0][0]
    assert words in summary(tried["id"])
    picture(tried["id"])


def test_a_parked_account_holds_up_neither_the_others_nor_the_end_of_the_batch(shop: Any, attempts: Any) -> None:
    shop.configure(accounts=("elena", "farid"))
    shop.market.faults({"route": "GET /inbox", "effect": "captcha", "account": "farid"})

    done = shop.cli("cycle", "--flow", "check_login", "--flow", "capture_page")

    assert done.code == 3, done.said
    assert "2 of 4 succeeded, 0 failed, 2 wait for a person" in done.said
    assert "Waits until farid is active again" in done.said
    assert [each["outcome"] for each in attempts("elena")] == ["succeeded", "succeeded"]
    assert [each["outcome"] for each in attempts("farid")] == ["parked"]


def test_what_a_parked_account_left_is_done_once_it_is_resumed(shop: Any, attempts: Any) -> None:
    shop.configure(accounts=("farid",))
    shop.market.faults({"route": "GET /inbox", "effect": "terms", "account": "farid"})
    shop.cli("cycle", "--flow", "check_login", "--flow", "capture_page")
    shop.market.faults()
    shop.market.client.post("/_unlock", json={"account": "farid"}).raise_for_status()

    shop.cli("accounts", "resume", "farid")
    done = shop.cli("cycle", "--flow", "read_inbox")

    assert done.code == 0, done.said
    assert shop.rows("select flow, state from job order by id") == [
        ("check_login", "succeeded"),
        ("capture_page", "succeeded"),
        ("read_inbox", "succeeded"),
    ]
