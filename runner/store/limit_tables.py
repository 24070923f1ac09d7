"""The tables of limits: what was used, and what was last told by the configuration."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

from runner.domain.limits import LimitKind
from runner.store.columns import EnumText, Json, SafeText, UtcTime
from runner.store.schema import BigId, id_column, index_where, metadata, reference

rate_usage = Table(
    "rate_usage",
    metadata,
    id_column(),
    reference("account_id", "account.id"),
    Column("kind", EnumText(LimitKind), nullable=False),
    Column("began_at", UtcTime, nullable=False),
    # Empty while the Site may still note it: it counts as used now.
    Column("over_at", UtcTime),
    # The windows of which a person was told with this use that the limit is near.
    Column("near", Json, nullable=False),
    # No foreign keys to Jobs: they are pruned.
    Column("job_id", BigId, nullable=False),
    Column("fence", BigId, nullable=False),
    Column("effect_id", BigId, ForeignKey("effect.id")),
    Index("ix_rate_usage_counted", "account_id", "kind", "over_at"),
    sqlite_autoincrement=True,
)
index_where("over_at IS NULL", "ix_rate_usage_open", rate_usage.c.account_id)
index_where("effect_id IS NOT NULL", "ix_rate_usage_effect", rate_usage.c.effect_id)

setting = Table(
    "setting",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("value", SafeText, nullable=False),
)
