"""A setting as people are shown it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SettingInForce:
    """One setting as it is now: `origin` says where the value came from. A secret's value is never in here."""

    key: str
    value: object
    origin: str
