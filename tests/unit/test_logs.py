"""What a log line holds, and what it must never hold."""

from __future__ import annotations

import io
from typing import Literal

import pytest
import structlog

from runner import logs


def _fails_with(secret: str) -> None:
    kept_in_a_variable = f"Bearer {secret}"
    raise RuntimeError(f"refused: {len(kept_in_a_variable)} characters")


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("known", [False, True])
def test_an_exception_is_logged_without_what_its_variables_held(
    style: Literal["console", "json"], *, known: bool
) -> None:
    redactor, out, secret = logs.Redactor(), io.StringIO(), "canary-of-the-log"
    if known:
        redactor.add(secret)
    before = structlog.get_config()
    try:
        logs.configure(style=style, redactor=redactor, stream=out)
        try:
            _fails_with(secret)
        except RuntimeError:
            structlog.get_logger().exception("it was not sent")
    finally:
        structlog.configure(**before)
    said = out.getvalue()
    assert "RuntimeError: refused: 24 characters" in said
    assert "_fails_with" in said
    assert "canary" not in said
