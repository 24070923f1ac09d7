from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console

from runner.cli import output

ADDRESS = "http://127.0.0.1:8765/item/1200050"
COLUMNS = ("listing", "account", "reference", "title", "price", "photos", "state", "address")
ROW = (1, "amy", "AMY-101", "ThinkPad T480s, i5, 16 GB, 256 GB", "389.00 EUR", 1, "published", ADDRESS)


@pytest.mark.parametrize("width", range(40, 161, 3))
def test_a_table_loses_no_character_at_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=written, width=width, highlight=False))

    output.table(COLUMNS, [ROW])

    lines = written.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    shown = Counter("".join(written.getvalue().replace("─", "").split()))
    assert shown == Counter("".join("".join(map(str, (*COLUMNS, *ROW))).split()))
