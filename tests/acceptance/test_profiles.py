"""`runner profiles` and `runner accounts health`, as an operator uses them."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = [pytest.mark.browser]

WORDS = {"PASSPHRASE": "five words and a number 7"}
EXPIRE = {"route": "GET /inbox*", "account": "farid", "effect": "expire_session", "count": 1}


@pytest.fixture
def farid(shop: Any) -> Any:
    """A shop with farid, who is signed in, and amy, whom nobody has looked at."""
    shop.configure(accounts=["amy", "farid"], max_attempts=1)
    assert shop.cli("run", "farid", "check_login").code == 0
    return shop


def passwords_typed(shop: Any, account: str = "farid") -> int:
    return len(shop.market.ledger("sign_in", account)) + len(shop.market.ledger("sign_in_failed", account))


def versions(shop: Any) -> list[int]:
    return [each["number"] for each in shop.cli("profiles", "show", "farid", "--json").json["versions"]]


def test_profiles_are_listed_and_shown_with_what_is_known_of_them(farid: Any) -> None:
    noted = farid.cli("profiles", "show", "farid", "--note", "moved from the old laptop")
    listed = farid.cli("profiles", "list", "--json").json["profiles"]

    amy, known = sorted(listed, key=lambda each: each["account"]["name"])
    assert (amy["folder"]["exists"], amy["health"]["health"], amy["versions"]) == (False, "warning", [])
    assert known["folder"]["size_bytes"] > 10_000
    assert (known["health"]["health"], known["health"]["valid"]) == ("healthy", True)
    assert known["stored"]["notes"] == "moved from the old laptop"
    assert re.fullmatch(r"\d+(\.\d+){3}", known["browser_version"])
    (version,) = known["versions"]
    assert (version["signed_in_as"], version["condition"]) == ("farid", "good")
    for words in ("healthy", "moved from the old laptop", known["browser_version"], "farid"):
        assert words in noted.said
    assert "moved from the old laptop" in farid.cli("profiles", "list").said
    assert farid.cli("profiles", "show", "nobody").code == 2


def test_reset_puts_a_profile_aside_and_the_login_comes_back_from_the_checkpoint(farid: Any) -> None:
    done = farid.cli("profiles", "reset", "farid")

    assert done.code == 0, done.said
    assert not (farid.folder / "profiles" / "farid" / "chromium").exists()
    assert "signed out" in farid.cli("accounts", "health", "farid").said
    assert farid.cli("run", "farid", "check_login").code == 0
    assert passwords_typed(farid) == 1
    (trashed,) = farid.cli("profiles", "trash", "list", "--json").json["trash"]
    assert trashed["reason"] == "reset by a person"
    assert (Path(trashed["path"]) / "chromium" / "Default").is_dir(), "nothing was deleted"


def test_reset_all_takes_the_checkpoints_too_and_the_trash_is_emptied_by_a_person_only(farid: Any) -> None:
    assert farid.cli("profiles", "reset", "farid", "--all").code == 0
    assert versions(farid) == []
    assert farid.cli("run", "farid", "check_login").code == 0
    assert passwords_typed(farid) == 2
    assert farid.cli("profiles", "reset", "amy").code == 1, "there is nothing to put aside"

    asked = farid.cli("profiles", "trash", "empty")
    assert (asked.code, "--yes" in asked.said) == (2, True)
    others = farid.cli("profiles", "trash", "empty", "--account", "amy", "--yes")
    assert others.said == "Nothing was deleted."
    assert len(farid.cli("profiles", "trash", "list", "--json").json["trash"]) == 1
    assert farid.cli("profiles", "trash", "empty", "--yes").said.startswith("Deleted 1: ")
    assert farid.cli("profiles", "trash", "list").said == "The trash is empty."
    assert list((farid.folder / "profiles" / ".trash").iterdir()) == []


def test_restore_lays_an_older_login_in_and_proves_it_without_a_password(farid: Any) -> None:
    older = farid.folder / "kept"
    shutil.copytree(farid.folder / "profiles" / "farid" / "checkpoints", older)
    assert farid.cli("profiles", "reset", "farid", "--all").code == 0
    assert farid.cli("profiles", "restore", "farid").code == 1, "there is none"
    shutil.copytree(older, farid.folder / "profiles" / "farid" / "checkpoints")

    done = farid.cli("profiles", "restore", "farid", "--version", "1")

    assert (done.code, done.out) == (0, "farid is signed in again.\n"), done.said
    assert versions(farid) == [2, 1], "what was proved is the newest now"
    assert passwords_typed(farid) == 1


def test_a_version_that_does_not_help_is_said_so_and_the_good_login_stays(farid: Any) -> None:
    farid.market.faults(EXPIRE)
    assert farid.cli("run", "farid", "check_login").code == 0
    assert passwords_typed(farid) == 2
    assert versions(farid) == [2, 1]

    done = farid.cli("profiles", "restore", "farid", "--version", "1")

    assert done.code == 1
    assert "Version 1 of farid's checkpoints did not help" in done.said
    farid.market.faults({"route": "POST /sign-in", "effect": "status", "status": 503})
    assert farid.cli("run", "farid", "check_login").code == 0, "it is signed in as before"
    assert farid.cli("profiles", "restore", "farid", "--version", "9").code == 1


def test_a_parked_account_can_be_given_its_login_back(farid: Any) -> None:
    assert farid.cli("accounts", "pause", "farid").code == 0
    done = farid.cli("profiles", "restore", "farid")
    assert done.code == 0
    assert "runner accounts resume farid" in done.said


# ── To another machine ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def exported(farid: Any) -> Path:
    done = farid.cli("profiles", "export", "farid", "farid.login", "--passphrase-env", "PASSPHRASE", env=WORDS)
    assert done.code == 0, done.said
    return farid.folder / "farid.login"


def elsewhere(shop: Any, tmp_path_factory: Any) -> Any:
    """The same shop on another machine: another folder, another key, the same marketplace."""
    there = type(shop)(tmp_path_factory.mktemp("elsewhere"), shop.market, shop.commands)
    there.configure(accounts=["amy", "farid"], max_attempts=1)
    return there


def test_a_login_is_carried_to_another_machine(farid: Any, exported: Path, tmp_path_factory: Any) -> None:
    there = elsewhere(farid, tmp_path_factory)
    (there.folder / "words").write_text(WORDS["PASSPHRASE"] + "\n")
    assert exported.stat().st_mode & 0o777 == 0o600

    done = there.cli("profiles", "import", exported, "--passphrase-file", "words")

    assert done.code == 0, done.said
    assert there.cli("run", "farid", "check_login").code == 0
    assert passwords_typed(farid) == 1, "no password was typed there"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--account", "amy"], 'it is for account "farid", not for "amy"'),
        (["--passphrase-env", "WRONG"], "the passphrase is not the right one, or the file is damaged"),
    ],
)
def test_what_is_not_meant_for_it_is_refused(farid: Any, exported: Path, args: list[str], said: str) -> None:
    words = [] if "--passphrase-env" in args else ["--passphrase-env", "PASSPHRASE"]
    done = farid.cli("profiles", "import", exported, *args, *words, env={**WORDS, "WRONG": "not these words"})
    assert (done.code, said in done.said) == (1, True), done.said
    assert versions(farid) == [1]


def test_a_file_of_another_site_or_user_name_or_made_up_is_refused(farid: Any, exported: Path) -> None:
    data = exported.read_bytes()
    for wrong in (
        data.replace(b'"site": "mock"', b'"site": "fish"'),
        data.replace(b'"username": "farid"', b'"username": "somebody"'),
        data.replace(b'"account": "farid"', b'"account": "amy"').replace(b'"username": "farid"', b'"username": "amy"'),
        b"nothing of ours",
        data[:-1],
    ):
        exported.write_bytes(wrong)
        done = farid.cli("profiles", "import", exported, "--passphrase-env", "PASSPHRASE", env=WORDS)
        assert (done.code, "was not taken in" in done.said) == (1, True), done.said
    assert versions(farid) == [1]
    assert not (farid.folder / "profiles" / "amy" / "checkpoints").exists()


def test_a_short_passphrase_and_a_file_that_is_there_are_refused(farid: Any, exported: Path) -> None:
    short = farid.cli("profiles", "export", "farid", "b.login", "--passphrase-env", "P", env={"P": "short"})
    assert (short.code, "too short" in short.said) == (2, True)
    again = farid.cli("profiles", "export", "farid", exported, "--passphrase-env", "PASSPHRASE", env=WORDS)
    assert (again.code, "is there already" in again.said) == (1, True)
    asked = farid.cli("profiles", "export", "farid", "c.login")
    assert (asked.code, "--passphrase-env" in asked.said) == (2, True)


# ── While a browser has it ─────────────────────────────────────────────────────────────────────────────────────


def test_whatever_changes_a_profile_is_refused_while_it_is_open_and_names_who_has_it(
    farid: Any, exported: Path, wait_for: Any
) -> None:
    farid.market.faults({"route": "GET /inbox", "account": "farid", "effect": "hang"})
    farid.configure(accounts=["amy", "farid"], max_attempts=1, navigation_s=150)
    run = farid.start("run", "farid", "check_login", env={"RUNNER_TIMEOUTS__STOP_S": "1"})
    try:
        shown = wait_for(
            lambda: farid.cli("profiles", "list", "--json").json["profiles"][1]["folder"]["open_in"], what="an open one"
        )
        assert "chrom" in psutil.Process(shown).name()
        for command in (
            ["reset", "farid"],
            ["restore", "farid"],
            ["export", "farid", "d.login", "--passphrase-env", "PASSPHRASE"],
            ["import", exported, "--passphrase-env", "PASSPHRASE"],
        ):
            refused = farid.cli("profiles", *command, env=WORDS)
            assert (refused.code, f"pid {shown}" in refused.said) == (1, True), refused.said
        checked = farid.cli("profiles", "check", "farid")
        assert (checked.code, f"pid {shown}" in checked.said) == (0, True)
    finally:
        run.terminate()
        run.communicate(timeout=60)


# ── What is wrong, and how it is doing ─────────────────────────────────────────────────────────────────────────


def test_check_opens_nothing_and_says_what_is_wrong(farid: Any) -> None:
    well = farid.cli("profiles", "check")
    assert (well.code, well.said.endswith("All is well.")) == (0, True)
    folder = farid.folder / "profiles" / "farid"
    (folder / "checkpoints" / "000001.checkpoint").write_bytes(b"garbage")
    (folder / "chromium" / "Last Version").write_text("999.0.0.1")
    folder.chmod(0o555)
    sessions = farid.rows("select count(*) from session")

    wrong = farid.cli("profiles", "check", "farid")

    assert wrong.code == 1
    for words in (
        "cannot be written",
        "chmod 700",
        "Chromium 999.0.0.1",
        "Version 1 of its checkpoints: it is damaged",
    ):
        assert words in wrong.said
    assert farid.rows("select count(*) from session") == sessions
    assert (folder / "checkpoints" / "000001.checkpoint").exists()
    folder.chmod(0o700)


def test_health_says_how_each_account_is_doing_and_probe_looks(farid: Any) -> None:
    told = {each["account"]: each for each in farid.cli("accounts", "health", "--json").json["accounts"]}
    assert (told["farid"]["health"], told["amy"]["health"], told["amy"]["valid"]) == ("healthy", "warning", None)

    probed = farid.cli("accounts", "health", "--probe", "--json")

    assert probed.code == 0, probed.said
    assert {each["health"] for each in probed.json["accounts"]} == {"healthy"}
    assert passwords_typed(farid, "amy") == 1
    farid.market.faults({"route": "GET /inbox*", "account": "farid", "effect": "captcha"})
    challenged = farid.cli("accounts", "health", "farid", "amy", "--probe")
    assert challenged.code == 3
    assert "error" in challenged.said
    assert "captcha" in challenged.said
    assert "runner accounts resume farid" in challenged.said


def test_a_warning_comes_before_the_usual_end_of_a_login_at_that_site(farid: Any) -> None:
    """Five logins of amy's that lasted ten days each; farid's is nine days old."""
    day_us = 86_400_000_000
    (now_us, farids) = farid.rows("select last_probe_at, account_id from profile")[0]
    (amys,) = farid.rows("select id from account where name = 'amy'")[0]
    rows = []
    for number in range(5):
        began = now_us - (60 - number * 11) * day_us
        rows += [(amys, began, 1, "sign_in"), (amys, began + 10 * day_us, 0, "look")]
    with sqlite3.connect(farid.database) as database:
        database.executemany("insert into check_result (account_id, at, signed_in, after) values (?, ?, ?, ?)", rows)
        database.execute("update profile set last_login_at = ? where account_id = ?", (now_us - 9 * day_us, farids))

    said = farid.cli("accounts", "health", "farid")

    assert said.code == 0
    assert "It has been signed in for 9 days; a login at this site usually lasts 10 days." in said.said
    assert "learned from 5" in said.said
    told = json.loads(farid.cli("accounts", "health", "farid", "--json").out)["accounts"][0]
    assert (told["health"], told["usual_days"], told["samples"]) == ("warning", 10, 5)


def test_init_makes_a_key_that_only_its_owner_may_read(shop: Any) -> None:
    done = shop.cli("init", "new", "--json")
    key = Path(shop.folder / done.json["key"])
    assert key == shop.folder / "new" / "secrets" / "checkpoints.key"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert shop.cli("init", "new", "--force").code == 0
    assert key.read_bytes() == before, "a key that is in use is never replaced"
