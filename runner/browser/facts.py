"""Looks at the browser for `runner doctor`: which one, its version, its sandbox, Playwright's driver."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from runner.browser import discovery, sandbox
from runner.domain.facts import Fact
from runner.errors import SetupError

# Playwright speaks to neighbouring versions too; measured: 156 under a Playwright built for 159. Further off, say so.
MAJORS_APART_WARNS = 12

# Kernel switches that take the sandbox away from whoever is not root: file, the value that does it, what to type.
USER_NAMESPACE_SWITCHES = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1"),  # Ubuntu since 23.10
    ("kernel/unprivileged_userns_clone", "0"),
    ("user/max_user_namespaces", "0"),
)


def browser_facts(
    *,
    configured: Path | None,
    headless: bool,
    channel: str | None,
    sandbox_setting: sandbox.Setting,
    is_root: bool,
    places: discovery.Places | None = None,
    switches: Path = Path("/proc/sys"),
) -> list[Fact]:
    """Look at what a launch with these settings would use. Starts programs with `--version` only."""
    facts = [_driver_fact()]
    browser: discovery.Browser | None = None
    try:
        browser = discovery.find_browser(configured=configured, headless=headless, channel=channel, places=places)
        facts.append(_browser_fact(browser))
    except discovery.BrowserMissing as missing:
        facts.append(Fact(name="browser", value=missing.what, level="stops", cure=missing.cure))
    if headless:
        facts.append(_headed_fact(configured=configured, channel=channel, places=places))
    facts.append(_sandbox_fact(sandbox_setting, browser=browser, is_root=is_root, switches=switches))
    return facts


def _driver_fact() -> Fact:
    built_for = discovery.playwrights_chromium_version()
    version = importlib.metadata.version("playwright")
    return Fact(name="playwright", value=version + (f", built for Chromium {built_for}" if built_for else ""))


def _browser_fact(browser: discovery.Browser) -> Fact:
    where = {"config": "set by browser.path", "playwright": "Playwright's own", "installed": "installed"}
    value = f"{browser}, {where[browser.source]}" + (", headless shell" if browser.headless_shell else "")
    built_for = discovery.playwrights_chromium_version()
    if built_for and abs(int(built_for.partition(".")[0]) - browser.major) > MAJORS_APART_WARNS:
        cure = f"Playwright here was built for {built_for}: update the browser, or type: playwright install chromium"
        return Fact(name="browser", value=value, level="warning", cure=cure)
    return Fact(name="browser", value=value)


def _headed_fact(*, configured: Path | None, channel: str | None, places: discovery.Places | None) -> Fact:
    name = "browser for --headed"
    try:
        browser = discovery.find_browser(configured=configured, headless=False, channel=channel, places=places)
    except discovery.BrowserMissing as missing:
        return Fact(name=name, value=missing.what, level="warning", cure=missing.cure)
    return Fact(name=name, value=str(browser))


def _sandbox_fact(
    setting: sandbox.Setting, *, browser: discovery.Browser | None, is_root: bool, switches: Path
) -> Fact:
    try:
        choice = sandbox.sandbox_mode(setting=setting, is_root=is_root)
    except SetupError as refused:
        return Fact(name="sandbox", value=refused.what, level="stops", cure=refused.cure)
    if choice.warning:
        return Fact(name="sandbox", value="off: this is root", level="warning", cure=choice.cure)
    closed = _switch_that_closes_it(switches)
    # A distribution's package brings a setuid helper or an AppArmor profile; Playwright's own download has neither.
    if closed and browser is not None and browser.source == "playwright":
        return Fact(
            name="sandbox",
            value=f"on, but this kernel refuses it to a downloaded browser ({closed})",
            level="warning",
            cure="Install Chrome or Chromium as a package and set browser.path to it.",
        )
    return Fact(name="sandbox", value="on")


def _switch_that_closes_it(switches: Path) -> str | None:
    for name, closing in USER_NAMESPACE_SWITCHES:
        file = switches / name
        if file.is_file() and file.read_text(encoding="ascii").strip() == closing:
            return f"{name.replace('/', '.')} = {closing}"
    return None
