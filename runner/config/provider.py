"""The settings of the language-model provider, which answers in place of the local classifier where it is asked for."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from runner.config import values
from runner.config.section import Section
from runner.domain.accounts import SecretRef


class ProviderSettings(Section):
    """A language model that is asked what messages want. Their texts leave this machine where it is a remote one."""

    allow_remote: bool = Field(default=False, description="Allow an address that is not on this machine.")
    base_url: values.BaseUrl = Field(
        description="Where its OpenAI-compatible API begins; /chat/completions is asked.",
        examples=["http://127.0.0.1:11434/v1"],
    )
    model: str = Field(min_length=1, max_length=200, description="The model to ask for.", examples=["llama3.2"])
    api_keys: tuple[values.Secret, ...] = Field(
        default=(),
        max_length=20,
        description="Its keys, kept as passwords are. When one is refused or used up, the next is taken.",
        examples=[[{"env": "PROVIDER_KEY_1"}, {"env": "PROVIDER_KEY_2"}]],
    )
    timeout_s: values.Seconds = Field(default=20.0, description="How long one answer may take.")
    requests_per_day: values.Whole = Field(
        default=500, ge=1, le=1_000_000, description="Requests a day (UTC) at most; then the local classifier answers."
    )
    tokens_per_day: values.Whole = Field(
        default=500_000,
        ge=1,
        le=1_000_000_000,
        description="Tokens a day (UTC) at most, of questions and answers.",
    )
    batch: values.Whole = Field(
        default=10, ge=1, le=100, description="Messages in one request; 1 keeps them from influencing one another."
    )

    @field_validator("base_url", mode="after")
    @classmethod
    def _base_url_is_allowed(cls, value: str, info: ValidationInfo) -> str:
        return values.permitted(value, allow_remote=info.data.get("allow_remote", True))

    def in_folder(self, folder: Path) -> ProviderSettings:
        """The same settings, with the paths of key files made absolute."""
        keys = tuple(
            SecretRef(kind="file", name=str(folder / Path(each.name).expanduser())) if each.kind == "file" else each
            for each in self.api_keys
        )
        return self.model_copy(update={"api_keys": keys})
