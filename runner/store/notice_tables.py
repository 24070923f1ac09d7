"""The tables of what people are told: Channels, Notices on their way, and how far the Events were looked at."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from runner.domain.channels import ChannelWay
from runner.domain.notices import NoticeKind, NoticeState
from runner.store.columns import EnumText, Json, SafeText, UtcTime
from runner.store.schema import BigId, id_column, index_where, metadata, reference

channel = Table(
    "channel",
    metadata,
    id_column(),
    Column("name", String(40), nullable=False, unique=True),
    Column("way", EnumText(ChannelWay), nullable=False),
    # Of a webhook, and never with a password in it; an Apprise URL is a secret and stands nowhere here.
    Column("address", SafeText),
    Column("secret_kind", String(20), nullable=False),
    Column("secret_name", SafeText, nullable=False),
    # The Operator by name, without a foreign key: the Channel of one who has left is off, and stays for the admins.
    Column("owner", SafeText),
    Column("enabled", Boolean, nullable=False),
    Column("preferences", Json, nullable=False),
    Column("since_event", BigId, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

notification = Table(
    "notification",
    metadata,
    id_column(),
    reference("channel_id", "channel.id"),
    # What it was made from: of one Event, or one day's digest, there is one on a Channel, whoever makes it.
    Column("slot", String(200), nullable=False),
    # Its name for receivers, who may see it twice and tell by it.
    Column("uid", String(40), nullable=False, unique=True),
    Column("kind", EnumText(NoticeKind), nullable=False),
    Column("subject", SafeText, nullable=False),
    Column("title", SafeText, nullable=False),
    Column("lines", Json, nullable=False),
    Column("account", SafeText),
    Column("link", Text, nullable=False),
    Column("recovers", Boolean, nullable=False),
    Column("data", Json, nullable=False),
    Column("state", EnumText(NoticeState), nullable=False),
    Column("happened_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    # Whoever sends it has until then; after that it is sent again.
    Column("claimed_until", UtcTime),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", UtcTime),
    Column("detail", SafeText),
    # Of its subject, so many came within a while and were not sent; of these `told` have been told of.
    Column("repeats", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("earlier", Integer, nullable=False),
    UniqueConstraint("channel_id", "slot"),
    Index("ix_notification_subject", "channel_id", "subject", "id"),
    Index("ix_notification_state", "state", "id"),
    sqlite_autoincrement=True,
)
index_where("state IN ('waiting', 'held')", "ix_notification_due", notification.c.due_at)
# The floods that were told, so that their ends are found without a look through all that was ever told.
index_where("kind = 'error_flood' AND recovers = 0", "ix_notification_floods", notification.c.happened_at)

notice_cursor = Table(
    "notice_cursor",
    metadata,
    # One row: the number of the last Event that was looked at.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("event_id", BigId, nullable=False),
)
