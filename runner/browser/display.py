"""Whether a window can be shown on this machine, and what helps where it cannot."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from runner.errors import SetupError


def is_missing() -> bool:
    """Whether this machine has no display to show a window on."""
    return sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def need(command: Sequence[str] = ()) -> None:
    """Raises SetupError where no window can be shown, with what to put before the `command` that wants one."""
    if not is_missing():
        return
    again = " ".join(["xvfb-run -a", *command]) if command else 'put "xvfb-run -a" before the command'
    if shutil.which("xvfb-run"):
        cure = f"Run it in a virtual one: {again}"
    else:
        cure = f"Install a virtual one (apt-get install xvfb), then: {again}"
    raise SetupError("This machine has no display, and a headed browser needs one.", cure=cure)
