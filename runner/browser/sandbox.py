"""Decides whether Chromium runs in its sandbox: always, but for root in a container or CI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runner.errors import SetupError

Setting = Literal["auto", "required"]


@dataclass(frozen=True, kw_only=True)
class SandboxChoice:
    """How to start Chromium: give `sandboxed` to Playwright's `chromium_sandbox`, show `warning` and `cure` once.

    Both are None when the sandbox is on. Playwright's own default is no sandbox, so `chromium_sandbox` must always be
    given.
    """

    sandboxed: bool
    args: tuple[str, ...] = ()
    warning: str | None = None
    cure: str | None = None


def sandbox_mode(*, setting: Setting, is_root: bool) -> SandboxChoice:
    """Return the sandbox on, and off only for root, where Chromium refuses to start with it.

    Raises SetupError for root when the sandbox is "required".
    """
    if not is_root:
        return SandboxChoice(sandboxed=True)
    if setting == "required":
        raise SetupError(
            'browser.sandbox is "required", and Chromium has no sandbox when it is started by root.',
            cure='Run as another user, or set browser.sandbox = "auto".',
        )
    return SandboxChoice(
        sandboxed=False,
        args=("--no-sandbox",),
        warning="Chromium runs without its sandbox, because this is root.",
        cure="Run as another user to have it on.",
    )
