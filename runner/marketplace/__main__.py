"""Starts the marketplace alone: `python -m runner.marketplace --port 0 --data-dir DIR --seed 7 --json`."""

import argparse
import json
import os
import sys
from pathlib import Path

from runner.marketplace import server
from runner.marketplace.market import MarketError


def main() -> int:
    """Serves until stopped; returns 1 when the marketplace cannot start."""
    parser = argparse.ArgumentParser(prog="python -m runner.marketplace", description="Bazaar, the mock marketplace.")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default %(default)s)")
    parser.add_argument("--port", type=int, default=8300, help="0 takes a free one (default %(default)s)")
    parser.add_argument("--data-dir", type=Path, required=True, help="its database, photos and passwords live here")
    parser.add_argument(
        "--seed", type=int, default=7, help="the number that all seeded data comes from (default %(default)s)"
    )
    parser.add_argument(
        "--survey",
        type=float,
        default=0.02,
        metavar="P",
        help="how often the survey appears, 0 to 1 (default %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line when ready")
    given = parser.parse_args()

    def ready(url: str) -> None:
        data_dir = given.data_dir.resolve()
        line = json.dumps({"url": url, "data_dir": str(data_dir), "pid": os.getpid()})
        human = f"Bazaar is open at {url}\nPasswords are in {data_dir / 'passwords'}. Stop it with Ctrl-C."
        print(line if given.json else human, flush=True)  # noqa: T201 (a command's output)

    try:
        server.serve(
            host=given.host,
            port=given.port,
            data_dir=given.data_dir,
            seed=given.seed,
            on_ready=ready,
            survey_probability=given.survey,
        )
    except MarketError as error:
        print(error, file=sys.stderr)  # noqa: T201 (a command's output)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
