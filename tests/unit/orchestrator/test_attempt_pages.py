"""What the attempt's page says is to be done now."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from runner.domain.states import JobState, Outcome
from runner.orchestrator.attempt_pages import _then


def test_who_finds_a_parked_attempt_is_told_of_the_handoff_first() -> None:
    attempt = cast("Any", SimpleNamespace(outcome=Outcome.PARKED, reason="a captcha", account="amy"))
    words = _then(attempt, cast("Any", SimpleNamespace(state=JobState.PARKED)))
    assert 0 < words.index("runner handoff amy") < words.index("runner accounts resume amy")
    settled = _then(attempt, cast("Any", SimpleNamespace(state=JobState.SUCCEEDED)))
    assert "runner" not in settled
