"""Threads to enrol, as people list them in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.intake.enrolments import read_threads


def test_a_bad_row_on_the_one_line_of_a_json_file_costs_no_other(write: Callable[[str, str], Path]) -> None:
    taken = read_threads(write("t.json", '[{"thread": 5}, {"thread": "x"}, 7]'))
    assert [str(named) for _, named in taken.items] == ["5"]
    assert [problem.value_excerpt for problem in taken.problems if problem.column == "thread"] == ["x"]
    assert len(taken.problems) == 2
    assert taken.rows == 3


def test_a_thread_that_stands_twice_is_enrolled_once(write: Callable[[str, str], Path]) -> None:
    taken = read_threads(write("t.json", '[{"thread": 5}, {"thread": 6}, {"thread": "5"}]'))
    assert [str(named) for _, named in taken.items] == ["5", "6"]
    assert [str(problem) for problem in taken.problems] == ["line 1: the same thread stands on line 1 (found: 5)"]
    lines = read_threads(write("t.csv", "thread\n5\nx\n6\n5\n"))
    assert [(line, str(named)) for line, named in lines.items] == [(2, "5"), (4, "6")]
    assert [problem.line for problem in lines.problems] == [3, 5]
