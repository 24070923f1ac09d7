"""What is known of a page without asking the browser again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LastResponse:
    """The last answer of the Site to a document or data request; names of `headers` are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
