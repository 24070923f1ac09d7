"""The Ring keeps what is newest, within its bounds, without secrets."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from runner.browser.ring import LONGEST_TEXT, Bounded, ConsoleLine, Ring
from runner.logs import MASK, Redactor

AT = datetime(2026, 11, 22, tzinfo=UTC)


def line(text: str) -> ConsoleLine:
    return ConsoleLine(at=AT, level="log", text=text)


@given(st.lists(st.text(max_size=40), max_size=60), st.integers(1, 10), st.integers(1, 200))
def test_the_newest_lines_are_kept_within_number_and_size(texts, most, most_bytes):
    kept = Bounded(most=most, most_bytes=most_bytes)
    for text in texts:
        kept.add(line(text))
    lines = [each.text for each in kept.lines()]
    assert lines == texts[len(texts) - len(lines) :]
    assert len(lines) <= most
    assert sum(map(len, lines)) <= most_bytes or len(lines) == 1
    assert kept.dropped == len(texts) - len(lines)
    assert lines or not texts, "the last line is there whatever its size"


def test_secrets_are_gone_before_they_are_kept():
    ring = Ring(Redactor(["hunter22"]))
    ring.say(AT, "log", "typed hunter22", "http://127.0.0.1/?p=hunter22")
    ring.request(AT, "GET", "http://127.0.0.1/?p=hunter22", "document", failure="net::ERR_FAILED")
    assert ring.console.lines()[0].text == f"typed {MASK}"
    assert "hunter22" not in repr(ring.console.lines()) + repr(ring.network.lines())


def test_a_secret_across_the_cut_of_a_long_text_is_gone_too():
    ring = Ring(Redactor(["hunter22"]))
    ring.say(AT, "log", "x" * (LONGEST_TEXT - 4) + "hunter22")
    assert "hunt" not in ring.console.lines()[0].text
