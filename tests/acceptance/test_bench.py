"""The bench in its short form: that it works and what it writes, never how fast anything is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.measure import CAN_MEASURE

HOUSE = Path(__file__).parents[2]


def test_the_short_bench_writes_its_tables_with_the_machine_and_the_command(tmp_path: Path) -> None:
    out = tmp_path / "RESULTS.md"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--short", "--out", str(out)],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    if not CAN_MEASURE:
        assert done.returncode == 2
        assert "only Linux" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    text = out.read_text()
    assert "python -m bench --short" in text
    assert "Load average at the start" in text
    page, claims = text.split("## Claims\n")
    assert [line.split("|")[1].strip() for line in claims.splitlines() if line.startswith("| ")][1:] == [
        "claim",
        "succeed",
    ]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| 1")
    ]
    assert [row[1] for row in rows] == [
        "seconds per session",
        "sessions per minute",
        "processor seconds per session",
        "bare",
        "runner",
        "bare",
        "runner",
    ]
    numbers = [[float(cell) for cell in row[2:]] for row in rows]
    assert all(cell > 0 for row in (*numbers[:3], *numbers[5:]) for cell in row)
    # Chromium, driver and Python each take their megabytes; a browser takes more than a script.
    assert numbers[5][0] > numbers[5][2]
