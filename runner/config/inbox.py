"""The settings of the inbox: what is done with Messages once they are read."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from runner.config import values
from runner.config.provider import ProviderSettings
from runner.config.section import Section


class InboxSettings(Section):
    """What is done with messages once they are read."""

    classify: bool = Field(default=True, description="Find out what each new message wants.")
    threshold: values.Share = Field(
        default=0.6, description="How sure a classifier must be, from 0 to 1; below that a person is asked."
    )
    answer_within_s: values.Seconds = Field(
        default=259_200.0,
        description="Rules leave messages alone that were written longer ago: nobody waits for an answer any more.",
    )
    away_s: values.Seconds = Field(
        default=604_800.0,
        description="A counterpart who is away and does not say until when is followed up so much later.",
    )
    model_dir: values.FilePath | None = Field(
        default=None,
        description="Folder of the trained classifier. Not set: models, beside the store.",
        examples=["models"],
    )

    provider: ProviderSettings | None = Field(
        default=None,
        description="A language model that is asked first. Not set: no text leaves this machine.",
        examples=[{"base_url": "http://127.0.0.1:11434/v1", "model": "llama3.2"}],
    )

    def in_folder(self, folder: Path) -> InboxSettings:
        """The same settings with all paths made absolute."""
        model_dir = None if self.model_dir is None else folder / self.model_dir
        provider = None if self.provider is None else self.provider.in_folder(folder)
        return self.model_copy(update={"model_dir": model_dir, "provider": provider})
