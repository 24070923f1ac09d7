"""A digest of a day that is really in the store, as text, as a page in a real browser, and as a PDF."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.digests import Digest, Failure, span_until
from runner.domain.jobs import NewJob
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.notices import NoticeKind
from runner.domain.states import AccountState, Direction
from runner.engine.embedded import EmbeddedEngine
from runner.notices.digest_page import as_html
from runner.notices.digest_pdf import as_pdf, written
from runner.notices.digest_words import as_text
from runner.store.accounts import Accounts
from runner.store.database import Database
from runner.store.digests import Digests
from runner.store.threads import Threads

BERLIN = ZoneInfo("Europe/Berlin")
ODD = "Кнопка 不见了 🙈👩‍👩‍👧 <script>alert(1)</script> café Łódź \x00"


@pytest_asyncio.fixture(loop_scope="session")
async def digest(tmp_path: Path) -> Digest:
    """A Sunday in Berlin on which one message was answered after twenty minutes, another came at night."""
    clock = SimpleNamespace(now=lambda: datetime(2026, 11, 22, 10, tzinfo=UTC))
    async with Database.open(tmp_path / "runner.db", clock=clock) as db:
        secret = SecretRef(kind="env", name="X")
        await Accounts(db).add_many([NewAccount(name="amy", site="mock", username="amy", secret=secret)])
        await EmbeddedEngine(db).submit([NewJob(account="amy", flow="read_inbox")])
        noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
        told = [
            ("1", Direction.INBOUND, noon),
            ("2", Direction.OUTBOUND, noon + timedelta(minutes=20)),
            ("3", Direction.INBOUND, datetime(2026, 11, 21, 22, 59, tzinfo=UTC)),
            ("4", Direction.INBOUND, datetime(2026, 11, 21, 23, 0, tzinfo=UTC)),  # midnight in Berlin: the next day
        ]
        summary = ThreadSummary(
            remote_id="7", counterpart="Ida", listing_title=None, excerpt="", last_at=noon, unread=1, url="http://x/"
        )
        messages = [
            (f"id:{key}", RemoteMessage(remote_id=key, direction=way, sender="Ida", text=key, sent_at=at))
            for key, way, at in told
        ]
        await Threads(db).save_thread("amy", summary, "f", messages)
        await Accounts(db).set_state("amy", AccountState.PARKED, ODD)
        return await Digests(db).digest(span_until(NoticeKind.DAILY_DIGEST, date(2026, 11, 22), BERLIN))


def test_a_day_is_counted_by_the_clocks_of_its_zone(digest: Digest) -> None:
    assert (digest.tally.inbound, digest.tally.outbound, digest.answered) == (2, 1, 1)
    assert digest.waits is not None
    assert digest.waits.p50_s == 1200
    hours = {each.at.astimezone(BERLIN).hour: each.inbound for each in digest.volumes if each.inbound}
    assert hours == {13: 1, 23: 1}
    text = as_text(digest)
    assert "Messages received: 2 (0 before)" in text
    assert "Answered: 50 % (median 20.0 min)" in text
    assert any(line.startswith("- amy, parked, Кнопка") for line in text)


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_the_page_loads_nothing_runs_nothing_and_fits_a_phone(digest: Digest, new_page: Any) -> None:
    asked, page = [], await new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.set_content(as_html(digest))
    assert asked == []
    assert await page.get_by_role("heading", level=1).inner_text() == "Daily digest: Saturday, 21 November 2026"
    assert "<script>alert(1)</script>" in await page.get_by_role("table").first.inner_text()
    assert await page.get_by_role("img", name="Messages: 2 received; 1 sent").locator("rect").count() == 3
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_pdf_is_made_of_any_text(digest: Digest) -> None:
    many = tuple(Failure(signature=str(n), kind="network", error=ODD * 20, count=n) for n in range(1, 9))
    odd = Digest(**{**vars(digest), "failures": many, "accounts": {f"account-{n}": digest.tally for n in range(99)}})
    made = as_pdf(odd)
    assert made.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", made)) >= 2


def test_letters_that_the_pdf_has_not_are_replaced_so_that_one_sees_it() -> None:
    assert written("café Łódź 10 € – “ok”") == "café Lódz 10 € – “ok”"
    assert written("不见 🙈!") == "?? ?!"
