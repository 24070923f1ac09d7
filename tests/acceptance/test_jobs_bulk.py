"""Many jobs at once, from a terminal; no browser is needed for that."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any


@contextmanager
def writing(shop: Any) -> Iterator[sqlite3.Connection]:
    """The database, to be changed as only time changes it otherwise."""
    with closing(sqlite3.connect(shop.database, timeout=15)) as connection, connection:
        yield connection


def test_jobs_are_chosen_by_filters_counted_and_only_then_changed(shop: Any) -> None:
    for account in ("amy", "amy", "ben"):
        assert shop.cli("jobs", "submit", account, "check_login").code == 0
    asked = shop.cli("jobs", "cancel", "--account", "amy")
    assert asked.code == 0
    assert "2 jobs would be cancelled" in asked.said
    assert shop.rows("SELECT count(*) FROM job WHERE state = 'queued'") == [(3,)]
    done = shop.cli("jobs", "cancel", "--account", "amy", "--yes", "--json")
    assert done.json == {"found": [1, 2], "changed": [2, 1], "refused": {}, "done": True}
    assert "2 jobs are queued again" in shop.cli("jobs", "retry", "--state", "cancelled", "--yes").said
    assert shop.rows("SELECT count(*) FROM job WHERE state = 'queued'") == [(3,)]


def test_a_job_waits_for_another_and_is_skipped_with_it(shop: Any) -> None:
    first = shop.cli("jobs", "submit", "amy", "read_inbox", "--due", "2h", "--timeout", "90s", "--json").json
    assert first["timeout_s"] == 90
    second = shop.cli("jobs", "submit", "ben", "check_login", "--after", first["id"], "--if-failed", "skip")
    assert "waits for 1 other job" in second.said
    shop.cli("jobs", "cancel", first["id"])
    shown = shop.cli("jobs", "show", first["id"] + 1).said
    assert "Skipped: Job 1 (amy read_inbox), which this one waited for, was cancelled." in shown


def test_what_ended_long_ago_is_pruned_with_its_evidence_and_its_key_works_on(shop: Any) -> None:
    assert shop.cli("jobs", "submit", "amy", "check_login", "--key", "once").code == 0
    shop.cli("jobs", "cancel", 1)
    folder = shop.folder / "screenshots" / time.strftime("%Y-%m-%d", time.gmtime(0)) / "amy" / "1"
    folder.mkdir(parents=True)
    (folder / "page.png").write_bytes(b"a picture")
    with writing(shop) as database:
        database.execute(
            "INSERT INTO attempt (id, job_id, number, fence, started_at, sign_ins, popups) VALUES (1, 1, 1, 1, 0, 0, 0)"
        )
        database.execute(
            "INSERT INTO effect (account_id, kind, natural_key, payload_hash, state, job_id, fence, created_at, "
            "changed_at) VALUES (1, 'publish_listing', 'bike', 'hash', 'confirmed', 1, 1, 0, 0)"
        )
    assert "0 jobs are deleted" in shop.cli("jobs", "prune", "--older-than", "30d").said
    with writing(shop) as database:
        database.execute("UPDATE job SET ended_at = ended_at - 31 * 86400 * 1000000")
    assert "1 job would be deleted" in shop.cli("jobs", "prune", "--older-than", "30d", "--dry-run").said
    assert "1 job is deleted" in shop.cli("jobs", "prune", "--older-than", "30d").said
    assert shop.rows("SELECT count(*) FROM job") == shop.rows("SELECT count(*) FROM attempt") == [(0,)]
    assert not folder.parent.parent.exists()
    assert "Its job 1 was pruned, with its evidence." in shop.cli("effects", "show", 1).said
    again = shop.cli("jobs", "submit", "amy", "check_login", "--key", "once")
    assert again.code == 0
    assert "That key is taken: it is job 1 (amy check_login), which is cancelled, and was pruned since." in again.said


def test_what_is_asked_for_in_vain_is_said(shop: Any) -> None:
    none = shop.cli("jobs", "retry")
    assert (none.code, "Which jobs?" in none.said) == (2, True)
    wrong = shop.cli("jobs", "retry", "--state", "succeeded")
    assert (wrong.code, "Possible: failed" in wrong.said) == (2, True)
    age = shop.cli("jobs", "prune", "--older-than", "soon")
    assert (age.code, "30d" in age.said) == (2, True)
    due = shop.cli("jobs", "submit", "amy", "check_login", "--due", "tomorrow")
    assert (due.code, "2026-12-24T18:00" in due.said) == (2, True)
    missing = shop.cli("jobs", "submit", "amy", "check_login", "--after", "4711")
    assert (missing.code, 'There is no job "4711".' in missing.said) == (2, True)


def test_a_job_keeps_to_its_own_timeout_and_its_own_number_of_attempts(shop: Any) -> None:
    shop.configure(accounts=("farid",), extra='[orchestrator]\nflows = ["check_login"]\nconcurrency = 1\n')
    shop.market.faults({"route": "POST /sign-in", "effect": "hang", "count": 1})
    hurried = ("--timeout", "2s", "--max-attempts", "1", "--priority", "urgent")
    number = shop.cli("jobs", "submit", "farid", "check_login", *hurried, "--json").json["id"]
    assert shop.cli("cycle").code == 0
    shown = shop.cli("jobs", "show", number, "--json").json
    assert (shown["job"]["state"], shown["job"]["error_kind"], shown["job"]["attempts"]) == ("failed", "timeout", 1)
