import codecs
import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import SetupError
from runner.intake.delimited import read_delimited
from runner.intake.tables import read_table

Write = Callable[[str, str | bytes], Path]

PLACE = Path("table.csv")
TEXT = "reference;title\nA-1;Größe „L“ für 5 €\n"


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("cp1252"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.rstrip().encode(),
        ("sep=;\n" + TEXT).encode(),
        ("\n\n" + TEXT).encode(),
        TEXT.replace(";", ",").encode(),
        TEXT.replace(";", "\t").encode(),
    ],
)
def test_every_usual_encoding_line_end_and_separator_gives_the_same_cells(raw: bytes) -> None:
    table = read_delimited(PLACE, raw)
    assert [dict(row.cells) for row in table.rows] == [{"reference": "A-1", "title": "Größe „L“ für 5 €"}]


def test_windows_1252_is_noticed_with_the_line_that_gave_it_away() -> None:
    table = read_delimited(PLACE, b"name\namy\nj\xf6rg\n")
    assert table.rows[1].cells["name"] == "jörg"
    assert [notice.line for notice in table.warnings] == [3]
    assert "Windows-1252" in table.warnings[0].reason


def test_lines_are_those_of_an_editor_after_multi_line_cells_and_blank_lines() -> None:
    raw = b'name,text\n\na,"one\ntwo\r\nthree"\n,\nb,x\n"c",\n'
    table = read_delimited(PLACE, raw)
    assert [(row.line, row.cells["name"]) for row in table.rows] == [(3, "a"), (7, "b"), (8, "c")]
    assert table.rows[0].cells["text"] == "one\ntwo\r\nthree"


def test_lines_count_from_the_sep_line_of_excel() -> None:
    table = read_delimited(PLACE, b"sep=|\nname|site\namy|mock\n")
    assert (table.header_line, table.rows[0].line, table.rows[0].cells["site"]) == (2, 3, "mock")


def test_a_row_with_more_cells_than_the_header_is_a_problem_and_the_others_are_read() -> None:
    table = read_delimited(PLACE, b"name,price\na,1\nb,1,50\nc,2,,\n")
    assert [row.line for row in table.rows] == [2, 4]
    assert [(problem.line, "3 cells" in problem.reason) for problem in table.problems] == [(3, True)]


def test_quotes_that_do_not_pair_up_cost_their_row_alone() -> None:
    table = read_delimited(PLACE, b'name,text\na,"the "big" one"\nb,fine\n')
    assert [(problem.line, "do not pair up" in problem.reason) for problem in table.problems] == [(2, True)]
    assert [row.line for row in table.rows] == [3]


def test_a_quote_that_is_never_closed_is_reported_where_it_opens() -> None:
    raw = b'name,text\na,fine\nb,"open\nc,lost\nd,lost\n'
    table = read_delimited(PLACE, raw)
    assert [row.line for row in table.rows] == [2]
    assert [problem.line for problem in table.problems] == [3]
    assert "nothing after line 3 was read" in table.problems[0].reason


def test_an_open_quote_before_a_long_rest_is_reported_where_it_opens() -> None:
    table = read_delimited(PLACE, b'name,text\na,"open\n' + b"filler,line\n" * 20_000)
    assert table.rows == ()
    assert [problem.line for problem in table.problems] == [2]


def test_a_quote_inside_an_unquoted_cell_is_a_plain_character() -> None:
    assert read_delimited(PLACE, b'name,text\na,24" monitor\n').rows[0].cells["text"] == '24" monitor'


def test_a_separator_inside_the_header_names_does_not_mislead() -> None:
    table = read_delimited(PLACE, b'Ref;Title;"Price (EUR, gross)"\nA;b;1,50\n')
    assert [column.name for column in table.columns] == ["Ref", "Title", "Price (EUR, gross)"]
    assert table.rows[0].cells["Price (EUR, gross)"] == "1,50"


def test_a_damaged_utf16_file_is_refused_with_its_line() -> None:
    raw = codecs.BOM_UTF16_LE + "name\namy\n".encode("utf-16-le") + b"\x00\xd8\x41\x00"
    with pytest.raises(SetupError, match="utf-16 but is damaged"):
        read_delimited(PLACE, raw)


def test_the_path_is_read_through_the_front_door(write: Write) -> None:
    assert read_table(write("a.csv", "name\namy\n")).rows[0].cells == {"name": "amy"}


cell_text = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), min_size=1, max_size=40
).filter(str.strip)


@given(
    cells=st.lists(st.tuples(cell_text, cell_text, cell_text), min_size=1, max_size=6),
    separator=st.sampled_from([",", ";", "\t"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_csv_writer_wrote_is_read_back_unchanged_with_the_right_lines(
    cells: list[tuple[str, str, str]], separator: str, line_end: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(["name", "site", "text"])
    expected = []
    for row in cells:
        line = text.getvalue().count("\n") + 1
        writer.writerow(row)
        expected.append((line, dict(zip(["name", "site", "text"], row, strict=True))))
    table = read_delimited(PLACE, text.getvalue().encode(encoding))
    assert [(row.line, dict(row.cells)) for row in table.rows] == expected
    assert table.problems == ()
