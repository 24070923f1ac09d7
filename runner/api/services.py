"""What the API works with: filled by wiring, given to every request. The API reads no configuration of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from runner.api.feed import Feed
from runner.api.limits import Patience, Rates
from runner.domain.clock import Clock
from runner.domain.settings import SettingInForce
from runner.engine.browsing import QueueView
from runner.engine.interface import JobEngine
from runner.engine.paces import Paces
from runner.inbox.answering import Answering
from runner.inbox.classify.local import LocalClassifier
from runner.inbox.following import Following
from runner.orchestrator.cycles import Cycles
from runner.orchestrator.profile_care import ProfileCare
from runner.orchestrator.pruning import Pruner
from runner.orchestrator.records import Records
from runner.orchestrator.telling import Telling
from runner.store.account_table import AccountTable
from runner.store.analytics import Analytics
from runner.store.answers import Answers, AuditLog
from runner.store.browsing import InboxView, ShopView
from runner.store.classifications import Classifications
from runner.store.counterparts import Counterparts
from runner.store.desk import Desk
from runner.store.error_groups import ErrorGroups
from runner.store.error_log import ErrorLog
from runner.store.events import Events
from runner.store.history import History
from runner.store.inbox_figures import InboxFigures
from runner.store.listing_groups import ListingGroups
from runner.store.operators import Operators
from runner.store.schedules import Schedules
from runner.store.tokens import Tokens
from runner.store.work import WorkView


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The settings that the API itself needs, as plain data."""

    hosts: frozenset[str]
    """Names under which it may be reached; all others are refused (DNS rebinding)."""
    open_to_all: bool = False
    """--no-auth: whoever is on this machine is an admin."""
    secure: bool = False
    """Whether a browser reaches it by https."""
    evidence_dir: Path
    uploads_dir: Path
    configured_accounts: frozenset[str] = frozenset()
    """Accounts that stand in the configuration file: their tags are what it says."""
    max_attempts: int
    threshold: float
    """How sure a classifier must be of a Message; below that a person is asked."""
    timezone: str
    stuck_after: timedelta
    sites: Sequence[str] = ()
    sign_in_wait: timedelta = timedelta(0)
    """How long a password that came to nothing rests."""
    settings: Sequence[SettingInForce] = ()
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may come in, and what they did."""

    operators: Operators
    tokens: Tokens
    answers: Answers
    audit: AuditLog
    patience: Patience
    rates: Rates
    hashing: asyncio.Semaphore
    """A hash of a password takes 64 MiB: not many at once."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that a route may use."""

    records: Records
    events: Events
    schedules: Schedules
    engine: JobEngine
    cycles: Cycles
    pruner: Pruner
    queue: QueueView
    inbox: InboxView
    classifications: Classifications
    desk: Desk
    inbox_figures: InboxFigures
    counterparts: Counterparts
    history: History
    answering: Answering
    classifier: LocalClassifier
    paces: Paces
    following: Following
    telling: Telling
    shop: ShopView
    work: WorkView
    analytics: Analytics
    listing_groups: ListingGroups
    account_table: AccountTable
    profile_care: ProfileCare
    error_log: ErrorLog
    error_groups: ErrorGroups
    access: Access
    feed: Feed
    clock: Clock
    rules: Rules
