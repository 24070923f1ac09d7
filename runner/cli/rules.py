"""`runner rules`: when a message like this arrives, do that; and a dry run that says which would do what, and why."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.classification import MessageType
from runner.domain.drafts import Plan, Uses
from runner.domain.durations import parse_duration
from runner.domain.hours import Hours
from runner.domain.listings import ListingState
from runner.domain.rules import Level, NewRule, Rule, Then, When
from runner.errors import SetupError
from runner.intake.rules import read_rules, rule_as_written
from runner.store.rules import Imported

app = typer.Typer(help="The rules: list, add, import, enable, disable, remove, test.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.")]
COLUMNS = ("position", "rule", "level", "when", "then", "drafts", "sent")


@app.command("list")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List the rules in the order in which they are asked; the first that matches wins."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[list[Rule], dict[int, Uses]]:
        return await books.answering.rules.list_rules(), await books.answering.drafts.uses(of="rule")

    found, uses = options.with_books(settings, work)
    if as_json:
        listed = [_as_json(each) | {"uses": output.jsonable(uses.get(each.id, Uses()))} for each in found]
        output.document({"rules": listed})
        return
    rows = []
    for each in found:
        written, counts = rule_as_written(each), uses.get(each.id, Uses())
        level = str(each.level) if each.enabled else f"{each.level}, disabled"
        told = (_words(written["when"]) or "always", _words(written["then"]) or "nothing")
        rows.append((each.position, each.name, level, *told, counts.drafts, counts.sent))
    output.table(COLUMNS, rows, empty="No rule yet. Add one: runner rules add NAME --type offer --reply TEMPLATE")


@app.command()
def add(
    name: Name,
    type_: Annotated[
        list[MessageType] | None, typer.Option("--type", help="When it is of this type; may be repeated.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option("--min-confidence", metavar="SHARE", min=0, max=1, help="When its type is so sure.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", "-a", metavar="NAME", help="When written to it; may be repeated.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="When the account has this tag; may be repeated.")
    ] = None,
    listing_state: Annotated[
        list[ListingState] | None, typer.Option("--listing-state", help="When the listing is in it; may be repeated.")
    ] = None,
    price_from: Annotated[
        float | None,
        typer.Option("--price-from", metavar="PRICE", min=0, help="When the listing costs so much or more."),
    ] = None,
    price_to: Annotated[
        float | None, typer.Option("--price-to", metavar="PRICE", min=0, help="When the listing costs so much or less.")
    ] = None,
    hours: Annotated[
        str | None, typer.Option("--hours", metavar="FROM-TO", help="Between: 09:00-18:00, 22:00-06:00, shop's time.")
    ] = None,
    first_contact: Annotated[
        bool | None, typer.Option("--first-contact/--no-first-contact", help="When it begins its thread, or does not.")
    ] = None,
    word: Annotated[
        list[str] | None, typer.Option("--word", metavar="WORDS", help="When it says this; any of several is enough.")
    ] = None,
    reply: Annotated[
        str | None, typer.Option("--reply", metavar="TEMPLATE", help="Then answer with this template.")
    ] = None,
    assign: Annotated[
        str | None, typer.Option("--assign", metavar="OPERATOR", help="Then make the thread this operator's.")
    ] = None,
    snooze: Annotated[
        str | None, typer.Option("--snooze", metavar="TIME", help="Then put the thread away for so long: 2h, 3d.")
    ] = None,
    close: Annotated[bool, typer.Option("--close", help="Then close the thread.")] = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="Then tell a person, over the channels that ask for rule.")
    ] = False,
    enrol: Annotated[
        str | None, typer.Option("--enrol", metavar="SEQUENCE", help="Then follow the thread up with this sequence.")
    ] = None,
    put_tag: Annotated[
        list[str] | None, typer.Option("--put-tag", metavar="TAG", help="Then tag the thread; may be repeated.")
    ] = None,
    level: Annotated[
        Level, typer.Option("--level", help="off, suggest (a draft waits for a click) or automatic.")
    ] = Level.SUGGEST,
    position: Annotated[
        int | None, typer.Option("--position", metavar="N", min=1, help="Asked as the Nth; else as the last.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Add a rule.

    Example: runner rules add still-there --type availability_check --reply hello --level automatic

    When all that is given is met, then all that is given is done. With nothing to do, the message is left alone.
    """
    settings, _ = options.settings(config)
    when = When(
        types=tuple(type_ or ()),
        min_confidence=min_confidence,
        accounts=tuple(account or ()),
        tags=tuple(tag or ()),
        listing_states=tuple(listing_state or ()),
        price_from=None if price_from is None else Decimal(str(price_from)),
        price_to=None if price_to is None else Decimal(str(price_to)),
        hours=None if hours is None else Hours.parse(hours),
        first_contact=first_contact,
        words=tuple(word or ()),
    )
    snooze_s = None if snooze is None else parse_duration(snooze).total_seconds()
    tags = tuple(put_tag or ())
    then = Then(reply=reply, assign=assign, snooze_s=snooze_s, close=close, notify=notify, tags=tags, enrol=enrol)
    new = NewRule(name=name, when=when, then=then, level=level, position=position)
    added = options.with_books(settings, lambda books: books.answering.rules.add(new))
    _said(
        added, f"Added rule {added.position}, {added.name}. See what it would do: runner rules test --last 100", as_json
    )


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A TOML or JSON file with [[templates]] and [[rules]].")],
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Store all templates and rules of a file, or none: those that are there by name are replaced.

    The file's rules stand in its order, before all others.
    """
    settings, _ = options.settings(config)
    templates, rules = read_rules(file)

    async def work(books: wiring.Books) -> Imported:
        return await books.answering.rules.save_all(templates, rules)

    stored = options.with_books(settings, work)
    if as_json:
        output.document(stored)
    else:
        output.say(f"Stored {stored.templates} template(s) and {stored.rules} rule(s) from {file}.")


@app.command()
def enable(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Have a rule asked again, at its level."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.answering.rules.set_enabled(name, enabled=True))
    _said(found, f"{name} is enabled, at level {found.level}.", as_json)


@app.command()
def disable(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Have a rule passed over until it is enabled again; drafts that it has written stay."""
    settings, _ = options.settings(config)
    found = options.with_books(settings, lambda books: books.answering.rules.set_enabled(name, enabled=False))
    _said(found, f"{name} is disabled.", as_json)


