"""Room on disk, from a terminal; no browser is needed for that."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

YEAR_US = 366 * 86_400 * 1_000_000


def test_what_is_too_old_is_told_before_it_is_freed_and_is_gone_afterwards(shop: Any) -> None:
    shop.configure(accounts=("amy",), extra="[storage]\njob_days = 300\nevent_days = 300\n")
    for key in ("old", "young"):
        assert shop.cli("jobs", "submit", "amy", "check_login", "--key", key).code == 0
    shop.cli("jobs", "cancel", 1, 2)
    with closing(sqlite3.connect(shop.database, timeout=15)) as database, database:
        database.execute(f"UPDATE job SET ended_at = ended_at - {YEAR_US} WHERE id = 1")
        database.execute(f"UPDATE event SET at = at - {YEAR_US} WHERE job_id = 1")
    shown = shop.cli("storage")
    assert shown.code == 0
    assert "Would go by job_days = 300: 1 of job" in shown.said
    assert "Free on this disk:" in shown.said
    told = shop.cli("storage", "free", "--dry-run", "--json").json
    (jobs,) = [each for each in told["tables"] if each["name"] == "job"]
    assert (jobs["count"], jobs["free_count"], jobs["rule"]) == (2, 1, "job_days = 300")
    assert shop.rows("SELECT count(*) FROM job") == [(2,)]
    freed = shop.cli("storage", "free")
    assert (freed.code, "Freed: 1 jobs, with their attempts and evidence" in freed.said) == (0, True)
    assert shop.rows("SELECT key FROM job") == [("young",)]
    assert shop.rows("SELECT count(*) FROM event WHERE job_id = 1 AND name != 'JobsPruned'") == [(0,)]
    assert shop.cli("storage", "--json").json["last"]["counts"]["jobs"] == 1
    assert "Nothing was to be freed." in shop.cli("storage", "free").said
    # The key of what is gone still stands for it.
    assert "That key is taken: it is job 1" in shop.cli("jobs", "submit", "amy", "check_login", "--key", "old").said


def test_a_budget_that_makes_no_sense_is_refused_with_its_place(shop: Any) -> None:
    shop.configure(accounts=("amy",), extra="[storage]\ndatabase_mb = -1\n")
    refused = shop.cli("storage")
    assert refused.code == 2
    assert "[storage] database_mb: expected a whole number from 0 to 100000000; found -1." in refused.said
