"""How many Jobs there are of each state: kept by triggers, so that a million of them need not be counted to be told.

A migration that makes the table of Jobs anew loses its triggers, and has to make them again.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, Integer, String, Table, event, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.states import JobState
from runner.store.schema import metadata
from runner.store.tables import job

job_tally = Table(
    "job_tally",
    metadata,
    Column("state", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
)

_ONE_MORE = (
    "INSERT INTO job_tally (state, number) VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET number = number + 1"
)
_ONE_LESS = "UPDATE job_tally SET number = number - 1 WHERE state = old.state"
CREATE = (
    f"CREATE TRIGGER job_tally_insert AFTER INSERT ON job BEGIN {_ONE_MORE}; END",
    f"CREATE TRIGGER job_tally_delete AFTER DELETE ON job BEGIN {_ONE_LESS}; END",
    "CREATE TRIGGER job_tally_update AFTER UPDATE OF state ON job WHEN old.state IS NOT new.state BEGIN "
    f"{_ONE_LESS}; {_ONE_MORE}; END",
)


@event.listens_for(job, "after_create")
def _create(target: object, connection: Connection, **_: object) -> None:
    for statement in CREATE:
        connection.exec_driver_sql(statement)


async def jobs_by_state(connection: AsyncConnection) -> dict[str, int]:
    """The number of Jobs of each state, 0 included."""
    found = {row.state: row.number for row in await connection.execute(select(job_tally))}
    return {str(state): found.get(str(state), 0) for state in JobState}
