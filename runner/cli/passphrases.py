"""A passphrase for a file that is carried to another machine: never on a command line, where others can read it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from runner.browser.carrying import SHORTEST
from runner.config import secrets
from runner.domain.accounts import SecretRef
from runner.errors import SetupError

FromEnvironment = Annotated[
    str | None,
    typer.Option("--passphrase-env", metavar="VARIABLE", help="The environment variable that holds the passphrase."),
]
FromFile = Annotated[
    Path | None, typer.Option("--passphrase-file", metavar="FILE", help="The file that holds the passphrase.")
]


def passphrase(variable: str | None, file: Path | None, *, new: bool) -> str:
    """From where it was said to be, else asked for on the terminal, twice when it is new. Raises SetupError."""
    if variable is not None and file is not None:
        raise SetupError("Where is the passphrase?", cure="Give one of --passphrase-env and --passphrase-file.")
    if variable is not None or file is not None:
        ref = SecretRef(kind="env", name=variable) if variable else SecretRef(kind="file", name=str(file))
        given = secrets.fetch(ref, whose="The passphrase", what="passphrase").value.get_secret_value()
    elif sys.stdin.isatty():
        given = str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
    else:
        raise SetupError(
            "A passphrase is needed, and there is no terminal to ask for it.",
            cure="Give --passphrase-env VARIABLE or --passphrase-file FILE.",
        )
    if new and len(given) < SHORTEST:
        raise SetupError(
            f"The passphrase is too short: whoever has the file may try as many as they like. Take {SHORTEST} "
            "characters or more.",
            cure="Several words are easier to remember than signs.",
        )
    return given
