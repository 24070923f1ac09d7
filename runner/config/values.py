"""Kinds of value that the configuration is made of, and what a person is told when one is wrong.

A rule raises `ValueError("expected …")`, and adds what was found unless that may be a secret.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from runner.domain.accounts import SecretRef

REFERENCE_KINDS = ("env", "keyring", "file")
REFERENCE_FORMS = '{ env = "VARIABLE" }, { keyring = "service/username" } or { file = "path" }'
DEFAULT_PORTS = {"http": 80, "https": 443}
LARGEST_DURATION_S = 7 * 24 * 3600.0

FORBIDDEN_ARGS = {
    "--user-data-dir": "the runner gives every account a profile folder of its own; see [profiles] dir",
    "--no-sandbox": "the sandbox is governed by [browser] sandbox",
    "--headless": "headless or not is governed by [browser] headless",
    "--remote-debugging-port": "Playwright holds the browser's control channel, and no other program may",
    "--disable-blink-features=AutomationControlled": "the runner never hides from a site that it is automated",
}


def closest(name: str, existing: Iterable[str]) -> str | None:
    """Return the existing name that looks most like `name`, if any does."""
    close = difflib.get_close_matches(name.lower(), sorted(existing), n=1, cutoff=0.5)
    return close[0] if close else None


def nearest(name: str, existing: Iterable[str]) -> str:
    """Return ` Did you mean "…"?`, or an empty text when nothing looks like `name`."""
    close = closest(name, existing)
    return f' Did you mean "{close}"?' if close else ""


def written(value: Any) -> str:
    """Write a value as TOML, on one line."""
    if isinstance(value, BaseModel):
        return written(value.model_dump())
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} = {written(inner)}" for key, inner in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(each) for each in value)}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    # JSON's texts, numbers, true and false are TOML's as well.
    return json.dumps(str(value) if isinstance(value, Path) else value)


def shown(value: object) -> str:
    """Say what was found, on one line and no longer than a glance."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a table" if value else "an empty table"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    text = value if isinstance(value, str) else str(value)
    text = text if len(text) <= 60 else text[:59] + "…"
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return f'"{text}"' if isinstance(value, str) else text


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"expected a number; found {shown(value)}.")
    return value


def _argument(value: str) -> str:
    if not re.fullmatch(r"--[A-Za-z][^\x00-\x1f]*", value):
        raise ValueError(f'expected a Chromium switch such as "--mute-audio"; found {shown(value)}.')
    for forbidden, reason in FORBIDDEN_ARGS.items():
        if value == forbidden or value.startswith(forbidden + "=") or value.startswith(forbidden + ","):
            raise ValueError(f"{forbidden} is not allowed here: {reason}.")
    return value


