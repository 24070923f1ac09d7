from runner.intake.report import Notice, RowProblem, did_you_mean, excerpt, nearest


def test_a_problem_reads_as_one_sentence_with_its_place() -> None:
    problem = RowProblem(line=4, column="Price (EUR)", value_excerpt="abc", reason="not a price")
    assert str(problem) == "line 4, column Price (EUR): not a price (found: abc)"
    assert str(RowProblem(line=4, column=None, value_excerpt="", reason="broken")) == "line 4: broken"


def test_a_notice_reads_with_the_place_that_it_has() -> None:
    assert str(Notice(line=1, column="x", reason="ignored")) == "line 1, column x: ignored"
    assert str(Notice(line=None, column=None, reason="ignored")) == "ignored"


def test_an_excerpt_is_one_short_printable_line() -> None:
    assert excerpt("a\nb\x1b[31m\u202e") == "a\\nb\\x1b[31m\\u202e"
    assert excerpt("é" * 60) == "é" * 60
    assert excerpt("é" * 61) == "é" * 59 + "…"
    assert excerpt(("a", "b")) == "a; b"


def test_the_nearest_name_ignores_case_and_is_none_when_nothing_is_close() -> None:
    assert nearest("LAPTOP.jpg", ["laptop.JPG", "bike.jpg"]) == "laptop.JPG"
    assert nearest("zzz", ["laptop.JPG"]) is None
    assert did_you_mean("zzz", ["laptop.JPG"]) == ""
