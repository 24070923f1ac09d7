"""The rows of a table that a person chooses: read as they stand, or refused with the reason."""

from __future__ import annotations

import pytest

from runner.console.pages.account_import import Unreadable, rows_of


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_whatever_stands_between_its_columns(delimiter: str) -> None:
    text = f"\ufeffname{delimiter}tags\r\namy{delimiter}north\r\nben{delimiter}\r\n"
    assert rows_of("a.csv", text.encode()) == [{"name": "amy", "tags": "north"}, {"name": "ben"}]


def test_cells_beyond_the_columns_are_kept_so_that_the_api_can_name_them() -> None:
    assert rows_of("a.csv", b"name\namy,more\n") == [{"name": "amy", "(no column)": ["more"]}]


def test_json_is_a_list_or_stands_under_accounts() -> None:
    rows = [{"name": "amy"}]
    assert rows_of("a.json", b'[{"name": "amy"}]') == rows
    assert rows_of("A.JSON", b'{"accounts": [{"name": "amy"}]}') == rows


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", b"\xff\xfe\x00", "UTF-8"),
        ("a.csv", b"name\n", "no row"),
        ("a.csv", b"", "no row"),
        ("a.json", b"{", "not JSON"),
        ("a.json", b"[1]", "list of objects"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(name: str, content: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        rows_of(name, content)
