from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.inbox.classify import examples
from runner.inbox.classify.wording import Concepts, frame, read

CONCEPTS = examples.lessons().concepts


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert isinstance(read(text, CONCEPTS).ideas, str)


def test_one_idea_is_the_same_in_three_languages() -> None:
    asked = [read(text, CONCEPTS).ideas for text in ("how much is it?", "¿cuánto cuesta?", "c'est combien ?")]
    assert all("howmuch" in ideas.split() for ideas in asked)


def test_figures_are_told_by_what_they_are() -> None:
    wording = read("call 07700 900123 at 6pm, I'd pay $45 for no 12, see www.x.example", CONCEPTS)
    assert [mark for mark in wording.words.split() if mark.startswith("z")] == ["zphone", "ztime", "zmoney", "zlink"]
    assert "45" not in wording.letters


def test_longer_phrases_and_their_first_words_are_both_seen() -> None:
    concepts = Concepts.parse("# comment\nfree: come\nmeet: come by, see you\n")
    assert read("Come by! SEE   you", concepts).ideas.split() == ["free", "meet", "calls", "meet", "middling"]


def test_a_frame_keeps_the_common_words_and_one_gap_for_what_lies_between() -> None:
    words = read("Is the red snowblower still available?", CONCEPTS).words
    assert frame(words, frozenset({"is", "the", "still", "available", "?"})) == "« is the … still available ? »"
