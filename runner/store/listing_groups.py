"""Listing groups: Listings by reference, with how far each Account is with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import JSON, ColumnElement, func, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.listing_groups import ListingCopy, ListingGroup, ListingQuestion, PublishJob
from runner.domain.listings import ListingState, StoredListing
from runner.domain.states import JobState
from runner.store import listings
from runner.store.account_ids import id_of
from runner.store.columns import storable
from runner.store.database import Database
from runner.store.pages import Page, Wish, after_number, page_of
from runner.store.tables import job
from runner.store.trade_tables import listing

NOT_DONE = (JobState.QUEUED, JobState.RUNNING, JobState.PARKED, JobState.UNKNOWN, JobState.FAILED, JobState.CANCELLED)


class ListingGroups:
    """Reads Listings by reference and changes nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def groups(self, question: ListingQuestion, wish: Wish) -> Page[ListingGroup]:
        """One page of groups, the one with the newest Listing first. Raises NotFound, SetupError."""
        last, newest = after_number(wish), func.max(listing.c.id)
        async with self._db.read() as connection:
            account_id = None if question.account is None else await id_of(connection, question.account)
            statement = (
                select(listing.c.reference, newest.label("number"))
                .where(*_conditions(question, account_id))
                .group_by(listing.c.reference)
                .order_by(newest.desc())
                .limit(wish.limit + 1)
            )
            if last is not None:
                statement = statement.having(newest < last)
            found = {row.reference: row.number for row in await connection.execute(statement)}
            copies = await listings.by_references(connection, list(found))
            jobs = await _jobs(connection, [each.id for each in copies if each.state is ListingState.DRAFT])
        by_reference: dict[str, list[StoredListing]] = defaultdict(list)
        for each in copies:
            by_reference[each.listing.reference].append(each)
        made = [(number, _group(by_reference[reference], jobs)) for reference, number in found.items()]
        part = page_of(made, wish, lambda each: each[0])
        return Page(items=[group for _, group in part.items], next_cursor=part.next_cursor)

    async def copy_of(self, reference: str, account_name: str) -> StoredListing | None:
        """The Listing of this reference that an Account has. Raises NotFound for an unknown Account."""
        async with self._db.read() as connection:
            account_id = await id_of(connection, account_name)
            same = select(listing.c.id).where(*_conditions(ListingQuestion(reference=reference), account_id))
            number = (await connection.execute(same)).scalar()
            return None if number is None else (await listings.by_ids(connection, [number]))[0]


def _conditions(question: ListingQuestion, account_id: int | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if account_id is not None:
        conditions.append(listing.c.account_id == account_id)
    if question.state is not None:
        conditions.append(listing.c.state == question.state)
    if question.reference is not None:
        conditions.append(listing.c.reference == storable(question.reference))
    if question.text:
        text = storable(question.text)
        conditions.append(
            or_(*(each.icontains(text, autoescape=True) for each in (listing.c.title, listing.c.reference)))
        )
    return conditions


async def _jobs(connection: AsyncConnection, drafts: Sequence[int]) -> dict[int, PublishJob]:
    """The newest Job of each of these Listings, looked for among those of their Accounts only."""
    if not drafts:
        return {}
    which = type_coerce(job.c.params, JSON)["listing"].as_integer()
    accounts = select(listing.c.account_id).where(listing.c.id.in_(drafts))
    newest = (
        select(func.max(job.c.id))
        .where(job.c.account_id.in_(accounts), job.c.flow == "publish_listing", job.c.state.in_(NOT_DONE))
        .where(which.in_(drafts))
        .group_by(which)
    )
    columns = (job.c.id, job.c.state, job.c.error_kind, job.c.error, which.label("listing"))
    found = await connection.execute(select(*columns).where(job.c.id.in_(newest)))
    return {
        row.listing: PublishJob(id=row.id, state=row.state, error_kind=row.error_kind, error=row.error) for row in found
    }


def _group(copies: Sequence[StoredListing], jobs: dict[int, PublishJob]) -> ListingGroup:
    ordered = sorted(copies, key=lambda each: each.account or "")
    return ListingGroup(
        newest=max(copies, key=lambda each: each.id),
        copies=[ListingCopy(stored=each, job=jobs.get(each.id)) for each in ordered],
    )
