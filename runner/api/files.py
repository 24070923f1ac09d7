"""Files that are shown to people: only what stands under a folder of ours, and never as a page of ours."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from fastapi.responses import FileResponse

from runner.api.problems import Refusal

TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".json": "text/plain; charset=utf-8",
    ".jsonl": "text/plain; charset=utf-8",
    ".zip": "application/zip",
}
SHOWN = ("image/", "text/")
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif"})
SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""A page as a site had it may hold scripts: it is shown as a picture of itself, and can do nothing."""


def inside(folder: Path, path: str) -> Path:
    """A file below a folder, by the path that the store has. Raises Refusal (404) for any other place."""
    top = Path(os.path.realpath(folder))
    found = Path(os.path.realpath(top / path))
    if not found.is_relative_to(top):
        raise _gone()
    return found


def sent(path: Path, *, name: str) -> FileResponse:
    """A file, typed by its ending and by nothing that it says itself. Raises Refusal (404) when it is gone."""
    try:
        status = path.lstat()
    except (OSError, ValueError):
        raise _gone() from None
    if not stat.S_ISREG(status.st_mode):
        raise _gone()
    kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
    return FileResponse(
        path,
        media_type=kind,
        filename=name,
        stat_result=status,
        content_disposition_type="inline" if kind.startswith(SHOWN) else "attachment",
        headers={"Content-Security-Policy": SANDBOX, "X-Content-Type-Options": "nosniff"},
    )


def _gone() -> Refusal:
    return Refusal(404, "not_found", "This file is not there any more.")
