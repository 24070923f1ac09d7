"""A person takes over: what a new operator does when an account is stopped by a page that wants a human being."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import psutil
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LINK = r"http://127\.0\.0\.1:\d+/live/\d+\?token=\S+"
FIELD = (640, 383)
"""The one field of a challenge page."""
Soon = Callable[..., Awaitable[Any]]


@pytest.fixture
def parked(farid: Any) -> Any:
    """farid, stopped by a captcha that was met once."""
    farid.market.faults({"route": "GET /inbox", "effect": "captcha", "account": "farid", "count": 1})
    met = farid.cli("run", "farid", "read_inbox")
    assert met.code == 3, met.said
    assert "Take it over, and the same job goes on: runner handoff farid" in met.said
    assert '"a person is needed"' in met.err
    return farid


def answer_of(market: Any, account: str = "farid") -> str:
    """What a person would read in the picture, or on their phone."""
    (found,) = [each for each in market.client.get("/_state").json()["challenges"] if each["account"] == account]
    return str(found["answer"])


def at_a_terminal(shop: Any, *args: str) -> subprocess.Popen[str]:
    """A command that somebody can type to."""
    return subprocess.Popen(
        [*shop.command, *args],
        cwd=shop.folder,
        env=shop.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


async def test_a_captcha_is_solved_by_hand_in_the_live_view_and_the_same_job_finishes(
    parked: Any, operator: Any, told: Any, events: Any, soon: Soon
) -> None:
    (waiting,) = parked.cli("handoff", "--json").json["waiting"]
    assert (waiting["account"], waiting["job"], waiting["picture"]) == ("farid", 1, str(parked.pictures()[0]))
    assert waiting["url"].startswith(parked.market.url + "/challenge")
    listed = parked.cli("handoff")
    assert "asks whether a human is there (captcha)" in listed.said
    assert "runner handoff farid" in listed.said
    process = parked.start("handoff", "farid", "--live")
    out = told(process.stdout)
    anna = await operator("anna")

    await anna.open((await out.until(LINK)).group())
    assert "token" not in anna.page.url
    await anna.sees("asks whether a human is there (captcha)")
    await anna.takes_control()
    letters = answer_of(parked.market).lower()
    await anna.clicks(*FIELD)
    await anna.types(letters)
    await anna.presses("Enter")
    await soon(lambda: parked.market.ledger("challenge_passed", "farid"), "the challenge passed")
    await anna.gives_it_back()
    await out.until("farid read_inbox: done")

    assert process.wait(timeout=30) == 0
    assert parked.rows("select id, state from job") == [(1, "succeeded")]
    assert parked.rows("select state, state_reason from account") == [("active", None)]
    assert len(parked.market.ledger("sign_in", "farid")) == 1, "nothing was logged in again"
    assert parked.rows("select count(*) from thread")[0][0] == 13
    sessions = parked.rows(
        "select attempt.session_id, session.end from attempt join session on session.id = session_id"
    )
    assert sessions == [(1, "failed"), (2, "handed_over")], "the handoff's own session performed the job"
    inputs = [data for _, data in events("InputGiven")]
    assert {each["who"] for each in inputs} == {"anna"}
    assert [each["did"] for each in inputs if each["did"] != "type"] == ["click", "key"]
    assert sum(each.get("characters", 0) for each in inputs) == len(letters)
    assert letters not in json.dumps(inputs).lower()
    assert [name for name, _ in events("PersonNeeded", "HandoffBegan", "TakeoverBegan", "TakeoverEnded")] == [
        "PersonNeeded",
        "HandoffBegan",
        "TakeoverBegan",
        "TakeoverEnded",
    ]
    assert parked.cli("handoff").said == "Nobody waits for a person."


async def test_what_is_given_back_too_early_stays_open_until_it_is_settled(
    parked: Any, operator: Any, told: Any, soon: Soon
) -> None:
    process = parked.start("handoff", "farid", "--live")
    out = told(process.stdout)
    anna = await operator("anna")
    await anna.open((await out.until(LINK)).group())
    await anna.takes_control()
    await anna.gives_it_back()
    await out.until("It is not settled yet. The site asks whether a human is there")
    await anna.sees("It is not settled yet.")
    assert parked.rows("select state from job") == [("parked",)]
    await anna.takes_control()
    await anna.clicks(*FIELD)
    # As on a phone, which has no keys for a picture: the field and the buttons below it.
    await anna.page.get_by_label("Text for the page").fill(answer_of(parked.market))
    await anna.page.get_by_role("button", name="Type", exact=True).click()
    await anna.page.get_by_role("button", name="Enter").click()
    await soon(lambda: parked.market.ledger("challenge_passed", "farid"), "the challenge passed")
    await anna.gives_it_back()
    await out.until("farid read_inbox: done")
    assert process.wait(timeout=30) == 0


async def test_a_refused_password_is_typed_by_hand_and_stands_nowhere_afterwards(
    farid: Any, operator: Any, told: Any, soon: Soon, new_page: Any
) -> None:
    wrong = farid.folder / "password"
    wrong.write_text("not-the-password")
    wrong.chmod(0o600)
    right = str(farid.market.data_dir / "passwords" / "farid")
    farid.config.write_text(farid.config.read_text().replace(right, wrong.name) + '\n[evidence]\ntrace = "always"\n')
    assert farid.cli("run", "farid", "check_login").code == 3
    with (farid.folder / "handoff.log").open("w") as log:
        process = farid.start("handoff", "farid", "--live", stderr=log)
        out = told(process.stdout)
        anna = await operator("anna")
        await anna.open((await out.until(LINK)).group())
        await anna.sees("was refused")
        await anna.takes_control()
        password = farid.market.password("farid")
        same = await new_page()  # where the sign-in page has its fields
        await same.set_viewport_size({"width": 1280, "height": 800})
        await same.goto(farid.market.url + "/sign-in")
        box = await same.locator("[name=login]").bounding_box()
        await anna.clicks(box["x"] + 20, box["y"] + box["height"] / 2)
        await anna.presses("Control+a")
        await anna.types("farid")
        await anna.presses("Tab")
        await anna.types(password)
        await anna.presses("Enter")
        await soon(lambda: farid.market.ledger("sign_in", "farid"), "signed in by hand")
        await anna.gives_it_back()
        await out.until("farid check_login: done")
        assert process.wait(timeout=30) == 0

    assert len(farid.market.ledger("sign_in_failed", "farid")) == 1, "the wrong one was not tried again"
    assert len(farid.market.ledger("sign_in", "farid")) == 1
    forms = [password, quote(password, safe=""), base64.b64encode(password.encode()).decode().rstrip("=")]
    kept = [path for path in farid.folder.rglob("*") if path.is_file() and "profiles" not in path.parts]
    assert len(kept) > 5
    assert [path for path in kept for form in forms if form.encode() in path.read_bytes()] == []
    assert password not in out.text


async def test_enter_in_the_terminal_gives_it_back_too(parked: Any, told: Any) -> None:
    process = at_a_terminal(parked, "handoff", "farid", "--live")
    try:
        out = told(process.stdout)
        await out.until(LINK)
        parked.market.client.post("/_unlock", json={"account": "farid"}).raise_for_status()
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        await out.until("farid read_inbox: done")
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()


async def test_ctrl_c_leaves_everything_as_it_was(parked: Any, told: Any, events: Any) -> None:
    process = parked.start("handoff", "farid", "--live")
    out = told(process.stdout)
    await out.until(LINK)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 3
    assert parked.rows("select state from job") == [("parked",)]
    assert parked.rows("select state from account") == [("parked",)]
    assert parked.rows("select end from session order by id desc limit 1") == [("interrupted",)]
    assert events("HandoffEnded")[0][1]["how"] == "stopped"
    assert parked.cli("handoff", "--json").json["waiting"][0]["account"] == "farid"


async def test_an_account_that_is_in_use_is_refused_with_who_has_it(farid: Any, told: Any) -> None:
    farid.market.faults({"route": "GET *", "effect": "latency_ms", "ms": 700})
    running = farid.start("run", "farid", "read_inbox")
    await told(running.stderr).until("chosen: asked for by name")
    refused = farid.cli("handoff", "farid", "--live")
    assert refused.code == 1
    assert f"farid is busy: job 1 (read_inbox) has it, process {running.pid} on this machine" in refused.said
    assert "runner live farid" in refused.said


async def test_an_account_that_nobody_asked_for_may_be_handed_over_too(farid: Any, told: Any) -> None:
    assert farid.cli("run", "farid", "check_login").code == 0
    process = at_a_terminal(farid, "handoff", "farid", "--live")
    try:
        out = told(process.stdout)
        await out.until(LINK)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        await out.until("All is well. No job was waiting.")
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()


def browser_of(process: subprocess.Popen[str]) -> psutil.Process:
    """The browser that a command of ours has opened: the one Chromium that is nobody's helper."""
    lines = [(each, " ".join(each.cmdline())) for each in psutil.Process(process.pid).children(recursive=True)]
    (found,) = [each for each, line in lines if "--runner-launch=" in line and "--type=" not in line]
    return found


