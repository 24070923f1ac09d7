"""The mock marketplace as a process of its own, for the demo: started, asked for its ledger, stopped."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import urllib.parse
import urllib.request
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from runner.errors import SetupError

START_S = 30.0
STOP_S = 5.0


NOTE = "marketplace.json"
"""In its folder: the process that serves it, or served it last, and its address."""


class LocalMarket:
    """A running marketplace. `start` it; `stop` it, unless it is to go on without us."""

    def __init__(self, process: Process, url: str) -> None:
        self._process = process
        self.url = url

    @classmethod
    async def start(cls, folder: Path, *, seed: int = 7) -> LocalMarket:
        """Start it and wait until it listens. Raises SetupError with what it said when it does not.

        A folder that was served before is served at the same address again where that is free: published listings and
        the browsers' stored logins belong to an address.
        """
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        log = folder / "marketplace.log"
        port = _free_port_of(_noted(folder))
        command = [sys.executable, "-m", "runner.marketplace", "--port", str(port), "--data-dir", str(folder)]
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *command,
                *("--seed", str(seed), "--json"),
                stdin=DEVNULL,  # one that is kept must not hold on to the terminal
                stdout=PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                url = json.loads(await process.stdout.readline())["url"]
            (folder / NOTE).write_text(json.dumps({"url": url, "pid": process.pid}) + "\n", encoding="utf-8")
        except (TimeoutError, ValueError) as wrong:
            await _ended(process)
            raise _why_not(folder, log) from wrong
        except BaseException:  # Ctrl-C: nothing of ours is left behind
            await _ended(process)
            raise
        return cls(process, url)

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

    async def incoming(self, account: str, counterpart: str, text: str) -> None:
        """Have a counterpart write, as a buyer would."""
        body = {"account": account, "counterpart": counterpart, "text": text}
        await asyncio.to_thread(self._call, "POST", "/_incoming", body)

    def _call(self, method: str, path: str, body: Any) -> Any:
        request = urllib.request.Request(  # noqa: S310 — the address is our own process on loopback
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 — as above
                return json.load(answer)
        except OSError as gone:
            raise SetupError(
                f"The mock marketplace at {self.url} does not answer: {gone}.", cure="Start the demo again."
            ) from gone


async def _ended(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


def _why_not(folder: Path, log: Path) -> SetupError:
    running = _noted(folder)
    if running and _is_marketplace(running["pid"]):
        return SetupError(
            f"A marketplace works in {folder} already, at {running['url']}.",
            cure=f"End it with: kill {running['pid']}   or choose another folder with --dir.",
        )
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return SetupError(
        f"The mock marketplace did not start: {said[-1] if said else 'it said nothing.'}", cure=f"Look into {log}."
    )


def _noted(folder: Path) -> dict[str, Any] | None:
    """What the last marketplace of this folder noted; nothing where there was none or it was cut off while noting."""
    try:
        noted: dict[str, Any] = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return noted


def _is_marketplace(pid: int) -> bool:
    try:
        return "runner.marketplace" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _free_port_of(noted: dict[str, Any] | None) -> int:
    """The port of last time; 0, which takes any, where somebody else has it now."""
    if noted is None:
        return 0
    port = urllib.parse.urlsplit(str(noted["url"])).port or 0
    return port if is_free(port) else 0


def is_free(port: int) -> bool:
    """Whether nobody listens at this port of 127.0.0.1."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
