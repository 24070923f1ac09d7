import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import SetupError
from runner.intake.documents import read_document

Write = Callable[[str, str | bytes], Path]
PLACE = Path("table.json")
NAMES = ("accounts",)


def test_objects_are_rows_at_the_line_where_each_begins() -> None:
    raw = b'\n[\n  {"name": "amy", "n": 1.50},\n\n  {"name": "ben",\n   "tags": ["x", "y"]}, {"name": null}\n]'
    table = read_document(PLACE, raw, NAMES)
    assert [(row.line, dict(row.cells)) for row in table.rows] == [
        (3, {"name": "amy", "n": Decimal("1.50")}),
        (5, {"name": "ben", "tags": ("x", "y")}),
    ]
    assert [column.name for column in table.columns] == ["name", "n", "tags"]


def test_the_list_may_stand_under_its_name_beside_other_things() -> None:
    raw = b'{"version": [1, {"accounts": 2}],\n "Accounts": [\n{"name": "amy"}], "more": {}}'
    table = read_document(PLACE, raw, NAMES)
    assert [(row.line, dict(row.cells)) for row in table.rows] == [(3, {"name": "amy"})]


def test_a_nested_secret_reference_reads_as_the_column() -> None:
    table = read_document(PLACE, b'[{"name": "amy", "password": {"env": "AMY_PASSWORD"}}]', NAMES)
    assert table.rows[0].cells["password_env"] == "AMY_PASSWORD"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'[\n  {"name": "amy",}\n]', "line 2, column"),
        (b'[{"name": "amy"}', "line 1, column 17"),
        (b'{"name": "amy"}\n{"name": "ben"}', "line 2, column 1: Extra data"),
        (b'{"people": [{"name": "amy"}]}', "holds no list of objects"),
        (b'{"accounts": {"name": "amy"}}', "holds no list of objects"),
        (b'"amy"', "holds no list of objects"),
        (b'[{"n": NaN}]', "NaN is not JSON"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_wrong_json_is_refused_with_its_place(raw: bytes, said: str) -> None:
    with pytest.raises(SetupError) as caught:
        read_document(PLACE, raw, NAMES)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("item", "column", "said"),
    [
        ('"amy"', None, "an object"),
        ('{"name": [[1]]}', "name", "a list of texts"),
        ('{"name": "a", "name": "b"}', "name", "twice"),
        ('{"password": {"env": {"x": 1}}}', "password_env", "a list of texts"),
        ('{"price": 1e999999999}', "price", "too large"),
    ],
)
def test_a_wrong_object_costs_its_row_alone(item: str, column: str | None, said: str) -> None:
    table = read_document(PLACE, f'[{{"name": "x"}},\n{item},\n{{"name": "y"}}]'.encode(), NAMES)
    assert [(problem.line, problem.column) for problem in table.problems] == [(2, column)]
    assert said in table.problems[0].reason
    assert [row.line for row in table.rows] == [1, 3]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["name", "text", "n"]),
            st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(str.strip),
            min_size=1,
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_what_json_wrote_is_read_back_unchanged(
    items: list[dict[str, str]], indent: int | None, ascii_only: bool
) -> None:
    raw = json.dumps({"accounts": items}, indent=indent, ensure_ascii=ascii_only).encode()
    if not ascii_only and any(c < " " or c == "\x7f" for item in items for v in item.values() for c in v):
        raw = json.dumps({"accounts": items}, indent=indent).encode()
    table = read_document(PLACE, raw, NAMES)
    assert [dict(row.cells) for row in table.rows] == items
