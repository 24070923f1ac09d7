"""Check 5: a worker stopped past its lease wakes up while another has taken over: no stale write, no overlap."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import time

from tests.chaos import victims
from tests.chaos.figures import Figures
from tests.chaos.judge import expect_gone, judge, stretched
from tests.chaos.lane import OPEN, Lane, Wanted, lane

POINTS = ("JobClaimed", "step:check login", "EffectPlanned", "EffectPrepared", "EffectArmed")
WITHIN_S = {"frozen": 25.0, "dead": 15.0}
"""From the blow to the job's release, while another process lives; a silent lease is seen by looks 5 s apart."""
SUBMITS = ("POST /sell/*/publish", "POST /api/threads/*/messages")


async def freezes(figures: Figures, *, target: int, lanes: int) -> None:
    """`target` takeovers; every fourth worker is killed instead, to see the rescue while others live."""
    shares = [target // lanes + (number < target % lanes) for number in range(lanes)]

    async def one(number: int, share: int) -> None:
        dice = random.Random(figures.seed * 100 + number)
        async with lane() as made:
            for turn in range(share):
                how = "dead" if (number + turn) % 4 == 3 else "frozen"
                await _takeover(made, figures, dice, how)

    await asyncio.gather(*(one(number, share) for number, share in enumerate(shares)))


async def _takeover(made: Lane, figures: Figures, dice: random.Random, how: str) -> None:
    made.reset()
    made.faults(*({"route": route, "effect": "latency_ms", "ms": 200} for route in SUBMITS))
    first = made.start()
    wanted = await made.submit(dice.choice(("publish_listing", "send_message")))
    point, both = dice.choice(POINTS), dice.random() < 0.5
    if not await _reached(made, wanted, point):
        figures.breach(f"job {wanted.job_id} never came to {point}")
        return
    family = victims.family(first.pid)
    doomed = victims.identified((*family.driver, *family.browser, *family.rest))
    # Ctrl-Z in a terminal stops the driver, too; and then both wake at once.
    stopped = (first.pid, *family.driver) if both else (first.pid,)
    if how == "dead":
        victims.kill(stopped)
        first.wait()
    else:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        # Such a one keeps everybody from writing at all, so whoever takes over has to end it.
        figures.counts["of them in mid-write"] += not made.can_be_written()
    blow = time.time()
    second = made.start()
    await _released(made, figures, wanted, blow, how)
    if how == "frozen":
        await _awaken(made, figures, wanted, first, stopped, late=dice.random() < 0.5)
    figures.counts[how] += 1
    await made.ended(wanted.job_id)
    judge(made, [wanted], figures)
    await asyncio.gather(made.stop(second), expect_gone(figures, doomed, (), "after a takeover"))


async def _reached(made: Lane, wanted: Wanted, point: str) -> bool:
    def there() -> bool:
        sql = "SELECT name, json_extract(data, '$.step') FROM event WHERE job_id = ?"
        rows = made.rows(sql, wanted.job_id)
        return point in {f"step:{step}" if name == "StepStarted" else name for name, step in rows}

    return bool(await made.until(there, stretched(30)))


async def _released(made: Lane, figures: Figures, wanted: Wanted, blow: float, how: str) -> None:
    """Wait until another may have the Job, and note how long that took."""
    sql = "SELECT min(at) FROM event WHERE job_id = ? AND name = 'JobRequeued'"
    at = await made.until(lambda: made.rows(sql, wanted.job_id)[0][0], stretched(60), 0.05)
    if at is None:
        figures.breach(f"job {wanted.job_id} of a {how} worker was never released")
        return
    took_s = at / 1e6 - blow
    (figures.rescue_s if how == "dead" else figures.recovery_s).append(took_s)
    if took_s > stretched(WITHIN_S[how]):
        figures.breach(f"job {wanted.job_id} of a {how} worker was released only after {took_s:.1f} s")


async def _awaken(
    made: Lane,
    figures: Figures,
    wanted: Wanted,
    first: subprocess.Popen[bytes],
    stopped: tuple[int, ...],
    *,
    late: bool,
) -> None:
    """Wake the frozen one, in the middle of the other's work or (`late`) after it, and see that it changes nothing."""
    if late:
        await made.until(lambda: made.state(wanted.job_id) not in OPEN, stretched(60), 0.02)
        ledger, ours = made.last_entry(), _written(made, wanted)
    for pid in stopped:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue  # the takeover has killed the driver, as it should
    if not late:
        await made.until(lambda: made.state(wanted.job_id) not in OPEN, stretched(60), 0.02)
        ledger, ours = made.last_entry(), _written(made, wanted)
    # When it has ended it can write nothing any more: then is the time to look.
    await made.stop(first)
    if made.last_entry() != ledger:
        figures.breach(f"after its job {wanted.job_id} had ended the woken worker changed something at the site")
    if _written(made, wanted) != ours:
        figures.breach(f"the woken worker wrote to job {wanted.job_id}, its effect or an attempt: {ours}")
    _expect_no_overlap(made, figures, wanted)


def _written(made: Lane, wanted: Wanted) -> list[tuple[object, ...]]:
    """The rows that only the holder of the lease may write."""
    job = made.rows("SELECT state, attempts, fence, owner, result, error FROM job WHERE id = ?", wanted.job_id)
    effect = made.rows("SELECT id, state, fence, remote_id FROM effect WHERE job_id = ?", wanted.job_id)
    attempts = made.rows("SELECT id, ended_at, outcome FROM attempt WHERE job_id = ? ORDER BY id", wanted.job_id)
    return [*job, *effect, *attempts]


def _expect_no_overlap(made: Lane, figures: Figures, wanted: Wanted) -> None:
    """By the ledger's own times: nothing happened at the site between the takeover and the new browser's first step."""
    freed = made.rows("SELECT min(at) FROM event WHERE job_id = ? AND name = 'JobRequeued'", wanted.job_id)[0][0]
    # Not by its number: a worker that froze right after its claim has begun no attempt.
    again = (
        freed
        and made.rows(
            "SELECT min(event.at) FROM event JOIN attempt ON attempt.id = event.attempt_id WHERE attempt.job_id = ?"
            " AND attempt.started_at >= ? AND json_extract(event.data, '$.step') = 'check login'",
            wanted.job_id,
            freed,
        )[0][0]
    )
    if not again:
        figures.breach(f"job {wanted.job_id} was not taken over")
        return
    times = made.shop.execute("SELECT at FROM ledger WHERE account = ?", (made.account,)).fetchall()
    between = [at for (at,) in times if _iso(freed) < at < _iso(again)]
    figures.counts["overlaps"] += len(between)
    if between:
        figures.breach(f"job {wanted.job_id}: {len(between)} things happened at the site while nobody had the account")


def _iso(micros: int) -> str:
    whole, part = divmod(micros, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{part:06d}Z"
