"""Evidence: the files that show what an Attempt saw."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.jobs import Attempt, Evidence, EvidenceFile
from runner.domain.states import EvidenceKind
from runner.errors import NotFound
from runner.store import events
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.tables import account, attempt, evidence, job


def thread_folder(remote_id: str) -> str:
    """The folder in which an Attempt keeps the picture of a Thread: a name of ours, whatever the Site's own id is."""
    return f"thread-{hashlib.sha256(remote_id.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


@dataclass(frozen=True, kw_only=True)
class ThreadPicture:
    """A picture of a Thread: taken at `at`, in an Attempt that began at `began_at`."""

    id: int
    began_at: datetime
    at: datetime


async def pictures_of(connection: AsyncConnection, account_id: int, remote_id: str) -> list[ThreadPicture]:
    """Every picture of a Thread, the oldest first."""
    mine = (evidence.c.kind == literal_column(f"'{EvidenceKind.THREAD}'"), job.c.account_id == account_id)
    joined = evidence.join(attempt).join(job, job.c.id == attempt.c.job_id)
    statement = select(evidence.c.id, attempt.c.started_at, evidence.c.created_at).select_from(joined)
    found = statement.where(*mine, evidence.c.path.contains(f"/{thread_folder(remote_id)}/", autoescape=True))
    rows = await connection.execute(found.order_by(evidence.c.id))
    return [ThreadPicture(id=row.id, began_at=row.started_at, at=row.created_at) for row in rows]


class EvidenceFiles:
    """The Evidence of all Attempts; the files themselves stand in the evidence folder."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, started: Attempt, files: Sequence[EvidenceFile]) -> list[Evidence]:
        """Record files of one Attempt. A late worker may do this too: what it saw stays true."""
        if not files:
            return []
        now = self._db.clock.now()
        rows = [
            {
                "attempt_id": started.id,
                "kind": file.kind,
                "path": file.path,
                "size_bytes": file.size_bytes,
                "age_s": file.age_s,
                "created_at": now,
            }
            for file in files
        ]
        async with self._db.write() as connection:
            statement = insert(evidence).returning(evidence.c.id, sort_by_parameter_order=True)
            numbers = list((await connection.execute(statement, rows)).scalars())
            whose = (
                select(job.c.account_id, job.c.batch_id)
                .join(attempt, attempt.c.job_id == job.c.id)
                .where(attempt.c.id == started.id)
            )
            account_id, batch_id = (await connection.execute(whose)).one()
            fact = events.Fact(
                name="EvidenceRecorded",
                account=(account_id, started.account),
                job_id=started.job_id,
                attempt_id=started.id,
                batch_id=batch_id,
                data={"paths": [file.path for file in files]},
            )
            await events.record(self._db, connection, [fact])
            found = await connection.execute(_select().where(evidence.c.id.in_(numbers)).order_by(evidence.c.id))
            return [_evidence(row) for row in found]

    async def get(self, evidence_id: int) -> Evidence:
        """One file. Raises NotFound."""
        async with self._db.read() as connection:
            row = (await connection.execute(_select().where(evidence.c.id == evidence_id))).first()
        if row is None:
            raise NotFound("evidence", str(evidence_id), ())
        return _evidence(row)

    async def list_evidence(
        self,
        *,
        account_name: str | None = None,
        job_id: int | None = None,
        attempt_id: int | None = None,
        batch_id: int | None = None,
        kinds: Sequence[EvidenceKind] = (),
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[Evidence]:
        """Files that match, newest first. Raises NotFound for an unknown Account."""
        statement = _select().order_by(evidence.c.id.desc()).limit(limit)
        if job_id is not None:
            statement = statement.where(attempt.c.job_id == job_id)
        if attempt_id is not None:
            statement = statement.where(evidence.c.attempt_id == attempt_id)
        if batch_id is not None:
            statement = statement.where(job.c.batch_id == batch_id)
        if kinds:
            statement = statement.where(evidence.c.kind.in_(kinds))
        if before_id is not None:
            statement = statement.where(evidence.c.id < before_id)
        async with self._db.read() as connection:
            if account_name is not None:
                statement = statement.where(job.c.account_id == await id_of(connection, account_name))
            return [_evidence(row) for row in await connection.execute(statement)]


def _select() -> Select[Any]:
    joined = (
        evidence.join(attempt).join(job, job.c.id == attempt.c.job_id).join(account, account.c.id == job.c.account_id)
    )
    return select(evidence, attempt.c.job_id, account.c.name.label("account"), job.c.flow).select_from(joined)


def _evidence(row: Row[Any]) -> Evidence:
    fields = row._mapping
    return Evidence(**{name: fields[name] for name in Evidence.__dataclass_fields__})
