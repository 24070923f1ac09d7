"""What a person can do to a page, as a value: performed by Hands, and told in an Event without what was typed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from runner.browser.hands import KEYS, Hands


@dataclass(frozen=True, kw_only=True)
class Input(ABC):
    """One thing that a person does; places and distances in CSS pixels of the page as it is shown."""

    @abstractmethod
    async def perform(self, hands: Hands) -> None:
        """Do it. Raises RunnerError."""

    @abstractmethod
    def told(self) -> dict[str, Any]:
        """What an Event may say about it."""


@dataclass(frozen=True, kw_only=True)
class Click(Input):
    """A click; the second one at the same place, with `times` 2, makes a double click."""

    x: float
    y: float
    times: int = 1

    async def perform(self, hands: Hands) -> None:
        """Click."""
        await hands.click(self.x, self.y, times=self.times)

    def told(self) -> dict[str, Any]:
        """Where."""
        return {"did": "click" if self.times == 1 else "double_click", "x": round(self.x), "y": round(self.y)}


@dataclass(frozen=True, kw_only=True)
class Wheel(Input):
    """A turn of the wheel."""

    x: float
    y: float
    dx: float
    dy: float

    async def perform(self, hands: Hands) -> None:
        """Scroll."""
        await hands.wheel(self.x, self.y, self.dx, self.dy)

    def told(self) -> dict[str, Any]:
        """Where, and how far."""
        return {"did": "wheel", "x": round(self.x), "y": round(self.y), "dx": round(self.dx), "dy": round(self.dy)}


@dataclass(frozen=True, kw_only=True)
class Typed(Input):
    """Text, which may be a password: only its length is told."""

    text: str

    def __repr__(self) -> str:
        return f"Typed({len(self.text)} characters)"

    async def perform(self, hands: Hands) -> None:
        """Type it."""
        await hands.type_text(self.text)

    def told(self) -> dict[str, Any]:
        """How many characters."""
        return {"did": "type", "characters": len(self.text)}


@dataclass(frozen=True, kw_only=True)
class Key(Input):
    """One of the keys that carry no text."""

    key: str

    async def perform(self, hands: Hands) -> None:
        """Press it."""
        await hands.press(self.key)

    def told(self) -> dict[str, Any]:
        """Which: one that Hands refuses may be a letter, and is not told."""
        return {"did": "key", "key": self.key if self.key in KEYS else "?"}


@dataclass(frozen=True, kw_only=True)
class Back(Input):
    """Back to the page before."""

    async def perform(self, hands: Hands) -> None:
        """Go back."""
        await hands.back()

    def told(self) -> dict[str, Any]:
        """That is all."""
        return {"did": "back"}
