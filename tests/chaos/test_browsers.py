"""The short forms of the chaos checks in real browsers; `make chaos` runs the long ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECKS = (
    "kills",
    "unjournaled",
    "lost_answers",
    "late_commits",
    "freezes",
    "broken_profiles",
    "kills_after_sign_in",
    "relaunches",
)


@pytest.mark.browser
@pytest.mark.timeout(600)
@pytest.mark.parametrize("check", CHECKS)
def test_the_short_form_breaks_no_promise(check: str) -> None:
    command = [sys.executable, "-m", "tests.chaos", check, "--short"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{check}: ok | ")
