"""`runner init`: a commented configuration to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli import options, output
from runner.config import keys
from runner.config.load import FILE_NAME
from runner.config.template import template
from runner.errors import Conflict, SetupError


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write it.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    as_json: options.Json = False,
) -> None:
    """Write playwright.config.toml with every setting, its default and what it does, and a key for the checkpoints."""
    path = folder / FILE_NAME
    if path.exists() and not force:
        raise Conflict(f"{path} is there already.", cure="Edit it, or replace it with --force.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(template(), encoding="utf-8")
        key = keys.make(keys.default_file(folder))
    except OSError as refused:
        raise SetupError(f"{path} cannot be written: {refused.strerror}.", cure="Choose another folder.") from refused
    if as_json:
        output.document({"written": path, "key": key})
    else:
        output.say(f"Wrote {path}. Next: runner doctor, then runner accounts add.")
        output.say(f"Logins are sealed with {key}: keep it as you keep a password.")
