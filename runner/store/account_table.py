"""The Accounts as a table for a person: state, login and today's figures of one page, in a handful of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.accounts import Account, Profile
from runner.domain.figures import Tally
from runner.domain.logins import After, CheckResult
from runner.domain.session_health import SessionHealth, Usual, health_of, lifetimes, usual
from runner.domain.states import AccountState
from runner.store import counting
from runner.store.accounts import fetch
from runner.store.check_results import CheckResults
from runner.store.database import Database
from runner.store.pages import Page, Wish, fetch_ids, stamp
from runner.store.tables import account, account_tag, check_result, profile, tag

ORDERS = {"name": account.c.name, "last_served_at": stamp(account.c.last_served_at), "id": account.c.id}
LEARNED_FROM = timedelta(days=365)
LEARNED_FOR = timedelta(minutes=10)
"""How long logins usually last changes by the week: it is not worked out anew for every page."""


@dataclass(frozen=True, kw_only=True)
class AccountQuestion:
    """Which Accounts; None and () mean any. `text` is part of a name or a username, whatever its case."""

    states: Sequence[AccountState] = ()
    tag: str | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccountRow:
    """One Account with its login's health and what it has done today."""

    account: Account
    health: SessionHealth
    today: Tally


class AccountTable:
    """Reads Accounts with all that a person wants to see of them, and changes nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._usual: dict[str, tuple[datetime, Usual]] = {}

    async def page(
        self, question: AccountQuestion, wish: Wish, *, today: datetime, sign_in_wait: timedelta
    ) -> Page[AccountRow]:
        """One page, by name unless wished otherwise; `today` is when the day began. Raises SetupError."""
        now = self._db.clock.now()
        async with self._db.read() as connection:
            found, cursor = await fetch_ids(
                connection, _which(question), wish, number=account.c.id, orders=ORDERS, default="name"
            )
            accounts = {
                each.id: each for each in await fetch(connection, select(account).where(account.c.id.in_(found)))
            }
            profiles, newest = await _profiles(connection, accounts), await _newest(connection, accounts)
            tallies = await counting.per_account(connection, today)
        usually = {site: await self._usually(site, now) for site in {each.site for each in accounts.values()}}
        rows = [
            AccountRow(
                account=accounts[number],
                health=health_of(
                    accounts[number],
                    profiles.get(number),
                    newest.get(number),
                    usually=usually[accounts[number].site],
                    sign_in_wait=sign_in_wait,
                    now=now,
                ),
                today=tallies.get(number, Tally()),
            )
            for number in found
        ]
        return Page(items=rows, next_cursor=cursor)

    async def _usually(self, site: str, now: datetime) -> Usual:
        learned_at, known = self._usual.get(site, (now - 2 * LEARNED_FOR, Usual(life=None, samples=0)))
        if now - learned_at > LEARNED_FOR:
            history = await CheckResults(self._db).of_site(site, since=now - LEARNED_FROM)
            known = usual(lifetimes(history))
            self._usual[site] = (now, known)
        return known


def _which(question: AccountQuestion) -> Select[Any]:
    statement = select(account.c.id)
    if question.states:
        statement = statement.where(account.c.state.in_(question.states))
    if question.tag is not None:
        tagged = select(account_tag.c.account_id).join(tag).where(tag.c.name == question.tag)
        statement = statement.where(account.c.id.in_(tagged))
    if question.text:
        named = (each.icontains(question.text, autoescape=True) for each in (account.c.name, account.c.username))
        statement = statement.where(or_(*named))
    return statement


async def _profiles(connection: AsyncConnection, accounts: Mapping[int, Account]) -> dict[int, Profile]:
    rows = await connection.execute(select(profile).where(profile.c.account_id.in_(accounts)))
    names = [name for name in Profile.__dataclass_fields__ if name != "account"]
    return {
        row.account_id: Profile(account=accounts[row.account_id].name, **{name: row._mapping[name] for name in names})
        for row in rows
    }


async def _newest(connection: AsyncConnection, accounts: Mapping[int, Account]) -> dict[int, CheckResult]:
    """The newest finding about each Account: one step into an index for each."""
    newest = (
        select(check_result.c.id)
        .where(check_result.c.account_id == account.c.id)
        .order_by(check_result.c.at.desc(), check_result.c.id.desc())
        .limit(1)
        .correlate(account)
        .scalar_subquery()
    )
    numbers = select(newest).select_from(account).where(account.c.id.in_(accounts))
    rows = await connection.execute(select(check_result).where(check_result.c.id.in_(numbers)))
    return {
        row.account_id: CheckResult(
            account=accounts[row.account_id].name,
            at=row.at,
            signed_in=row.signed_in,
            after=After(row.after),
            who=row.who,
        )
        for row in rows
    }
