"""What the configuration says of an Account: its browser, its Site, and where its password is kept."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Sequence
from pathlib import Path

import structlog

from runner.browser import trace_folder
from runner.browser.blocking import Kind
from runner.browser.checkpoints import Checkpoints
from runner.browser.discovery import Browser, find_browser
from runner.browser.launch import LaunchRequest
from runner.browser.sandbox import sandbox_mode
from runner.browser.session import Timeouts
from runner.config import keys, secrets
from runner.config.settings import Settings, SiteSettings
from runner.domain.accounts import Account
from runner.domain.states import Mode
from runner.errors import NotFound, SetupError
from runner.logs import Redactor
from runner.orchestrator.visits import Look, SitePlan
from runner.sites import registry
from runner.sites.interface import Site
from runner.store.accounts import Accounts

log = structlog.get_logger()


class Plans:
    """What the configuration says about an Account's browser, Site and password."""

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        self._settings = settings
        self._redactor = redactor
        self._browsers: dict[bool, Browser] = {}
        self._adapters: dict[str, type[Site]] = {}
        self._warned: set[str] = set()
        self._timezones = {each.name: each.timezone for each in settings.accounts if each.timezone}
        self._sandbox = sandbox_mode(setting=settings.browser.sandbox, is_root=os.geteuid() == 0)
        if self._sandbox.warning:
            log.warning(self._sandbox.warning)

    def profile_dir(self, account: str) -> Path:
        """The Account's folder under profiles/."""
        return self._settings.profiles.dir / account

    def request(self, account: Account, look: Look) -> LaunchRequest:
        """The launch of an Account's browser. Raises BrowserMissing, NotFound for a site that is not configured."""
        browser, timeouts = self._settings.browser, self._settings.timeouts
        mode = look.mode or (Mode.HEADLESS if browser.headless else Mode.HEADED)
        return LaunchRequest(
            account=account.name,
            profile_dir=self.profile_dir(account.name),
            browser=self._browser(headless=mode is Mode.HEADLESS),
            sandbox=self._sandbox,
            allowed_origins=self._site(account).allowed_origins,
            mode=mode,
            slow_mo_ms=browser.slow_mo_ms if look.slow_mo_ms is None else look.slow_mo_ms,
            viewport=(browser.viewport.width, browser.viewport.height),
            locale=browser.locale,
            timezone=self._timezones.get(account.name, browser.timezone),
            args=browser.args,
            block=tuple(map(Kind, browser.block)),
            timeouts=Timeouts(
                launch_s=timeouts.launch_s,
                action_s=timeouts.action_s,
                navigation_s=timeouts.navigation_s,
                close_s=timeouts.close_s,
            ),
            redactor=self._redactor,
            traces_in=self._settings.evidence.dir / trace_folder.ROOT,
            last_picture_every_s=self._settings.evidence.last_picture_every_s,
            live_fps=self._settings.live.fps,
            live_quality=self._settings.live.quality,
        )

    def site(self, account: Account) -> SitePlan:
        """The adapter of an Account's Site, and where it begins."""
        site = self._site(account)
        if site.adapter not in self._adapters:
            self._adapters[site.adapter] = registry.site_class(site.adapter)
        return SitePlan(adapter=self._adapters[site.adapter], base_url=site.base_url, options=site.options)

    async def password(self, account: Account) -> str:
        """An Account's password, known to the Redactor before anybody can log it. Raises SetupError."""
        resolved = await resolved_password(self._settings, account)
        password = resolved.value.get_secret_value()
        self._redactor.add(password)
        if resolved.warning and resolved.warning not in self._warned:
            self._warned.add(resolved.warning)
            log.warning(resolved.warning)
        return password

    def _site(self, account: Account) -> SiteSettings:
        if account.site not in self._settings.sites:
            raise NotFound("site", account.site, self._settings.sites)
        return self._settings.sites[account.site]

    def _browser(self, *, headless: bool) -> Browser:
        if headless not in self._browsers:
            browser = self._settings.browser
            self._browsers[headless] = find_browser(configured=browser.path, headless=headless, channel=browser.channel)
        return self._browsers[headless]


async def secrets_of(settings: Settings, accounts: Accounts, name: str) -> Sequence[str]:
    """What must stand on no page of an Account's Attempts; nothing when it cannot be had, for then nobody has it."""
    try:
        return [(await resolved_password(settings, await accounts.by_name(name))).value.get_secret_value()]
    except SetupError:
        return []


async def resolved_password(settings: Settings, account: Account) -> secrets.Resolved:
    """An Account's password, from where the configuration or the import says. Raises SetupError."""
    folder = settings.file.parent if settings.file else None
    return await asyncio.to_thread(secrets.resolve, account.secret, account=account.name, base_dir=folder)


def checkpoints(settings: Settings, redactor: Redactor) -> Checkpoints:
    """The checkpoints of all accounts; their key is read, or made, at the first need and known to the Redactor."""
    folder = settings.file.parent if settings.file else settings.profiles.dir.parent

    @functools.cache
    def key() -> str:
        found = keys.read(settings.profiles.key, folder=folder).get_secret_value()
        redactor.add(found)
        return found

    return Checkpoints(settings.profiles.dir, key)
