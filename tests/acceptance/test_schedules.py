"""Schedules, as an operator keeps them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any


@contextmanager
def writing(shop: Any) -> Iterator[sqlite3.Connection]:
    """The database, to be changed as only time changes it otherwise."""
    with closing(sqlite3.connect(shop.database, timeout=15)) as connection, connection:
        yield connection


def test_a_schedule_is_added_looked_at_and_removed(shop: Any) -> None:
    rule = ("--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--account", "amy")
    added = shop.cli("schedules", "add", "nights", "read_inbox", *rule)
    assert added.code == 0
    assert "Added nights: read_inbox, 30 2 * * * Europe/Berlin, for amy." in added.said
    (listed,) = shop.cli("schedules", "list", "--json").json["schedules"]
    assert (listed["name"], listed["missed"], listed["rule"]["timezone"]) == ("nights", "once", "Europe/Berlin")
    coming = shop.cli("schedules", "next", "nights", "--count", 400, "--json").json["next"]
    assert len({each["due_at"][:10] for each in coming}) == 400
    assert shop.cli("schedules", "add", "nights", "read_inbox", "--every", "1h").code == 1
    assert "Did you mean" in shop.cli("schedules", "remove", "night").said
    assert shop.cli("schedules", "remove", "nights").code == 0
    assert "No schedule yet" in shop.cli("schedules", "list").said


def test_what_is_no_rule_is_refused_with_an_example(shop: Any) -> None:
    refused = shop.cli("schedules", "add", "x", "read_inbox", "--cron", "at eight")
    assert (refused.code, 'Every day at 8: "0 8 * * *"' in refused.said) == (2, True)
    neither = shop.cli("schedules", "add", "x", "read_inbox")
    assert (neither.code, "needs a cron rule or an interval" in neither.said) == (2, True)
    assert shop.rows("SELECT count(*) FROM schedule") == [(0,)]


def test_two_daemons_perform_what_was_missed_and_what_is_due_once(shop: Any, wait_for: Callable[..., Any]) -> None:
    shop.configure(accounts=("farid",), extra='[orchestrator]\nflows = ["check_login"]\nidle_poll_s = 0.2\n')
    assert shop.cli("schedules", "add", "hourly", "check_login", "--every", "1h", "--account", "farid").code == 0
    with writing(shop) as database:
        # As if it had been added, and no daemon had run, for five hours and a half.
        moved = 5.5 * 3600 * 1_000_000
        database.execute(f"UPDATE schedule SET start = start - {moved:.0f}, next_due_at = next_due_at - {moved:.0f}")
    daemons = [shop.start("daemon"), shop.start("daemon")]
    done = "SELECT count(*) FROM job WHERE key LIKE 'schedule %' AND state = 'succeeded'"
    wait_for(lambda: shop.database.exists() and shop.rows(done) == [(1,)], what="the made-up job", within_s=60)
    for daemon in daemons:
        daemon.terminate()
        daemon.communicate(timeout=30)
    assert shop.rows("SELECT count(*) FROM job WHERE key LIKE 'schedule %'") == [(1,)]
    (row,) = shop.cli("schedules", "list", "--json").json["schedules"]
    assert row["last_due_at"] is not None
