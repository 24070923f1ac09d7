"""The commented configuration that `runner init` writes, made from the models so that nothing is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from runner.config import values
from runner.config.provider import ProviderSettings
from runner.config.settings import AccountSettings, RetriedKind, RetryKindSettings, Settings, SiteSettings

DEMO_ACCOUNTS = ("amy", "ben", "carla", "dev", "elena", "farid")

HEAD = """\
# Configuration of the runner. docs/configuration.md explains it at length.
#
# A line that begins with # and a letter is a setting at its default: take the # away to change it.
# Lines that begin with "# " explain. "Example" lines show settings that are not set by default.
#
# Every value can be overridden by an environment variable: RUNNER_ and the section and the key in capitals,
# with two underscores between them, such as RUNNER_BROWSER__HEADLESS=false.
# Relative paths start at the folder of this file. Passwords never stand in it: see [[accounts]] at the end.
"""

ACCOUNTS_HEAD = """\
# Accounts: one [[accounts]] table each. The password is a reference, in one of three forms:
#   password = { env = "AMY_PASSWORD" }        an environment variable
#   password = { keyring = "runner/amy" }      the system's keyring: keyring set runner amy
#   password = { file = "secrets/amy.txt" }    a file that only you can read: chmod 600
#
# What an account may say:
"""

ACCOUNTS_EXAMPLE = "#\n# As an example, the six accounts of the mock marketplace:\n"


def template() -> str:
    """A whole configuration file: every setting, its default and one line of explanation."""
    parts = [HEAD]
    for name, info in Settings.model_fields.items():
        if name == "sites":
            parts.append(_site())
        elif name != "accounts":
            model = info.annotation
            assert isinstance(model, type)
            assert issubclass(model, BaseModel)
            parts.append(f"# {model.__doc__}\n[{name}]\n" + "".join(_settings(model)))
            if name == "retry":
                parts.append(_retry_kind())
            if name == "inbox":
                parts.append(_provider())
    parts.append(_accounts())
    return "\n".join(parts)


def _settings(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        default = default_of(info)
        if name == "provider":  # shown as a table of its own, below
            continue
        yield f"\n# {info.description}\n"
        if default is None:
            yield f"# Example: {name} = {values.written(info.examples[0] if info.examples else None)}\n"
        elif name != "kinds":  # shown as a table of its own, below
            yield f"#{name} = {values.written(default)}\n"


def default_of(info: FieldInfo) -> Any:
    """The default of one setting; None when it has none or is not set by default."""
    default = info.get_default(call_default_factory=True, validated_data={})
    return None if default is PydanticUndefined else default


def _site() -> str:
    lines = [f"# {SiteSettings.__doc__}\n# [sites.NAME], one table for each site.\n[sites.mock]\n"]
    for line in _settings(SiteSettings):
        # A site needs an address, so this line is the only one that is not commented out.
        lines.append(line.removeprefix("# Example: ") if line.startswith("# Example: base_url") else line)
    return "".join(lines)


def _retry_kind() -> str:
    return (
        f"# {RetryKindSettings.__doc__}\n"
        f"# [retry.kinds.KIND]; KIND is {', '.join(get_args(RetriedKind))}.\n"
        "# Example: [retry.kinds.rate_limited]\n" + "".join(_settings(RetryKindSettings))
    )


def _provider() -> str:
    lines = [f"# {ProviderSettings.__doc__}\n# Example: [inbox.provider]\n"]
    for name, info in ProviderSettings.model_fields.items():
        shown = info.examples[0] if info.examples else default_of(info)
        lines.append(f"\n# {info.description}\n# Example: {name} = {values.written(shown)}\n")
    return "".join(lines)


def _accounts() -> str:
    lines = [ACCOUNTS_HEAD]
    for name, info in AccountSettings.model_fields.items():
        lines.append(f"#   {name:9} {info.description}\n")
    lines.append(ACCOUNTS_EXAMPLE)
    for name in DEMO_ACCOUNTS:
        lines.append(f'#[[accounts]]\n#name = "{name}"\n#site = "mock"\n')
        lines.append(f'#password = {{ env = "{name.upper()}_PASSWORD" }}\n#\n')
    return "".join(lines).removesuffix("#\n")
