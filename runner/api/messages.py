"""What a window may say, checked before anything is done with it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner.errors import Rejected
from runner.orchestrator.inputs import Back, Click, Input, Key, Typed, Wheel

Place = Annotated[float, Field(ge=0, le=20_000, allow_inf_nan=False)]
Distance = Annotated[float, Field(ge=-10_000, le=10_000, allow_inf_nan=False)]
LONGEST_NAME = 40


class FromPerson(BaseModel):
    """One message. Input is hidden in pydantic's own errors, for it may be a password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    do: Literal["hello", "here", "take", "give_back", "click", "type", "key", "wheel", "back"]
    window: str = Field(default="", max_length=64)
    name: str = Field(default="", max_length=LONGEST_NAME)
    x: Place = 0
    y: Place = 0
    times: int = Field(default=1, ge=1, le=3)
    dx: Distance = 0
    dy: Distance = 0
    text: str = Field(default="", max_length=2000, repr=False)
    key: str = Field(default="", max_length=20)

    def deed(self) -> Input | None:
        """What it asks to do to the page; None when it asks for something else."""
        match self.do:
            case "click":
                return Click(x=self.x, y=self.y, times=self.times)
            case "type":
                return Typed(text=self.text)
            case "key":
                return Key(key=self.key)
            case "wheel":
                return Wheel(x=self.x, y=self.y, dx=self.dx, dy=self.dy)
            case "back":
                return Back()
            case _:
                return None


def parse(text: str) -> FromPerson:
    """Read one message. Raises Rejected, which never repeats what was said."""
    try:
        message = FromPerson.model_validate_json(text)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, each["loc"])) or "it" for each in error.errors()}))
        raise Rejected(f"This message cannot be understood ({fields}).") from None
    return message.model_copy(update={"name": " ".join("".join(filter(str.isprintable, message.name)).split())})
