"""Checks 8 and 9: logins outlive kills one second after the sign-in, and session cookies a hundred relaunches."""

from __future__ import annotations

import asyncio

from tests.chaos import victims
from tests.chaos.figures import Figures
from tests.chaos.lane import Lane, Wanted, lane

SIGN_INS = "SELECT count(*) FROM ledger WHERE account = ? AND kind = 'sign_in'"
A_MOMENT_LATER_S = 1.0
LOOKED_S = 0.02
"""How late the sign-in is noticed, at most."""


async def kills_after_sign_in(figures: Figures, *, target: int, lanes: int) -> None:
    """SIGKILL everything one second after the sign-in: the next start is signed in without another one."""
    del lanes
    async with lane() as made:
        for _ in range(target):
            made.reset()
            # What the site has forgotten is a login that has ended: the next start types the password. The form is
            # slow, so that the browser is still at work a second later.
            made.faults({"route": "GET /sell*", "effect": "latency_ms", "ms": 3000})
            before = _sign_ins(made)
            runner = made.start()
            wanted = await made.submit("publish_listing")
            if not await made.until(lambda b=before: _sign_ins(made) > b, 60, 0.01):
                figures.breach("there was no sign-in to kill after")
            await asyncio.sleep(A_MOMENT_LATER_S - LOOKED_S)
            doomed = victims.family(runner.pid)
            if not doomed.browser:
                figures.breach("there was no browser to kill any more")
            victims.kill(doomed.members("all"))
            runner.wait()
            made.faults()
            await _again(made, wanted, figures)
            typed = _sign_ins(made) - before
            figures.counts["kills"] += 1
            figures.counts["signed in again with the password"] += typed - 1
            if typed != 1:
                figures.breach(f"{typed - 1} more sign-ins after a kill")


async def relaunches(figures: Figures, *, target: int, lanes: int) -> None:
    """Open and close the browser again and again: cookies that end with it are there each time."""
    del lanes
    async with lane() as made:
        text = made.config.read_text(encoding="utf-8")
        made.config.write_text(text.replace("commit_latency_s", "remember = false\ncommit_latency_s"), encoding="utf-8")
        for number in range(target + 1):
            runner = made.start("run", made.account, "check_login")
            if await asyncio.to_thread(runner.wait, 120):
                figures.breach(f"relaunch {number} ended with code {runner.returncode}")
            figures.counts["relaunches"] += number > 0
        figures.counts["sign-ins"] = _sign_ins(made)
        if figures.counts["sign-ins"] != 1:
            figures.breach(f"{figures.counts['sign-ins']} sign-ins where one was enough")


async def _again(made: Lane, wanted: Wanted, figures: Figures) -> None:
    runner = made.start()
    if not await made.ended(wanted.job_id):
        figures.breach(f"job {wanted.job_id} did not come to an end")
    await made.stop(runner)


def _sign_ins(made: Lane) -> int:
    return int(made.shop.execute(SIGN_INS, (made.account,)).fetchone()[0])
