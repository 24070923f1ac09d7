"""The settings of what people are told: how often the same, how long it is tried, and when digests come."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from runner.config import values
from runner.config.section import Section

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _time_of_day(value: str) -> str:
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value) is None:
        raise ValueError(f'expected a time of day such as "08:00"; found {values.shown(value)}.')
    return value


TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]


class NoticeSettings(Section):
    """What people are told, by the channels that `runner channels add` makes."""

    repeat_after_s: values.Seconds = Field(
        default=600.0, description="What is told of one thing is not told again for so long: it is counted."
    )
    max_attempts: values.Count = Field(
        default=6, description="Tries at sending a notice, the first included; then it is on the dead-letter list."
    )
    first_wait_s: values.Seconds = Field(
        default=30.0, description="Wait before the second try; each further wait is four times the one before."
    )
    max_wait_s: values.Seconds = Field(default=3600.0, description="No wait is longer than this.")
    send_s: values.Seconds = Field(default=20.0, description="How long one try may take.")
    console_url: values.BaseUrl | None = Field(
        default=None,
        description="Where people reach the console, for the links in notices. Not set: notices have no links.",
        examples=["http://127.0.0.1:8700"],
    )
    digest_at: TimeOfDay = Field(default="08:00", description="The time of day at which digests are sent.")
    digest_day: Weekday = Field(default="monday", description="The day on which the weekly digest is sent.")
    timezone: values.TimeZone | None = Field(
        default=None,
        description="IANA time zone of digests and their days. Not set: that of [browser].",
        examples=["Europe/Berlin"],
    )
