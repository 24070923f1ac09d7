"""Accounts stay signed in: judged by the marketplace's ledger, which counts every password that was typed."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from runner.browser.checkpoints import Checkpoints, Whose

pytestmark = [pytest.mark.browser]

SESSION_COOKIES = "[sites.mock.options]\nremember = false\n"
"""Without "remember me" the marketplace gives cookies that end with the browser."""
EXPIRE = {"route": "GET /inbox*", "account": "farid", "effect": "expire_session", "count": 1}
NO_SIGN_IN = {"route": "POST /sign-in", "account": "farid", "effect": "status", "status": 503}


@pytest.fixture
def farid(shop: Any) -> Any:
    """A shop of farid's alone, who is told to stay signed in."""
    shop.configure(accounts=["farid"], max_attempts=1)
    return shop


def checkpoints(shop: Any, account: str = "farid") -> dict[str, bytes]:
    """All versions of an account's checkpoints, the oldest first."""
    folder = shop.folder / "profiles" / account / "checkpoints"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.checkpoint"))}


def passwords_typed(shop: Any, account: str = "farid") -> int:
    return len(shop.market.ledger("sign_in", account)) + len(shop.market.ledger("sign_in_failed", account))


def done(shop: Any, account: str = "farid") -> Any:
    ended = shop.cli("run", account, "check_login")
    assert ended.code == 0, ended.said
    return ended


def findings(shop: Any) -> list[tuple[str, int]]:
    return shop.rows("select after, signed_in from check_result order by id")


def test_session_cookies_outlive_the_browser_again_and_again(farid: Any) -> None:
    farid.configure(accounts=["farid"], extra=SESSION_COOKIES)
    for _ in range(4):
        done(farid)
    assert passwords_typed(farid) == 1
    assert findings(farid) == [("look", 0), ("sign_in", 1), *[("look", 0), ("checkpoint", 1)] * 3]


def test_a_login_that_the_site_has_ended_takes_one_look_at_the_checkpoint_and_one_password(farid: Any) -> None:
    done(farid)
    farid.market.faults(EXPIRE)
    done(farid)
    assert passwords_typed(farid) == 2
    assert findings(farid) == [("look", 0), ("sign_in", 1), ("look", 0), ("checkpoint", 0), ("sign_in", 1)]
    versions = farid.cli("profiles", "show", "farid", "--json").json["versions"]
    assert [(each["number"], each["condition"]) for each in versions] == [(2, "good"), (1, "unhelpful")]


def test_a_checkpoint_that_did_not_help_is_not_tried_again(farid: Any) -> None:
    done(farid)
    farid.market.faults(EXPIRE, NO_SIGN_IN)
    assert farid.cli("run", "farid", "check_login").code == 1
    assert farid.cli("run", "farid", "check_login").code == 1
    assert [after for after, _ in findings(farid)].count("checkpoint") == 1


def test_a_signed_out_state_never_overwrites_a_good_one(farid: Any) -> None:
    done(farid)
    good = checkpoints(farid)
    assert len(good) == 1
    farid.market.faults(EXPIRE, NO_SIGN_IN)
    for flow in ("check_login", "read_inbox"):
        assert farid.cli("run", "farid", flow).code == 1
    assert checkpoints(farid) == good


def test_a_login_that_ends_between_flow_and_closing_is_not_saved(farid: Any) -> None:
    """The page that is open still shows who was signed in: only a fresh one tells."""
    farid.configure(accounts=["farid"], extra="[profiles]\ncheckpoint_every_s = 0.001\n")
    done(farid)
    good = checkpoints(farid)
    # With this seed the dice say no to the look for the flow, and yes to the one before closing.
    farid.market.faults({**EXPIRE, "route": "GET /inbox", "probability": 0.5, "seed": 10})
    done(farid)
    assert farid.market.fired() == [1]
    assert checkpoints(farid) == good


def test_somebody_elses_login_is_neither_used_nor_saved(farid: Any, shop: Any) -> None:
    amys = (shop.market.data_dir / "passwords" / "amy").read_text()
    own = farid.config.read_text()
    (farid.folder / "amys").write_text(amys)
    as_amy = own.replace(str(shop.market.data_dir / "passwords" / "farid"), str(farid.folder / "amys"))
    farid.config.write_text(as_amy.replace('name = "farid"', 'name = "farid"\nusername = "amy"'))
    done(farid)
    before = checkpoints(farid)
    farid.config.write_text(own)

    ended = farid.cli("run", "farid", "check_login")

    assert ended.code == 3
    assert 'signed in as "amy", not as "farid"' in ended.said
    assert "runner profiles reset farid --all" in ended.said
    assert checkpoints(farid) == before
    assert farid.market.ledger("sign_in", "farid") == []
    assert farid.cli("profiles", "reset", "farid").code == 0
    assert farid.cli("accounts", "resume", "farid").code == 0
    assert "the checkpoint is another user name's" in done(farid).err
    assert len(farid.market.ledger("sign_in", "farid")) == 1


