from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.browser.page_loads import Over, PageLoads
from runner.errors import ErrorKind, InDoubt, Interrupted, NoRoom, Rejected, RetryLater, StoreBusy
from runner.orchestrator import page_loads

NO_ROOM = NoRoom("Used up.", until=datetime(2026, 11, 23, tzinfo=UTC), words="used up", flows=None)
TOO_SMALL = Rejected("The limit is less than one attempt needs.")
BUSY = StoreBusy("The database is busy.")


class Asked:
    """A navigation of the main frame as the browser hands it over, and what was answered."""

    def __init__(self) -> None:
        self.request, self.frame = self, "main"
        self.answer = ""

    def is_navigation_request(self) -> bool:
        return True

    async def abort(self, code: str) -> None:
        self.answer = code

    async def fallback(self) -> None:
        self.answer = "let go"


class MainFrame:
    main_frame = "main"


def refusing(problem: Exception, *, armed: bool) -> PageLoads:
    async def reserve() -> Over:
        raise problem

    page: Any = MainFrame()
    return PageLoads(page, reserve, exempt=lambda: False, compelled=lambda: armed)


@pytest.mark.parametrize(("problem", "ends_with"), [(NO_ROOM, NoRoom), (TOO_SMALL, Rejected), (BUSY, RetryLater)])
async def test_whatever_we_refuse_a_page_load_for_ends_the_attempt_and_no_allowlist(problem, ends_with) -> None:
    loads, asked = refusing(problem, armed=False), Asked()
    route: Any = asked
    await loads.handle(route)
    assert asked.answer == "blockedbyclient"
    blocked = Rejected("blocked by the allowlist")
    assert isinstance(page_loads.refusal(loads, blocked), ends_with)
    assert page_loads.refusal(loads, InDoubt("nobody knows", kind=ErrorKind.NETWORK)) is None


@pytest.mark.parametrize("problem", [NO_ROOM, BUSY])
async def test_nothing_is_refused_while_something_is_armed(problem: Interrupted | StoreBusy) -> None:
    loads, asked = refusing(problem, armed=True), Asked()
    route: Any = asked
    await loads.handle(route)
    assert asked.answer == "let go"
    assert loads.refused is None
