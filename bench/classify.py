"""How well and how fast does the local classifier tell what messages want? Run: python -m bench.classify [--json].

It learns from four fifths of the authors of the shipped examples and is judged by the others, whose messages it has
never read; then it classifies theirs again and again, facts included. What counts is processor time, so "per second" is
per second of one core. Result: docs/inbox.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner.domain.classification import Asked, MessageType
from runner.inbox.classify import examples, model
from runner.inbox.classify.examples import Example
from runner.inbox.classify.local import classified
from runner.inbox.classify.measures import Judged, Report, report
from runner.inbox.classify.model import Model

MESSAGES = 4_000


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one run found."""

    report: Report
    train_s: float
    messages_per_s: float


def measure() -> Measured:
    """Train, judge, and classify some thousand messages in batches; processor time, as the machine may be shared."""
    lessons = examples.lessons()
    learnt, held = examples.split(lessons.examples)
    begun = time.process_time()
    trained = model.train(replace(lessons, examples=tuple(learnt)))
    train_s = time.process_time() - begun
    return Measured(report=judge(trained, held), train_s=train_s, messages_per_s=speed(trained, held))


def judge(trained: Model, held: Sequence[Example]) -> Report:
    """The figures on examples that it has not learnt from."""
    said = classified(trained, [Asked(text=each.text) for each in held])
    return report(
        [
            Judged(text=each.text, type=each.type, said=what.type, confidence=what.confidence)
            for each, what in zip(held, said, strict=True)
        ]
    )


def speed(trained: Model, held: Sequence[Example]) -> float:
    """Messages per second of processor time."""
    asked = [Asked(text=held[n % len(held)].text) for n in range(MESSAGES)]
    begun = time.process_time()
    for start in range(0, MESSAGES, 200):
        classified(trained, asked[start : start + 200])
    return MESSAGES / (time.process_time() - begun)


def table(found: Measured) -> str:
    """The figures as a person reads them."""
    told = found.report
    lines = [
        f"{told.examples} messages held back by author: macro-F1 {told.macro_f1:.3f}, ECE {told.ece:.3f}, "
        f"accuracy {told.accuracy:.3f}",
        f"{found.messages_per_s:,.0f} messages per second on one core; trained in {found.train_s:.1f} s",
        "",
        f"{'':20}{'precision':>10}{'recall':>8}{'F1':>8}   said: " + " ".join(f"{each[:6]:>6}" for each in MessageType),
    ]
    for each, of in told.types.items():
        row = " ".join(f"{told.confusion[each][column] or '·':>6}" for column in MessageType)
        lines.append(f"{each:20}{of.precision:10.3f}{of.recall:8.3f}{of.f1:8.3f}         {row}")
    return "\n".join(lines)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    as_json = parser.parse_args().json
    found = measure()
    if as_json:
        told = found.report
        figures = {"macro_f1": told.macro_f1, "ece": told.ece, "examples": told.examples, "train_s": found.train_s}
        text = json.dumps(figures | {"messages_per_s": found.messages_per_s})
    else:
        text = table(found)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