# ── The password rests after a try that came to nothing ────────────────────────────────────────────────────────


def test_a_password_that_came_to_nothing_is_left_alone_until_a_person_has_looked(farid: Any) -> None:
    farid.market.faults(NO_SIGN_IN)
    assert farid.cli("run", "farid", "check_login").code == 1
    assert farid.market.fired() == [1]

    again = farid.cli("run", "farid", "check_login")

    assert again.code == 1
    assert "It is not tried again before" in again.said
    assert farid.market.fired() == [1], "the site was not asked"
    health = farid.cli("accounts", "health", "farid")
    assert (health.code, "came to nothing" in health.said) == (3, True)
    farid.market.faults()
    assert farid.cli("accounts", "resume", "farid").code == 0
    done(farid)


def test_a_job_waits_as_long_as_the_password_rests_and_goes_on_by_itself(farid: Any) -> None:
    farid.configure(accounts=["farid"], extra="[profiles]\nsign_in_wait_s = 4\n", max_attempts=3)
    farid.market.faults({**NO_SIGN_IN, "count": 1})

    done(farid)

    (tried_us,) = farid.rows("select min(ended_at) from attempt")[0]
    (signed_in,) = farid.market.ledger("sign_in", "farid")
    assert datetime.fromisoformat(signed_in["at"]).timestamp() - tried_us / 1e6 >= 3.5
    assert farid.rows("select sign_in_tried_at from profile") == [(None,)], "a sign-in that worked lets nothing wait"


def test_what_was_never_sent_need_not_rest(farid: Any) -> None:
    farid.configure(accounts=["farid"], max_attempts=2)
    farid.market.faults({"route": "GET /sign-in", "effect": "status", "status": 503, "count": 1})
    done(farid)
    assert passwords_typed(farid) == 1


# ── Broken and foreign profiles ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("broken", ["Local State", "Last Version", "."])
def test_a_broken_profile_is_made_anew_from_the_checkpoint_and_kept_aside(farid: Any, broken: str) -> None:
    done(farid)
    chromium = farid.folder / "profiles" / "farid" / "chromium"
    if broken == ".":
        chromium.rename(farid.folder / "was")
        chromium.write_bytes(b"garbage")
    else:
        (chromium / broken).unlink(missing_ok=True)
        (chromium / broken).mkdir()
        (chromium / broken / "garbage").write_bytes(b"garbage")

    ended = done(farid)

    assert "the profile was broken and is made anew" in ended.err
    assert passwords_typed(farid) == 1, "the login came back from the checkpoint"
    (trashed,) = farid.cli("profiles", "trash", "list", "--json").json["trash"]
    assert (trashed["account"], "could not use it" in trashed["reason"]) == ("farid", True)
    kept = Path(trashed["path"]) / "chromium"
    assert kept.is_file() if broken == "." else (kept / broken / "garbage").is_file()
    assert farid.rows("select count(*) from event where name = 'ProfileRebuilt'") == [(1,)]


def test_a_profile_of_a_newer_browser_is_refused_with_the_reason_and_left_alone(farid: Any) -> None:
    done(farid)
    mark = farid.folder / "profiles" / "farid" / "chromium" / "Last Version"
    mark.write_text("999.0.1.2")

    ended = farid.cli("run", "farid", "check_login")

    assert ended.code == 1
    assert "was last used by Chromium 999.0.1.2, and the browser found here is older" in ended.said
    assert mark.read_text() == "999.0.1.2"
    checked = farid.cli("profiles", "check", "farid")
    assert (checked.code, "Chromium 999.0.1.2" in checked.said) == (1, True)
    assert farid.cli("profiles", "trash", "list").said == "The trash is empty."


def test_a_profile_that_was_moved_from_another_account_is_refused(shop: Any) -> None:
    shop.configure(accounts=["amy", "farid"], max_attempts=1)
    done(shop, "amy")
    profiles = shop.folder / "profiles"
    (profiles / "farid").mkdir(parents=True)
    (profiles / "amy" / "chromium").rename(profiles / "farid" / "chromium")

    ended = shop.cli("run", "farid", "check_login")

    assert ended.code == 1
    assert "belongs to account 'amy', not to farid" in ended.said
    assert shop.market.ledger("sign_in", "farid") == []


