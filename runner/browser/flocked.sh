#!/bin/sh
# Starts the browser so that it holds its profile's lock itself: whatever happens to the runner, the lock is free
# exactly when that browser is gone. The wait of one second lets a glance at the lock pass; 75 means "it is taken".
# Playwright opens its inspector with the same program, in a profile of its own: RUNNER_INSPECTOR names the browser.
if [ -z "${RUNNER_PROFILE_LOCK:-}" ]; then
    exec "$(cat "$RUNNER_INSPECTOR")" "$@"
fi
if command -v flock >/dev/null 2>&1; then
    exec flock -w 1 -F -E 75 "$RUNNER_PROFILE_LOCK" "$RUNNER_CHROMIUM" "$@"
fi
exec "$RUNNER_PYTHON" "$RUNNER_FLOCKED_PY" "$@"
