"""What both imports tell: how many rows went in, and which were wrong, where and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.cli import output
from runner.intake.report import Intake


def report_intake(noun: str, file: Path, intake: Intake[Any], done: Sequence[tuple[str, str]], *, as_json: bool) -> int:
    """Print what an import did, as (name, what happened) in `done`; returns the exit code."""
    failed = bool(intake.problems)
    if as_json:
        counts = Counter(what for _, what in done)
        output.document(
            {
                "file": file,
                "rows": intake.rows,
                "imported": [{noun: name, "saved": what} for name, what in done],
                "counts": counts,
                "problems": intake.problems,
                "warnings": intake.warnings,
            }
        )
        return output.FAILED if failed else output.DONE
    for notice in intake.warnings:
        output.note(f"{file}: {output.plain(notice)}")
    for problem in intake.problems:
        output.note(f"{file}: {output.plain(problem)}")
    words = ", ".join(f"{count} {what}" for what, count in Counter(what for _, what in done).items())
    output.say(
        f"{intake.rows} rows: {words or 'nothing imported'}"
        + (f", {len(intake.problems)} problems" if failed else "")
        + "."
    )
    return output.FAILED if failed else output.DONE
