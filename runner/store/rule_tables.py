"""The tables of what answers by itself: Templates, Rules, what was decided about Messages, and Drafts."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from runner.domain.classification import MessageType
from runner.domain.drafts import DraftState, Verdict
from runner.domain.rules import Level
from runner.store.columns import EnumText, Json, SafeText, UtcTime
from runner.store.schema import BigId, id_column, index_where, metadata, reference

template = Table(
    "template",
    metadata,
    id_column(),
    Column("name", SafeText, nullable=False),
    Column("type", EnumText(MessageType)),
    Column("site", SafeText),
    Column("language", String(10)),
    Column("account", SafeText),
    Column("variants", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_template_name", "name"),
    sqlite_autoincrement=True,
)

rule = Table(
    "rule",
    metadata,
    id_column(),
    Column("name", SafeText, nullable=False),
    Column("position", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("level", EnumText(Level), nullable=False),
    Column("conditions", Json, nullable=False),
    Column("actions", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

decision = Table(
    "decision",
    metadata,
    # One for each Message: whoever decides first, decides.
    Column("message_id", BigId, ForeignKey("message.id"), primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("verdict", EnumText(Verdict), nullable=False),
    Column("rule_id", BigId),
    Column("rule", SafeText),
    Column("words", SafeText, nullable=False),
    Column("why", Json, nullable=False),
    # Which word on what the Message wants it was made upon: see `message.classification`.
    Column("classification", Integer, nullable=False, server_default=text("0")),
    Index("ix_decision_rule", "rule_id"),
)
# What a person must see to, whether or not somebody has by now.
index_where("verdict = 'no_text'", "ix_decision_no_text", decision.c.message_id)
index_where("verdict = 'crossed'", "ix_decision_crossed", decision.c.message_id)

draft = Table(
    "draft",
    metadata,
    id_column(),
    reference("thread_id", "thread.id", index=True),
    reference("message_id", "message.id"),
    Column("text", SafeText, nullable=False),
    # Rule and Template by number and name, without a foreign key: a Draft outlives both.
    Column("rule_id", BigId, nullable=False),
    Column("rule", SafeText, nullable=False),
    Column("template_id", BigId, nullable=False),
    Column("template", SafeText, nullable=False),
    Column("level", EnumText(Level), nullable=False),
    # What the Rule does besides, once the reply is sent.
    Column("actions", Json, nullable=False),
    Column("state", EnumText(DraftState), nullable=False),
    Column("detail", SafeText),
    Column("by", SafeText),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    # No foreign key: Jobs are pruned.
    Column("job_id", BigId),
    # How often it was given to a Job: each time is a Job of its own.
    Column("sendings", Integer, nullable=False, server_default=text("0")),
    # When what came of its Job was entered here, and what else the Rule says was done.
    Column("settled_at", UtcTime),
    UniqueConstraint("message_id"),
    Index("ix_draft_job", "job_id"),
    Index("ix_draft_rule", "rule_id", "state"),
    Index("ix_draft_template", "template_id", "state"),
    sqlite_autoincrement=True,
)
index_where("state = 'waiting'", "ix_draft_waiting", draft.c.id)
index_where("state = 'sent' AND job_id IS NULL", "ix_draft_unsubmitted", draft.c.id)
index_where("state = 'sent' AND settled_at IS NULL", "ix_draft_unsettled", draft.c.job_id)

# What the language-model provider was asked for on a day, in UTC; kept, so that no restart makes a budget new.
provider_use = Table(
    "provider_use",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("requests", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
)
