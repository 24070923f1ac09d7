"""Every setting with its type, default and explanation; the template and the manual are held to these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from runner.config import values
from runner.config.inbox import InboxSettings
from runner.config.notices import NoticeSettings
from runner.config.pace import HoursSettings, LimitsSettings, pacing
from runner.config.pool import PoolSettings
from runner.config.schema import place_at
from runner.config.section import Section
from runner.config.served import ConsoleSettings, LiveSettings
from runner.config.storage import StorageSettings
from runner.domain.accounts import NewAccount, SecretRef
from runner.domain.pace import Pacing
from runner.domain.retry import RetryPolicy
from runner.errors import ErrorKind

MOCK_URL = "http://127.0.0.1:8765"
RetriedKind = Literal["network", "timeout", "rate_limited", "browser_crashed", "session_expired", "site_changed"]


class Viewport(Section):
    """The size of the page, in CSS pixels."""

    width: values.Whole = Field(default=1280, ge=200, le=7680, description="Width of the page in CSS pixels.")
    height: values.Whole = Field(default=800, ge=200, le=4320, description="Height of the page in CSS pixels.")


class BrowserSettings(Section):
    """Which browser is started, and how it looks to a site."""

    path: values.FilePath | None = Field(
        default=None,
        description="The browser program to start. Not set: the runner looks for one (see runner doctor).",
        examples=["/usr/bin/chromium"],
    )
    channel: Literal["chromium", "chrome"] | None = Field(
        default=None,
        description="Use only Chromium, or only Google Chrome. Not set: whichever is found.",
        examples=["chrome"],
    )
    headless: bool = Field(default=True, description="Run without a visible window.")
    args: tuple[values.Argument, ...] = Field(
        default=(), description='Further Chromium switches, such as ["--mute-audio"].'
    )
    slow_mo_ms: values.Whole = Field(
        default=0, ge=0, le=60_000, description="Pause after every browser action, in milliseconds."
    )
    viewport: Viewport = Field(default_factory=Viewport, description="The size of the page.")
    locale: values.Locale = Field(default="en-GB", description="Language that the browser asks sites for.")
    timezone: values.TimeZone = Field(
        default="UTC", description="IANA time zone of the browser; an account may have its own."
    )
    pool: PoolSettings = Field(default_factory=PoolSettings, description="Browsers kept warm between two visits.")
    block: tuple[Literal["fonts", "media", "images"], ...] = Field(
        default=(),
        description='Left out of pages: "fonts", "media", "images" (a captcha has one). Pays on heavy pages only.',
    )
    sandbox: Literal["auto", "required"] = Field(
        default="auto",
        description='"auto" gives up Chromium\'s sandbox only as root, and warns; "required" refuses to start then.',
    )


class TimeoutSettings(Section):
    """How long anything may take, in seconds, before it counts as failed."""

    action_s: values.Seconds = Field(default=10.0, description="One click, one field, one expected element.")
    navigation_s: values.Seconds = Field(default=20.0, description="One page load.")
    launch_s: values.Seconds = Field(default=30.0, description="Starting the browser.")
    attempt_s: values.Seconds = Field(default=300.0, description="One whole attempt at a job.")
    evidence_s: values.Seconds = Field(default=5.0, le=5, description="Gathering evidence after an error; 5 at most.")
    close_s: values.Seconds = Field(default=10.0, description="Closing the browser before it is killed.")
    stop_s: values.Seconds = Field(
        default=20.0, description="Letting running attempts finish when the runner is stopped."
    )


class EvidenceSettings(Section):
    """What is kept of a failed attempt."""

    dir: values.FilePath = Field(
        default=Path("screenshots"), description="Folder for evidence, by date, account and attempt."
    )
    trace: Literal["on-retry", "always", "off"] = Field(
        default="on-retry",
        description='Playwright trace: "on-retry" records from the second attempt on, or "always", or "off".',
    )
    last_picture_every_s: values.Seconds = Field(
        default=1.0, description="How often the picture is renewed that stands in when a page has crashed or hangs."
    )
    threads: bool = Field(
        default=True, description="A picture of each thread in which a new message is read, from its second reading on."
    )
    flood_after: values.Count = Field(
        default=5,
        description="So many failures of one error group within ten minutes are told one by one, further ones counted.",
    )


class SiteSettings(Section):
    """One web site, and where the runner may go on it."""

    adapter: str = Field(
        min_length=1,
        description="Entry point in runner.sites that knows this site. Not set: the name of this table.",
        examples=["mock"],
    )
    allow_remote: bool = Field(default=False, description="Allow addresses that are not on this machine.")
    base_url: values.BaseUrl = Field(description="Where the site begins.", examples=[MOCK_URL])
    allowed_origins: tuple[values.Origin, ...] = Field(
        default=(),
        description="Origins its pages may load from beside base_url's own; all others are blocked.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Whatever the site's adapter documents; passed on as it is."
    )

    @field_validator("base_url", mode="after")
    @classmethod
    def _base_url_is_allowed(cls, value: str, info: ValidationInfo) -> str:
        return _permitted(value, info)

    @field_validator("allowed_origins", mode="after")
    @classmethod
    def _origins_are_allowed(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """Put base_url's own origin first."""
        for origin in value:
            _permitted(origin, info)
        base_url = info.data.get("base_url")
        own = [] if base_url is None else [values.origin_of_url(base_url)]
        return tuple(dict.fromkeys([*own, *value]))


