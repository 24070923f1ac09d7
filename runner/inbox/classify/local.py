"""The local classifier: offline, on one core, from a model in the data folder that is made anew when it must be."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from runner.domain.classification import Asked, Classification, Correction, Likely, MessageType
from runner.inbox.classify import examples
from runner.inbox.classify.facts import facts_in
from runner.inbox.classify.measures import Judged, Report, report

if TYPE_CHECKING:  # scikit-learn takes seconds to import: only where a model is needed, and never on the event loop
    from runner.inbox.classify.model import Model, Reason

log = structlog.get_logger()

FILE = "classifier.skops"
TOP = 3
AT_ONCE = 500
"""So many Messages are classified before the event loop is looked after again."""


class LocalClassifier:
    """A model that is loaded at the first need, and trained when the file in `folder` is missing or of no use.

    `corrections` are asked for at every training. A file that another process has renewed is taken up by itself.
    """

    def __init__(self, folder: Path, corrections: Callable[[], Awaitable[Sequence[Correction]]]) -> None:
        self._path = folder / FILE
        self._corrections = corrections
        self._loading = asyncio.Lock()
        self._model: Model | None = None
        self._seen: tuple[int, int] | None = None

    async def classify(self, asked: Sequence[Asked]) -> list[Classification]:
        """One Classification for each, in order."""
        model = await self._ready()
        found: list[Classification] = []
        for start in range(0, len(asked), AT_ONCE):
            found += await asyncio.to_thread(classified, model, asked[start : start + AT_ONCE])
        return found

    async def explain(self, text: str, type_: MessageType, *, limit: int) -> list[Reason]:
        """What spoke for a type and against it."""
        model = await self._ready()
        return await asyncio.to_thread(functools.partial(model.reasons, text, type_, limit=limit))

    async def train(self) -> Model:
        """Learn anew from what ships and what people have corrected, and keep that."""
        async with self._loading:
            return await self._train()

    async def evaluate(self) -> Report:
        """Learn from four fifths of the groups with the corrections, and be judged by the fifth; keeps nothing."""
        return await asyncio.to_thread(_evaluated, await self._corrections())

    async def _ready(self) -> Model:
        async with self._loading:
            stamp = await asyncio.to_thread(self._stamp)
            if self._model is None or stamp != self._seen:
                await self._load()
            assert self._model is not None
            return self._model

    async def _load(self) -> None:
        try:
            self._model = await asyncio.to_thread(_loaded, self._path)
            self._seen = await asyncio.to_thread(self._stamp)
        except _unfit() as why:
            log.info("the classifier is trained anew; this takes seconds", why=str(why), file=str(self._path))
            await self._train()

    async def _train(self) -> Model:
        corrections = await self._corrections()
        made, took_s = await asyncio.to_thread(_trained, corrections, self._path)
        self._model, self._seen = made, await asyncio.to_thread(self._stamp)
        log.info("classifier trained", version=made.version, corrections=len(corrections), seconds=took_s)
        return made

    def _stamp(self) -> tuple[int, int] | None:
        """What changes when the file is replaced; None where there is none."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns


def classified(model: Model, asked: Sequence[Asked]) -> list[Classification]:
    """What a model says of some Messages."""
    shares = model.probabilities([each.text for each in asked])
    return [_classification(each, row, model.version) for each, row in zip(asked, shares, strict=True)]


def _classification(asked: Asked, row: Sequence[float], by: str) -> Classification:
    likely = sorted(zip(MessageType, row, strict=True), key=lambda each: -each[1])
    top = tuple(Likely(type=type_, probability=share) for type_, share in likely[:TOP])
    return Classification(
        type=top[0].type,
        confidence=top[0].probability,
        top=top,
        first_contact=asked.first_contact,
        extracted=facts_in(asked.text),
        by=by,
    )


def _unfit() -> type[Exception]:
    from runner.inbox.classify.model import Unfit

    return Unfit


def _loaded(path: Path) -> Model:
    from runner.inbox.classify import model

    return model.load(path, examples.lessons())


def _trained(corrections: Sequence[Correction], path: Path) -> tuple[Model, float]:
    from runner.inbox.classify import model

    begun = time.perf_counter()
    lessons = examples.lessons(corrections)
    made = model.train(lessons)
    try:
        model.save(made, lessons, path)
    except OSError as error:
        log.warning("the classifier could not be kept, and is trained again next time", file=str(path), why=str(error))
    return made, round(time.perf_counter() - begun, 1)


def _evaluated(corrections: Sequence[Correction]) -> Report:
    from dataclasses import replace

    from runner.inbox.classify import model

    lessons = examples.lessons(corrections)
    learnt, held = examples.split(lessons.examples)
    made = model.train(replace(lessons, examples=tuple(learnt)))
    said = classified(made, [Asked(text=each.text) for each in held])
    return report(
        [
            Judged(text=each.text, type=each.type, said=what.type, confidence=what.confidence)
            for each, what in zip(held, said, strict=True)
        ]
    )
