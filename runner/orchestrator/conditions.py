"""conditions.json: what a Site said of its own circumstances when an Attempt failed, for whoever replays it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE_NAME = "conditions.json"


def write(folder: Path, conditions: Mapping[str, Any]) -> None:
    """Put them beside the Evidence; where that is impossible there is none, and a replay goes without."""
    if folder.is_dir():
        text = json.dumps(dict(conditions), ensure_ascii=False, indent=1) + "\n"
        (folder / FILE_NAME).write_text(text, encoding="utf-8")


def read(folder: Path) -> Mapping[str, Any]:
    """What stands beside the Evidence; {} where nothing does, or nothing that can be read."""
    try:
        found = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
