"""When Chromium's sandbox is on."""

from __future__ import annotations

from typing import Literal

import pytest

from runner.browser.sandbox import sandbox_mode
from runner.errors import SetupError


@pytest.mark.parametrize("setting", ["auto", "required"])
def test_sandbox_is_on_for_everybody_but_root(setting: Literal["auto", "required"]) -> None:
    choice = sandbox_mode(setting=setting, is_root=False)
    assert (choice.sandboxed, choice.args, choice.warning) == (True, (), None)


def test_root_runs_without_it_and_is_warned_in_one_line() -> None:
    choice = sandbox_mode(setting="auto", is_root=True)
    assert (choice.sandboxed, choice.args) == (False, ("--no-sandbox",))
    assert choice.warning
    assert "\n" not in choice.warning


def test_root_is_refused_where_the_sandbox_is_required() -> None:
    with pytest.raises(SetupError, match=r'browser\.sandbox is "required"'):
        sandbox_mode(setting="required", is_root=True)
