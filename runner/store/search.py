"""Search in what was said: an FTS5 index of all Messages' texts by three letters each, kept up by triggers.

It finds any part of a text that is at least three letters long, whatever its case and in any script. Where SQLite has
no FTS5, and for shorter parts, the newest Messages are looked through instead.
"""

from __future__ import annotations

from sqlalchemy import Connection, Select, column, event, func, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.store.columns import storable
from runner.store.trade_tables import message

TABLE = "message_search"
NEWEST_FOUND = 5_000
"""Of the Messages that have the words only so many count, the newest: a search for "the" must end, too."""
NEWEST_READ = 20_000
"""So many are looked through where there is no index to ask."""
SHORTEST = 3

CREATE = (
    "CREATE VIRTUAL TABLE message_search USING fts5(text, content='message', content_rowid='id', tokenize='trigram')",
    "CREATE TRIGGER message_search_insert AFTER INSERT ON message BEGIN "
    "INSERT INTO message_search (rowid, text) VALUES (new.id, new.text); END",
    "CREATE TRIGGER message_search_delete AFTER DELETE ON message BEGIN "
    "INSERT INTO message_search (message_search, rowid, text) VALUES ('delete', old.id, old.text); END",
    "CREATE TRIGGER message_search_update AFTER UPDATE OF text ON message BEGIN "
    "INSERT INTO message_search (message_search, rowid, text) VALUES ('delete', old.id, old.text); "
    "INSERT INTO message_search (rowid, text) VALUES (new.id, new.text); END",
)
FILL = "INSERT INTO message_search (message_search) VALUES ('rebuild')"
DROP = (
    "DROP TRIGGER IF EXISTS message_search_insert",
    "DROP TRIGGER IF EXISTS message_search_delete",
    "DROP TRIGGER IF EXISTS message_search_update",
    "DROP TABLE IF EXISTS message_search",
)

_SEARCH = table(TABLE, column("rowid"))
_THERE = text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name").bindparams(name=TABLE)


def is_possible(connection: Connection) -> bool:
    """Whether this database can hold the index: SQLite with FTS5 and its trigrams (3.34)."""
    if connection.dialect.name != "sqlite":
        return False
    version = tuple(map(int, connection.exec_driver_sql("SELECT sqlite_version()").scalar_one().split(".")))
    has_fts5 = connection.exec_driver_sql("SELECT sqlite_compileoption_used('ENABLE_FTS5')").scalar_one()
    return bool(has_fts5) and version >= (3, 34)


@event.listens_for(message, "after_create")
def _create(target: object, connection: Connection, **_: object) -> None:
    if is_possible(connection):
        for statement in CREATE:
            connection.exec_driver_sql(statement)


async def said(connection: AsyncConnection, part: str) -> Select[tuple[int]]:
    """The numbers of the Threads in which somebody wrote this, as a subquery."""
    part = storable(part)
    threads = select(message.c.thread_id)
    if len(part) >= SHORTEST and (await connection.execute(_THERE)).scalar() is not None:
        phrase = '"' + part.replace('"', '""') + '"'
        matches = text("message_search MATCH :phrase").bindparams(phrase=phrase)
        found = select(_SEARCH.c.rowid).where(matches).order_by(_SEARCH.c.rowid.desc()).limit(NEWEST_FOUND)
        return threads.where(message.c.id.in_(found))
    newest = select(func.max(message.c.id) - NEWEST_READ).scalar_subquery()
    return threads.where(message.c.id > newest, message.c.text.icontains(part, autoescape=True))
