"""Threads and messages: the inbox's lists, what is read and what is written."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from runner.marketplace import ledger
from runner.marketplace.database import Database, iso
from runner.marketplace.ledger import Kind

LONGEST_TEXT = 10_000
EXCERPT = 90


class MessageError(ValueError):
    """A message is refused; the text is for the person who wrote it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A thread as the inbox lists it."""

    id: int
    counterpart: str
    listing_title: str | None
    excerpt: str
    last_at: str
    unread: int


def page(db: Database, account: str, *, offset: int, limit: int) -> list[Row]:
    """Returns an account's threads, newest activity first."""
    rows = db.all(
        """SELECT thread.*, listing.title AS title,
                  (SELECT (CASE direction WHEN 'out' THEN 'You: ' ELSE '' END) || text FROM message
                   WHERE thread_id = thread.id ORDER BY id DESC LIMIT 1) AS last_text
           FROM thread LEFT JOIN listing ON listing.id = thread.listing_id
           WHERE thread.account = ? ORDER BY last_at DESC, thread.id DESC LIMIT ? OFFSET ?""",
        account,
        limit,
        offset,
    )
    return [
        Row(
            id=row["id"],
            counterpart=row["counterpart"],
            listing_title=row["title"],
            excerpt=excerpt(row["last_text"] or ""),
            last_at=row["last_at"],
            unread=row["unread"],
        )
        for row in rows
    ]


def excerpt(text: str) -> str:
    """Returns the beginning of a text in one line of at most 90 characters."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1].rstrip() + "…"


def thread_of(db: Database, account: str, thread_id: int) -> sqlite3.Row | None:
    """Returns an account's thread with its listing's title, None when it is not there or is another's."""
    return db.first(
        "SELECT thread.*, listing.title AS title FROM thread LEFT JOIN listing ON listing.id = thread.listing_id"
        " WHERE thread.id = ? AND thread.account = ?",
        thread_id,
        account,
    )


def as_json(row: sqlite3.Row, sender: str) -> dict[str, str]:
    """Returns a message as the page's script gets it."""
    return {
        "id": str(row["id"]),
        "direction": row["direction"],
        "sender": sender,
        "at": row["at"],
        "text": row["text"],
    }


def read(db: Database, thread: sqlite3.Row, *, own_name: str, now: datetime, request_id: str) -> list[dict[str, str]]:
    """Serves a thread's messages, oldest first, marks the thread read and writes that down."""
    rows = db.all("SELECT * FROM message WHERE thread_id = ? ORDER BY id", thread["id"])
    with db.transaction():
        db.run("UPDATE thread SET unread = 0 WHERE id = ?", thread["id"])
        ledger.append(
            db,
            Kind.THREAD_READ,
            at=now,
            account=thread["account"],
            request_id=request_id,
            subject=thread["id"],
            messages=len(rows),
            unread=thread["unread"],
        )
    return [as_json(row, thread["counterpart"] if row["direction"] == "in" else own_name) for row in rows]


def clean(text: str) -> str:
    """Returns a message as it will be stored; raises MessageError for one that is empty or too long."""
    cleaned = text.replace("\r\n", "\n").strip()
    if not cleaned:
        raise MessageError("Write something first.")
    if len(cleaned) > LONGEST_TEXT:
        raise MessageError("A message can have at most 10,000 characters.")
    return cleaned


def write(db: Database, thread: sqlite3.Row, direction: str, text: str, *, now: datetime, request_id: str) -> int:
    """Adds a cleaned message to a thread, and to the ledger in the same transaction; returns the message's id."""
    inbound = direction == "in"
    with db.transaction():
        message_id = db.insert("message", thread_id=thread["id"], direction=direction, text=text, at=iso(now))
        db.run(
            "UPDATE thread SET last_at = ?, unread = CASE WHEN ? THEN unread + 1 ELSE 0 END WHERE id = ?",
            iso(now),
            int(inbound),
            thread["id"],
        )
        ledger.append(
            db,
            Kind.MESSAGE_RECEIVED if inbound else Kind.MESSAGE_SENT,
            at=now,
            account=thread["account"],
            request_id=request_id,
            subject=message_id,
            content_hash=ledger.text_hash(text),
            thread=str(thread["id"]),
            text=text,
        )
    return message_id


def edit(db: Database, message_id: int, text: str, *, now: datetime, request_id: str) -> None:
    """Changes a message's words, and nothing else of it: neither its place nor its time. Raises LookupError."""
    row, account = message(db, message_id), _account_of(db, message_id)
    with db.transaction():
        db.run("UPDATE message SET text = ? WHERE id = ?", text, message_id)
        ledger.append(
            db,
            Kind.MESSAGE_EDITED,
            at=now,
            account=account,
            request_id=request_id,
            subject=message_id,
            content_hash=ledger.text_hash(text),
            thread=str(row["thread_id"]),
            text=text,
            before=row["text"],
        )


def delete(db: Database, message_id: int, *, now: datetime, request_id: str) -> None:
    """Takes a message out of its thread. Raises LookupError."""
    row, account = message(db, message_id), _account_of(db, message_id)
    with db.transaction():
        db.run("DELETE FROM message WHERE id = ?", message_id)
        ledger.append(
            db,
            Kind.MESSAGE_DELETED,
            at=now,
            account=account,
            request_id=request_id,
            subject=message_id,
            thread=str(row["thread_id"]),
            text=row["text"],
        )


def _account_of(db: Database, message_id: int) -> str:
    row = db.first(
        "SELECT thread.account FROM message JOIN thread ON thread.id = message.thread_id WHERE message.id = ?",
        message_id,
    )
    assert row is not None
    return str(row["account"])


def message(db: Database, message_id: int) -> sqlite3.Row:
    """Returns a message that is known to exist."""
    row = db.first("SELECT * FROM message WHERE id = ?", message_id)
    if row is None:
        raise LookupError(f"message {message_id} is not there")
    return row


def new_thread(db: Database, account: str, counterpart: str, listing_id: int | None, now: datetime) -> int:
    """Opens an empty thread for a counterpart who is about to write; returns its id."""
    with db.transaction():
        return db.insert("thread", account=account, counterpart=counterpart, listing_id=listing_id, last_at=iso(now))
