"""The examples that a model learns from: those that ship under runner/inbox/data, and the corrections of people."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from runner.domain.classification import Correction, MessageType
from runner.inbox.classify.wording import Concepts

HELD_BACK = 5
"""One group in so many is held back by `split`."""

COMPOSED = "composed-"
"""Groups of messages that were put together from fragments, two wants in each, to teach which one wins."""

CORRECTION_WEIGHT = 4.0
"""What a person said of a real Message counts as much as so many shipped examples."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A text of which the type is known; those of one `group` (an author, a template) are never split."""

    text: str
    type: MessageType
    language: str
    group: str
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """What to learn from, with the words that stand for one idea."""

    examples: tuple[Example, ...]
    concepts: Concepts
    shipped: str
    """Hash of the shipped files: a model that learnt from others is out of date."""

    @property
    def digest(self) -> str:
        """Hash of everything that is learnt from, corrections included."""
        hashed = hashlib.sha256(self.shipped.encode())
        for each in self.examples:
            hashed.update(f"{each.type}\x1f{each.weight}\x1f{each.text}\x1e".encode("utf-8", "surrogatepass"))
        return hashed.hexdigest()


def lessons(corrections: Sequence[Correction] = ()) -> Lessons:
    """The shipped examples, and the corrections in place of those with the same text."""
    files = {name: _shipped(name) for name in ("messages.csv", "concepts.txt")}
    corrected = {_same(each.text): each for each in sorted(corrections, key=lambda each: each.id)}
    examples = [each for each in _parse(files["messages.csv"]) if _same(each.text) not in corrected]
    examples += [
        Example(text=each.text, type=each.type, language="", group=f"correction-{each.id}", weight=CORRECTION_WEIGHT)
        for each in corrected.values()
    ]
    shipped = hashlib.sha256("\x1e".join(files.values()).encode()).hexdigest()
    return Lessons(examples=tuple(examples), concepts=Concepts.parse(files["concepts.txt"]), shipped=shipped)


def split(examples: Iterable[Example]) -> tuple[list[Example], list[Example]]:
    """Those to learn from and those held back: a fifth of the groups of each language, always the same ones.

    Corrections are never held back, nor is what was composed of fragments: it would be too easy to judge by.
    """
    groups = sorted(
        {(each.language, each.group) for each in examples if each.language and not each.group.startswith(COMPOSED)}
    )
    held = {
        group
        for language in {language for language, _ in groups}
        for place, group in enumerate(_shuffled(name for tongue, name in groups if tongue == language))
        if place % HELD_BACK == 0
    }
    learnt = [each for each in examples if each.group not in held]
    return learnt, [each for each in examples if each.group in held]


def _shuffled(groups: Iterable[str]) -> list[str]:
    return sorted(groups, key=lambda group: hashlib.sha256(group.encode()).hexdigest())


def _parse(text: str) -> list[Example]:
    return [
        Example(text=row["text"], type=MessageType(row["type"]), language=row["language"], group=row["group"])
        for row in csv.DictReader(text.splitlines(keepends=True))
    ]


def _shipped(name: str) -> str:
    return (resources.files("runner.inbox") / "data" / name).read_bytes().decode("utf-8")


def _same(text: str) -> str:
    return " ".join(text.lower().split())