async def test_a_window_that_is_closed_is_given_back(parked: Any, told: Any, display: str | None) -> None:
    """To us it is a browser that has ended by itself; without a virtual display it never had a window."""
    how = {"env": {"DISPLAY": display}} if display else {}
    process = parked.start("handoff", "farid", *([] if display else ["--live"]), **how)
    out = told(process.stdout)
    await out.until("When it is done: .*")
    parked.market.client.post("/_unlock", json={"account": "farid"}).raise_for_status()
    browser_of(process).terminate()
    await out.until("farid read_inbox: done")
    assert process.wait(timeout=30) == 0
    mode = "headed" if display else "headless"
    assert parked.rows("select mode, end from session order by id") == [
        ("headless", "failed"),
        (mode, "handed_over"),
        (mode, "handed_over"),
    ]


async def test_a_page_that_crashes_is_opened_once_more_and_not_for_ever(parked: Any, told: Any, events: Any) -> None:
    process = parked.start("handoff", "farid", "--live", stderr=subprocess.STDOUT)
    out = told(process.stdout)
    for crashes in (1, 2):
        await out.until(f"(?s)({LINK}.*){{{crashes}}}")
        for each in browser_of(process).children(recursive=True):
            if "--type=renderer" in " ".join(each.cmdline()):
                each.kill()
        await out.until("its page crashed" if crashes == 1 else "is gone again: its page crashed")
    assert process.wait(timeout=30) == 3
    assert parked.rows("select state from job") == [("parked",)]
    assert parked.rows("select state from account") == [("parked",)]
    assert parked.rows("select end from session order by id") == [("failed",), ("crashed",), ("crashed",)]
    assert [data["how"] for _, data in events("HandoffEnded")] == ["crashed", "crashed"]


async def test_a_daemon_at_work_does_not_get_in_between(farid: Any, told: Any, soon: Soon) -> None:
    farid.market.faults({"route": "GET /inbox", "effect": "captcha", "account": "farid", "count": 1})
    with (farid.folder / "daemon.log").open("w") as log:
        daemon = farid.start("daemon", "--every", "2", stderr=log)
        await soon(
            lambda: farid.database.exists() and "a person is needed" in (farid.folder / "daemon.log").read_text(),
            "the daemon has met the captcha",
            within_s=40,
        )
        process = at_a_terminal(farid, "handoff", "farid", "--live")
        try:
            out = told(process.stdout)
            await out.until("When it is done")
            farid.market.client.post("/_unlock", json={"account": "farid"}).raise_for_status()
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            await out.until("farid read_inbox: done")
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.communicate()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=60) == 0
    owners = farid.rows(
        "select session.owner from attempt join session on session.id = session_id where job_id = 1 order by attempt.id"
    )
    assert len(owners) == 2
    assert f"/{process.pid}/" in owners[1][0], "the handoff performed it, in its own session"
    assert farid.rows("select state from job where id = 1") == [("succeeded",)]
    assert len(farid.market.ledger("sign_in", "farid")) == 1
