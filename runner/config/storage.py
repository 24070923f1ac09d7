"""The settings of how much is kept: days for each kind of record, and the room that all of it may take."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runner.config import values
from runner.config.section import Section
from runner.domain.storage import Allowance

Days = Annotated[values.Whole, Field(ge=0, le=36_500)]
Megabytes = Annotated[values.Whole, Field(ge=0, le=100_000_000)]


class StorageSettings(Section):
    """How long records are kept, and how much room they may take; what is at work is never touched."""

    job_days: Days = Field(
        default=365, description="Ended jobs, with attempts, evidence and sessions; 0 keeps them for ever."
    )
    event_days: Days = Field(default=180, description="What has happened, as the console's history shows it; 0: ever.")
    step_days: Days = Field(default=180, description="The steps of ended attempts; 0 keeps them for ever.")
    evidence_days: Days = Field(
        default=90, description="Pictures, pages and traces of attempts, by the date of their folder; 0: for ever."
    )
    notice_days: Days = Field(default=90, description="Notices that were sent or given up; 0 keeps them for ever.")
    database_mb: Megabytes = Field(
        default=4_000, description="More than this in the database, and the oldest records go earlier; 0: no limit."
    )
    screenshots_mb: Megabytes = Field(
        default=10_000,
        description="More than this in [evidence] dir, and the oldest evidence goes earlier; 0: no limit.",
    )
    least_days: Annotated[values.Whole, Field(ge=1, le=365)] = Field(
        default=2, description="What is younger than this stays even where a budget is exceeded; then it is said."
    )
    every_s: values.Seconds = Field(default=3600.0, description="How often a daemon looks whether anything is to go.")

    def allowance(self) -> Allowance:
        """The same as those know it who free room."""
        return Allowance(**self.model_dump(exclude={"every_s"}))
