"""What an Account waits for: what was asked last, and only while it waits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.domain.states import AccountState
from runner.orchestrator import asking
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.events import Events


async def test_the_last_need_counts_and_only_while_the_account_waits(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts, events = Accounts(db), Events(db)
    records = cast("Any", SimpleNamespace(accounts=accounts, events=events))
    for name, what in (("amy", "a captcha of last year"), ("amy", "a code"), ("bob", "a lock")):
        await events.append(asking.NEEDED, account=name, kind="challenge", what=what)
    await events.append("JobQueued", account="amy", what="something else")
    assert await asking.need_of(records, await accounts.by_name("amy")) is None
    monkeypatch.setattr(Events, "since", None)  # all of them are never read
    for state in asking.WAITING:
        need = await asking.need_of(records, await accounts.set_state("amy", state))
        assert need is not None
        assert need.what == "a code"
    assert await asking.need_of(records, await accounts.set_state("amy", AccountState.ACTIVE)) is None
