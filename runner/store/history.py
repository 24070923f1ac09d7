"""All that is known of Threads, one after the other: for whoever takes it elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from runner.domain.desk import Note, Resolution
from runner.domain.drafts import Decided
from runner.domain.messages import StoredMessage, StoredThread
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.desk import Desk
from runner.store.drafts import Drafts
from runner.store.exchanges import WHEN
from runner.store.threads import Threads
from runner.store.trade_tables import message, thread

AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class ThreadHistory:
    """A Thread with everything that was said, decided and noted."""

    thread: StoredThread
    messages: Sequence[StoredMessage]
    decided: Sequence[Decided]
    notes: Sequence[Note]
    resolutions: Sequence[Resolution]


class History:
    """Reads the stored inboxes from their beginning, and changes nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def threads(
        self, *, account_name: str | None = None, since: datetime | None = None
    ) -> AsyncIterator[ThreadHistory]:
        """Every Thread in which something was said since a moment, whole, the oldest first. Raises NotFound.

        Each is read by itself: what changes meanwhile may be in it or not, and no reader holds up a writer.
        """
        threads, desk, drafts = Threads(self._db), Desk(self._db), Drafts(self._db)
        last = 0
        while numbers := await self._numbers(account_name, since, last):
            for number in numbers:
                yield ThreadHistory(
                    thread=await threads.get(number),
                    messages=await threads.messages_of(number),
                    decided=list((await drafts.decided_in(number)).values()),
                    notes=await desk.notes(number),
                    resolutions=(await desk.handling(number)).resolutions,
                )
            last = numbers[-1]

    async def expect_account(self, name: str) -> None:
        """Raises NotFound, before anything is sent."""
        async with self._db.read() as connection:
            await id_of(connection, name)

    async def _numbers(self, account_name: str | None, since: datetime | None, after: int) -> list[int]:
        statement = select(thread.c.id).where(thread.c.id > after).order_by(thread.c.id).limit(AT_ONCE)
        if since is not None:
            statement = statement.where(thread.c.id.in_(select(message.c.thread_id).where(since <= WHEN)))
        async with self._db.read() as connection:
            if account_name is not None:
                statement = statement.where(thread.c.account_id == await id_of(connection, account_name))
            return list((await connection.execute(statement)).scalars())
