"""The port: whoever can say what Messages want."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runner.domain.classification import Asked, Classification


class Classifier(Protocol):
    """Says what Messages want; a failure is raised, and then nothing is known of any of them."""

    async def classify(self, asked: Sequence[Asked]) -> list[Classification]:
        """One Classification for each, in order."""
        ...
