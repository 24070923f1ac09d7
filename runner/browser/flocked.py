"""What flocked.sh does, for machines without flock(1) (macOS): take the profile's lock, then become the browser.

Run as a script, by path, with the standard library alone; exit code 75 means that the lock is taken.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time

LOCK_IS_TAKEN = 75
WAIT_S = 1.0


def main() -> None:
    """Replace this process by RUNNER_CHROMIUM, which inherits the locked descriptor."""
    lock = os.open(os.environ["RUNNER_PROFILE_LOCK"], os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                sys.exit(LOCK_IS_TAKEN)
            time.sleep(0.02)
    os.set_inheritable(lock, True)
    browser = os.environ["RUNNER_CHROMIUM"]
    os.execv(browser, [browser, *sys.argv[1:]])  # noqa: S606 - becoming the browser is the point


if __name__ == "__main__":
    main()
