from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine

from runner.errors import NotFound, SetupError
from runner.store import access_tables, rule_tables, sequence_tables, tables, thread_tables, trade_tables, upgrading
from runner.store.migrations import HEAD

VERSIONS = sorted(module.stem[:4] for module in (upgrading.MIGRATIONS / "versions").glob("[0-9]*.py"))


def execute(path: Path, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = [connection.execute(statement).fetchall() for statement in statements]
    return rows[-1]


def test_an_empty_database_comes_to_the_newest_form(path: Path) -> None:
    assert upgrading.current(path) is None
    upgrading.upgrade(path)
    assert upgrading.current(path) == HEAD
    assert execute(path, "PRAGMA journal_mode") == [("wal",)]


def test_the_written_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(upgrading.MIGRATIONS)).get_current_head() == HEAD == VERSIONS[-1]


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(path: Path) -> None:
    upgrading.upgrade(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        # SQLite's own tables behind the search index are no tables of ours, and reflect as such.
        opts = {"compare_type": True, "include_name": lambda name, *_: not str(name).startswith("message_search")}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


def test_the_migrated_schema_is_the_declared_one_word_for_word(path: Path, tmp_path: Path) -> None:
    """Alembic's comparison sees neither the conditions of indices nor AUTOINCREMENT; SQLite's own text shows both."""
    upgrading.upgrade(path)
    declared = tmp_path / "declared.db"
    engine = create_engine(f"sqlite:///{declared}")
    tables.metadata.create_all(engine)
    engine.dispose()
    assert schema(path) == schema(declared)


def schema(path: Path) -> dict[str, set[str]]:
    rows = execute(path, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'")
    return {str(name): set(re.split(r",\s*(?![^(]*\))|[()]", " ".join(str(sql).split()))) for name, sql in rows}


def test_every_migration_goes_down_and_up_again_over_existing_rows(path: Path) -> None:
    upgrading.upgrade(path)
    execute(path, "INSERT INTO tag (name) VALUES ('kept')")
    for revision in reversed(VERSIONS[:-1]):
        upgrading.downgrade(path, revision)
        assert upgrading.current(path) == revision
    upgrading.upgrade(path)
    assert execute(path, "SELECT name FROM tag") == [("kept",)]
    upgrading.downgrade(path, "base")
    assert upgrading.current(path) is None
    assert execute(path, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'job'") == [(0,)]
    upgrading.upgrade(path)
    assert upgrading.current(path) == HEAD


def test_what_is_queued_and_what_was_published_survive_the_upgrade_to_dependencies(path: Path) -> None:
    upgrading.upgrade(path)
    upgrading.downgrade(path, "0001")
    execute(
        path,
        "INSERT INTO account (id, name, site, username, secret_kind, secret_name, state, created_at, head_job_id, "
        "head_rank, head_due_at) VALUES (1, 'amy', 'mock', 'amy', 'env', 'X', 'active', 1, 7, 3, 5)",
        "INSERT INTO job (id, account_id, flow, params, state, rank, due_at, created_at, attempts, max_attempts, "
        "fence, cancel_requested, key) VALUES (7, 1, 'read_inbox', '{}', 'queued', 3, 5, 1, 0, 3, 0, 0, 'k')",
        "INSERT INTO effect (id, account_id, kind, natural_key, payload_hash, state, job_id, fence, created_at, "
        "changed_at) VALUES (9, 1, 'publish_listing', 'bike', 'hash', 'confirmed', 7, 1, 1, 1)",
    )
    upgrading.upgrade(path)
    assert execute(path, "SELECT state, waits_for, if_failed, timeout_s, key FROM job") == [
        ("queued", 0, "fail", None, "k")
    ]
    assert execute(path, "SELECT raise_at FROM account") == [(5,)]
    assert execute(path, "SELECT id, natural_key, state, job_id FROM effect") == [(9, "bike", "confirmed", 7)]
    # An effect outlives its job, and still nothing can be published under its natural key again.
    execute(path, "PRAGMA foreign_keys=ON", "DELETE FROM job")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        execute(
            path,
            "INSERT INTO effect SELECT 10, account_id, kind, natural_key, payload_hash, state, job_id, fence, "
            "armed_at, remote_id, detail, created_at, changed_at FROM effect",
        )
    upgrading.downgrade(path, "0001")
    upgrading.upgrade(path)
    assert execute(path, "SELECT count(*) FROM effect") == [(1,)]


def test_what_was_sent_in_the_last_days_counts_in_the_limits_from_the_upgrade_on(path: Path) -> None:
    upgrading.upgrade(path)
    upgrading.downgrade(path, "0009")
    now = int(time.time() * 1_000_000)
    execute(
        path,
        "INSERT INTO account (id, name, site, username, secret_kind, secret_name, state, created_at) "
        "VALUES (1, 'amy', 'mock', 'amy', 'env', 'X', 'active', 1)",
        *(
            "INSERT INTO effect (id, account_id, kind, natural_key, payload_hash, state, job_id, fence, created_at, "
            f"armed_at, changed_at) VALUES ({number}, 1, '{kind}', 'k{number}', 'h', '{state}', 7, 1, 1, {armed}, {at})"
            for number, kind, state, armed, at in (
                (1, "send_message", "confirmed", now, now),
                (2, "publish_listing", "armed", 5, 5),
                (3, "send_message", "confirmed", 5, 5),
                (4, "send_message", "prepared", "NULL", now),
            )
        ),
    )
    upgrading.upgrade(path)
    used = execute(path, "SELECT kind, began_at, over_at, effect_id FROM rate_usage ORDER BY effect_id")
    assert used == [("messages", now, now, 1), ("publishes", 5, None, 2)]


def test_what_happened_survives_the_way_to_operators_and_back(path: Path) -> None:
    upgrading.upgrade(path)
    upgrading.downgrade(path, "0004")
    execute(
        path,
        "INSERT INTO account (id, name, site, username, secret_kind, secret_name, state, created_at) "
        "VALUES (1, 'amy', 'mock', 'amy', 'env', 'X', 'active', 1)",
        "INSERT INTO event (id, at, name, account_id, data) VALUES (7, 1, 'AccountAdded', 1, '{}')",
    )
    upgrading.upgrade(path)
    execute(
        path,
        "INSERT INTO operator (id, name, role, created_at) VALUES (3, 'ada', 'admin', 1)",
        "INSERT INTO operator_session (operator_id, secret_hash, address, created_at, last_seen_at) "
        "VALUES (3, 'h', 'here', 1, 1)",
        "INSERT INTO idempotency_key (who, key, request_hash, created_at) VALUES ('ada', 'k', 'h', 1)",
    )
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        execute(path, "INSERT INTO idempotency_key (who, key, request_hash, created_at) VALUES ('ada', 'k', 'i', 2)")
    upgrading.downgrade(path, "0004")
    assert execute(path, "SELECT id, name FROM event") == [(7, "AccountAdded")]
    assert execute(path, "SELECT count(*) FROM sqlite_master WHERE name IN ('operator', 'audit')") == [(0,)]
    upgrading.upgrade(path)
    assert execute(path, "SELECT count(*) FROM operator") == [(0,)]
    assert execute(path, "SELECT id, name FROM event") == [(7, "AccountAdded")]


def test_a_migration_that_breaks_off_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrading.upgrade(path)
    upgrading.downgrade(path, "base")
    # The last table of the first migration is there already: everything before it must be undone.
    execute(path, "CREATE TABLE step (id INTEGER)")
    monkeypatch.setattr(upgrading, "_revision", lambda path, busy_timeout_s: None)
    with pytest.raises(Exception, match="step already exists"):
        upgrading.upgrade(path)
    left = execute(path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('account', 'job', 'step')")
    assert left == [("step",)]


def test_many_that_start_at_once_upgrade_once(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: upgrading.upgrade(path), range(8)))
    assert execute(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_database_of_newer_code_is_refused(path: Path) -> None:
    upgrading.upgrade(path)
    execute(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SetupError, match="newer runner: it is at revision 9999"):
        upgrading.upgrade(path)
    assert upgrading.current(path) == "9999"


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    execute(path, "CREATE TABLE recipes (id INTEGER)")
    with pytest.raises(SetupError, match="another program: it has the tables recipes"):
        upgrading.upgrade(path)
    assert execute(path, "SELECT name FROM sqlite_master WHERE type = 'table'") == [("recipes",)]


def test_an_unknown_revision_is_named_with_the_known_ones(path: Path) -> None:
    upgrading.upgrade(path)
    with pytest.raises(NotFound, match="0001"):
        upgrading.downgrade(path, "7777")


def test_downgrading_what_is_not_there_says_so(path: Path) -> None:
    with pytest.raises(SetupError, match="There is no database at"):
        upgrading.downgrade(path, "base")
    assert not path.exists()


def test_only_its_owner_can_read_the_database(path: Path) -> None:
    before = os.umask(0)
    try:
        upgrading.upgrade(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_asking_for_the_revision_creates_nothing(path: Path) -> None:
    upgrading.current(path)
    assert list(path.parent.iterdir()) == []


def test_the_declared_tables_have_no_unnamed_constraint() -> None:
    """A constraint without a name cannot be changed by a later migration."""
    metadata: MetaData = access_tables.metadata
    assert trade_tables.listing.metadata is metadata
    assert rule_tables.rule.metadata is sequence_tables.sequence.metadata is metadata
    assert thread_tables.thread_tag.metadata is metadata
    unnamed = [(table.name, c) for table in metadata.tables.values() for c in table.constraints if c.name is None]
    assert unnamed == []


def test_attempts_and_notices_survive_the_way_to_room_and_back(path: Path) -> None:
    upgrading.upgrade(path)
    upgrading.downgrade(path, "0015")
    execute(
        path,
        "INSERT INTO account (id, name, site, username, secret_kind, secret_name, state, created_at) "
        "VALUES (1, 'amy', 'mock', 'amy', 'env', 'X', 'active', 1)",
        "INSERT INTO job (id, account_id, flow, params, state, rank, due_at, created_at, ended_at, attempts, "
        "max_attempts, fence, cancel_requested) VALUES (7, 1, 'read_inbox', '{}', 'failed', 3, 5, 1, 9, 1, 3, 0, 0)",
        "INSERT INTO attempt (id, job_id, number, fence, started_at, sign_ins, popups, evidence_dir) "
        "VALUES (8, 7, 1, 1, 5, 0, 0, 'day/amy/8')",
        "INSERT INTO channel (id, name, way, secret_kind, secret_name, enabled, preferences, since_event, created_at) "
        "VALUES (1, 'phone', 'webhook', 'env', 'X', 1, '{}', 0, 1)",
        "INSERT INTO notification (id, channel_id, slot, uid, kind, subject, title, lines, link, recovers, data, "
        "state, happened_at, created_at, due_at, attempts, repeats, told, earlier) "
        "VALUES (3, 1, 'event:1', 'u', 'error_flood', 'flood:a', 't', '[]', '/', 0, '{}', 'sent', 1, 1, 1, 1, 0, 0, 0)",
    )
    upgrading.upgrade(path)
    assert execute(path, "SELECT id, evidence_dir, evidence_freed_at FROM attempt") == [(8, "day/amy/8", None)]
    found = "SELECT id FROM notification INDEXED BY ix_notification_floods WHERE kind = 'error_flood' AND recovers = 0"
    assert execute(path, found) == [(3,)]
    upgrading.downgrade(path, "0015")
    assert execute(path, "SELECT id, evidence_dir FROM attempt") == [(8, "day/amy/8")]
