from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.domain.durations import in_words, parse_duration
from runner.errors import SetupError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600), ("1h30m", 5400)],
)
def test_spans_are_read_as_people_write_them(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "d", "-5m", "1.5h", "30 d", "0s", "3y", "5m!"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SetupError, match="30d"):
        parse_duration(text)


@given(st.integers(1, 10_000_000))
def test_what_is_said_can_be_read_back(seconds: int) -> None:
    assert parse_duration(in_words(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