class OrchestratorSettings(Section):
    """How the daemon and `runner cycle` work through the accounts."""

    concurrency: values.Whole = Field(
        default=2, ge=1, le=64, description="How many accounts are worked on at once, each in a browser of its own."
    )
    cycle_every_s: values.Seconds = Field(
        default=900.0, description="From the start of one cycle to the start of the next."
    )
    flows: tuple[values.Name, ...] = Field(
        default=("read_inbox",), min_length=1, description="What a cycle does for each account, in this order."
    )
    rotation: Literal["least_recently_served"] = Field(
        default="least_recently_served", description="Which account is next; there is one rule so far."
    )
    idle_poll_s: values.Seconds = Field(default=1.0, description="How often an idle worker looks for due jobs.")


class RetryKindSettings(Section):
    """What differs for one kind of error; what is not set is as in [retry]."""

    max_attempts: values.Count | None = Field(default=None, description="As in [retry], for this kind.", examples=[5])
    first_wait_s: values.Seconds | None = Field(
        default=None, description="As in [retry], for this kind.", examples=[30.0]
    )
    multiplier: values.Factor | None = Field(default=None, description="As in [retry], for this kind.", examples=[3.0])
    max_wait_s: values.Seconds | None = Field(
        default=None, description="As in [retry], for this kind.", examples=[600.0]
    )
    jitter: values.Share | None = Field(default=None, description="As in [retry], for this kind.", examples=[0.2])


class RetrySettings(Section):
    """How a failed attempt is tried again."""

    max_attempts: values.Count = Field(default=3, description="Attempts at a job, the first included.")
    first_wait_s: values.Seconds = Field(default=2.0, description="Wait before the second attempt.")
    multiplier: values.Factor = Field(default=2.0, description="Each further wait is this many times the one before.")
    max_wait_s: values.Seconds = Field(
        default=300.0, description="No wait is longer than this, unless the site asks for it."
    )
    jitter: values.Share = Field(default=0.5, description="Share of a wait that is left to chance, from 0 to 1.")
    kinds: dict[RetriedKind, RetryKindSettings] = Field(
        default_factory=dict, description="Other values for one kind of error: [retry.kinds.KIND]."
    )

    def policy(self, kind: ErrorKind) -> RetryPolicy:
        """The policy for one kind of error: [retry] with [retry.kinds.KIND] laid over it."""
        merged = self.model_dump(exclude={"kinds"})
        special = {str(name): rule for name, rule in self.kinds.items()}.get(kind.value)
        if special is not None:
            merged |= special.model_dump(exclude_none=True)
        return RetryPolicy(**merged)


