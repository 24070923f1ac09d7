from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from runner.domain.classification import Correction, MessageType
from runner.inbox.classify import examples

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def correction(text: str, type_: MessageType, number: int = 1) -> Correction:
    return Correction(id=number, message_id=7, text=text, type=type_, by="ana", at=NOON)


def test_what_ships_is_many_distinct_messages_of_every_type_in_three_languages() -> None:
    shipped = examples.lessons().examples
    assert len({each.text.lower() for each in shipped}) == len(shipped) >= 1_500
    assert min(Counter(each.type for each in shipped).values()) >= 100
    languages = Counter(each.language for each in shipped)
    assert 0.65 <= languages["en"] / len(shipped) <= 0.85
    assert min(languages["es"], languages["fr"]) >= 200


def test_no_author_is_both_learnt_from_and_judged_by() -> None:
    learnt, held = examples.split(examples.lessons().examples)
    assert not {each.group for each in learnt} & {each.group for each in held}
    assert 0.15 <= len(held) / (len(held) + len(learnt)) <= 0.3
    assert {each.type for each in held} == set(MessageType)
    assert {each.language for each in held} == {"en", "es", "fr"}


def test_a_correction_stands_in_place_of_the_example_with_the_same_text_and_weighs_more() -> None:
    shipped = examples.lessons()
    known = shipped.examples[0]
    corrected = examples.lessons([correction(known.text.upper(), MessageType.COMPLAINT)])
    assert len(corrected.examples) == len(shipped.examples)
    [learnt] = [each for each in corrected.examples if each.text.lower() == known.text.lower()]
    assert (learnt.type, learnt.weight > known.weight) == (MessageType.COMPLAINT, True)
    assert corrected.digest != shipped.digest
    assert corrected.shipped == shipped.shipped


def test_of_two_corrections_of_one_text_the_later_one_counts_and_none_is_held_back() -> None:
    texts = [correction("zzz zzz", MessageType.OFFER), correction("zzz  ZZZ", MessageType.CLOSING, 2)]
    learnt, _ = examples.split(examples.lessons(texts).examples)
    assert [each.type for each in learnt if each.text.lower().startswith("zzz")] == [MessageType.CLOSING]
