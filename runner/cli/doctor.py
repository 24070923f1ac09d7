"""`runner doctor`: what a run would find on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import typer
from rich.text import Text

from runner.browser.facts import browser_facts
from runner.cli import options, output
from runner.config import keys
from runner.config.load import load
from runner.config.settings import Settings
from runner.domain.facts import Fact
from runner.errors import SetupError
from runner.machine import machine_facts
from runner.orchestrator.former_conditions import FOLDER, FormerConditions

LEVELS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "stops": ("stops", "bold red")}


def doctor(config: options.Config = None, as_json: options.Json = False) -> None:
    """Look at browser, sandbox, SQLite, folders, disk, clock and configuration; exit 1 if anything stops a run."""
    settings, facts = _configuration(config)
    facts += browser_facts(
        configured=settings.browser.path,
        headless=settings.browser.headless,
        channel=settings.browser.channel,
        sandbox_setting=settings.browser.sandbox,
        is_root=os.geteuid() == 0,
    )
    facts.append(_key_fact(settings))
    folders = {
        "profiles": settings.profiles.dir,
        "evidence": settings.evidence.dir,
        "database": settings.store.path.parent,
    }
    facts += machine_facts(folders=folders, headed=not settings.browser.headless)
    facts += _replay_facts(settings)
    stops = any(fact.level == "stops" for fact in facts)
    if as_json:
        output.document({"ready": not stops, "facts": facts})
    else:
        output.table(
            ("what", "found", "", "what to do"),
            [(fact.name, fact.value, Text(*LEVELS[fact.level]), fact.cure or "") for fact in facts],
        )
        output.say("Something stops a run: see what to do above." if stops else "Ready to run.")
    raise typer.Exit(output.FAILED if stops else output.DONE)


def _replay_facts(settings: Settings) -> list[Fact]:
    """Conditions that a replay set at a Site, and was killed before it could set back what was there before."""
    former = FormerConditions(settings.store.path.parent / FOLDER)
    return [
        Fact(
            name="replay",
            value=f"one that was killed has left its conditions at {left.base_url}",
            level="warning",
            cure=f"`runner replay` sets back what was before. Site gone? rm {former.file(left.base_url)}",
        )
        for left in former.left()
    ]


def _key_fact(settings: Settings) -> Fact:
    """The key that seals checkpoints; without a good one accounts sign in with their passwords."""
    folder = settings.file.parent if settings.file else settings.profiles.dir.parent
    file = keys.default_file(folder)
    if settings.profiles.key is None and not file.exists():
        return Fact(name="key", value=f"{file}, made at its first use")
    try:
        keys.read(settings.profiles.key, folder=folder)
    except SetupError as wrong:
        return Fact(name="key", value=wrong.what, level="warning", cure=wrong.cure)
    ref = settings.profiles.key
    return Fact(name="key", value=f"{ref.kind} {ref.name}" if ref else str(file))


def _configuration(config: Path | None) -> tuple[Settings, list[Fact]]:
    """The settings and what is to be said of them; the defaults where they cannot be read: the rest is shown still."""
    try:
        settings = load(config)
    except SetupError as wrong:
        return Settings(), [Fact(name="configuration", value=wrong.what, level="stops", cure=wrong.cure)]
    accounts = len(settings.accounts)
    value = f"{settings.file}, {accounts} {'account' if accounts == 1 else 'accounts'} in it"
    return settings, [Fact(name="configuration", value=value)]
