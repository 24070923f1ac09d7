"""The simulated week in its short form: a virtual day of two accounts, judged by the marketplace's ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.week.__main__ import SHORT
from tests.week.week import lived


@pytest.mark.timeout(400)
def test_a_simulated_day_is_answered_or_queued_as_the_rules_say(tmp_path: Path) -> None:
    report, _ = lived(SHORT, seed=7, keep=tmp_path / "week")
    assert report.verdict.breaches == []
    counts = report.verdict.counts
    assert counts["by counterpart"] >= SHORT.messages
    assert counts["answered"] > 0
    assert (report.figures["kills"], report.figures["faults fired"] > 0) == (SHORT.kills, True)
