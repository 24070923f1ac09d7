"""Writes every `--help` that the documentation quotes as it is now: python -m tools.quoted_help."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/running.md")
RUNNER = (sys.executable, "-c", "from runner.cli.main import main; main()")
QUOTED = re.compile(r"^(\$ runner(?P<command> .*)?--help)\n(?:(?!\$ |```).*\n)*", flags=re.MULTILINE)


def told(command: str) -> str:
    """What `runner COMMAND --help` prints on a terminal of 80 columns, without spaces at the ends of lines."""
    environment = os.environ | {"COLUMNS": "80"}
    words = [*RUNNER, *shlex.split(command), "--help"]
    lines = subprocess.check_output(words, env=environment, text=True).strip().splitlines()
    return "\n".join(line.rstrip() for line in lines)


def refreshed(text: str) -> str:
    """The page with every quotation as it is now."""
    return QUOTED.sub(lambda found: f"{found.group(1)}\n{told(found.group('command') or '')}\n", text)


def main() -> None:
    """Refresh all pages in place."""
    for page in PAGES:
        path = TOP / page
        path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
