"""The sites that the Site contract is proved on, each with a ledger of its own to judge by."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from runner.sites import registry
from runner.sites.interface import Site

EXAMPLES = Path(__file__).parents[1] / "sites_example"


@dataclass(kw_only=True)
class ProvingGround:
    """A real site on loopback, its adapter, and the site's own word about what happened there."""

    site_class: type[Site]
    url: str
    username: str
    password: str
    thread_ids: Callable[[], set[str]]
    letters: Callable[[str], list[str]]
    """Texts of one thread, oldest first."""
    receive: Callable[[str], str]
    """A counterpart writes this text; returns the thread's id."""
    sent: Callable[[], list[str]]
    published: Callable[[], list[str]]
    """Titles of what was published in this test."""
    sign_ins: Callable[[], int]
    refused_sign_ins: Callable[[], int]
    category: str = "computers"


@pytest.fixture(params=["mock", "noticeboard"])
def ground(request: pytest.FixtureRequest) -> ProvingGround:
    """Each site in turn; another adapter joins by adding its fixture here."""
    proving: ProvingGround = request.getfixturevalue(f"{request.param}_ground")
    return proving


@pytest.fixture
def mock_ground(market: Any) -> ProvingGround:
    def thread_ids() -> set[str]:
        entries = market.ledger("message_received", seeded=True)
        return {str(entry["detail"]["thread"]) for entry in entries}

    def letters(thread_id: str) -> list[str]:
        kinds = ("message_received", "message_sent")
        entries = [entry for kind in kinds for entry in market.ledger(kind, seeded=True)]
        entries.sort(key=lambda entry: entry["seq"])
        return [entry["detail"]["text"] for entry in entries if str(entry["detail"]["thread"]) == thread_id]

    return ProvingGround(
        site_class=registry.site_class("mock"),
        url=market.url,
        username="amy",
        password=market.password("amy"),
        thread_ids=thread_ids,
        letters=letters,
        receive=lambda text: market.incoming(text)["thread_id"],
        sent=lambda: [entry["detail"]["text"] for entry in market.ledger("message_sent")],
        published=lambda: [entry["detail"]["title"] for entry in market.ledger("listing_published")],
        sign_ins=lambda: len(market.ledger("sign_in")),
        refused_sign_ins=lambda: len(market.ledger("sign_in_failed")),
    )


@pytest.fixture
def noticeboard_ground(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProvingGround]:
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    # As if a package with this entry point were installed.
    point = EntryPoint(name="noticeboard", value="noticeboard.site:NoticeBoard", group=registry.GROUP)
    site_class = registry.site_class("noticeboard", [point])
    from noticeboard.server import Board

    board = Board()
    board.join("wanda", "green-heron-71")
    for number in range(23):
        board.receive("wanda", f"Sender {number}", f"Question number {number}")

    def of(kind: str) -> list[dict[str, Any]]:
        return [entry for entry in board.ledger if entry["kind"] == kind]

    def receive(text: str) -> str:
        board.receive("wanda", "Newcomer", text)
        return "Newcomer"

    yield ProvingGround(
        site_class=site_class,
        url=board.url,
        username="wanda",
        password="green-heron-71",
        thread_ids=lambda: set(board.members["wanda"].mail),
        letters=lambda thread: [letter.text for letter in board.members["wanda"].mail[thread]],
        receive=receive,
        sent=lambda: [entry["text"] for entry in of("letter_sent")],
        published=lambda: [entry["heading"] for entry in of("notice_put_up")],
        sign_ins=lambda: len(of("entered")),
        refused_sign_ins=lambda: len(of("turned_away")),
    )
    board.close()
