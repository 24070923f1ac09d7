"""An inbox over a real database, with what answers it, and a clock that only a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.classification import Classification, MessageType
from runner.domain.drafts import Draft, DraftState, Terms, Verdict
from runner.domain.effects import EffectKind, EffectState, message_key
from runner.domain.jobs import Job, NewJob
from runner.domain.messages import RemoteMessage, StoredMessage, ThreadSummary, keyed
from runner.domain.rules import Level, NewRule, Then, When
from runner.domain.states import Direction
from runner.domain.templates import NewTemplate
from runner.engine.embedded import EmbeddedEngine
from runner.errors import NotFound
from runner.inbox.answering import Answering
from runner.store.accounts import Accounts
from runner.store.classifications import Classifications
from runner.store.database import Database
from runner.store.drafts import Drafts
from runner.store.effects import Effects
from runner.store.operators import Operators
from runner.store.rules import Rules
from runner.store.templates import Templates
from runner.store.threads import Threads

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


class HandClock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time


def shown(of: StoredMessage) -> RemoteMessage:
    """A stored message as the site shows it."""
    return RemoteMessage(
        remote_id=of.key.removeprefix("id:") if of.key.startswith("id:") else None,
        **{name: getattr(of, name) for name in ("direction", "sender", "text", "sent_at")},
    )


async def standing(threads: Threads, account: str, thread: str) -> list[RemoteMessage]:
    """What stands in a thread already."""
    try:
        found = await threads.by_remote_id(account, thread)
    except NotFound:
        return []
    return [shown(each) for each in await threads.messages_of(found.id) if each.deleted_at is None]


@dataclass
class Desk:
    """An inbox, and what answers it."""

    db: Database
    clock: HandClock
    answering: Answering
    engine: EmbeddedEngine
    threads: Threads
    types: Classifications

    async def arrives(
        self,
        *texts: str,
        thread: str = "7",
        sure: float = 0.9,
        ours: bool = False,
        account: str = "amy",
        untimed: bool = False,
    ) -> int:
        """The thread as it stands is read, with these texts new at its end; returns the last one's number."""
        self.clock.time += timedelta(seconds=1)
        at, side = self.clock.time, Direction.OUTBOUND if ours else Direction.INBOUND
        new = [
            RemoteMessage(
                remote_id=f"{thread}-{at:%H%M%S}-{each}",
                direction=side,
                sender="x",
                text=each,
                sent_at=None if untimed else at,
            )
            for each in texts
        ]
        summary = ThreadSummary(
            remote_id=thread, counterpart="Ida", listing_title=None, excerpt="", last_at=at, unread=1, url="http://x/"
        )
        before = await standing(self.threads, account, thread)
        await self.threads.save_thread(account, summary, str(at), keyed([*before, *new]))
        for each in await self.types.unclassified(limit=99):
            said = Classification(type=MessageType.OFFER, confidence=sure, top=(), first_contact=False, by="test")
            await self.types.record([(each.id, said)])
        stored = await self.threads.messages_of((await self.threads.by_remote_id(account, thread)).id)
        return stored[-1].id

    async def shows(self, *stay: StoredMessage, thread: str = "7") -> None:
        """Only these of its messages stand in a thread any more when it is read."""
        summary = ThreadSummary(
            remote_id=thread, counterpart="Ida", listing_title=None, excerpt="", last_at=None, unread=1, url="http://x/"
        )
        left = [shown(each) for each in stay]
        await self.threads.save_thread("amy", summary, f"{len(left)} left", keyed(left))

    async def rule(self, name: str = "offers", level: Level = Level.SUGGEST, **then: Any) -> None:
        if not await self.answering.templates.list_templates():
            await self.answering.templates.add(NewTemplate(name="hello", variants=("Hi {buyer_name}.", "Hello.")))
        asked = Then(**then or {"reply": "hello"})
        if asked.assign is not None:
            await Operators(self.db).new_link(asked.assign)
        await self.answering.rules.add(
            NewRule(name=name, when=When(types=(MessageType.OFFER,)), then=asked, level=level)
        )

    async def own_reply(self, key: str | None = None, thread: str = "7") -> Job:
        """A person answers by themselves, as the API and the commands do it."""
        params = {"thread": thread, "text": "I am at it."}
        (job,) = await self.engine.submit([NewJob(account="amy", flow="send_message", params=params, key=key)])
        await self.answering.give_way()
        return job

    async def performed(self, *, not_sent: str | None = None) -> Job:
        """The next Job is performed, and sends its reply unless said otherwise."""
        lease = await self.engine.claim(owner="w1", ttl_s=60)
        assert lease is not None
        result = {"message": None, "not_sent": not_sent} if not_sent else {"message": "m-9"}
        await self.engine.succeed(lease, result)
        return await self.engine.get(lease.job.id)

    async def journaled(self, *, answering: str, as_: str) -> None:
        """The journal knows a reply in thread 7, which the Site shows under this key."""
        (job,) = await self.engine.submit([NewJob(account="amy", flow="check_login")])
        lease = await self.engine.claim_job(job.id, owner="w1", ttl_s=60)
        assert lease is not None
        effects = Effects(self.db)
        planned = await effects.plan(lease, EffectKind.SEND_MESSAGE, message_key("7", answering, "Yes."), "hash")
        await effects.transition(lease, planned, EffectState.CONFIRMED, remote_id=as_.removeprefix("id:"))
        await self.engine.succeed(lease, {})

    async def draft(self) -> Draft:
        (found,) = await self.answering.drafts.list_drafts()
        return found

    async def drafts(self, *states: DraftState) -> list[Draft]:
        return await self.answering.drafts.list_drafts(states=states)

    async def jobs(self) -> list[Job]:
        return await self.engine.list_jobs()

    async def verdict(self, message_id: int) -> Verdict:
        found = await self.answering.drafts.decided(message_id)
        assert found is not None
        return found.verdict


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = HandClock()
    async with Database.open(tmp_path / "runner.db", clock=clock) as db:
        secret = SecretRef(kind="env", name="PASSWORD")
        await Accounts(db).add_many([NewAccount(name="amy", site="mock", username="amy", secret=secret)])
        engine, threads = EmbeddedEngine(db), Threads(db)
        answering = Answering(
            templates=Templates(db),
            rules=Rules(db),
            drafts=Drafts(db),
            threads=threads,
            engine=engine,
            terms=Terms(zone=UTC, threshold=0.6, within=timedelta(hours=1)),
            max_attempts=3,
            clock=clock,
        )
        yield Desk(db=db, clock=clock, answering=answering, engine=engine, threads=threads, types=Classifications(db))