@app.command()
def remove(name: Name, config: options.Config = None, as_json: options.Json = False) -> None:
    """Remove a rule; drafts that it has written stay."""
    settings, _ = options.settings(config)
    gone = options.with_books(settings, lambda books: books.answering.rules.remove(name))
    _said(gone, f"Removed {name}; drafts that it has written stay.", as_json)


@app.command("test")
def dry_run(
    message: Annotated[
        int | None,
        typer.Argument(metavar="[MESSAGE]", parser=options.number, help="Its number, as `runner inbox show` has it."),
    ] = None,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", min=1, max=10_000, help="Instead: the last N messages.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", "-a", metavar="NAME", help="Of these, only this account's.")
    ] = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Say which rule would do what, and why, had a message just arrived when it was written; nothing is done."""
    settings, _ = options.settings(config)
    if (message is None) == (last is None):
        raise SetupError("Which message?", cure="Give its number, or --last 100.")

    async def work(books: wiring.Books) -> list[Plan]:
        if message is not None:
            return await books.answering.dry_run([message])
        return await books.answering.dry_run_last(last or 1, account_name=account)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"tested": [_plan_as_json(each) for each in found]})
    elif message is not None:
        _explain(found[0])
    else:
        rows = [
            (_number(each), each.situation.text, _type(each), _rule(each), each.verdict, each.words) for each in found
        ]
        output.table(("message", "text", "type", "rule", "verdict", "why"), rows, empty="No message yet.")


def _explain(found: Plan) -> None:
    output.say(f"Message {_number(found)} to {found.situation.account}: {output.plain(found.situation.text)}")
    output.say(f"{_type(found)}\n")
    for each in found.decision.tried:
        output.say(f"{'✓' if each.matched else '✗'} {each.rule}")
        for reason in each.reasons:
            output.say(f"    {'+' if reason.met else '-'} {reason.condition}: {output.plain(reason.words)}")
    output.say(f"\n{found.verdict}: {output.plain(found.words)}.")
    if found.text is not None:
        output.say("  " + output.plain(found.text).replace("\n", "\n  "))


def _number(found: Plan) -> int:
    return found.situation.message_id


def _type(found: Plan) -> str:
    of = found.situation
    return "not classified yet" if of.type is None else f"{of.type} {of.confidence or 0:.0%}"


def _rule(found: Plan) -> str | None:
    return found.decision.rule.name if found.decision.rule else None


def _plan_as_json(found: Plan) -> dict[str, Any]:
    of = found.situation
    return {
        "message": of.message_id,
        "account": of.account,
        "text": of.text,
        "type": of.type,
        "confidence": of.confidence,
        "verdict": found.verdict,
        "words": found.words,
        "rule": _rule(found),
        "template": found.template.id if found.template else None,
        "reply": found.text,
        "tried": found.decision.tried,
    }


def _as_json(each: Rule) -> dict[str, Any]:
    return {"id": each.id, "position": each.position, **rule_as_written(each)}


def _said(found: Rule, words: str, as_json: bool) -> None:
    if as_json:
        output.document(_as_json(found))
    else:
        output.say(words)


def _words(given: dict[str, Any]) -> str:
    return ", ".join(name if value is True else f"{name} {output.plain(value)}" for name, value in given.items())
