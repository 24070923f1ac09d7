"""The settings of the pool: browsers that stay open between two visits to their accounts."""

from __future__ import annotations

from pydantic import Field

from runner.config import values
from runner.config.section import Section


class PoolSettings(Section):
    """Browsers that are kept warm, blank and idle, between two jobs of their accounts (daemon and cycles, headless)."""

    memory_mb: values.Whole = Field(
        default=1000,
        ge=0,
        le=1_000_000,
        description="What all idle browsers together may take up, in MB; 0 closes each after its visit.",
    )
    each_mb: values.Whole = Field(
        default=400, ge=1, le=1_000_000, description="One that takes up more than so many MB is closed."
    )
    idle_s: values.Seconds = Field(default=600.0, description="One that nobody has needed for so long is closed.")
    max_age_s: values.Seconds = Field(
        default=3600.0, description="One that was launched longer ago is closed after its visit."
    )
