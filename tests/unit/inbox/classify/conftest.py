from __future__ import annotations

from dataclasses import replace

import pytest

from runner.inbox.classify import examples, model
from runner.inbox.classify.examples import Example, Lessons
from runner.inbox.classify.model import Model


@pytest.fixture(scope="package")
def halves() -> tuple[list[Example], list[Example]]:
    """What a model may learn from, and what it is judged by."""
    return examples.split(examples.lessons().examples)


@pytest.fixture(scope="package")
def lessons(halves: tuple[list[Example], list[Example]]) -> Lessons:
    return replace(examples.lessons(), examples=tuple(halves[0]))


@pytest.fixture(scope="package")
def trained(lessons: Lessons) -> Model:
    """One model for all tests here: it takes seconds to train, and is never changed."""
    return model.train(lessons)
