"""What people mistype: every command says so in words, and nothing is stored of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.test_modes import all_in_one_process

HUGE = "9" * 23
REFUSED = (
    "jobs submit farid check_login --due 999999w",
    "jobs submit farid check_login --due 9999-12-31T23:59-12:00",
    "jobs submit farid check_login --due 0001-01-01T00:00",
    "send {thread} Yes --at 999999w",
    "send {thread} Yes --at 9999-12-31T23:59-12:00",
    "send {thread} Yes --at 9999-12-31T23:59",
    f"send {{thread}} Yes --at {'9' * 600}",
    "errors list --since 999999w",
    f"errors list --since {'999999w' * 300}",
    "inbox figures --last 999999w",
    "inbox export --since 999999w",
    "inbox export --to /nonexistent/x",
    "inbox export --to /",
    "digest --html /nonexistent/x",
    f"inbox show {HUGE}",
    f"inbox tag {HUGE} vip",
    f"inbox note {HUGE} call",
    f"inbox link {{thread}} {HUGE}",
    f"inbox correct {HUGE} offer",
    f"jobs show {HUGE}",
    f"jobs cancel {HUGE}",
    f"jobs list --batch {HUGE}",
    f"jobs submit farid check_login --after {HUGE}",
    f"jobs submit farid check_login --max-attempts {HUGE}",
    f"rules test {HUGE}",
    f"sequences preview nudge {HUGE}",
    f"sequences enrol nudge {HUGE}",
    f"sequences enrolments --thread {HUGE}",
    f"sequences stop {HUGE}",
    f"notices retry {HUGE}",
    f"effects show {HUGE}",
    f"evidence show {HUGE}",
    f"evidence list --job {HUGE}",
    f"listings show {HUGE}",
    f"templates preview hi --message {HUGE}",
    f"templates remove hi --number {HUGE}",
    f"send {HUGE} Yes",
    f"replay {HUGE}",
    f"inbox send {HUGE}",
)


@pytest.mark.browser
def test_what_is_mistyped_is_refused_in_words(shop: Any) -> None:
    shop.configure(accounts=["farid"])
    shop.market.incoming("Is it still there?", account="farid")
    assert shop.cli("run", "farid", "read_inbox").code == 0
    ((thread,),) = shop.rows("select min(id) from thread")
    before = [
        "templates add hi --text Hello",
        "sequences add nudge --step 2wd:hi",
    ]
    told = all_in_one_process(shop, [*before, *(line.format(thread=thread) for line in REFUSED)])
    assert [code for code, _, _ in told[: len(before)]] == [0, 0]
    for line, (code, out, err) in zip(REFUSED, told[len(before) :], strict=True):
        assert (code, out) == (2, ""), (line, err)
        assert "Traceback" not in err, line
        assert "rror" in err, line
    for text in ("", "   ", "x" * 90_000):
        refused = shop.cli("send", thread, text)
        assert (refused.code, "text" in refused.said) == (2, True), text[:9]
    assert shop.rows("select count(*) from job where flow <> 'read_inbox'") == [(0,)]
    assert shop.rows("select count(*) from rate_usage where kind = 'messages'") == [(0,)]
