"""A Site's conditions before a replay set others: in a file until they are in force again, for it may be killed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner.browser.sealing import write_whole
from runner.orchestrator import owners

FOLDER = "replays"
"""Beside the database."""


@dataclass(frozen=True, kw_only=True)
class Former:
    """The conditions of the Site at `base_url` before the replay of process `owner` set others for `account`."""

    account: str
    base_url: str
    owner: str
    conditions: Mapping[str, Any]

    @property
    def is_left(self) -> bool:
        """Whether the replay is dead, and will not set them again itself."""
        return owners.is_alive(self.owner) is False


class FormerConditions:
    """One file for each Site whose conditions a replay has changed, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, base_url: str) -> Path:
        """Where those of this Site stand while a replay goes on."""
        return self._folder / f"{hashlib.sha256(base_url.encode()).hexdigest()[:16]}.json"

    def of(self, base_url: str) -> Former | None:
        """Those of one Site; None when no replay has changed any, or nobody can read what it wrote."""
        return _read(self.file(base_url))

    def left(self) -> list[Former]:
        """What replays that were killed have left behind."""
        found = [_read(file) for file in sorted(self._folder.glob("*.json"))]
        return [former for former in found if former is not None and former.is_left]

    def keep(self, former: Former) -> None:
        """Durable when this returns: only then others may be set."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.file(former.base_url), json.dumps(asdict(former), ensure_ascii=False).encode())

    def forget(self, base_url: str) -> None:
        """They are in force again."""
        self.file(base_url).unlink(missing_ok=True)


def _read(file: Path) -> Former | None:
    try:
        return Former(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
