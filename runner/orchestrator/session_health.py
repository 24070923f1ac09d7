"""The health of Accounts' logins, from what the store knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from runner.domain.session_health import SessionHealth, Usual, health_of, lifetimes, usual
from runner.orchestrator.records import Records

LEARNED_FROM = timedelta(days=365)


async def session_health(
    records: Records, names: Sequence[str] = (), *, sign_in_wait_s: float, now: datetime
) -> list[SessionHealth]:
    """Of these Accounts, of all when none is named. Raises NotFound."""
    if names:
        accounts = [await records.accounts.by_name(name) for name in names]
    else:
        accounts = await records.accounts.list_accounts()
    usually: dict[str, Usual] = {}
    found = []
    for account in accounts:
        if account.site not in usually:
            history = await records.check_results.of_site(account.site, since=now - LEARNED_FROM)
            usually[account.site] = usual(lifetimes(history))
        newest = await records.check_results.of_account(account.name, limit=1)
        found.append(
            health_of(
                account,
                await records.profiles.get(account.name),
                newest[0] if newest else None,
                usually=usually[account.site],
                sign_in_wait=timedelta(seconds=sign_in_wait_s),
                now=now,
            )
        )
    return found
