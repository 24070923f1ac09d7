"""The Flow contract: a written procedure on a Site, in Steps, with typed parameters and a typed result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from runner.domain.accounts import Account
from runner.domain.clock import Clock
from runner.sites.interface import Site, Steps
from runner.sites.params import Params, parse
from runner.sites.ports import EffectJournal, EvidenceSink, InboxRecords, ListingRecords
from runner.sites.retrying import Repeats

P = TypeVar("P", bound=Params)


@dataclass(frozen=True, kw_only=True)
class Stage(Generic[P]):
    """Everything that one performance of a Flow may use; the Site is signed in as `account` already."""

    site: Site
    account: Account
    params: P
    step: Steps
    inbox: InboxRecords
    listings: ListingRecords
    effects: EffectJournal
    evidence: EvidenceSink
    clock: Clock
    allowed_origins: frozenset[str] = frozenset()
    """Origins (`https://host:port`) that may be opened besides the Site's own."""
    may_read_unseen: Callable[[], bool] = lambda: False
    """Whether nobody needs to see the pages that are read from now on; asked before every read."""
    repeats: Repeats = field(default_factory=Repeats)
    """Repeats a read that timed out, and counts."""


class Flow(ABC, Generic[P]):
    """A written procedure on a Site. Has no state: one object serves every Job."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for a person, as `runner run --help` shows it."""
    changes: ClassVar[bool] = False
    """Whether it changes anything at the Site: then it makes every change through the journal."""
    Params: type[P]

    def parse(self, given: Mapping[str, Any], *, folder: Path | None = None) -> P:
        """Check parameters as they were given (`--set key=value`, a file, a stored Job). Raises BadParams.

        File names are relative to `folder`, or to the working folder when it is None.
        """
        return parse(self.name, self.Params, given, folder=folder)

    def repeated(self, params: Mapping[str, Any], natural_keys: Sequence[str]) -> Mapping[str, Any]:
        """Stored parameters under which another Job means the very Effects (`natural_keys`) that one has entered.

        Raises Conflict when they would mean something else by now: then it must not be performed again.
        """
        del natural_keys
        return params

    @abstractmethod
    async def perform(self, stage: Stage[P]) -> Mapping[str, Any]:
        """Do it, and return a result that JSON can hold. Raises AttemptError and whatever Playwright raises."""
