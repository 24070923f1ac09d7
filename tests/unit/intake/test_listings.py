from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from runner.domain.listings import Listing
from runner.errors import SetupError
from runner.intake.listings import NewListing, read_listings
from runner.intake.report import Intake

Write = Callable[[str, str | bytes], Path]
Photo = Callable[..., Path]
HEADER = "reference,title,price,currency,category,condition,description,location,photos,accounts"
ACCOUNTS = ("amy", "ben")


def read(path: Path, photos_dir: Path | None = None) -> Intake[NewListing]:
    return read_listings(path, photos_dir=photos_dir, known_accounts=ACCOUNTS)


def book(path: Path, rows: list[list[Any]]) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(row)
    workbook.save(path)
    return path


def test_a_full_row_becomes_a_listing(write: Write, photo: Photo) -> None:
    one, two = photo("one.jpg"), photo("photos/two.png", kind="PNG")
    path = write(
        "l.csv", f'{HEADER}\n A-1 ,Desk,"1,299.00",usd,home,good,"oak,\nold",Ghent,one.jpg;two.png,"ben, amy"\n'
    )
    assert read(path) == Intake(
        items=(
            (
                2,
                NewListing(
                    listing=Listing(
                        reference="A-1",
                        title="Desk",
                        price_minor=129900,
                        currency="USD",
                        category="home",
                        condition="good",
                        description="oak,\nold",
                        location="Ghent",
                        photos=(one.resolve(), two.resolve()),
                    ),
                    accounts=("ben", "amy"),
                ),
            ),
        ),
        problems=(),
        warnings=(),
        rows=1,
    )


def test_the_same_table_in_three_formats_and_with_other_headers_gives_the_same_listing(
    tmp_path: Path, write: Write
) -> None:
    paths = [
        write("a.csv", "SKU;Titel;Preis (EUR);Beschreibung\n007;Lampe;1.299,50;schön\n"),
        write("b.json", '{"listings": [{"Ref": "007", "Title": "Lampe", "price": 1299.50, "text": "schön"}]}'),
        book(tmp_path / "c.xlsx", [["Item Number", "TITLE", "price_eur", "desc"], ["007", "Lampe", 1299.5, "schön"]]),
    ]
    first, second, third = (read(path) for path in paths)
    assert first.items[0][1] == second.items[0][1] == third.items[0][1]
    assert first.items[0][1].listing.price_minor == 129950
    assert [taken.warnings for taken in (first, second, third)] == [(), (), ()]


@pytest.mark.parametrize(
    ("row", "column", "shown", "said"),
    [
        (",Desk,1,,,,,,,", "reference", "", "reference is empty"),
        ("B,,1,,,,,,,", "title", "", "title is empty"),
        ("B," + "x" * 201 + ",1,,,,,,,", "title", "x" * 59 + "…", "201 characters; at most 200"),
        ('B,"two\nlines",1,,,,,,,', "title", "two\\nlines", "one line"),
        ("B,Desk,,,,,,,,", "price", "", "price is empty"),
        ("B,Desk,free,,,,,,,", "price", "free", "not a price"),
        ("B,Desk,1.299,,,,,,,", "price", "1.299", "ambiguous: write 1299.00"),
        ("B,Desk,0,,,,,,,", "price", "0", "above zero"),
        ("B,Desk,-5,,,,,,,", "price", "-5", "above zero"),
        ("B,Desk,1,EURR,,,,,,", "currency", "EURR", "Did you mean EUR?"),
        ("B,Desk,$ 1,EUR,,,,,,", "price", "$ 1", "the price says USD, the currency column says EUR"),
        ("B,Desk,1,,,,,,missing.jpg,", "photos", "missing.jpg", "no such photo"),
        ("B,Desk,1,,,,,,tab1e.jpg,", "photos", "tab1e.jpg", "Did you mean table.jpg?"),
        ("B,Desk,1,,,,,,../up.jpg,", "photos", "../up.jpg", "leads out of the photo folder"),
        ("B,Desk,1,,,,,,/etc/hostname,", "photos", "/etc/hostname", "leads out of the photo folder"),
        ("B,Desk,1,,,,,,https://x.example/a.jpg,", "photos", "https://x.example/a.jpg", "not addresses"),
        ("B,Desk,1,,,,,,l.csv,", "photos", "l.csv", "not an image"),
        ("B,Desk,1,,,,,,,amyy", "accounts", "amyy", "Did you mean amy?"),
    ],
)
def test_a_wrong_row_is_reported_by_line_and_column_and_the_rest_is_read(
    write: Write, photo: Photo, row: str, column: str, shown: str, said: str
) -> None:
    photo("table.jpg")
    taken = read(write("l.csv", f'{HEADER}\nA,a,1,,,,"one\ntwo",,,\n{row}\nC,Chair,2,,,,,,table.jpg,\n'))
    assert [(p.line, p.column, p.value_excerpt) for p in taken.problems] == [(4, column, shown)]
    assert said in taken.problems[0].reason
    assert [new.listing.reference for _, new in taken.items] == ["A", "C"]


