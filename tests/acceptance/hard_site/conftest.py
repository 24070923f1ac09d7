"""What every hard condition is judged by: the attempts' rows, the picture that was kept, and one small account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

COLUMNS = ("id", "number", "outcome", "kind", "error", "step", "wait_s", "reason", "sign_ins", "popups", "started_at")


@pytest.fixture
def farid(shop: Any) -> Any:
    """The shop with one account, farid: 13 threads, 3 listings."""
    shop.configure(accounts=("farid",))
    return shop


@pytest.fixture
def attempts(shop: Any) -> Callable[..., list[dict[str, Any]]]:
    """The attempts of an account, oldest first, as their rows stand in the database."""

    def read(account: str = "farid") -> list[dict[str, Any]]:
        rows = shop.rows(
            f"select {', '.join('attempt.' + column for column in COLUMNS)} from attempt join job on job.id = job_id "
            "join account on account.id = job.account_id where account.name = ? order by attempt.id",
            account,
        )
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    return read


@pytest.fixture
def evidence(shop: Any) -> Callable[[int], dict[str, tuple[Path, float | None]]]:
    """The files of an attempt by kind, each with the age of what it shows, seconds; every file is there."""

    def read(attempt: int) -> dict[str, tuple[Path, float | None]]:
        rows = shop.rows("select kind, path, age_s from evidence where attempt_id = ?", attempt)
        found = {kind: (shop.folder / "screenshots" / path, age_s) for kind, path, age_s in rows}
        assert all(path.stat().st_size > 0 for path, _ in found.values())
        return found

    return read


@pytest.fixture
def picture(evidence: Any) -> Callable[[int], Image.Image]:
    """The picture of an attempt, whole and at least as large as the window's half."""

    def read(attempt: int) -> Image.Image:
        files = evidence(attempt)
        path, _ = files.get("screenshot") or files["last_picture"]
        image = Image.open(path).convert("RGB")
        assert min(image.size) >= 400, image.size
        return image

    return read


@pytest.fixture
def summary(evidence: Any) -> Callable[[int], str]:
    """The text that tells a person about an attempt."""

    def read(attempt: int) -> str:
        path, _ = evidence(attempt)["summary"]
        return str(path.read_text(encoding="utf-8"))

    return read
