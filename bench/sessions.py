"""The same sessions for every way in turn, each checked against the marketplace's ledger."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from bench import goods, measure
from bench.market import THREADS, BenchMarket
from bench.measure import Meter
from bench.report import Measurement
from bench.ways import OURS, Way, Ways, Worker

T = TypeVar("T", Way, str)

ACCOUNTS = ("farid", "elena", "dev", "carla")
EVIDENCE = ("none", "default", "trace")


class Bench:
    """Gives the same sessions to all ways in turn: which goes first changes every round."""

    def __init__(
        self, market: BenchMarket, photo: Path, ways: Ways, which: Sequence[Way], widths: Sequence[int]
    ) -> None:
        self._market, self._photo, self._ways, self._which = market, photo, ways, which
        self._widths, self._accounts = widths, ACCOUNTS[: max(widths)]
        self._workers = {(way, width): ways.worker(way, width) for width in widths for way in which}
        self._made = 0

    def prepare(self) -> None:
        """Sign in, read what is old, and do everything once so that all is warm."""
        for (way, browsers), worker in self._workers.items():
            worker.order({"prepare": self._accounts[:browsers]})
            for _ in range(2 if way in OURS else 1):  # in its first session the runner trains its classifier, once
                self.once(way, browsers, number=0)

    def once(
        self, way: Way, browsers: int, *, number: int, memory: bool = False, worker: Worker | None = None
    ) -> Measurement:
        """Measure `browsers` sessions side by side. Raises RuntimeError when they did not do their work."""
        worker = worker or self._workers[way, browsers]
        order = self._order(browsers)
        with Meter(worker.pid, memory=memory) as meter:
            seconds = worker.order(order)
        held = measure.held_bytes(worker.pid) if memory else None
        if number:  # the first time reads what was unread before, too
            self._check(way, self._accounts[:browsers])
        return Measurement(way=way, browsers=browsers, round=number, seconds=seconds, cost=meter.cost, held=held)

    def rounds(self, count: int, *, first: int, memory: bool) -> list[Measurement]:
        """So many rounds of every way and number of browsers."""
        measured = []
        for number in range(first, first + count):
            for width in self._widths:
                measured += [self.once(way, width, number=number, memory=memory) for way in turned(self._which, number)]
            tell(f"round {number}{' (memory)' if memory else ''} done")
        return measured

    def cold(self, count: int, which: Sequence[Way]) -> dict[Way, list[float]]:
        """Seconds from the start of a process to the end of its first session."""
        found: dict[Way, list[float]] = {way: [] for way in which}
        for way in which:
            with self._ways.started(way, 1, name="cold") as worker:
                worker.order({"prepare": self._accounts[:1]})
        for number in range(count):
            for way in turned(which, number):
                order, started = self._order(1), time.monotonic()
                with self._ways.started(way, 1, name="cold") as worker:
                    worker.order(order)
                    found[way].append(time.monotonic() - started)
                self._check(way, self._accounts[:1])
                tell(f"{way}: {found[way][-1]:.1f} s from its start to its first result")
        return found

    def evidence(self, count: int) -> dict[str, list[Measurement]]:
        """The runner's sessions with each kind of evidence, in turn."""
        found: dict[str, list[Measurement]] = {kind: [] for kind in EVIDENCE}
        workers = {kind: self._ways.runner_aside(kind, evidence=kind) for kind in EVIDENCE}
        for worker in workers.values():
            worker.order({"prepare": self._accounts[:1]})
            self.once(Way.RUNNER, 1, number=0, worker=worker)
        for number in range(1, count + 1):
            for kind in turned(EVIDENCE, number):
                found[kind].append(self.once(Way.RUNNER, 1, number=number, worker=workers[kind]))
        return found

    def readings(self, count: int) -> Mapping[str, list[float]]:
        """Seconds of reading all inboxes for the first time, and again unchanged, each time in a new store."""
        found: dict[str, list[float]] = {"first": [], "again": []}
        for number in range(count):
            worker = self._ways.runner_aside(f"reading-{number}")
            worker.order({"flow": "check_login", "accounts": self._accounts})
            for seconds in found.values():
                seconds.append(worker.order({"prepare": self._accounts}))
        return found

    def _order(self, browsers: int) -> dict[str, dict[str, dict[str, str]]]:
        self._market.tidy()
        self._market.write_to(self._accounts[:browsers])
        return {"listings": {account: self._listing() for account in self._accounts[:browsers]}}

    def _listing(self) -> dict[str, str]:
        self._made += 1
        return goods.listing(self._made, self._photo)

    def _check(self, way: Way, accounts: Sequence[str]) -> None:
        done = self._market.done()
        for account in accounts:
            counts = done.get(account, Counter())
            if counts.get("listing_published") != 1 or counts.get("thread_read") != THREADS:
                raise RuntimeError(f"{way} did not do its work for {account}: the ledger says {dict(counts)}")


def turned(what: Sequence[T], number: int) -> list[T]:
    """The same in another order each time, so that nobody is always first, or always after the same neighbour."""
    begin = number % len(what)
    found = [*what[begin:], *what[:begin]]
    return found if number % 2 else found[::-1]


def tell(words: str) -> None:
    """A line for whoever waits."""
    sys.stderr.write(f"bench: {words}\n")