class StoreSettings(Section):
    """Where jobs, accounts and results are recorded."""

    path: values.FilePath = Field(
        default=Path("runner.db"), description="The SQLite file; on a local disk, not a network share."
    )
    busy_timeout_s: values.Seconds = Field(default=15.0, description="How long to wait while another process writes.")


class ProfileSettings(Section):
    """Where the browser profiles are kept, and how accounts stay signed in."""

    dir: values.FilePath = Field(default=Path("profiles"), description="Folder with one browser profile per account.")
    key: values.Secret | None = Field(
        default=None,
        description="Where the key of the checkpoints is kept. Not set: secrets/checkpoints.key, made by itself.",
        examples=[{"file": "secrets/checkpoints.key"}],
    )
    checkpoint_every_s: values.Seconds = Field(
        default=900.0, description="How old a checkpoint may be before a flow that went well renews it."
    )
    sign_in_wait_s: values.Seconds = Field(
        default=900.0, description="Wait before the password is tried again after a sign-in that came to nothing."
    )

    def in_folder(self, folder: Path) -> ProfileSettings:
        """The same settings with all paths made absolute."""
        key = self.key
        if key is not None and key.kind == "file":
            key = SecretRef(kind="file", name=str(folder / Path(key.name).expanduser()))
        return self.model_copy(update={"dir": folder / self.dir, "key": key})


