"""`runner market`: the mock marketplace, alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from runner.cli import options, output
from runner.errors import SetupError


def market(
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0 takes a free one.")] = 8765,
    folder: Annotated[
        Path, typer.Option("--dir", metavar="FOLDER", help="Its database, photos and the accounts' passwords.")
    ] = Path("market"),
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The number from which all its data is made.")] = 7,
    as_json: options.Json = False,
) -> None:
    """Serve the mock marketplace on 127.0.0.1 until it is stopped (Ctrl-C)."""
    # Here and not above: a web framework costs every other command half its start, and a rescue waits for that start.
    from runner.marketplace.market import MarketError
    from runner.marketplace.server import serve

    def ready(url: str) -> None:
        if as_json:
            output.document({"url": url, "data_dir": folder, "pid": os.getpid()})
            return
        output.say(f"The mock marketplace is at {url} (Ctrl-C stops it).")
        output.say(
            f"Accounts: amy, ben, carla, dev, elena, farid. Their passwords: {folder / 'passwords'}{os.sep}<account>"
        )
        sys.stdout.flush()  # it goes on for hours, and whoever reads through a pipe waits for this

    try:
        serve(port=port, data_dir=folder, seed=seed, on_ready=ready)
    except MarketError as refused:
        raise SetupError(str(refused)) from refused
