"""The tables of what is bought and sold, and of what is said about it, in the words of DESIGN §2."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    func,
    literal_column,
    text,
)

from runner.domain.classification import MessageType
from runner.domain.listings import ListingState
from runner.domain.states import Direction, ThreadStatus
from runner.store.columns import EnumText, SafeText, UtcTime
from runner.store.schema import BigId, id_column, index_where, metadata, reference

listing = Table(
    "listing",
    metadata,
    id_column(),
    reference("account_id", "account.id", nullable=True),
    Column("reference", SafeText, nullable=False),
    Column("title", SafeText, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", String(10), nullable=False),
    Column("category", SafeText, nullable=False),
    Column("condition", SafeText, nullable=False),
    Column("description", SafeText, nullable=False),
    Column("location", SafeText, nullable=False),
    Column("state", EnumText(ListingState), nullable=False),
    Column("remote_id", SafeText),
    Column("url", SafeText),
    Column("published_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    UniqueConstraint("account_id", "reference"),
    sqlite_autoincrement=True,
)
# NULLs count as different in a unique constraint: a Listing that no Account has yet needs an index of its own.
_UNASSIGNED = "account_id IS NULL"
index_where(_UNASSIGNED, "uq_listing_unassigned", listing.c.reference, unique=True)

listing_photo = Table(
    "listing_photo",
    metadata,
    Column("listing_id", BigId, ForeignKey("listing.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("path", SafeText, nullable=False),
)

participant = Table(
    "participant",
    metadata,
    id_column(),
    reference("account_id", "account.id"),
    Column("name", SafeText, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    # The name as it is compared with others; see domain/counterparts.py.
    Column("name_key", SafeText, index=True),
    UniqueConstraint("account_id", "name"),
)

thread = Table(
    "thread",
    metadata,
    id_column(),
    reference("account_id", "account.id"),
    Column("remote_id", SafeText, nullable=False),
    reference("participant_id", "participant.id", index=True),
    Column("listing_title", SafeText),
    Column("excerpt", SafeText, nullable=False),
    Column("unread", Integer, nullable=False),
    Column("last_at", UtcTime),
    Column("url", SafeText, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("read_at", UtcTime, nullable=False),
    Column("status", EnumText(ThreadStatus), nullable=False, server_default=text("'open'")),
    Column("snoozed_until", UtcTime),
    # The name of an Operator: it stays readable when the Operator is gone.
    Column("assignee", SafeText),
    UniqueConstraint("account_id", "remote_id"),
    Index("ix_thread_last_at", "last_at"),
    Index("ix_thread_status", "status", "last_at"),
    sqlite_autoincrement=True,
)
index_where("unread > 0", "ix_thread_unread", thread.c.account_id, thread.c.last_at)
# The newest first, as lists are read; a Thread without a time stands last.
_NEWEST = func.coalesce(thread.c.last_at, literal_column("0"))
Index("ix_thread_newest", _NEWEST)
index_where("status != 'closed'", "ix_thread_newest_open", _NEWEST)
index_where("unread > 0", "ix_thread_newest_unread", _NEWEST)

message = Table(
    "message",
    metadata,
    id_column(),
    reference("thread_id", "thread.id"),
    Column("key", SafeText, nullable=False),
    Column("direction", EnumText(Direction), nullable=False),
    Column("sender", SafeText, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("sent_at", UtcTime),
    Column("first_seen_at", UtcTime, nullable=False),
    # What it wants, who says so (a classifier's version, or the name of a person), and how sure that is.
    Column("type", EnumText(MessageType)),
    Column("confidence", Float),
    Column("classified_by", SafeText),
    Column("classified_at", UtcTime),
    # At the Site: a changed text (the former ones stand in message_edit), and one that is there no more.
    Column("edited_at", UtcTime),
    Column("deleted_at", UtcTime),
    # How often somebody has said what it wants: the number of the newest word.
    Column("classification", Integer, nullable=False, server_default=text("0")),
    UniqueConstraint("thread_id", "key"),
    Index("ix_message_confidence", "confidence", "id"),
    Index("ix_message_classified_at", "classified_at"),
    sqlite_autoincrement=True,
)
index_where("direction = 'inbound' AND classified_at IS NULL", "ix_message_unclassified", message.c.id)

classification_correction = Table(
    "classification_correction",
    metadata,
    id_column(),
    # No foreign key, and the text itself: a correction outlives the Message that is pruned.
    Column("message_id", BigId, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("type", EnumText(MessageType), nullable=False),
    Column("by", SafeText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("ix_classification_correction_message", "message_id"),
    sqlite_autoincrement=True,
)
# When a Message was written: one that the Site gives no time for stands where it was first seen.
_WHEN = func.coalesce(message.c.sent_at, message.c.first_seen_at)
Index("ix_message_when", _WHEN, message.c.direction, message.c.thread_id)
Index("ix_message_thread", message.c.thread_id, message.c.direction, _WHEN)
