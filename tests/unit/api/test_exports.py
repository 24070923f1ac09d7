"""Tables as files, opened as a spreadsheet would."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.api import sheets
from runner.api.routes.exports import Exported
from runner.api.sheets import Kind, Table
from tests.unit.api.conftest import Shop
from tests.unit.api.test_changes import read_thread

EXPORT = "/api/v1/analytics/export"
ZONE = ZoneInfo("Europe/Lisbon")
EVIL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1+1",
    '=HYPERLINK("http://x")',
    "{=1}",
    "plain",
    "https://x",
]


def opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


@pytest.mark.parametrize("text", EVIL)
def test_no_cell_is_taken_for_a_formula_or_a_link(text: str) -> None:
    table = Table(name="t", headings=["text", "number"], rows=[[text, -1.5]])
    (row,) = list(opened(sheets.written([table], Kind.XLSX, ZONE))["t"].iter_rows(min_row=2))
    assert (row[0].data_type, row[0].hyperlink) == ("s", None)
    assert (row[1].data_type, row[1].value) == ("n", -1.5)
    lines = list(csv.reader(io.StringIO(sheets.written([table], Kind.CSV, ZONE).decode("utf-8-sig"), newline="")))
    for told in (row[0].value, lines[1][0]):
        assert told.lstrip(" ")[0] not in "=+-@\t\r"
        assert told.removeprefix("'").replace("_x000D_", "\r") == text
    assert lines[1][1] == "-1.5"


@given(st.text())
def test_any_text_gives_a_workbook_that_opens(text: str) -> None:
    table = Table(name="t", headings=["text"], rows=[[text]])
    cells = [cell for row in opened(sheets.written([table], Kind.XLSX, ZONE))["t"].iter_rows(min_row=2) for cell in row]
    assert all(cell.data_type != "f" for cell in cells)


def test_times_are_those_of_the_shop() -> None:
    at = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    table = Table(name="t", headings=["at"], rows=[[at], [None]])
    assert opened(sheets.written([table], Kind.XLSX, ZONE))["t"]["A2"].value == datetime(2026, 7, 1, 13, 30)
    assert "2026-07-01T13:30:00+01:00" in sheets.written([table], Kind.CSV, ZONE).decode("utf-8-sig")


async def test_the_week_is_one_workbook_with_a_sheet_for_each_table(shop: Shop, admin: httpx.AsyncClient) -> None:
    await shop.services.cycles.start()
    await read_thread(shop)
    answer = await admin.get(EXPORT)
    assert answer.status_code == 200, answer.text
    assert "runner-7d-" in answer.headers["content-disposition"]
    book = opened(answer.content)
    assert book.sheetnames == [str(each) for each in Exported]
    (job,) = list(book["jobs"].iter_rows(min_row=2, values_only=True))
    assert job[1:4] == ("amy", "read_inbox", "queued")
    assert [row[0] for row in book["accounts"].iter_rows(min_row=2, values_only=True)] == ["amy"]


@pytest.mark.parametrize("table", list(Exported))
async def test_each_table_is_had_as_both_kinds_of_file(table: Exported, shop: Shop, admin: httpx.AsyncClient) -> None:
    await shop.services.cycles.start()
    await read_thread(shop)
    text = (await admin.get(f"{EXPORT}/{table}", params={"format": "csv"})).content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text, newline="")))
    answer = await admin.get(f"{EXPORT}/{table}", params={"format": "xlsx", "timeframe": "30d"})
    rows = list(opened(answer.content)[str(table)].iter_rows(values_only=True))
    assert list(rows[0]) == lines[0]
    assert (await admin.get(f"{EXPORT}/nothing")).status_code == 422


@pytest.mark.parametrize("text", ["\u00a0=1+1", "\ufeff=1+1", " \u2003@x"])
def test_what_is_blank_before_a_formula_does_not_hide_it(text: str) -> None:
    assert sheets.defused(text).startswith("'")


def test_in_a_csv_no_formula_stands_behind_what_may_end_a_cell() -> None:
    table = Table(name="t", headings=["text"], rows=[["hi;=HYPERLINK(1)"], ["fine; really - yes"]])
    text = sheets.written([table], Kind.CSV, ZoneInfo("UTC")).decode("utf-8-sig")
    assert ";=" not in text
    assert "fine; really - yes" in text
