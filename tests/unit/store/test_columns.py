from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from runner.domain.states import JobState
from runner.store.columns import EnumText, Json, SafeText, UtcTime, storable

DIALECT = sqlite.dialect()


@given(st.datetimes(timezones=st.timezones()))
def test_a_time_comes_back_as_the_same_moment_in_utc(moment: datetime) -> None:
    stored = UtcTime().process_bind_param(moment, DIALECT)
    back = UtcTime().process_result_value(stored, DIALECT)
    assert back == moment.astimezone(UTC)
    assert back is not None
    assert back.tzinfo is UTC


def test_stored_times_sort_as_moments() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    earlier = datetime(2026, 11, 22, 13, tzinfo=timezone(timedelta(hours=2)))
    column = UtcTime()
    assert column.process_bind_param(earlier, DIALECT) < column.process_bind_param(noon, DIALECT)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        UtcTime().process_bind_param(datetime(2026, 11, 22), DIALECT)


def test_a_word_outside_the_set_is_refused() -> None:
    with pytest.raises(ValueError, match="sleeping"):
        EnumText(JobState).process_bind_param("sleeping", DIALECT)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_ordinary_text_is_kept_as_it_is(text: str) -> None:
    assert storable(text) == text


@given(st.text(st.characters()))
def test_whatever_a_page_sends_can_be_stored_and_storing_it_again_changes_nothing(text: str) -> None:
    stored = SafeText().process_bind_param(text, DIALECT)
    assert stored is not None
    stored.encode("utf-8")
    assert "\x00" not in stored
    assert storable(stored) == stored


def test_an_emoji_in_two_halves_is_joined_and_half_of_one_is_replaced() -> None:
    assert storable("\ud83d\ude00 \ud83d!") == "\U0001f600 \ufffd!"


def test_texts_inside_a_document_are_made_storable_too() -> None:
    document = {"a\ud83d": ["b\x00", {"c": ("d\udc00", 1, None, True)}]}
    assert Json().process_bind_param(document, DIALECT) == {"a\ufffd": ["b\ufffd", {"c": ["d\ufffd", 1, None, True]}]}
