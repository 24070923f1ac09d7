"""Finds a setting's type and rules by its path in the models."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from runner.config.toml_lines import KeyPath
from runner.domain.accounts import SecretRef


@dataclass(frozen=True, kw_only=True)
class Place:
    """What may stand at a path: the type without `None`, the rules on it, and examples."""

    annotation: Any
    rules: tuple[Any, ...] = ()
    examples: tuple[Any, ...] = ()

    @property
    def model(self) -> type[BaseModel] | None:
        """The model of a table with fixed keys."""
        is_model = isinstance(self.annotation, type) and issubclass(self.annotation, BaseModel)
        return self.annotation if is_model else None

    @property
    def is_secret(self) -> bool:
        """Whether it says where a password is kept, so that what was typed may be the password."""
        return self.annotation is SecretRef

    @property
    def choices(self) -> tuple[str, ...]:
        """The only texts allowed; empty when it is not a closed set."""
        return typing.get_args(self.annotation) if typing.get_origin(self.annotation) is typing.Literal else ()

    @property
    def item(self) -> Place | None:
        """What each item of a list, or each value of a table with free keys, may be."""
        arguments = typing.get_args(self.annotation)
        if typing.get_origin(self.annotation) is tuple:
            return _place(arguments[0])
        return _place(arguments[1]) if typing.get_origin(self.annotation) is dict else None

    @property
    def is_list(self) -> bool:
        return typing.get_origin(self.annotation) is tuple

    @property
    def is_table(self) -> bool:
        return self.model is not None or typing.get_origin(self.annotation) is dict

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys it may hold, where they are a closed set."""
        if self.model is not None:
            return tuple(self.model.model_fields)
        if typing.get_origin(self.annotation) is dict:
            return Place(annotation=typing.get_args(self.annotation)[0]).choices
        return ()


def place_at(model: type[BaseModel], path: KeyPath) -> Place | None:
    """The place at `path`; None where the models have none. Below a table of anything it is anything."""
    here: Place | None = Place(annotation=model)
    for part in path:
        if here is None:
            return None
        here = _field(here.model, str(part)) if here.model is not None else here.item
    return here


def _field(model: type[BaseModel], name: str) -> Place | None:
    info = model.model_fields.get(name)
    if info is None:
        return None
    return _place(info.annotation, tuple(info.metadata), tuple(info.examples or ()))


def _place(annotation: Any, rules: tuple[Any, ...] = (), examples: tuple[Any, ...] = ()) -> Place:
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *more = typing.get_args(annotation)
        return _place(inner, (*_flat(more), *rules), examples)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        choices = [each for each in typing.get_args(annotation) if each is not type(None)]
        if len(choices) == 1:
            return _place(choices[0], rules, examples)
    return Place(annotation=annotation, rules=rules, examples=examples)


def _flat(rules: list[Any]) -> list[Any]:
    """Field(ge=1) inside Annotated carries its rules as metadata of its own."""
    return [inner for rule in rules for inner in (getattr(rule, "metadata", None) or [rule])]
