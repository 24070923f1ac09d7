"""The mock marketplace as a process of its own, for the demo: started, asked for its ledger, stopped."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.errors import SetupError

START_S = 30.0
STOP_S = 5.0


class LocalMarket:
    """A running marketplace. `start` it on a free port; `stop` it, unless it is to go on without us."""

    def __init__(self, process: Process, url: str) -> None:
        self._process = process
        self.url = url

    @classmethod
    async def start(cls, folder: Path, *, seed: int = 7) -> LocalMarket:
        """Start it and wait until it listens. Raises SetupError with what it said when it does not."""
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        log = folder / "marketplace.log"
        command = [sys.executable, "-m", "runner.marketplace", "--port", "0", "--data-dir", str(folder)]
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *command, "--seed", str(seed), "--json", stdout=PIPE, stderr=errors, start_new_session=True
            )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                line = await process.stdout.readline()
            return cls(process, json.loads(line)["url"])
        except (TimeoutError, ValueError) as wrong:
            if process.returncode is None:
                process.kill()
            await process.wait()
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise SetupError(
                f"The mock marketplace did not start: {said[-1] if said else 'it said nothing'}.",
                cure=f"Look into {log}.",
            ) from wrong

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def stop(self) -> None:
        """Ask it to end, and make it end."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def ledger(self) -> list[dict[str, Any]]:
        """Everything that happened to it, oldest first."""
        entries = (await asyncio.to_thread(self._call, "GET", "/_ledger", None))["entries"]
        return list(entries)

    async def set_faults(self, rules: Sequence[dict[str, Any]]) -> None:
        """Replace the rules by which it misbehaves."""
        await asyncio.to_thread(self._call, "PUT", "/_faults", list(rules))

    def _call(self, method: str, path: str, body: Any) -> Any:
        request = urllib.request.Request(  # noqa: S310 — the address is our own process on loopback
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 — as above
            return json.load(answer)
