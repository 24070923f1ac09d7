from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runner.config.toml_lines import KeyPath, line_of_keys

KEYS = st.sampled_from(["a", "b", "c-d", "e_1", "7", '"q.r"', "'lit # x'", '"\\u00e9 \\" ]"', '""'])
SCALARS = st.sampled_from(
    [
        "1",
        "-0x1F",
        "1e3",
        "inf",
        "true",
        "1979-05-27 07:32:00",
        "1979-05-27T07:32:00Z",
        '"text"',
        '"# no = comment ]"',
        '"quote \\" and \\\\"',
        "'C:\\path\\'",
        '"""one\ntwo = 2\n[x]"""',
        '"""ends with quotes"""""',
        '"""\\"""\n"""',
        "'''raw ' '' \\\n[y]'''",
        "'''two more'''''",
        '""',
        "''",
        '""""""',
    ]
)
SPACE = st.sampled_from(["", " ", "\t "])
BREAK = st.sampled_from(["", " ", "\n", " # note ] , = '\n", "\n\n\t"])
DOTTED = st.lists(KEYS, min_size=1, max_size=3).map(" . ".join) | KEYS


def _array(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    item = st.tuples(BREAK, items, BREAK).map("".join)
    return st.tuples(st.lists(item, max_size=3), st.booleans(), BREAK).map(
        lambda drawn: "[" + ",".join(drawn[0]) + ("," if drawn[0] and drawn[1] else "") + drawn[2] + "]"
    )


def _inline(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(SPACE, DOTTED, st.just(" = "), items).map("".join)
    return st.lists(pair, max_size=3).map(lambda pairs: "{" + ",".join(pairs) + " }")


VALUES = st.recursive(SCALARS, lambda items: _array(items) | _inline(items), max_leaves=8)
PAIRS = st.tuples(SPACE, DOTTED, SPACE, st.just("="), SPACE, VALUES, st.sampled_from(["", " # why"])).map("".join)
TABLES = DOTTED.map(lambda key: f"[ {key} ] # head")
ARRAY_TABLES = DOTTED.map(lambda key: f"[[{key}]]")
COMMENTS = st.sampled_from(["", "# [no] = 'thing'", "   "])
DOCUMENTS = st.lists(PAIRS | TABLES | ARRAY_TABLES | COMMENTS, max_size=8)


def _paths(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {path} if path else set()
    for key, inner in inside:
        found |= _paths(inner, (*path, key))
    return found


@given(lines=DOCUMENTS, newline=st.sampled_from(["\n", "\r\n"]))
def test_every_key_of_valid_toml_has_a_line_and_nothing_else_has(lines: list[str], newline: str) -> None:
    text = "\n".join(lines)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    assert set(line_of_keys(text.replace("\n", newline))) == _paths(data)


@given(lines=DOCUMENTS)
def test_a_key_stands_on_the_line_that_is_named(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    source = text.split("\n")
    for path, line in line_of_keys(text).items():
        if path[-1] in ("a", "b", "c-d", "e_1", "7", "q.r", "lit # x"):
            assert str(path[-1]) in source[line - 1]


@given(text=st.text(alphabet="ab=.[]{}\"'\\#,\n \t1", max_size=40))
def test_any_text_gives_lines_or_a_value_error(text: str) -> None:
    try:
        lines = line_of_keys(text)
    except ValueError:
        return
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("browser",), 2),
        (("browser", "viewport"), 4),
        (("browser", "viewport", "height"), 4),
        (("browser", "args", 1), 7),
        (("sites", "mock", "options", "deep"), 10),
        (("accounts", 0), 12),
        (("accounts", 1), 15),
        (("accounts", 1, "password", "env"), 17),
    ],
)
def test_nested_keys_have_the_line_where_they_stand(path: KeyPath, line: int) -> None:
    text = """\
# a comment
[browser]
headless = true
viewport = { width = 1000, height = 800 }
args = [
  "--one",
  "--two",
]
[sites.mock]
options.deep = 1

[[accounts]]
name = "amy"

[[accounts]]
name = "ben"
password.env = "BEN"
"""
    assert line_of_keys(text)[path] == line
