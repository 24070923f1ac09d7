"""Following up, as an operator sets it up; judged by the marketplace's ledger."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

WAITING = '[orchestrator]\nflows = ["check_login"]\nidle_poll_s = 0.2\n'
STEPS = ("--step", "0m:hello", "--step", "0m:hello")


@pytest.fixture
def shop(shop: Any) -> Any:
    """A shop with farid's inbox and a sequence whose two steps say the same and are due at once."""
    shop.configure(accounts=("farid",), extra=WAITING)
    assert shop.cli("templates", "add", "hello", "--text", "Still there, {buyer_name|you}?").code == 0
    added = shop.cli("sequences", "add", "nudge", *STEPS)
    assert added.code == 0, added.said
    return shop


def thread_of(shop: Any, remote_id: str) -> int:
    """The number under which a thread of the marketplace is stored."""
    return int(shop.rows("SELECT id FROM thread WHERE remote_id = ?", remote_id)[0][0])


def sent(shop: Any, remote_id: str) -> list[str]:
    """What the marketplace got for a thread."""
    entries = shop.market.ledger("message_sent", "farid")
    return [each["detail"]["text"] for each in entries if each["detail"]["thread"] == remote_id]


def state(shop: Any, number: int) -> tuple[Any, ...]:
    """The last word on a thread's enrolment: state, reason, and how many steps were sent."""
    told = shop.rows("SELECT state, reason, position FROM enrolment WHERE thread_id = ? ORDER BY id DESC", number)
    return tuple(told[0])


def enrolment(shop: Any, number: int) -> dict[str, Any]:
    """The enrolment of a thread, as its list has it."""
    found: list[dict[str, Any]] = shop.cli("sequences", "enrolments", "--thread", number, "--json").json["enrolments"]
    return found[0]


def test_each_step_is_sent_once_and_none_after_a_reply(shop: Any, wait_for: Callable[..., Any]) -> None:
    """Step 2 has the words of step 1: it is neither refused nor doubled; two daemons look at once."""
    shop.cli("sequences", "replace", "nudge", *STEPS, "--step", "1h:hello")
    both = shop.market.incoming("Is it there?", "farid", counterpart="Ida")["thread_id"]
    assert shop.cli("run", "farid", "read_inbox").code == 0
    number = thread_of(shop, both)
    shown = shop.cli("sequences", "preview", "nudge", number)
    assert shown.said.count("Still there, Ida?") == 3
    assert shop.cli("sequences", "enrol", "nudge", number).code == 0

    daemons = [shop.start("daemon"), shop.start("daemon")]
    wait_for(lambda: len(sent(shop, both)) == 2, what="both steps", within_s=90)
    wait_for(lambda: state(shop, number)[2] == 2, what="that both are noted", within_s=60)
    shop.market.incoming("Yes, I take it.", "farid", thread_id=both)
    assert shop.cli("run", "farid", "read_inbox").code == 0
    wait_for(lambda: state(shop, number)[0] == "stopped", what="the reply's effect", within_s=60)
    for daemon in daemons:
        daemon.terminate()
        daemon.communicate(timeout=30)

    assert sent(shop, both) == ["Still there, Ida?", "Still there, Ida?"]
    found = enrolment(shop, number)
    assert (found["reason"], found["position"], found["next_due_at"]) == ("replied", 2, None)
    by_step = shop.cli("sequences", "show", "nudge", "--json").json["by_step"]
    assert [(each["sent"], each["replied"]) for each in by_step] == [(1, 0), (1, 0), (1, 1), (0, 0)]


def test_a_reply_between_the_sweep_and_the_click_is_seen_at_the_click(shop: Any, wait_for: Callable[..., Any]) -> None:
    """The job is there, the inbox was not read again: only the page itself can tell."""
    thread = shop.market.incoming("Is it there?", "farid", counterpart="Ida")["thread_id"]
    away = shop.market.incoming("And this?", "farid", counterpart="Bo")["thread_id"]
    assert shop.cli("run", "farid", "read_inbox").code == 0
    assert shop.cli("sequences", "enrol", "nudge", thread_of(shop, thread), thread_of(shop, away)).code == 0
    assert shop.rows("SELECT count(*) FROM enrolment_send") == [(2,)]
    shop.market.incoming("Never mind.", "farid", thread_id=thread)
    shop.market.incoming("Automatic reply: I am out of the office.", "farid", thread_id=away)

    daemon = shop.start("daemon")
    wait_for(lambda: state(shop, thread_of(shop, thread))[0] == "stopped", what="the stop", within_s=60)
    wait_for(lambda: state(shop, thread_of(shop, away))[0] == "postponed", what="the wait", within_s=60)
    daemon.terminate()
    daemon.communicate(timeout=30)

    assert (sent(shop, thread), sent(shop, away)) == ([], [])
    assert state(shop, thread_of(shop, thread)) == ("stopped", "replied", 0)


