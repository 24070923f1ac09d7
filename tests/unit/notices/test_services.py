"""Apprise's services, as real receivers on loopback see them; and that nothing secret is said of a failure."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.notices.interface import Enclosed, NotDelivered, Parcel
from runner.notices.services import Services

CANARY = "canary-tok3n-7Qx"
TEST = Parcel(
    uid="u1",
    kind="person_needed",
    subject="account:amy",
    title="amy needs a person",
    lines=("A captcha <b>of theirs</b>.", "Take it over: runner handoff amy"),
    account="amy",
    at=datetime(2026, 11, 22, tzinfo=UTC),
    link="http://127.0.0.1:8700/accounts/amy",
)


async def test_a_json_service_gets_title_and_text(receiver: Any) -> None:
    await Services(timeout_s=10).send(TEST, address=None, secret=f"json://127.0.0.1:{receiver.port}/x")
    (got,) = receiver.got
    assert got["title"] == "amy needs a person"
    assert got["message"].splitlines() == [*TEST.lines, TEST.link]


async def test_a_counterparts_words_call_nobody_in_a_chat(receiver: Any) -> None:
    said = Parcel(
        **{**vars(TEST), "title": "New message: @Everyone", "lines": ("@here <!channel> write to a@here.test",)}
    )
    await Services(timeout_s=10).send(said, address=None, secret=f"json://127.0.0.1:{receiver.port}/x")
    (got,) = receiver.got
    assert got["title"] == "New message: @\u200bEveryone"
    assert got["message"].splitlines()[0] == "@\u200bhere <\u200b!channel> write to a@here.test"


async def test_a_mail_has_the_text_as_text_and_a_digest_its_page_and_its_pdf(mailbox: Any) -> None:
    url = f"mailto://127.0.0.1:{mailbox.port}/?from=runner@shop.test&to=ada@shop.test&mode=insecure"
    services = Services(timeout_s=10)
    await services.send(TEST, address=None, secret=url)
    files = (Enclosed(name="day.pdf", media_type="application/pdf", content=b"%PDF-1.4 x"),)
    digest = Parcel(**{**vars(TEST), "html": "<h1>Day</h1>", "files": files, "lines": ("Jobs done: 1",)})
    await services.send(digest, address=None, secret=url)
    plain, page = mailbox.mails
    assert plain["subject"] == "amy needs a person"
    body = plain.get_body(("html", "plain"))
    assert (body.get_content_type(), body.get_content().split("\r\n")[0]) in (
        ("text/plain", "A captcha <b>of theirs</b>."),
        ("text/html", "A captcha &lt;b&gt;of theirs&lt;/b&gt;."),
    )
    assert "<h1>Day</h1>" in page.get_body(("html",)).get_content()
    (pdf,) = page.iter_attachments()
    assert (pdf.get_filename(), pdf.get_content()) == ("day.pdf", b"%PDF-1.4 x")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("json://ada:{canary}@127.0.0.1:{port}/{canary}?token={canary}", 500),
        ("nosuchservice://{canary}", 200),
        ("{canary}", 200),
        ("slack://{canary}/short", 200),
        ("json://127.0.0.1:1/{canary}", 200),
    ],
)
async def test_what_is_said_of_a_failure_and_logged_holds_nothing_of_the_address(
    url: str, status: int, receiver: Any
) -> None:
    receiver.status = status
    said = await child(url.format(canary=CANARY, port=receiver.port))
    assert "NotDelivered: " in said
    assert CANARY not in said
    if status == 500:
        assert "NotDelivered: The service answered 500." in said


SENDS = """
import asyncio, logging, sys
from datetime import UTC, datetime
from runner.notices.interface import NotDelivered, Parcel
from runner.notices.services import Services

logging.basicConfig(level=logging.DEBUG)
parcel = Parcel(uid="u", kind="test", subject="s", title="t", lines=(), account=None, at=datetime.now(UTC))
try:
    asyncio.run(Services(timeout_s=10).send(parcel, address=None, secret=sys.stdin.read()))
except NotDelivered as refused:
    logging.exception(f"NotDelivered: {refused}")
"""


async def child(url: str) -> str:
    """All that a process says that sends there and logs whatever is logged."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SENDS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await made.communicate(url.encode())
    return said.decode()


async def test_a_service_that_hangs_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"json://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(NotDelivered, match=r"within 0\.2 s"):
            await Services(timeout_s=0.2).send(TEST, address=None, secret=url)
