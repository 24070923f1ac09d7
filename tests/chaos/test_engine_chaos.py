"""The short forms of the chaos checks that need no browser; `make chaos` runs the long ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.engine_checks import ENGINE_CHECKS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("check", ENGINE_CHECKS)
def test_the_short_form_breaks_no_promise(check: str) -> None:
    # A process of its own: some of them start others by fork, which a process with threads must not.
    command = [sys.executable, "-m", "tests.chaos", check, "--short"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{check}: ok | ")