class LogSettings(Section):
    """What is written to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important line shown."
    )
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description='"auto" is console on a terminal and json elsewhere.'
    )


class AccountSettings(Section):
    """One account, with a reference to its password."""

    name: values.Slug = Field(description="Its name here, and that of its profile folder.", examples=["amy"])
    site: str = Field(description="The name of its [sites.NAME] table.", examples=["mock"])
    username: str = Field(
        min_length=1, max_length=254, description="What it signs in with. Not set: the same as name.", examples=["amy"]
    )
    password: values.Secret = Field(
        description=f"Where it is kept: {values.REFERENCE_FORMS}.", examples=[{"env": "AMY_PASSWORD"}]
    )
    tags: tuple[str, ...] = Field(default=(), description="Words to choose accounts by.", examples=[["laptops"]])
    timezone: values.TimeZone | None = Field(
        default=None, description="Its own IANA time zone. Not set: that of [browser].", examples=["Europe/Berlin"]
    )
    enabled: bool = Field(default=True, description="false: it is left out of every cycle.")

    @model_validator(mode="before")
    @classmethod
    def _username_is_name(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        # A name that is missing or wrong is refused by itself; one error about it is enough.
        name = data.get("name")
        return {"username": name if isinstance(name, str) and name else "unnamed", **data}

    def with_secret_in(self, folder: Path) -> AccountSettings:
        """The same account, with the path of a password file made absolute."""
        if self.password.kind != "file":
            return self
        path = folder / Path(self.password.name).expanduser()
        return self.model_copy(update={"password": SecretRef(kind="file", name=str(path))})

    def new_account(self) -> NewAccount:
        """The same as the domain and the store know it."""
        return NewAccount(name=self.name, site=self.site, username=self.username, secret=self.password, tags=self.tags)


def _mock_site() -> dict[str, SiteSettings]:
    return {"mock": SiteSettings(adapter="mock", base_url=MOCK_URL)}


class Settings(BaseSettings):
    """All settings. Constructed in code it reads neither file nor environment: `load` does that."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    browser: BrowserSettings = Field(default_factory=BrowserSettings)
    timeouts: TimeoutSettings = Field(default_factory=TimeoutSettings)
    evidence: EvidenceSettings = Field(default_factory=EvidenceSettings)
    sites: dict[values.Name, SiteSettings] = Field(default_factory=_mock_site, min_length=1)
    orchestrator: OrchestratorSettings = Field(default_factory=OrchestratorSettings)
    retry: RetrySettings = Field(default_factory=RetrySettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    profiles: ProfileSettings = Field(default_factory=ProfileSettings)
    inbox: InboxSettings = Field(default_factory=InboxSettings)
    limits: LimitsSettings = Field(default_factory=LimitsSettings)
    hours: HoursSettings = Field(default_factory=HoursSettings)
    notices: NoticeSettings = Field(default_factory=NoticeSettings)
    live: LiveSettings = Field(default_factory=LiveSettings)
    accounts: tuple[AccountSettings, ...] = ()
    console: ConsoleSettings = Field(default_factory=ConsoleSettings)
    log: LogSettings = Field(default_factory=LogSettings)

    _file: Path | None = PrivateAttr(default=None)
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: a Settings made in code or in a test depends on nothing else."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _adapter_is_site_name(cls, data: Any) -> Any:
        sites = data.get("sites") if isinstance(data, Mapping) else None
        if not isinstance(sites, Mapping):
            return data
        named = {n: {"adapter": n, **site} if isinstance(site, Mapping) else site for n, site in sites.items()}
        return {**data, "sites": named}

    @model_validator(mode="after")
    def _accounts_fit(self) -> Settings:
        wrong = clashes([(a.name, a.site, a.username) for a in self.accounts], self.sites)
        if wrong:
            raise PydanticCustomError("clash", "{message}", {"message": " ".join(text for _, _, text in wrong)})
        return self

    @property
    def file(self) -> Path | None:
        """The file that was read; None for settings made in code."""
        return self._file

    def pacing(self) -> Pacing:
        """What is said here of every account's limits and hours."""
        zones = {each.name: each.timezone for each in self.accounts if each.timezone}
        return pacing(self.limits, self.hours, self.browser.timezone, zones)

    def with_origins(self, file: Path, origins: Mapping[str, str]) -> Settings:
        """The same settings, knowing where they were read."""
        known = self.model_copy()
        known._file = file
        known._origins = dict(origins)
        return known

    def origin_of(self, key: str) -> str:
        """Where a value came from: `file NAME:LINE`, `environment NAME`, `command line` or `default`.

        `key` is dotted (`browser.headless`, `sites.mock.base_url`, `accounts.amy.password`);
        KeyError when there is no such setting.
        """
        if key not in self._origins and place_at(type(self), tuple(key.split("."))) is None:
            raise KeyError(key)
        return self._origins.get(key, "default")


def clashes(accounts: Iterable[tuple[Any, Any, Any]], sites: Iterable[str]) -> list[tuple[int, str, str]]:
    """What is wrong between accounts, as (index, key, message).

    `accounts` holds (name, site, username), possibly still unchecked. Two accounts that sign in as the same
    person would be one account in two browsers, which is promised never to happen.
    """
    known = set(sites)
    names: dict[str, int] = {}
    people: dict[tuple[str, str], str] = {}
    wrong: list[tuple[int, str, str]] = []
    for index, (name, site, username) in enumerate(accounts):
        if isinstance(name, str):
            if name in names:
                wrong.append((index, "name", f'"{name}" is already the name of account number {names[name]}.'))
            names.setdefault(name, index + 1)
        if isinstance(site, str) and site not in known:
            there = ", ".join(f'"{each}"' for each in sorted(known))
            wrong.append(
                (index, "site", f"no such site: {values.shown(site)}.{values.nearest(site, known)} There is: {there}.")
            )
        elif isinstance(site, str) and isinstance(username, str) and isinstance(name, str):
            twin = people.setdefault((site, username), name)
            if twin != name:
                wrong.append(
                    (index, "username", f'account "{twin}" already signs in to "{site}" as {values.shown(username)}.')
                )
    return wrong


def _permitted(url: str, info: ValidationInfo) -> str:
    # When allow_remote is itself wrong it is missing here, and one error about it is enough.
    return values.permitted(url, allow_remote=info.data.get("allow_remote", True))
