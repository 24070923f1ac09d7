"""How good a classifier is, from what it said of examples whose types are known. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from runner.domain.classification import MessageType

BINS = 10


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One example: what it is, and what was said of it with which confidence."""

    text: str
    type: MessageType
    said: MessageType
    confidence: float


@dataclass(frozen=True, kw_only=True)
class TypeFigures:
    """How well one type is told; shares from 0 to 1, and how many examples of it there were."""

    precision: float
    recall: float
    f1: float
    examples: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """How well all types are told."""

    examples: int
    accuracy: float
    macro_f1: float
    ece: float
    types: dict[MessageType, TypeFigures]
    confusion: dict[MessageType, dict[MessageType, int]]
    """By what it is, how often what was said of it."""


def report(judged: Sequence[Judged]) -> Report:
    """The figures of some judged examples."""
    counts = Counter((each.type, each.said) for each in judged)
    types = {each: _figures(each, counts) for each in MessageType}
    present = [figures.f1 for figures in types.values() if figures.examples]
    return Report(
        examples=len(judged),
        accuracy=_share(sum(each.type is each.said for each in judged), len(judged)),
        macro_f1=_share(sum(present), len(present)),
        ece=calibration_error(judged),
        types=types,
        confusion={row: {column: counts[row, column] for column in MessageType} for row in MessageType},
    )


def calibration_error(judged: Sequence[Judged]) -> float:
    """Expected calibration error: by how much confidence misses accuracy, over ten bins of equal width.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3.
    """
    bins: dict[int, list[Judged]] = {}
    for each in judged:
        bins.setdefault(min(int(each.confidence * BINS), BINS - 1), []).append(each)
    missed = (abs(sum((each.type is each.said) - each.confidence for each in held)) for held in bins.values())
    return _share(sum(missed), len(judged))


def _figures(type_: MessageType, counts: Counter[tuple[MessageType, MessageType]]) -> TypeFigures:
    right = counts[type_, type_]
    there = sum(count for (is_, _), count in counts.items() if is_ is type_)
    told = sum(count for (_, said), count in counts.items() if said is type_)
    return TypeFigures(
        precision=_share(right, told), recall=_share(right, there), f1=_share(2 * right, there + told), examples=there
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
