"""Which failures are one group, and which are not."""

from __future__ import annotations

from typing import Any

import pytest

from runner.domain.signatures import LENGTH, cure, plain, signature
from runner.errors import ErrorKind

BUTTON = 'get_by_role("button", name="Send")'


def named(**changes: Any) -> str | None:
    given = {"kind": ErrorKind.SITE_CHANGED, "step": "read thread", "locator": BUTTON, "site": "mock", "revision": "1"}
    return signature(**(given | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": ErrorKind.TIMEOUT},
        {"step": "list threads"},
        {"step": None},
        {"locator": 'get_by_role("button", name="Publish")'},
        {"locator": None},
        {"site": "noticeboard"},
        {"revision": "2"},
    ],
)
def test_what_makes_another_group(changes: dict[str, Any]) -> None:
    assert named(**changes) != named()


def test_numbers_and_ids_do_not_split_a_group() -> None:
    assert named(step="photo 3 of 10") == named(step="photo 4 of 12")
    assert named(locator='get_by_text("Thread 4711")') == named(locator='get_by_text("Thread 99")')
    one, other = "550e8400-e29b-41d4-a716-446655440000", "00000000-e29b-41d4-a716-446655441111"
    assert named(locator=f'locator("#{one}")') == named(locator=f'locator("#{other}")')
    assert named(locator='locator("#row-8f3a9c1d2e4b")') == named(locator='locator("#row-1a2b3c4d5e6f")')


def test_words_are_not_taken_for_ids() -> None:
    assert plain("confirmation-dialogue opens") == "confirmation-dialogue opens"


def test_what_is_interrupted_has_not_failed() -> None:
    assert named(kind=ErrorKind.INTERRUPTED) is None


def test_a_name_is_short_and_the_same_tomorrow() -> None:
    assert named() == named()
    assert len(named() or "") == LENGTH


def test_every_kind_has_a_cure_and_a_missing_element_is_named_in_it() -> None:
    assert all(cure(kind).endswith((".", "check_login")) for kind in ErrorKind)
    assert BUTTON in cure(ErrorKind.SITE_CHANGED, locator=BUTTON)
