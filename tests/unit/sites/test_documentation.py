"""The code that the pages on sites and flows quote is the code that runs."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest

from runner.sites.flow import Stage
from runner.sites.flows import catalog
from runner.sites.interface import Site

HOME = Path(__file__).parents[3]
PAGES = ("docs/writing-a-site.md", "docs/writing-a-flow.md")
QUOTE = re.compile(r"<!-- code: (?P<file>\S+)(?: (?P<name>\S+))? -->\n```python\n(?P<code>.*?)\n```", re.DOTALL)


def source_of(file: str, name: str | None) -> str:
    """A whole file, or a class, function or method of it with its decorators, dedented."""
    text = (HOME / file).read_text()
    if name is None:
        return text.strip()
    body: list[ast.stmt] = ast.parse(text).body
    node: ast.stmt | None = None
    for part in name.split("."):
        node = next(each for each in body if getattr(each, "name", None) == part)
        body = getattr(node, "body", [])
    assert node is not None
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return textwrap.dedent("\n".join(text.splitlines()[first - 1 : node.end_lineno]))


def quotes() -> list[tuple[str, str, str | None, str]]:
    found = []
    for page in PAGES:
        for match in QUOTE.finditer((HOME / page).read_text()):
            found.append((page, match["file"], match["name"], match["code"]))
    return found


@pytest.mark.parametrize(("page", "file", "name", "code"), quotes())
def test_quoted_code_is_the_code_that_runs(page: str, file: str, name: str | None, code: str) -> None:
    assert code == source_of(file, name), f"{page} quotes {file} {name or ''} as it was: copy it again"


@pytest.mark.parametrize("page", PAGES)
def test_every_python_block_is_a_quotation(page: str) -> None:
    text = (HOME / page).read_text()
    assert text.count("```python") == len(QUOTE.findall(text)) > 3


def test_the_page_on_sites_names_every_method_of_a_site() -> None:
    text = (HOME / "docs/writing-a-site.md").read_text()
    methods = {name for name, member in vars(Site).items() if callable(member) and not name.startswith("_")}
    assert {name for name in methods if f"`{name}(" not in text} == set()


def test_the_page_on_flows_names_every_part_of_a_stage() -> None:
    text = (HOME / "docs/writing-a-flow.md").read_text()
    assert {name for name in Stage.__dataclass_fields__ if f"| `{name}` |" not in text} == set()


def test_the_flows_that_the_page_names_exist() -> None:
    text = (HOME / "docs/writing-a-flow.md").read_text()
    assert {flow for flow in re.findall(r"runner run \w+ (\w+)", text) if flow not in catalog.FLOWS} == set()
