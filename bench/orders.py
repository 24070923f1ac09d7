"""How a way is given its work: a JSON line per order on stdin, one per answer on stdout.

An order is `{"prepare": [account]}` once, and then `{"listings": {account: listing}}`: one session of each account,
side by side.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Plan = dict[str, Any]


def plan_of_this_process() -> Plan:
    """What `bench.ways` wrote for this way."""
    plan: Plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    return plan


async def answer(
    prepare: Callable[[], Awaitable[None]], sessions: Callable[[dict[str, dict[str, str]]], Awaitable[None]]
) -> None:
    """Carry out orders until stdin ends."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        started = time.monotonic()
        await (prepare() if "prepare" in order else sessions(order["listings"]))
        sys.stdout.write(json.dumps({"seconds": time.monotonic() - started}) + "\n")
        sys.stdout.flush()
