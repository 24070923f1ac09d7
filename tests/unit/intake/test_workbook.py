import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from runner.errors import SetupError
from runner.intake.tables import read_table

Build = Callable[[list[list[Any]]], Path]


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Saves a workbook with these rows; `touch` may change the sheet before it is saved."""

    def build(rows: list[list[Any]], touch: Callable[[Worksheet], object] = lambda sheet: None) -> Path:
        workbook = openpyxl.Workbook()
        sheet = workbook.active
        assert isinstance(sheet, Worksheet)
        for row in rows:
            sheet.append(row)
        touch(sheet)
        path = tmp_path / "table.xlsx"
        workbook.save(path)
        return path

    return build


def test_text_and_numbers_are_read_with_the_rows_that_the_sheet_shows(book: Callable[..., Path]) -> None:
    path = book([["Ref", "Price"], ["A-1", 250.5], [None, None], ["", "  "], ["A-2", 1299]])
    table = read_table(path)
    assert [(row.line, dict(row.cells)) for row in table.rows] == [
        (2, {"Ref": "A-1", "Price": Decimal("250.5")}),
        (5, {"Ref": "A-2", "Price": Decimal(1299)}),
    ]
    assert [(column.name, column.place) for column in table.columns] == [("Ref", "A"), ("Price", "B")]


def test_a_merged_title_above_the_table_and_a_merged_banner_inside_it_are_passed_over(
    book: Callable[..., Path],
) -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.merge_cells("A1:C1")
        sheet.merge_cells("A4:C4")

    path = book([["My shop"], ["Ref", "Title", "Price"], ["A", "a", 1], ["Bikes"], ["B", "b", 2]], merge)
    table = read_table(path)
    assert table.header_line == 2
    assert [row.line for row in table.rows] == [3, 5]
    assert table.problems == ()


def test_one_value_merged_over_several_rows_holds_for_each(book: Callable[..., Path]) -> None:
    path = book([["Ref", "Account"], ["A", "amy"], ["B", None], ["C", "ben"]], lambda sheet: sheet.merge_cells("B2:B3"))
    assert [row.cells["Account"] for row in read_table(path).rows] == ["amy", "amy", "ben"]


def test_dates_and_booleans_become_text_and_dates_are_noticed(book: Callable[..., Path]) -> None:
    path = book([["Ref", "Title"], [True, date(2026, 3, 4)], ["x", datetime(2026, 3, 4, 5, 6)]])
    table = read_table(path)
    assert [dict(row.cells) for row in table.rows] == [
        {"Ref": "TRUE", "Title": "2026-03-04"},
        {"Ref": "x", "Title": "2026-03-04 05:06:00"},
    ]
    assert [(notice.line, notice.column) for notice in table.warnings] == [(2, "Title"), (3, "Title")]


def test_leading_zeros_that_a_format_shows_are_kept(book: Callable[..., Path]) -> None:
    def show_zeros(sheet: Worksheet) -> None:
        sheet["A2"].number_format = "00000"

    path = book([["Ref", "Price"], [123, 1]], show_zeros)
    assert read_table(path).rows[0].cells["Ref"] == "00123"


def test_a_number_longer_than_excel_keeps_is_noticed(book: Callable[..., Path]) -> None:
    table = read_table(book([["Ref", "Price"], [4006381333931000123, 1]]))
    assert [(notice.line, notice.column) for notice in table.warnings] == [(2, "Ref")]
    assert "more digits than Excel keeps" in table.warnings[0].reason


@pytest.mark.parametrize(
    ("number_format", "shown"),
    [("[$€-407] #,##0.00", "€"), ('#,##0.00 "$"', "$"), ("[$USD] #,##0", "USD"), ("£#,##0", "£")],
)
def test_a_currency_that_stands_only_in_the_format_is_read(
    book: Callable[..., Path], number_format: str, shown: str
) -> None:
    def show(sheet: Worksheet) -> None:
        sheet["B2"].number_format = number_format

    assert read_table(book([["Ref", "Price"], ["A", 250.5]], show)).rows[0].cells["Price"] == f"250.5 {shown}"


def test_a_locale_in_a_format_is_not_a_currency(book: Callable[..., Path]) -> None:
    def show(sheet: Worksheet) -> None:
        sheet["B2"].number_format = "[$-409]#,##0.00"

    assert read_table(book([["Ref", "Price"], ["A", 250.5]], show)).rows[0].cells["Price"] == Decimal("250.5")


def test_an_error_in_a_cell_costs_its_row_alone(book: Callable[..., Path]) -> None:
    def break_cell(sheet: Worksheet) -> None:
        sheet["B2"].value = "#REF!"
        sheet["B2"].data_type = "e"

    table = read_table(book([["Ref", "Price"], ["A", 1], ["B", 2]], break_cell))
    assert [(p.line, p.column, p.value_excerpt) for p in table.problems] == [(2, "Price", "#REF!")]
    assert [row.line for row in table.rows] == [3]


def test_a_formula_gives_its_stored_value(book: Callable[..., Path]) -> None:
    path = book([["Ref", "Price"], ["A", "=100+19"]])
    with_value = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(with_value, "w") as new:
        for item in old.infolist():  # openpyxl writes formulas without results; Excel stores them
            data = old.read(item)
            if item.filename.endswith("sheet1.xml"):
                data = re.sub(rb"<f>100\+19</f><v ?/?>(</v>)?", b"<f>100+19</f><v>119</v>", data)
            new.writestr(item, data)
    path.write_bytes(with_value.getvalue())
    table = read_table(path)
    assert table.rows[0].cells["Price"] == Decimal(119)
    assert table.warnings == ()


def test_a_formula_without_a_stored_value_is_noticed(book: Callable[..., Path]) -> None:
    table = read_table(book([["Ref", "Price"], ["A", "=100+19"]]))
    assert "Price" not in table.rows[0].cells
    assert [(notice.line, notice.column) for notice in table.warnings] == [(2, "Price")]
    assert "without a stored result" in table.warnings[0].reason


def test_hidden_rows_are_read_and_noticed(book: Callable[..., Path]) -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.row_dimensions[2].hidden = True

    table = read_table(book([["Ref", "Price"], ["A", 1], ["B", 2]], hide))
    assert len(table.rows) == 2
    assert [(notice.line, "hidden" in notice.reason) for notice in table.warnings] == [(2, True)]


def test_the_first_visible_sheet_is_read_or_the_named_one(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    first = workbook.active
    assert isinstance(first, Worksheet)
    first.title, first.sheet_state = "Lists", "hidden"
    for title in ("Amy", "Ben"):
        sheet = workbook.create_sheet(title)
        sheet.append(["Ref", "Title"])
        sheet.append([title, "x"])
    path = tmp_path / "a.xlsx"
    workbook.save(path)
    assert read_table(path).rows[0].cells["Ref"] == "Amy"
    assert read_table(path, sheet="ben").rows[0].cells["Ref"] == "Ben"
    with pytest.raises(SetupError, match=r"Lists, Amy, Ben\. Did you mean Ben"):
        read_table(path, sheet="Benn")


def test_an_empty_sheet_is_refused(book: Callable[..., Path]) -> None:
    with pytest.raises(SetupError, match="is empty: it has no header row"):
        read_table(book([]))


def test_a_sheet_with_a_stray_cell_far_away_is_refused_quickly(book: Callable[..., Path]) -> None:
    with pytest.raises(SetupError, match="60000 rows"):
        read_table(book([["Ref"], ["A"]], lambda sheet: sheet.cell(60_000, 1, "x")))


def test_a_workbook_that_was_cut_off_is_refused(book: Callable[..., Path]) -> None:
    path = book([["Ref"], ["A"]])
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(SetupError, match="damaged"):
        read_table(path)


def test_a_workbook_with_broken_xml_is_refused(book: Callable[..., Path]) -> None:
    path = book([["Ref"], ["A"]])
    broken = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(broken, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            new.writestr(item, data[: len(data) // 2] if item.filename.endswith("sheet1.xml") else data)
    path.write_bytes(broken.getvalue())
    with pytest.raises(SetupError, match="damaged"):
        read_table(path)
