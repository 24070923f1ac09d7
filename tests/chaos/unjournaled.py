"""The mutant: the `runner` command with the journal of Effects and the network fence taken out.

Whatever convicts the product must convict this one, or it proves nothing.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from runner.cli.main import main
from runner.orchestrator import attempts
from runner.orchestrator.effects import Journal


async def _just_fire(
    self: Journal, kind: object, natural_key: str, payload: str, *, find: Any, fire: Any
) -> tuple[str, bool]:
    async def nothing() -> None:
        return None

    return await fire(nothing), True


@asynccontextmanager
async def _no_fence(*_args: object, **_named: object) -> Any:
    yield None


if __name__ == "__main__":
    Journal.perform = _just_fire  # type: ignore[method-assign]  # because that is the mutation
    attempts.submit_fence = _no_fence  # type: ignore[assignment]  # because that is the mutation
    main()
