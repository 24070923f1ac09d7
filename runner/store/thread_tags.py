"""The tags of Threads. They share their names with the tags of Accounts, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.tags import MOST_TAGS, tag_names
from runner.errors import SetupError
from runner.store.account_ids import CHUNK
from runner.store.tables import tag
from runner.store.thread_tables import thread_tag


async def tags_of(connection: AsyncConnection, thread_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The tags of some Threads, by name; a Thread without any is not among them."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for start in range(0, len(thread_ids), CHUNK):
        mine = thread_tag.c.thread_id.in_(thread_ids[start : start + CHUNK])
        named = select(thread_tag.c.thread_id, tag.c.name).join(tag).where(mine).order_by(tag.c.name)
        for number, name in await connection.execute(named):
            found[number].append(name)
    return {number: tuple(names) for number, names in found.items()}


def tagged(name: str) -> Select[tuple[int]]:
    """The numbers of the Threads that have a tag, as a subquery. Raises SetupError for what is no tag."""
    return select(thread_tag.c.thread_id).join(tag).where(tag.c.name == tag_names([name])[0])


async def change(
    connection: AsyncConnection, thread_id: int, at: datetime, *, add: Iterable[str], remove: Iterable[str]
) -> tuple[str, ...] | None:
    """Put tags on a Thread and take others away, in the running transaction; None when it had them so already.

    Raises SetupError for what is no tag, and for too many of them.
    """
    before = set((await tags_of(connection, [thread_id])).get(thread_id, ()))
    after = (before - set(tag_names(remove))) | set(tag_names(add))
    if before == after:
        return None
    if len(after) > MOST_TAGS:
        raise SetupError(f"A thread has at most {MOST_TAGS} tags.", cure="Take some away.")
    gone = select(tag.c.id).where(tag.c.name.in_(before - after))
    await connection.execute(
        delete(thread_tag).where(thread_tag.c.thread_id == thread_id, thread_tag.c.tag_id.in_(gone))
    )
    for name in sorted(after - before):
        number = (await connection.execute(select(tag.c.id).where(tag.c.name == name))).scalar()
        if number is None:
            number = (await connection.execute(insert(tag).returning(tag.c.id), {"name": name})).scalar_one()
        await connection.execute(insert(thread_tag), {"thread_id": thread_id, "tag_id": number, "at": at})
    return tuple(sorted(after))


async def counted(connection: AsyncConnection) -> list[tuple[str, int]]:
    """The tags that Threads have, by name, and how many have each."""
    joined = tag.join(thread_tag, thread_tag.c.tag_id == tag.c.id)
    statement = select(tag.c.name, func.count()).select_from(joined).group_by(tag.c.name).order_by(tag.c.name)
    return [(name, number) for name, number in await connection.execute(statement)]
