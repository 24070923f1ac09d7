"""The chaos checks: python -m tests.chaos [CHECK …] [--short] [--seed N]. One line of figures each; 1 on a breach."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from tests.chaos import answers, broken_profiles, freezes, kills, logins
from tests.chaos.engine_checks import ENGINE_CHECKS
from tests.chaos.figures import Figures

Check = Callable[..., Awaitable[None] | None]

CHECKS: dict[str, tuple[Check, dict[str, int], dict[str, int]]] = {
    # The check, its long form, its short form.
    "kills": (kills.kills, {"target": 300, "lanes": 2, "minutes": 60}, {"target": 3, "lanes": 1, "minutes": 5}),
    "unjournaled": (kills.unjournaled, {"target": 20, "lanes": 1}, {"target": 2, "lanes": 1}),
    "lost_answers": (answers.lost_answers, {"target": 30, "lanes": 3}, {"target": 1, "lanes": 1}),
    "late_commits": (answers.late_commits, {"target": 20, "lanes": 1}, {"target": 1, "lanes": 1}),
    "false_bound": (answers.false_bound, {"target": 4, "lanes": 1}, {"target": 1, "lanes": 1}),
    "freezes": (freezes.freezes, {"target": 16, "lanes": 4}, {"target": 1, "lanes": 1}),
    "broken_profiles": (broken_profiles.broken_profiles, {"target": 5, "lanes": 1}, {"target": 1, "lanes": 1}),
    "kills_after_sign_in": (logins.kills_after_sign_in, {"target": 20, "lanes": 1}, {"target": 2, "lanes": 1}),
    "relaunches": (logins.relaunches, {"target": 100, "lanes": 1}, {"target": 3, "lanes": 1}),
    **ENGINE_CHECKS,
}


async def _until_told(check: Coroutine[Any, Any, None]) -> None:
    """A check that is stopped by SIGTERM, too, ends all that it has started."""
    task = asyncio.ensure_future(check)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


def main() -> int:
    """Run the checks that were asked for, one after the other; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("check", nargs="*", choices=[*CHECKS, []], help="which checks; all when none is named")
    parser.add_argument("--short", action="store_true", help="the form that runs in `make test`")
    parser.add_argument("--seed", type=int, default=20261122, help="the same seed makes the same choices")
    parser.add_argument("--target", type=int, help="another number of kills or submits")
    parser.add_argument("--lanes", type=int, help="another number of marketplaces at once")
    parser.add_argument("--minutes", type=int, help="when `kills` stops at last, all given or not")
    asked = parser.parse_args()
    broken = False
    for name in asked.check or CHECKS:
        check, long, short = CHECKS[name]
        sizes = short if asked.short else long
        given = {key: value for key in sizes if (value := getattr(asked, key, None)) is not None}
        figures = Figures(check=name, seed=asked.seed)
        done = check(figures, **{**sizes, **given})
        if inspect.iscoroutine(done):
            asyncio.run(_until_told(done))
        print(figures.line(), flush=True)  # noqa: T201 because the line is what was asked for
        for breach in figures.breaches:
            print(f"  {breach}", file=sys.stderr)  # noqa: T201 because a person must read it
        broken = broken or bool(figures.breaches)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
