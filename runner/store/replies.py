"""What was answered in one Thread: the Jobs that were to send it, and what the journal of Effects says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, ColumnElement, Row, literal_column, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.effects import Effect, EffectKind, message_key, payload_hash
from runner.domain.messages import Reply
from runner.errors import NotFound
from runner.store.tables import account, effect, job
from runner.store.trade_tables import thread

FLOW = "send_message"
_IS_REPLY = job.c.flow == literal_column(f"'{FLOW}'")
"""Written out, for SQLite takes a partial index only where it reads the very condition."""
_BEYOND = "\U0010ffff"


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Where a Thread is: its Account, and what the Site calls it."""

    account_id: int
    account: str
    remote_id: str


async def whose(connection: AsyncConnection, thread_id: int) -> Whose:
    """The Account and the Site's id of a Thread. Raises NotFound."""
    joined = thread.join(account, account.c.id == thread.c.account_id)
    told = select(thread.c.account_id, thread.c.remote_id, account.c.name.label("account")).select_from(joined)
    row = (await connection.execute(told.where(thread.c.id == thread_id))).first()
    if row is None:
        raise NotFound("thread", str(thread_id), ())
    return Whose(**row._mapping)


async def jobs_of(connection: AsyncConnection, of: Whose, *, limit: int, before_id: int | None) -> Sequence[Row[Any]]:
    """The send_message Jobs of a Thread, the newest first."""
    mine = (job.c.account_id == of.account_id, _IS_REPLY, about(job) == of.remote_id)
    statement = select(job).where(*mine).order_by(job.c.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(job.c.id < before_id)
    return (await connection.execute(statement)).all()


def about(jobs: Any) -> ColumnElement[str]:
    """The Site's id of the Thread that a send_message Job of a table, or of an alias of it, is about."""
    found: ColumnElement[str] = type_coerce(jobs.c.params, JSON)["thread"].as_string()
    return found


async def effects_of(connection: AsyncConnection, of: Whose) -> list[Effect]:
    """The Effects of a Thread's replies, in the order in which they were planned."""
    # A natural key begins with the Thread's id, so that one range of the unique index holds them all.
    begins = f"{of.remote_id}|"
    between = (effect.c.natural_key >= begins, effect.c.natural_key < begins + _BEYOND)
    mine = (effect.c.account_id == of.account_id, effect.c.kind == EffectKind.SEND_MESSAGE, *between)
    names = [name for name in Effect.__dataclass_fields__ if name != "account"]
    found = await connection.execute(select(effect).where(*mine).order_by(effect.c.id))
    return [Effect(account=of.account, **{name: row._mapping[name] for name in names}) for row in found]


def effect_behind(key: str, sent: Sequence[Effect]) -> Effect | None:
    """The Effect that sent the Message with this key; None for one that was written elsewhere."""
    names = (key, key.removeprefix("id:"))
    return next((each for each in reversed(sent) if each.remote_id is not None and each.remote_id in names), None)


def reply(row: Row[Any], of: Whose, sent: Sequence[Effect]) -> Reply:
    """A send_message Job with its Effect: its own, or the one of the same words that an earlier Job had entered."""
    text, answering = str(row.params.get("text", "")), (row.result or {}).get("answering", row.params.get("answering"))
    mine = next((each for each in sent if each.job_id == row.id), None)
    if mine is None and answering is not None:
        same = message_key(of.remote_id, answering, text)
        mine = next((each for each in sent if each.natural_key == same), None)
    if mine is None and row.result is not None:
        mine = next((each for each in reversed(sent) if each.payload_hash == payload_hash(text)), None)
    fields = ("state", "created_at", "due_at", "ended_at", "attempts", "error")
    return Reply(
        job_id=row.id,
        text=text,
        answering=answering,
        effect_id=mine.id if mine else None,
        effect_state=mine.state if mine else None,
        **{name: row._mapping[name] for name in fields},
    )
