from __future__ import annotations

import pytest

from runner.domain.classification import MessageType
from runner.inbox.classify.measures import Judged, report

OFFER, SPAM = MessageType.OFFER, MessageType.SPAM_OR_SCAM


def judged(type_: MessageType, said: MessageType, confidence: float) -> Judged:
    return Judged(text="", type=type_, said=said, confidence=confidence)


def test_figures_are_counted_by_hand() -> None:
    found = report([judged(OFFER, OFFER, 0.95), judged(OFFER, SPAM, 0.95), judged(SPAM, SPAM, 0.55)])
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.types[OFFER].precision == 1
    assert found.types[OFFER].recall == 0.5
    assert found.macro_f1 == pytest.approx(2 / 3)
    assert found.confusion[OFFER][SPAM] == 1
    # Two at 0.95 of which one is right (off by 0.45 each), one at 0.55 that is right (off by 0.45).
    assert found.ece == pytest.approx(0.45)


def test_nothing_judged_is_no_error() -> None:
    assert report([]).macro_f1 == 0
