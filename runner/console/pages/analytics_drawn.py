"""What a chart on the Analytics page is made of: rows for its table, and series for the drawing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.console import parts
from runner.console.charts import Series


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One chart's figures: rows for the table, their names and their series for the drawing."""

    names: Sequence[str]
    series: Sequence[Series]
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[parts.Column]
    lying: bool = False
    """Bars that lie, for names that are words."""
    whole: bool = True


def column(name: str, key: str, tell: Callable[[Any], str] = str) -> parts.Column:
    """A column of numbers."""
    return parts.Column(name=name, show=lambda row: tell(row[key]), numeric=True)