def test_all_problems_of_a_row_are_reported_at_once(write: Write) -> None:
    taken = read(write("l.csv", f"{HEADER}\n,,x,EURR,,,,,none.jpg,nobody\n"))
    assert {p.column for p in taken.problems} == {"reference", "title", "price", "currency", "photos", "accounts"}
    assert taken.items == ()


def test_a_reference_that_stands_twice_is_refused_on_both_lines_by_its_header(write: Write) -> None:
    taken = read(write("l.csv", "SKU,title,price\nA-1,a,1\nB,b,1\nC,c,1\na-1,d,x\n"))
    assert [(p.line, p.column, p.value_excerpt) for p in taken.problems] == [
        (2, "SKU", "A-1"),
        (5, "price", "x"),
        (5, "SKU", "a-1"),
    ]
    assert "lines 2, 5" in taken.problems[0].reason
    assert [new.listing.reference for _, new in taken.items] == ["B", "C"]


@pytest.mark.parametrize(
    ("header", "currency"),
    [
        ("price", "EUR"),
        ("Price (USD)", "USD"),
        ("Price €", "EUR"),
        ("price_gbp", "GBP"),
        ("Price [£]", "GBP"),
        ("PriceCHF", "CHF"),
    ],
)
def test_the_header_of_the_price_may_name_the_currency(write: Write, header: str, currency: str) -> None:
    taken = read(write("l.csv", f"reference,title,{header}\nA,a,1\n"))
    assert [new.listing.currency for _, new in taken.items] == [currency]


def test_a_currency_that_contradicts_the_header_is_refused(write: Write) -> None:
    taken = read(write("l.csv", "reference,title,Price (USD)\nA,a,€ 1\n"))
    assert [(p.line, p.column) for p in taken.problems] == [(2, "Price (USD)")]


@pytest.mark.parametrize(
    "text", ["🚲 bike 👩‍👩‍👧", "שלום עולם", "<b>Max</b> &amp; Co", "cafe\u0301", "x" * 10_000, "  kept \r\n\tas is "]
)
def test_descriptions_are_taken_unchanged(write: Write, text: str) -> None:
    quoted = text.replace('"', '""')
    taken = read(write("l.csv", f'reference,title,price,description\nA,a,1,"{quoted}"\n'))
    assert taken.problems == ()
    assert taken.items[0][1].listing.description == text


@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200).filter(lambda t: t == t.strip())
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_titles_of_any_script_are_taken_unchanged(write: Write, title: str) -> None:
    quoted = title.replace('"', '""')
    taken = read(write("l.csv", f'reference,title,price\nA,"{quoted}",1\n'))
    assert [new.listing.title for _, new in taken.items] == [title]


def test_a_nul_or_half_a_surrogate_pair_from_json_is_refused(write: Write) -> None:
    raw = r'[{"reference": "A", "title": "a\u0000b", "price": 1}, {"reference": "B", "title": "\ud83d", "price": 1}]'
    taken = read(write("l.json", raw))
    assert [(p.column, "U+0000" in p.reason, "U+D83D" in p.reason) for p in taken.problems] == [
        ("title", True, False),
        ("title", False, True),
    ]


def test_numbered_photo_columns_follow_the_list(write: Write, photo: Photo) -> None:
    photos = [photo(f"{n}.jpg") for n in range(4)]
    path = write("l.csv", "reference,title,price,Photo 2,photos,photo_1,Image3\nA,a,1,2.jpg,0.jpg,1.jpg,3.jpg\n")
    assert read(path).items[0][1].listing.photos == tuple(path.resolve() for path in photos)


