"""Parameters of Flows as they come over HTTP: checked by the Flow itself, and kept from naming this machine's files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import SetupError
from runner.sites.flows import catalog


def checked(flow: str, params: Mapping[str, Any], uploads_dir: Path) -> dict[str, Any]:
    """What a Job stores. Raises NotFound, SetupError.

    Whoever has a terminal may name any picture of this machine; over HTTP it must have been uploaded here, or a token
    could publish whatever picture lies somewhere on the disk.
    """
    parsed = catalog.flow_named(flow).parse(params, folder=uploads_dir)
    top = os.path.realpath(uploads_dir)
    for name in type(parsed).model_fields:
        value = getattr(parsed, name)
        for path in value if isinstance(value, tuple | list) else (value,):
            if isinstance(path, Path) and not Path(os.path.realpath(path)).is_relative_to(top):
                raise SetupError(f"{name} names a file of the runner's machine.", cure="Import it: /listings/import.")
    stored: dict[str, Any] = parsed.model_dump(mode="json", exclude_unset=True)
    return stored
