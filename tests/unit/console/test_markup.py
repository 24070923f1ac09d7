"""A house rule of the console: what may come from a site never reaches text that NiceGUI parses or a page renders."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner.console

FOLDER = Path(runner.console.__file__).parent
PARSED = {
    "props",
    "style",
    "html",
    "markdown",
    "add_slot",
    "run_javascript",
    "add_head_html",
    "add_body_html",
    "add_css",
}
"""Their text is parsed, and some of it run."""
OURS = {"HEAD"}


def loose(source: str) -> Iterator[int]:
    """Lines on which a parsed text is anything but written out in the code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in PARSED:
            for given in [*node.args, *(each.value for each in node.keywords)]:
                names = {each.id for each in ast.walk(given) if isinstance(each, ast.Name)}
                if not isinstance(given, ast.Constant) and not (names and names <= OURS):
                    yield node.lineno


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_what_is_parsed_is_written_out_in_the_code(path: Path) -> None:
    assert list(loose(path.read_text(encoding="utf-8"))) == []


def test_the_rule_finds_what_it_is_for() -> None:
    assert list(loose('ui.label("x").props(f"title={name}")')) == [1]
    assert list(loose("ui.html(text)")) == [1]
