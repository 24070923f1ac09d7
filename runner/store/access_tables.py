"""The tables of those who use the API: operators, their sessions and links, tokens, answers given, the audit log."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from runner.domain.access import Role, Via
from runner.store.columns import EnumText, Json, SafeText, UtcTime
from runner.store.schema import BigId, id_column, metadata

operator = Table(
    "operator",
    metadata,
    id_column(),
    Column("name", String(100), nullable=False, unique=True),
    Column("role", EnumText(Role), nullable=False),
    # None: signs in by a one-time link only.
    Column("password_hash", String(300)),
    Column("created_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

operator_session = Table(
    "operator_session",
    metadata,
    id_column(),
    Column("operator_id", BigId, ForeignKey("operator.id"), nullable=False, index=True),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("address", String(100), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    id_column(),
    Column("secret_hash", String(64), nullable=False, unique=True),
    # Whom it signs in; the name of an operator who is made then when there is none of that name.
    Column("name", String(100), nullable=False),
    Column("role", EnumText(Role), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    sqlite_autoincrement=True,
)

api_token = Table(
    "api_token",
    metadata,
    id_column(),
    Column("name", String(100), nullable=False, unique=True),
    Column("hint", String(20), nullable=False),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("role", EnumText(Role), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", SafeText, nullable=False),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
    sqlite_autoincrement=True,
)

# A request that creates, by the key that the client gave it: asked for again, it gets the answer of the first time.
idempotency_key = Table(
    "idempotency_key",
    metadata,
    id_column(),
    Column("who", String(200), nullable=False),
    Column("key", String(200), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False, index=True),
    Column("status", Integer),
    Column("answer", Text),
    UniqueConstraint("who", "key"),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    id_column(),
    Column("at", UtcTime, nullable=False),
    Column("who", SafeText, nullable=False),
    Column("role", EnumText(Role), nullable=False),
    Column("via", EnumText(Via), nullable=False),
    Column("address", String(100), nullable=False),
    Column("action", String(200), nullable=False),
    Column("path", SafeText, nullable=False),
    Column("request_id", String(100), nullable=False),
    Column("details", Json),
    Column("status", Integer),
    Index("ix_audit_who", "who", "id"),
    sqlite_autoincrement=True,
)