def test_a_runner_killed_between_arming_and_confirming_has_sent_once(shop: Any, wait_for: Callable[..., Any]) -> None:
    shop.configure(accounts=("farid",), extra=WAITING + "[sites.mock.options]\ncommit_latency_s = 4\n")
    thread = shop.market.incoming("Is it there?", "farid", counterpart="Ida")["thread_id"]
    assert shop.cli("run", "farid", "read_inbox").code == 0
    assert shop.cli("sequences", "replace", "nudge", "--step", "0m:hello").code == 0
    shop.market.faults({"route": "POST /api/threads/*/messages", "effect": "latency_ms", "ms": 3000, "count": 1})
    assert shop.cli("sequences", "enrol", "nudge", thread_of(shop, thread)).code == 0

    armed = "SELECT 1 FROM effect WHERE state = 'armed'"
    first = shop.start("daemon")
    wait_for(lambda: shop.rows(armed), what="the moment of the click", within_s=60)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = shop.start("daemon")
    number = thread_of(shop, thread)
    wait_for(lambda: state(shop, number)[0] == "finished", what="the end", within_s=120)
    second.terminate()
    second.communicate(timeout=30)

    assert sent(shop, thread) == ["Still there, Ida?"]
    assert shop.rows("SELECT state FROM effect") == [("confirmed",)]


def test_an_unknown_outcome_stops_it_until_a_person_has_looked(shop: Any, wait_for: Callable[..., Any]) -> None:
    shop.configure(
        accounts=("farid",),
        extra=WAITING + "[sites.mock.options]\ncommit_latency_s = 'unbounded'\n",
        navigation_s=3,
        action_s=3,
        max_attempts=1,
    )
    thread = shop.market.incoming("Is it there?", "farid", counterpart="Ida")["thread_id"]
    assert shop.cli("run", "farid", "read_inbox").code == 0
    number = thread_of(shop, thread)
    shop.market.faults({"route": "POST /api/threads/*/messages", "effect": "hang", "count": 1})
    assert shop.cli("sequences", "enrol", "nudge", number).code == 0

    daemon = shop.start("daemon")
    wait_for(lambda: state(shop, number)[0] == "in_doubt", what="the doubt", within_s=90)
    ((effect,),) = shop.rows("SELECT id FROM effect WHERE state = 'unknown'")
    assert sent(shop, thread) == []
    settled = shop.cli("effects", "settle", effect, "not_done", "--why", "not in the thread")
    assert settled.code == 0, settled.said
    wait_for(lambda: state(shop, number)[0] == "finished", what="both steps", within_s=90)
    daemon.terminate()
    daemon.communicate(timeout=30)
    assert sent(shop, thread) == ["Still there, Ida?", "Still there, Ida?"]


def test_threads_are_enrolled_by_file_and_by_rule(shop: Any) -> None:
    first = shop.market.incoming("Is it there?", "farid", counterpart="Ida")["thread_id"]
    other = shop.market.incoming("Stop messaging me!", "farid", counterpart="Bo")["thread_id"]
    assert shop.cli("run", "farid", "read_inbox").code == 0
    rows = [{"account": "farid", "remote_id": first}, {"thread": thread_of(shop, other)}, {"thread": 4711}]
    (shop.folder / "threads.json").write_text(json.dumps([*rows, {"account": "farid"}]), encoding="utf-8")
    strict = shop.cli("sequences", "enrol", "nudge", "--file", "threads.json", "--strict")
    assert (strict.code, shop.rows("SELECT count(*) FROM enrolment")) == (1, [(0,)])
    done = shop.cli("sequences", "enrol", "nudge", "--file", "threads.json")
    assert (done.code, "1 enrolled, 3 problems" in done.said) == (1, True), done.said
    assert "no thread is named" in done.said
    assert "wants no more messages" in done.said
    assert "There is no thread" in done.said

    unknown = shop.cli("rules", "add", "chase", "--type", "offer", "--enrol", "nudje", "--level", "automatic")
    assert (unknown.code, 'Did you mean "nudge"?' in unknown.said) == (2, True)
    assert shop.cli("rules", "add", "chase", "--type", "offer", "--enrol", "nudge", "--level", "automatic").code == 0
    assert "is what these rules enrol in: chase" in shop.cli("sequences", "remove", "nudge").said
    assert "is what these sequences send: nudge" in shop.cli("templates", "remove", "hello").said
    shop.market.incoming("Would you take 20?", "farid", counterpart="Cy")
    assert shop.cli("run", "farid", "read_inbox").code == 0
    ((number,),) = shop.rows("SELECT id FROM message WHERE text = 'Would you take 20?'")
    assert shop.cli("inbox", "correct", number, "offer").code == 0
    assert shop.cli("run", "farid", "check_login").code == 0
    by_rule = shop.rows("SELECT source, by FROM enrolment ORDER BY id")
    assert by_rule[-1] == ("rule", "chase")
    numbers = [each["id"] for each in shop.cli("sequences", "enrolments", "--json").json["enrolments"]]
    stopped = shop.cli("sequences", "stop", numbers[0])
    assert "operator: stopped by" in stopped.said, stopped.said
    assert shop.cli("sequences", "resume", numbers[0]).code == 0
