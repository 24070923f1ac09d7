"""The bench in its short form: that it works and what it writes, never how fast anything is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.measure import CAN_MEASURE
from bench.ways import Way, missing

HOUSE = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_the_short_bench_writes_its_tables_with_the_machine_and_the_command(tmp_path: Path) -> None:
    out = tmp_path / "RESULTS.md"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--short", "--out", str(out)],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=290,
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
    there = [str(way) for way in Way if missing(way) is None]
    sessions, memory = (rows(text, begins) for begins in ("| browsers | way | sessions", "| browsers | way | peak"))
    assert [row[1] for row in sessions] == [row[1] for row in memory] == there
    assert all(float(cell) > 0 for row in sessions for cell in row[2:7])
    assert all(float(cell) > 0 for row in memory for cell in row[2:6])
    assert all(f"Left out: {way}, because" in text for way in Way if missing(way))
    assert [row[0] for row in rows(text, "| way | seconds from")] == [str(Way.RUNNER)]
    assert [row[0] for row in rows(text, "| kept |")] == ["none", "default", "trace"]
    assert [row[0] for row in rows(text, "| call |")] == ["claim", "succeed", "event"]
    assert {row[3].split(":")[0] for row in rows(text, "| figure |")} <= {"met", "missed", "not measured"}
    drawn = ElementTree.parse(tmp_path / "results.svg")
    assert len(drawn.findall("{http://www.w3.org/2000/svg}rect")) == len(there)


def rows(text: str, begins: str) -> list[list[str]]:
    """The cells of the table whose first line begins so."""
    lines = iter(text.splitlines())
    next(line for line in lines if line.startswith(begins))
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found