def _locale(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
        raise ValueError(f'expected a language tag such as "en-GB"; found {shown(value)}.')
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zones = {zone.lower(): zone for zone in available_timezones()}
        close = difflib.get_close_matches(value.lower(), sorted(zones), n=1, cutoff=0.6)
        hint = f' Did you mean "{zones[close[0]]}"?' if close else ""
        raise ValueError(f'expected an IANA time zone such as "Europe/Berlin"; found {shown(value)}.{hint}') from None
    return value


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", value):
        raise ValueError(
            "expected 1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit "
            f"(it names the profile folder); found {shown(value)}."
        )
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", value):
        raise ValueError(f"expected a name of a-z, 0-9 and _ that begins with a letter; found {shown(value)}.")
    return value


def _host(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if re.fullmatch(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}", value) is None:
            raise ValueError(f"expected an address or the name of a host; found {shown(value)}.") from None
    return value.lower()


def _path_text(value: object) -> object:
    # Path("") would be the current folder.
    if isinstance(value, str) and (not value.strip() or "\x00" in value):
        raise ValueError(f"expected a path; found {shown(value)}.")
    return value


def _path(value: Path) -> Path:
    try:
        return value.expanduser()
    except RuntimeError:
        raise ValueError(f"expected a path; the home folder in {shown(str(value))} is unknown.") from None


def split_url(value: str) -> SplitResult:
    """Split an http or https URL; ValueError when it is none, or carries credentials."""
    wrong = f'expected a URL such as "http://127.0.0.1:8765"; found {shown(value)}.'
    try:
        parts = urlsplit(value.strip())
        _ = parts.port
    except ValueError:
        raise ValueError(wrong) from None
    if "@" in parts.netloc:
        raise ValueError("expected a URL without a user name or password in it.")
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or re.search(r"\s", value.strip()):
        raise ValueError(wrong)
    return parts


def origin_of_url(value: str) -> str:
    """Return scheme://host[:port] in lower case, without a default port: as a browser writes an origin."""
    parts = split_url(value)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"expected a host name; found {shown(host)}.") from None
    port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_loopback(value: str) -> bool:
    """Whether a URL or origin can only ever lead to this machine."""
    host = split_url(value).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def permitted(url: str, *, allow_remote: bool) -> str:
    """The URL, where it may be gone to; ValueError where it leads away from this machine and nobody allowed that."""
    if allow_remote or is_loopback(url):
        return url
    raise ValueError(
        f"{shown(url)} is not on this machine. Loopback only is the rule; "
        "to let the runner go there, write allow_remote = true beside it."
    )


def _base_url(value: str) -> str:
    parts = split_url(value)
    if parts.query or parts.fragment:
        raise ValueError(f"expected a URL without ? and #; found {shown(value)}.")
    return origin_of_url(value) + parts.path.rstrip("/")


def _origin(value: str) -> str:
    parts = split_url(value)
    origin = origin_of_url(value)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f'expected an origin without a path, such as "{origin}"; found {shown(value)}.')
    return origin


def _secret(value: Any) -> SecretRef:
    """Read one of the three forms; nothing that was typed here is ever repeated, for it may be the password."""
    if isinstance(value, SecretRef):
        return value
    if isinstance(value, str):
        raise ValueError(f"a password is never written here. Say where it is kept: {REFERENCE_FORMS}.")
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError(f"expected exactly one of {REFERENCE_FORMS}.")
    kind, name = next(iter(value.items()))
    if not isinstance(name, str) or not name or "\x00" in name:
        raise ValueError(f"expected exactly one of {REFERENCE_FORMS}, with a text.")
    if kind == "env":
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError('expected the name of an environment variable, such as { env = "AMY_PASSWORD" }.')
        return SecretRef(kind="env", name=name)
    if kind == "keyring":
        if not all(name.rpartition("/")[::2]):
            raise ValueError('expected a service and a user name, such as { keyring = "runner/amy" }.')
        return SecretRef(kind="keyring", name=name)
    if kind == "file":
        return SecretRef(kind="file", name=name)
    raise ValueError(f"no such key.{nearest(str(kind), REFERENCE_KINDS)} Expected one of {REFERENCE_FORMS}.")


Number = BeforeValidator(_number)
Whole = Annotated[int, Number]
Count = Annotated[int, Number, Field(ge=1, le=1000)]
Seconds = Annotated[float, Number, Field(gt=0, le=LARGEST_DURATION_S, allow_inf_nan=False)]
Factor = Annotated[float, Number, Field(ge=1, le=10, allow_inf_nan=False)]
Share = Annotated[float, Number, Field(ge=0, le=1, allow_inf_nan=False)]
Argument = Annotated[str, AfterValidator(_argument)]
Locale = Annotated[str, AfterValidator(_locale)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
Slug = Annotated[str, AfterValidator(_slug)]
Name = Annotated[str, AfterValidator(_name)]
Host = Annotated[str, AfterValidator(_host)]
FilePath = Annotated[Path, BeforeValidator(_path_text), AfterValidator(_path)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Origin = Annotated[str, AfterValidator(_origin)]
Secret = Annotated[SecretRef, BeforeValidator(_secret)]
