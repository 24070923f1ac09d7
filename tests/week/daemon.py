"""The daemon of a simulated week: `runner daemon` with its clock and nothing else exchanged.

    python -m tests.week.daemon CLOCK_FILE        in the operator's folder

What sleeps for seconds of the machine's time until it looks at the clock again, looks sooner here: a virtual hour is
over in an instant, and nobody should wait 15 s for the next look.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from runner import wiring
from runner.cli import options
from runner.orchestrator import deciding, following_up, scheduler, understanding
from tests.week.clock import SharedClock

LOOK_EVERY_S = 0.25
LOOKS = (
    (scheduler, "LOOK_EVERY_S"),
    (understanding, "SWEEP_EVERY_S"),
    (deciding, "SWEEP_EVERY_S"),
    (following_up, "SWEEP_EVERY_S"),
)


def main() -> None:
    """Work until SIGTERM, or until somebody kills it."""
    for module, name in LOOKS:
        setattr(module, name, LOOK_EVERY_S)
    settings, redactor = options.settings(None)
    clock = SharedClock(Path(sys.argv[1]))

    async def work(stop: asyncio.Event) -> None:
        async with wiring.open_runner(settings, redactor, clock=clock) as runner:
            await runner.orchestrator.run(stop, beside=runner.create_jobs)

    options.enter(work)


if __name__ == "__main__":
    main()
