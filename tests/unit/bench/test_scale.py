"""What is asked again and again costs the same in a small store and in one five times as large.

It is counted in the steps that SQLite takes, which no other process and no clock has a part in: whoever looks
through all Jobs, Events or Messages takes as many more as there are.
"""

from __future__ import annotations

import asyncio

import pytest

from bench.scale import MOST_SLOPE, slope
from bench.scale_calls import Asked, asked
from bench.scale_store import Shop, built

SIZES = (8_000, 40_000)
FLAT = (
    "claim and succeed",
    "rotation: whose turn",
    "is work stuck",
    "jobs",
    "jobs failed",
    "jobs of one account",
    "batches",
    "threads",
    "threads open",
    "threads unread",
    "errors",
    "events",
    "due times: one step",
    "due times: nothing to do",
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Asked]]:
    folder = tmp_path_factory.mktemp("scale")
    return {size: asyncio.run(asked(built(folder, Shop(jobs=size)), rounds=1, names=FLAT)) for size in SIZES}


@pytest.mark.parametrize("name", FLAT)
def test_it_takes_no_more_steps_in_a_larger_store(found: dict[int, dict[str, Asked]], name: str) -> None:
    steps = {size: found[size][name].steps for size in SIZES}
    # A few hundred steps more are one more level of an index.
    assert slope({size: float(each + 2_000) for size, each in steps.items()}) < MOST_SLOPE, steps
