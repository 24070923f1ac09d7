"""`runner inbox`, what messages want: train, evaluate, classify, explain, correct, queue."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from runner import wiring
from runner.cli import options, output
from runner.domain.classification import Asked, Classification, Correction, Facts, MessageType, Queued
from runner.inbox.classify.measures import Report
from runner.store.classifications import Said
from runner.store.pages import LARGEST, Wish

app = typer.Typer()
"""Its commands stand among those of `runner inbox`."""

Number = Annotated[
    int, typer.Argument(metavar="MESSAGE", parser=options.number, help="Its number, as `runner inbox show` has it.")
]
SHORT = {each: each.split("_")[0] for each in MessageType}


@app.command()
def queue(
    limit: options.Limit = 50,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """List the messages that wait for a person: nobody is sure enough what they want.

    Those that were answered, and those in closed threads, wait no more. How sure is enough: [inbox] threshold.
    """
    settings, _ = options.settings(config)
    threshold = settings.inbox.threshold

    async def work(books: wiring.Books) -> list[Queued]:
        return list((await books.classifications.queue(Wish(limit=limit), threshold=threshold)).items)

    found = options.with_books(settings, work)
    if as_json:
        output.document({"threshold": threshold, "messages": found})
        return
    columns = ("message", "account", "counterpart", "text", "likeliest", "sure")
    rows = [(each.message_id, each.account, each.counterpart, each.text, each.type, _sure(each)) for each in found]
    output.table(columns, rows, empty="No message waits for a person.")
    if found:
        output.say(f"Say what one wants: runner inbox correct {found[0].message_id} {found[0].type}")


@app.command()
def correct(
    message: Number,
    type_: Annotated[MessageType, typer.Argument(metavar="TYPE", help="What it really wants.")],
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Say what a message really wants; it counts at once, and the classifier learns it at its next training."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> Correction:
        return await books.classifications.correct(message, type_, by=getpass.getuser())

    found = options.with_books(settings, work)
    if as_json:
        output.document({"correction": found})
        return
    output.say(f"Message {message} is {type_}. The classifier learns it with: runner inbox train")


@app.command()
def train(config: options.Config = None, as_json: options.Json = False) -> None:
    """Train the classifier anew, from the examples that ship with the runner and from all corrections."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> tuple[str, int]:
        return (await books.classifier.train()).version, len(await books.classifications.corrections())

    version, corrections = options.with_books(settings, work)
    if as_json:
        output.document({"classifier": version, "corrections": corrections})
    else:
        output.say(f"Trained: {version}, with {corrections} corrections.")


@app.command()
def evaluate(config: options.Config = None, as_json: options.Json = False) -> None:
    """Say how good the classifier is, on examples by authors of whom it has learnt nothing.

    A fifth of the authors is held back, a classifier is trained on the others and on all corrections, and thrown away.
    """
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> Report:
        return await books.classifier.evaluate()

    found = options.with_books(settings, work)
    if as_json:
        output.document(found)
        return
    rows = [
        (each, f"{of.precision:.3f}", f"{of.recall:.3f}", f"{of.f1:.3f}", of.examples)
        for each, of in found.types.items()
    ]
    output.table(("type", "precision", "recall", "F1", "examples"), rows)
    output.say(
        f"{found.examples} examples held back: macro-F1 {found.macro_f1:.3f}, calibration error {found.ece:.3f}, "
        f"{found.accuracy:.1%} right.\n"
    )
    columns = ("is \\ said", *SHORT.values())
    output.table(
        columns, [(row, *(of[column] or "·" for column in MessageType)) for row, of in found.confusion.items()]
    )


@app.command()
def classify(
    text: Annotated[str, typer.Argument(help="What somebody might write.")],
    first_contact: Annotated[
        bool, typer.Option("--first-contact", help="It would be the first message of its thread.")
    ] = False,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Say what a text wants, how sure that is, and which facts stand in it; nothing is stored."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> Classification:
        return (await books.classifier.classify([Asked(text=text, first_contact=first_contact)]))[0]

    found = options.with_books(settings, work)
    if as_json:
        output.document(found)
        return
    _say(found, threshold=settings.inbox.threshold)


@app.command()
def explain(
    message: Annotated[str, typer.Argument(help="The number of a message, or a text.")],
    type_: Annotated[
        MessageType | None, typer.Option("--type", help="Explain this type. Not given: the likeliest.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="At most so many reasons.")] = 12,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Say why a message is of its type: which words, letters and ideas spoke for it, and which against."""
    settings, _ = options.settings(config)

    async def work(books: wiring.Books) -> dict[str, object]:
        text, first, stored = message, False, None
        if message.isdecimal() and len(message) < len(str(LARGEST)):
            text, first = await books.classifications.text_of(int(message))
            stored = await books.classifications.said_of(int(message))
        found = (await books.classifier.classify([Asked(text=text, first_contact=first)]))[0]
        reasons = await books.classifier.explain(text, type_ or found.type, limit=limit)
        told = {"text": text, "answered": stored, "classification": found}
        return told | {"explained": type_ or found.type, "reasons": reasons}

    found = options.with_books(settings, work)
    if as_json:
        output.document(found)
        return
    said, reasons = found["classification"], found["reasons"]
    assert isinstance(said, Classification)
    assert isinstance(reasons, list)
    output.say(output.plain(found["text"]) + "\n")
    stored = found["answered"]
    if isinstance(stored, Said):
        output.say(f"When it came: {stored.type}, {stored.confidence:.0%} sure, said {output.plain(stored.by)}. Now:")
    _say(said, threshold=settings.inbox.threshold)
    output.say(f"\nFor (+) and against (-) {found['explained']}:")
    rows = [(f"{reason.weight:+.2f}", reason.view, f"“{reason.text}”") for reason in reasons]
    output.table(("weight", "seen in", "what"), rows)


def _say(found: Classification, *, threshold: float) -> None:
    sure = "" if found.confidence >= threshold else f"; below {threshold:.0%}, so a person is asked"
    output.say(f"{found.type}, {found.confidence:.0%} sure{sure} ({found.by})")
    output.say("then: " + ", ".join(f"{each.type} {each.probability:.0%}" for each in found.top[1:]))
    for name, values in _told(found.extracted).items():
        output.say(f"{name}: {output.plain(values)}")


def _told(facts: Facts) -> dict[str, list[str]]:
    amounts = [f"{each.value} {each.currency or '(currency not named)'}" for each in facts.amounts]
    named = {name: list(getattr(facts, name)) for name in ("dates", "times", "places", "phones", "links")}
    return {name: values for name, values in {"amounts": amounts, **named}.items() if values}


def _sure(each: Queued) -> str:
    return f"{each.confidence:.0%}"
