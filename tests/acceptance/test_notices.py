"""People are told what happens: by hand from a terminal, and by a cycle beside its work."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Any

import pytest

CANARY = "canary-hook-k3y"


@pytest.fixture
def told(shop: Any, receiver: Any) -> Any:
    """A shop with a webhook, whose key is in a file."""
    shop.configure(extra="[notices]\nfirst_wait_s = 0.1\nmax_attempts = 2\n")
    (shop.folder / "hook.key").write_text(CANARY)
    os.chmod(shop.folder / "hook.key", 0o600)
    added = shop.cli("channels", "add", "hook", "--webhook", receiver.url, "--secret-file", "hook.key")
    assert added.code == 0, added.said
    return shop


def test_a_channel_is_tried_told_given_up_retried_and_shown(told: Any, receiver: Any) -> None:
    tried = told.cli("channels", "test", "hook")
    assert (tried.code, receiver.titles) == (0, ["A test of the runner's"])
    receiver.status = 500
    refused = told.cli("channels", "test", "hook")
    assert (refused.code, "The receiver answered 500." in refused.said) == (1, True)
    with closing(sqlite3.connect(told.database)) as connection, connection:
        connection.execute(
            "INSERT INTO event (at, name, account_id, data) SELECT 1763800000000000, 'PersonNeeded', id, "
            """'{"what": "A captcha.", "cure": "Solve it."}' FROM account WHERE name = 'amy'"""
        )
    for _ in range(2):  # the second try is due long before a process has started
        assert told.cli("notices", "send").code == 0
    dead = told.cli("notices", "dead", "--json").json["notices"]
    assert [(each["title"], each["attempts"], each["detail"]) for each in dead] == [
        ("amy needs a person", 2, "The receiver answered 500.")
    ]
    receiver.status = 200
    assert told.cli("notices", "retry", dead[0]["id"]).code == 0
    assert told.cli("notices", "send", "--json").json == {"sent": 1}
    assert receiver.got[-1]["lines"] == ["A captcha.", "Solve it.", "Take it over: runner handoff amy"]
    shown = told.cli("channels", "show", "hook").said
    assert "hook.key" in shown
    assert CANARY not in shown


@pytest.mark.browser
def test_a_cycle_tells_of_the_account_that_it_parks_and_the_digest_counts_it(told: Any, receiver: Any) -> None:
    told.market.faults({"route": "GET /inbox*", "account": "amy", "effect": "captcha"})
    told.cli("cycle", "--account", "amy", "--flow", "read_inbox")
    assert receiver.titles == ["amy is parked"], "one trouble, one notice"
    assert receiver.got[0]["lines"][-1] == "Take it over: runner handoff amy"
    made = told.cli("digest", "--day", "--html", "day.html", "--pdf", "day.pdf")
    assert made.code == 0, made.said
    assert "Waits for a person: 1" in made.said
    assert (told.folder / "day.pdf").read_bytes()[:5] == b"%PDF-"
    assert "amy" in (told.folder / "day.html").read_text()


def test_a_secret_typed_in_the_wrong_place_is_refused(shop: Any) -> None:
    for option in ("--secret-env", "--secret-file"):
        refused = shop.cli("channels", "add", "x", option, "json://ada:pass-word@127.0.0.1/")
        assert refused.code == 2
        assert "pass-word" not in refused.out


def test_a_channel_for_somebody_who_is_not_there_is_refused(shop: Any) -> None:
    add = ("channels", "add", "phone", "--secret-env", "PHONE")
    for more, said in (
        (("--account", "amu"), 'Did you mean "amy"?'),
        (("--operator", "vera"), 'There is no operator "vera".'),
        (("--operator", ""), "An operator has a name."),
        (("--kind", "bogus"), "There are: new_message, person_needed"),
        (("--kind", "summary"), "is nothing to be told of"),
    ):
        refused = shop.cli(*add, *more)
        assert (refused.code, said in refused.said) == (2, True), refused.said
    for where in (("--secret-keyring", "no-stroke"), ("--secret-file", ""), ("--secret-env", ""), ()):
        assert shop.cli("channels", "add", "phone", *where).code == 2, where
    assert shop.cli("channels", "list", "--json").json == {"channels": []}
    missing = shop.cli("notices", "retry", 5000)
    assert (missing.code, "runner notices list" in missing.said) == (2, True)

    assert shop.cli("operators", "link", "vera").code == 0
    assert shop.cli(*add, "--operator", "vera", "--account", "amy").code == 0
    shop.write(
        "INSERT INTO operator (name, role, created_at) VALUES ('vera', 'viewer', 0), ('root', 'admin', 0)",
    )
    changed = shop.cli("channels", "change", "phone", "--kind", "rule", "--quiet", "22:00-07:00", "--json")
    told = changed.json["channel"]["preferences"]
    assert (told["kinds"], told["accounts"], told["quiet"]) == (["rule"], ["amy"], "22:00-07:00")
    changed = shop.cli("channels", "change", "phone", "--of-all", "--no-quiet", "--excerpts", "--json")
    told = changed.json["channel"]["preferences"]
    assert (told["kinds"], told["accounts"], told["quiet"], told["excerpts"]) == (["rule"], [], None, True)
    refused = shop.cli("channels", "change", "phone", "--account", "amu")
    assert (refused.code, 'Did you mean "amy"?' in refused.said) == (2, True)
    removed = shop.cli("operators", "remove", "vera")
    assert (removed.code, "Nothing is sent any more over: phone." in removed.said) == (0, True), removed.said
    assert [each["enabled"] for each in shop.cli("channels", "list", "--json").json["channels"]] == [False]
