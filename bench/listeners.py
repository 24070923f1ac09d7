"""What 200 listeners on /api/v1/events cost a real cycle. Run: python -m bench.listeners

A demo that stays (six accounts, real browsers) does a cycle with nobody listening and one with everybody, turn by turn,
and the medians are compared. The inboxes are unchanged, so every cycle is the same work.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import httpx

from bench.api import say
from tools.console_pictures import console

AIM = 1.05


def main() -> None:
    """Do the cycles and print."""
    parser = argparse.ArgumentParser(description="What listeners cost a real cycle.")
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    # Two hundred connections a round are more than one address may usually make in a minute.
    os.environ["RUNNER_CONSOLE__REQUESTS_PER_MINUTE"] = "1000000"
    with (
        tempfile.TemporaryDirectory(prefix="bench-listeners-") as name,
        console(Path(name)) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        for _ in range(2):  # the first reads what is new, and fails where the demo wants it to
            cycle(client)
        quiet, heard = [], []
        for number in range(args.rounds):
            quiet.append(cycle(client))
            with Listeners(url, args.listeners) as listeners:
                heard.append(cycle(client))
            say(f"round {number + 1}: {quiet[-1]:.2f} s alone, {heard[-1]:.2f} s, {min(listeners.heard)} events each")
    say(_told(quiet, heard, args.listeners))


def _told(quiet: Sequence[float], heard: Sequence[float], listeners: int) -> str:
    one, many = statistics.median(quiet), statistics.median(heard)
    spread = f"{min(quiet):.2f} to {max(quiet):.2f} against {min(heard):.2f} to {max(heard):.2f}"
    return (
        f"a cycle of six accounts: {one:.2f} s alone, {many:.2f} s with {listeners} listeners ({spread}), "
        f"ratio {many / one:.3f} (aim {AIM}); load {os.getloadavg()[0]:.1f}"
    )


def cycle(client: httpx.Client) -> float:
    """Seconds from a cycle's start to the end of its last job, by the runner's own clock."""
    batch = client.post("/batches", json={}).raise_for_status().json()
    while batch["done"] < batch["total"]:
        time.sleep(0.25)
        batch = client.get(f"/batches/{batch['id']}").raise_for_status().json()
    jobs = client.get("/jobs", params={"batch": batch["id"]}).raise_for_status().json()["items"]
    began = datetime.fromisoformat(batch["created_at"])
    return max((datetime.fromisoformat(job["ended_at"]) - began).total_seconds() for job in jobs)


class Listeners:
    """So many connections, each in a thread of its own, that read every event."""

    def __init__(self, url: str, count: int) -> None:
        self._url = f"{url}/api/v1/events"
        self.heard = [0] * count
        self._ready = threading.Barrier(count + 1)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._hear, args=(n,), daemon=True) for n in range(count)]

    def __enter__(self) -> Listeners:
        for thread in self._threads:
            thread.start()
        self._ready.wait(timeout=120)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _hear(self, number: int) -> None:
        with httpx.stream("GET", self._url, timeout=60) as answer:
            self._ready.wait(timeout=120)
            for line in answer.iter_lines():
                self.heard[number] += line.startswith("event:")
                if self._over.is_set():
                    return


if __name__ == "__main__":
    main()