def test_checkpoints_swapped_by_hand_are_not_used(shop: Any) -> None:
    shop.configure(accounts=["amy", "farid"], extra=SESSION_COOKIES)
    for name in ("amy", "farid"):
        done(shop, name)
    folders = [shop.folder / "profiles" / name / "checkpoints" for name in ("amy", "farid")]
    folders[0].rename(shop.folder / "between")
    folders[1].rename(folders[0])
    (shop.folder / "between").rename(folders[1])

    ended = done(shop)

    assert "it belongs to account amy" in ended.err
    assert "signed in as: farid" in ended.said
    assert passwords_typed(shop) == 2, "what belonged to amy was no help"


# ── What goes wrong with checkpoints costs no job ──────────────────────────────────────────────────────────────


def test_a_checkpoint_that_cannot_be_saved_costs_a_warning_and_no_job(farid: Any) -> None:
    folder = farid.folder / "profiles" / "farid"
    folder.mkdir(parents=True)
    (folder / "checkpoints").write_text("in the way")
    ended = done(farid)
    assert "no checkpoint was saved" in ended.err


def test_a_key_that_others_may_read_costs_a_warning_and_is_said_where_it_matters(farid: Any) -> None:
    done(farid)
    (farid.folder / "secrets" / "checkpoints.key").chmod(0o644)
    ended = done(farid)
    assert "may be read by others (mode 0644)" in ended.err
    shown = farid.cli("profiles", "show", "farid")
    assert (shown.code, "chmod 600" in shown.said) == (2, True)


# ── Secrets ────────────────────────────────────────────────────────────────────────────────────────────────────


def contents(shop: Any) -> Iterator[tuple[str, bytes]]:
    """Every file of the shop, what is inside archives too, but the browser's own profile and the secrets' own files."""
    for path in sorted(shop.folder.rglob("*")):
        name = path.relative_to(shop.folder).as_posix()
        if not path.is_file() or "/chromium/" in name or name.startswith("secrets/"):
            continue
        yield name, path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for inner in archive.namelist():
                    yield f"{name}:{inner}", archive.read(inner)


def forms(secret: str) -> set[bytes]:
    """Plain, URL-encoded, and base64 at each of the three places that it may have in a longer text."""
    told = {secret, quote(secret, safe=""), quote_plus(secret)}
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + secret.encode()).decode().rstrip("=")
        told.add(encoded[4 * (shift > 0) : -2])
        told.add(encoded[4 * (shift > 0) : -2].replace("+", "-").replace("/", "_"))
    return {each.encode() for each in told}


def test_neither_password_nor_cookies_nor_key_stand_anywhere_on_disk(farid: Any) -> None:
    farid.configure(accounts=["farid"], extra='[evidence]\ntrace = "always"\n', max_attempts=1)
    done(farid)
    farid.market.faults({"route": "GET /inbox/thread/*", "account": "farid", "effect": "status", "status": 503})
    failed = farid.cli("run", "farid", "read_inbox", env={"RUNNER_LOG__LEVEL": "debug"})
    assert failed.code == 1
    (farid.folder / "run.log").write_text(failed.out + failed.err)
    (cookie,) = session_cookies(farid)
    secrets = {
        "password": farid.market.password("farid"),
        "cookie": cookie,
        "key": (farid.folder / "secrets" / "checkpoints.key").read_text().strip(),
    }
    searched = dict(contents(farid))
    assert {"runner.db", "profiles/farid/checkpoints/000001.checkpoint", "run.log"} <= set(searched)
    assert any("trace.zip:" in name for name in searched), "there is a trace to search"
    found = [
        f"{what} in {name}"
        for what, secret in secrets.items()
        for name, data in searched.items()
        if any(form in data for form in forms(secret))
    ]
    assert found == []


def session_cookies(shop: Any) -> list[str]:
    """The values of the marketplace's session cookies, out of the checkpoint: the browser encrypts its own."""
    key = (shop.folder / "secrets" / "checkpoints.key").read_text().strip()
    found = Checkpoints(shop.folder / "profiles", lambda: key).newest(Whose(account="farid", site="mock"))
    assert found is not None
    return [cookie["value"] for cookie in found.state.cookies if cookie["name"] == "bazaar_session"]