@pytest.mark.parametrize(
    ("cell", "count"),
    [
        ("a.jpg;b.jpg", 2),
        ("a.jpg|b.jpg", 2),
        ('"a.jpg,b.jpg"', 2),
        ('"a.jpg\nb.jpg"', 2),
        ("a.jpg; ;b.jpg;", 2),
        ('"x, y.jpg;a.jpg"', 2),
    ],
)
def test_photo_lists_are_separated_as_people_do(write: Write, photo: Photo, cell: str, count: int) -> None:
    for name in ("a.jpg", "b.jpg", "x, y.jpg"):
        photo(name)
    taken = read(write("l.csv", f"reference,title,price,photos\nA,a,1,{cell}\n"))
    assert taken.problems == ()
    assert len(taken.items[0][1].listing.photos) == count


def test_the_eleventh_photo_is_refused(write: Write, photo: Photo) -> None:
    names = [photo(f"{n}.jpg").name for n in range(11)]
    taken = read(
        write(
            "l.csv",
            f"reference,title,price,photos,photo1\nA,a,1,{';'.join(names[:10])},\nB,b,1,{';'.join(names[:10])},10.jpg\n",
        )
    )
    assert [line for line, _ in taken.items] == [2]
    assert [(p.line, p.column, "11 photos" in p.reason) for p in taken.problems] == [(3, "photo1", True)]


def test_a_photo_named_twice_is_taken_once_and_noticed(write: Write, photo: Photo) -> None:
    photo("a.jpg")
    taken = read(write("l.csv", "reference,title,price,photos\nA,a,1,a.jpg;./a.jpg\n"))
    assert len(taken.items[0][1].listing.photos) == 1
    assert [(notice.line, notice.column) for notice in taken.warnings] == [(2, "photos")]


def test_with_a_photo_folder_only_that_folder_is_searched(tmp_path: Path, write: Write, photo: Photo) -> None:
    photo("beside.jpg")
    inside = photo("pics/inside.jpg")
    path = write("l.csv", "reference,title,price,photos\nA,a,1,beside.jpg\nB,b,1,inside.jpg\n")
    taken = read(path, tmp_path / "pics")
    assert [(p.line, p.column) for p in taken.problems] == [(2, "photos")]
    assert taken.items[0][1].listing.photos == (inside.resolve(),)
    with pytest.raises(SetupError, match=r"photo folder .*nowhere does not exist"):
        read(path, tmp_path / "nowhere")


def test_a_reference_that_a_spreadsheet_changed_is_noticed(tmp_path: Path, write: Write) -> None:
    taken = read(book(tmp_path / "l.xlsx", [["SKU", "title", "price"], [123, "a", 1]]))
    assert taken.items[0][1].listing.reference == "123"
    assert [(notice.line, notice.column, "leading zeros" in notice.reason) for notice in taken.warnings] == [
        (2, "SKU", True)
    ]
    taken = read(write("l.csv", "SKU,title,price\n4.00638E+12,a,1\n"))
    assert [(notice.line, notice.column, "shortened" in notice.reason) for notice in taken.warnings] == [
        (2, "SKU", True)
    ]


def test_without_known_accounts_any_name_is_taken(write: Write) -> None:
    path = write("l.csv", "reference,title,price,account\nA,a,1,zoe\n")
    taken = read_listings(path, photos_dir=None)
    assert taken.items[0][1].accounts == ("zoe",)


@given(st.decimals(min_value=Decimal("0.01"), max_value=Decimal("99999999.99"), places=2))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_a_price_survives_a_spreadsheet_to_the_cent(tmp_path: Path, price: Decimal) -> None:
    taken = read(book(tmp_path / "l.xlsx", [["SKU", "title", "price"], ["A", "a", float(price)]]))
    assert [new.listing.price_minor for _, new in taken.items] == [int(price * 100)]


def test_rows_on_one_line_of_a_json_file_are_told_apart(write: Write) -> None:
    rows = [
        f'{{"reference": "{ref}", "title": "a", "price": {price}}}' for ref, price in zip("ABAC", "1213", strict=True)
    ]
    taken = read(write("l.json", f'[{", ".join(rows)}, {{"reference": "D", "title": "", "price": 1}}]'))
    assert [new.listing.reference for _, new in taken.items] == ["B", "C"]
    assert [problem.value_excerpt for problem in taken.problems if "same reference" in problem.reason] == ["A", "A"]
