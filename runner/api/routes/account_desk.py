"""Accounts added, imported, and seen together: what a table of them shows in one request."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import Field, JsonValue

from runner.api.problems import FieldProblem, Refusal
from runner.api.routing import Given, Routes
from runner.api.shapes import AccountOut, Asked, Cursor, Limit, Moment, PageOut, Shape, Sort, Word, page, wish
from runner.domain.access import Role
from runner.domain.accounts import NewAccount
from runner.domain.figures import Bucket, beginning
from runner.domain.session_health import Health
from runner.domain.states import AccountState
from runner.intake.accounts import accounts_in
from runner.intake.report import Intake
from runner.intake.tables import table_of
from runner.store.account_table import AccountQuestion, AccountRow

routes = Routes("accounts")

MOST_ROWS = 2000
TODAY = ("succeeded", "failed", "inbound", "outbound", "success_rate")


class AccountRowOut(AccountOut):
    """An Account as one line of a table; the figures are those of today, by the configured time zone."""

    health: Health
    health_reason: str
    health_action: str = Field(description="What a person does now; empty when nothing must be done.")
    signed_in: bool | None = Field(description="null when nobody has looked lately.")
    session_age_days: float | None = Field(description="Since it signed in; null when it is not known to be.")
    last_login_at: Moment | None
    succeeded: int
    failed: int
    inbound: int
    outbound: int
    success_rate: float | None


class TagOut(Shape):
    """A word to choose Accounts by."""

    name: str
    accounts: int


class TagsOut(Shape):
    """All tags, by name."""

    items: list[TagOut]


class AccountIn(Asked):
    """An Account to add. Its password is never given, only where it is kept: exactly one of the three."""

    name: Word
    site: Word | None = Field(default=None, description="Not needed when there is one site only.")
    username: Word | None = Field(default=None, description="What it signs in with; else its name.")
    password_env: Word | None = Field(default=None, description="The environment variable that holds its password.")
    password_keyring: Word | None = Field(default=None, description="service/username in the keyring.")
    password_file: Word | None = Field(default=None, description="The path of the file that holds its password.")
    tags: list[Word] = Field(default_factory=list, max_length=50)


class AccountsIn(Asked):
    """Accounts to add or to change, in the columns that `runner accounts import` takes."""

    rows: list[dict[str, JsonValue]] = Field(min_length=1, max_length=MOST_ROWS)
    strict: bool = Field(default=False, description="Import nothing when any row is wrong.")
    dry_run: bool = Field(default=False, description="Only say what would be done.")


class AccountProblemOut(Shape):
    """What is wrong with a row, or what a person should know of it; rows are counted from 1."""

    row: int | None
    column: str | None
    found: str
    reason: str


class AccountsImportOut(Shape):
    """What an import did, or would do."""

    rows: int
    dry_run: bool
    counts: dict[str, int] = Field(description="How many were (or would be) added, changed or unchanged.")
    accounts: list[str] = Field(description="The names of the good rows that were (or would be) saved.")
    problems: list[AccountProblemOut]
    warnings: list[AccountProblemOut]


@routes.get("/accounts/table", role=Role.VIEWER)
async def get_table(
    given: Given,
    state: Annotated[list[AccountState] | None, Query(description="Only these; may be repeated.")] = None,
    tag: Annotated[str | None, Query(max_length=200)] = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of a name or a username.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    sort: Sort = None,
) -> PageOut[AccountRowOut]:
    """The Accounts with their logins' health and what they did today. Sorts by name, last_served_at or id.

    Today begins at midnight in the configured time zone, or when the Account's counters were reset since.
    """
    midnight = beginning(given.clock.now(), Bucket.DAY, ZoneInfo(given.rules.timezone))
    found = await given.account_table.page(
        AccountQuestion(states=state or (), tag=tag, text=q),
        wish(limit, cursor, sort),
        today=midnight,
        sign_in_wait=given.rules.sign_in_wait,
    )
    return page(found, _row)


@routes.get("/tags", role=Role.VIEWER)
async def list_tags(given: Given) -> TagsOut:
    """The tags that Accounts have, and how many have each."""
    found = await given.records.accounts.tags()
    return TagsOut(items=[TagOut(name=name, accounts=number) for name, number in found])


@routes.post("/accounts", role=Role.ADMIN, creates=True, status_code=201)
async def add_account(given: Given, asked: AccountIn) -> AccountOut:
    """Add one Account, which stands in the store. Its password is never sent, only where it is kept."""
    row = asked.model_dump(exclude_none=True)
    intake = _read(given, [{"username": asked.name} | row])
    if intake.problems:
        wrong = [FieldProblem(field=f"body.{each.column or ''}", message=each.reason) for each in intake.problems]
        raise Refusal(422, "invalid", "; ".join(f"{each.field}: {each.message}" for each in wrong), errors=wrong)
    ((_, new),) = intake.items
    return AccountOut.model_validate(await given.records.accounts.add(new))


@routes.post("/accounts/import", role=Role.ADMIN)
async def import_accounts(given: Given, asked: AccountsIn) -> AccountsImportOut:
    """Add Accounts or bring them up to date; importing the same again changes nothing."""
    intake = _read(given, asked.rows)
    fixed = [item for item in intake.items if item[1].name in given.rules.configured_accounts]
    new = [account for row, account in intake.items if (row, account) not in fixed]
    problems = [
        *(_told(each) for each in intake.problems),
        *(
            AccountProblemOut(row=row, column="name", found=each.name, reason="it stands in the configuration file")
            for row, each in fixed
        ),
    ]
    if asked.strict and problems:
        new = []
    if asked.dry_run:
        saved = await given.records.accounts.compare(new)
    else:
        saved = [what for _, what in await given.records.accounts.save_many(new)]
    return AccountsImportOut(
        rows=intake.rows,
        dry_run=asked.dry_run,
        counts=dict(Counter(what.value for what in saved)),
        accounts=[each.name for each in new],
        problems=sorted(problems, key=lambda each: each.row or 0),
        warnings=[_told(each) for each in intake.warnings],
    )


def _read(given: Given, rows: list[dict[str, Any]]) -> Intake[NewAccount]:
    sites = given.rules.sites
    return accounts_in(table_of(rows), known_sites=sites, default_site=sites[0] if len(sites) == 1 else None)


def _told(each: Any) -> AccountProblemOut:
    found = getattr(each, "value_excerpt", "")
    return AccountProblemOut(row=each.line, column=each.column, found=found, reason=each.reason)


def _row(found: AccountRow) -> AccountRowOut:
    health = found.health
    return AccountRowOut(
        **AccountOut.model_validate(found.account).model_dump(),
        health=health.health,
        health_reason=health.reason,
        health_action=health.action,
        signed_in=health.valid,
        session_age_days=None if health.age_days is None else round(health.age_days, 5),
        last_login_at=health.last_login_at,
        **{name: getattr(found.today, name) for name in TODAY},
    )
