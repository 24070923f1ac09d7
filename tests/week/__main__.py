"""The simulated week: python -m tests.week [--short] [--messages N] [--seed N] [--keep FOLDER]. 1 on a breach."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
from pathlib import Path

from tests.week.week import Form, lines, lived

LONG = Form(messages=1000, every_min=60, kills=12)
SHORT = Form(messages=20, accounts=("elena", "farid"), days=1, every_min=240, kills=1)


def main() -> int:
    """Live the week that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.week", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a day of two accounts with 20 messages")
    parser.add_argument("--seed", type=int, default=20261019, help="the same seed makes the same week")
    parser.add_argument("--keep", type=Path, help="a new folder that is left with all that came of it")
    for name in ("messages", "days", "every-min", "kills", "minutes"):
        parser.add_argument(
            f"--{name}",
            type=int,
            help="another number of them"
            if name != "minutes"
            else "when nobody writes any more, by the machine's clock",
        )
    parser.add_argument("--accounts", help="other accounts, with commas")
    parser.add_argument("--no-faults", action="store_true", help="a marketplace that behaves")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is ended, too
    form = SHORT if asked.short else LONG
    sizes = {name: getattr(asked, name) for name in ("messages", "days", "every_min", "kills", "minutes")}
    changes = {name: value for name, value in sizes.items() if value is not None}
    if asked.accounts:
        changes["accounts"] = tuple(asked.accounts.split(","))
    if asked.no_faults:
        changes["faults"] = False
    report, took_s = lived(dataclasses.replace(form, **changes), seed=asked.seed, keep=asked.keep)
    print("\n".join(lines(report, took_s)))  # noqa: T201 because the figures are what was asked for
    for breach in report.verdict.breaches:
        print(f"  {breach}", file=sys.stderr)  # noqa: T201 because a person must read it
    return int(bool(report.verdict.breaches))


if __name__ == "__main__":
    sys.exit(main())
