"""Check 7, its browser parts: a corrupt Cookies file, and a SingletonLock that a dead browser has left."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable

from tests.chaos.figures import Figures
from tests.chaos.judge import judge
from tests.chaos.lane import Lane, Wanted, lane

DEAD_PID = 4_194_304
"""One more than any pid that Linux gives."""


async def broken_profiles(figures: Figures, *, target: int, lanes: int) -> None:
    """Break the profile between two runs, in each way `target` times: every job is done, once, as the right account."""
    del lanes
    dice = random.Random(figures.seed)
    async with lane() as made:
        await _once(made, figures)
        for _ in range(target):
            for name, break_it in BREAKAGES.items():
                before, restored_before = _sign_ins(made), _restored(made)
                break_it(made, dice)
                await _once(made, figures)
                again, restored = _sign_ins(made) - before, _restored(made) - restored_before
                figures.counts[name] += 1
                figures.counts["restored"] += restored
                figures.counts["signed in again"] += again
                if "Cookies" in name and not restored:
                    figures.breach(f"{name}: the login was not restored, so the file was not broken at all")
                if again:
                    figures.breach(f"{name}: the password was typed though there is a checkpoint")


async def _once(made: Lane, figures: Figures) -> None:
    runner = made.start()
    wanted: Wanted = await made.submit("send_message")
    await made.ended(wanted.job_id)
    await made.stop(runner)
    judge(made, [wanted], figures)


def _sign_ins(made: Lane) -> int:
    sql = "SELECT count(*) FROM ledger WHERE account = ? AND kind = 'sign_in'"
    return int(made.shop.execute(sql, (made.account,)).fetchone()[0])


def _restored(made: Lane) -> int:
    sql = "SELECT count(*) FROM check_result WHERE after = 'checkpoint' AND signed_in"
    return int(made.rows(sql)[0][0])


def _garbage(made: Lane, dice: random.Random) -> None:
    """Bytes that are no database."""
    (made.profile / "chromium" / "Default" / "Cookies").write_bytes(dice.randbytes(20_000))


def _torn(made: Lane, dice: random.Random) -> None:
    """A database whose second half was never written, and whose first page is scribbled on."""
    file = made.profile / "chromium" / "Default" / "Cookies"
    whole = bytearray(file.read_bytes())
    whole[100:4096] = dice.randbytes(3996)
    file.write_bytes(whole[: len(whole) // 2])


def _locked_by(host: str) -> Callable[[Lane, random.Random], None]:
    def leave(made: Lane, dice: random.Random) -> None:
        link = made.profile / "chromium" / "SingletonLock"
        link.unlink(missing_ok=True)
        os.symlink(f"{host}-{DEAD_PID}", link)

    return leave


BREAKAGES: dict[str, Callable[[Lane, random.Random], None]] = {
    "Cookies of garbage": _garbage,
    "Cookies torn": _torn,
    "SingletonLock of this host": _locked_by(socket.gethostname()),
    "SingletonLock of another host": _locked_by("another-host"),
}
