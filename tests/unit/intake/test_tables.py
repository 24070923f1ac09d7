import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import SetupError
from runner.intake import rows, tables

Write = Callable[[str, str | bytes], Path]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\xef\xbb\xbf", "is empty"),
        ("a.csv", b"\r\n  \r\n;;;\r\n", "is empty"),
        ("a.xlsx", b"", "is empty"),
        ("a.json", b"  \n", "is empty"),
        ("a.csv", b"name,site\namy,mo\0ck\n", "line 2: it holds a NUL byte"),
        ("a.csv", b"name,site\n\namy,mo\x1bck\n", "line 3: it holds the control character 0x1b"),
        ("a.csv", bytes(range(128)) * 8, "damaged or no table"),
        ("a.csv", b"name\n\n\x81\x8d\n", "line 3: this is not text"),
        ("a.csv", b"\xff\xfen\0a\0m\0e\0\n", "is damaged there"),
        ("a.csv", b"\x89PNG\r\n\x1a\n....", "is a PNG picture"),
        ("a.json", b"%PDF-1.7 ....", "is a PDF"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0....", "old Excel workbook"),
        ("a.xlsx", b"name,site\namy,mock\n", "is not an Excel workbook"),
        ("a.xlsx", b"PK\x03\x04....", "not an Excel workbook that can be read"),
        ("a.csv", b"PK\x03\x04....", "Name it .xlsx"),
        ("a.csv", b'[{"name": "amy"}]', "looks like JSON"),
        ("a.csv", b"<table><tr><td>name", "looks like HTML"),
        ("a.xls", b"whatever", '".xls" is not read'),
        ("accounts", b"name\namy\n", '"accounts" is not read'),
        ("a.csv", b"name,Site, name \namy,mock,ben\n", 'line 1: the columns 1 "name" and 3 "name" have the same name'),
        ("a.csv", b'name,"site\namy,mock\n', "line 1: a quote"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_its_reason(write: Write, name: str, content: bytes, said: str) -> None:
    path = write(name, content)
    with pytest.raises(SetupError) as caught:
        tables.read_table(path)
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert caught.value.cure


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SetupError, match=r"none\.csv does not exist"):
        tables.read_table(tmp_path / "none.csv")
    with pytest.raises(SetupError, match=r"folder\.csv is a folder"):
        tables.read_table(tmp_path / "folder.csv")


def test_a_file_of_100_mb_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"name,site\n")
        file.truncate(100 * 2**20)
    began = time.monotonic()
    with pytest.raises(SetupError, match="larger than 32 MB"):
        tables.read_table(path)
    assert time.monotonic() - began < 5


def test_a_workbook_that_would_unpack_to_gigabytes_is_refused(write: Write) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (65 * 2**20))
    with pytest.raises(SetupError, match="unpacks to more than 64 MB"):
        tables.read_table(write("bomb.xlsx", packed.getvalue()))


def test_too_many_rows_and_columns_are_refused(write: Write) -> None:
    with pytest.raises(SetupError, match="201 columns"):
        tables.read_table(write("wide.csv", ",".join(f"c{n}" for n in range(201)) + "\n"))
    with pytest.raises(SetupError, match=f"more than {rows.MAX_ROWS} objects"):
        tables.read_table(write("long.json", "[" + ",".join(["1"] * (rows.MAX_ROWS + 1)) + "]"))
    with pytest.raises(SetupError, match=f"more than {rows.MAX_ROWS} rows"):
        tables.read_table(write("long.csv", "name\n" + "amy\n" * (rows.MAX_ROWS + 1)))


def test_a_sheet_is_only_asked_of_a_workbook(write: Write) -> None:
    with pytest.raises(SetupError, match="has no sheets"):
        tables.read_table(write("a.csv", "name\namy\n"), sheet="Sheet1")


@pytest.mark.parametrize("name", ["a.CSV", "a.tsv", "a.txt"])
def test_the_usual_names_of_text_tables_are_read(write: Write, name: str) -> None:
    assert tables.read_table(write(name, "name\tsite\namy\tmock\n")).rows[0].cells == {"name": "amy", "site": "mock"}


def test_a_header_alone_is_a_table_without_rows(write: Write) -> None:
    table = tables.read_table(write("a.csv", "name,site\n"))
    assert [column.name for column in table.columns] == ["name", "site"]
    assert table.rows == ()
