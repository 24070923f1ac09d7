#!/bin/sh
# Starts Playwright's driver so that it dies with the runner, even when the runner is killed (Linux).
if command -v setpriv >/dev/null 2>&1; then
    exec setpriv --pdeathsig KILL "$RUNNER_NODE" "$@"
fi
exec "$RUNNER_NODE" "$@"
