"""What a check counted: one line, and whether a promise was broken."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Figures:
    """`counts` in the order in which they are said; `breaches` are sentences for a person."""

    check: str
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    recovery_s: list[float] = field(default_factory=list)
    rescue_s: list[float] = field(default_factory=list)
    gone_s: list[float] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def breach(self, words: str) -> None:
        """A promise was broken."""
        self.breaches.append(words)

    def line(self) -> str:
        """All figures in one line."""
        words = [f"{name} {count}" for name, count in self.counts.items()]
        for name, times in (("recovery", self.recovery_s), ("rescue", self.rescue_s), ("gone", self.gone_s)):
            if times:
                half, most, worst = (percentile(times, part) for part in (0.5, 0.95, 1.0))
                words.append(f"{name} p50 {half:.1f} s p95 {most:.1f} s max {worst:.1f} s")
        verdict = "BREACH" if self.breaches else "ok"
        took_s = time.monotonic() - self.started
        return f"{self.check}: {verdict} | {' | '.join(words)} | {took_s:.0f} s | seed {self.seed}"


def percentile(times: list[float], part: float) -> float:
    """The value below which this part of the sorted times lies."""
    return sorted(times)[min(len(times) - 1, int(part * len(times)))]
