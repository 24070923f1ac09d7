"""`runner demo`: the whole at work, on a marketplace of its own, checked against that marketplace's ledger."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from runner import wiring
from runner.cli import console, demo_goods, options, output
from runner.cli.local_market import LocalMarket, is_free
from runner.cli.progress import Progress, instead_of_logs
from runner.config.load import FILE_NAME
from runner.config.served import ConsoleSettings
from runner.domain.jobs import BatchProgress, NewJob

CONFIG = """\
# Written by `runner demo`. Every setting is explained in the file that `runner init` writes.

[sites.mock]
base_url = "{url}"

[orchestrator]
concurrency = {concurrency}

[retry]
first_wait_s = 1
"""

ACCOUNT = """
[[accounts]]
name = "{name}"
site = "mock"
password = {{ file = "market/passwords/{name}" }}
tags = ["demo"]
"""

FAILURE = {"route": "GET /inbox", "account": "carla", "effect": "status", "status": 503, "count": 1}
"""The one injected failure: carla's inbox answers 503 once, so that there is a screenshot to look at."""

LATER = {"route": "GET /inbox", "account": "elena", "effect": "status", "status": 503, "count": 3}
"""What waits for whoever stays: elena's inbox answers 503 until her job has used up its attempts, then no more."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One account's line in the closing table; `seconds` is what its attempts took together."""

    account: str
    threads: int
    messages: int
    listings_published: int
    attempts: int
    failed_attempts: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `runner demo --json` prints."""

    accounts: list[Row]
    ledger: dict[str, int]
    matches_ledger: bool
    evidence: list[str]
    marketplace_url: str
    data_dir: str


def demo(
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="FOLDER", help="Where its data goes; else a new temporary folder.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the marketplace running at the end.")] = False,
    headed: Annotated[bool, typer.Option("--headed", help="Show the browsers.")] = False,
    concurrency: Annotated[int, typer.Option("--concurrency", metavar="N", min=1, help="Browsers at once.")] = 2,
    stay: Annotated[
        bool | None,
        typer.Option("--stay/--no-stay", help="Go on with the console until Ctrl-C; in a terminal it does by itself."),
    ] = None,
    port: console.Port = None,
    no_auth: console.NoAuth = False,
    as_json: options.Json = False,
) -> None:
    """Six accounts read their inboxes and publish twelve listings in real browsers, on a marketplace of their own."""
    data_dir = (folder or Path(tempfile.mkdtemp(prefix="runner-demo-"))).absolute()
    stays = sys.stdin.isatty() and sys.stdout.isatty() and not as_json if stay is None else stay
    if headed:
        options.need_display()
    if port is None and not is_free(ConsoleSettings().port):
        port = 0  # another shop on this machine has the usual one
    flags = {"browser.headless": not headed, "log.level": "error", "console.port": port}

    def tell(report: Report, batch: BatchProgress) -> None:
        if as_json:
            output.document(report)
        else:
            _show(report, keep=keep, stays=stays)
        if batch.succeeded < batch.total:
            _say_what_is_missing(batch, Path(report.data_dir))

    async def work(stop: asyncio.Event) -> bool:
        async with _market(data_dir / "market", stop, keep=keep) as market:
            await market.set_faults([FAILURE])
            settings, redactor = options.settings(_write_config(data_dir, market.url, concurrency), flags)
            instead_of_logs(settings, redactor)
            async with wiring.open_runner(settings, redactor) as runner, AsyncExitStack() as beside:
                if stays:
                    await beside.enter_async_context(console.served(runner, no_auth=no_auth, performs=True))
                report, batch = await _cycle(runner, market, data_dir, stop)
                tell(report, batch)
                if stays and not stop.is_set():
                    await market.set_faults([LATER])
                    for account, counterpart, text in demo_goods.WRITTEN:
                        await market.incoming(account, counterpart, text)
                    output.note("The console stays open; Ctrl-C ends it.")
                    await runner.orchestrator.run(stop)
                return report.matches_ledger and batch.succeeded == batch.total

    raise typer.Exit(output.DONE if options.enter(work) else output.FAILED)


@asynccontextmanager
async def _market(folder: Path, stop: asyncio.Event, *, keep: bool) -> AsyncIterator[LocalMarket]:
    market = await LocalMarket.start(folder)
    output.note(f"The mock marketplace is at {market.url}")
    done = False
    try:
        yield market
        done = True
    finally:
        if keep and done and not stop.is_set():
            output.note(f"It stays up; end it with: kill {market.pid}")
        else:
            await market.stop()


def _write_config(data_dir: Path, url: str, concurrency: int) -> Path:
    config = data_dir / FILE_NAME
    text = CONFIG.format(url=url, concurrency=concurrency)
    config.write_text(text + "".join(ACCOUNT.format(name=name) for name in demo_goods.ACCOUNTS), encoding="utf-8")
    return config


async def _cycle(
    runner: wiring.Runner, market: LocalMarket, data_dir: Path, stop: asyncio.Event
) -> tuple[Report, BatchProgress]:
    goods = demo_goods.listings(data_dir / "photos")
    books = runner.books
    new = [NewJob(account=name, flow="read_inbox") for name in demo_goods.ACCOUNTS]
    for account, listing in goods:
        stored, _ = await books.records.listings.save(listing, account)
        new.append(NewJob(account=account, flow="publish_listing", params={"listing": stored.id}))
    batch_id, jobs = await books.engine.submit_batch("demo", new)
    async with Progress(books.events, batch_id=batch_id, total=len(jobs)):
        await runner.cycles.work(batch_id, stop)
    report = await _report(books, await market.ledger(), market.url, data_dir)
    return report, await books.engine.batch(batch_id)


async def _report(books: wiring.Books, ledger: Sequence[dict[str, Any]], url: str, data_dir: Path) -> Report:
    rows = [await _row(books, name) for name in demo_goods.ACCOUNTS]
    sign_ins = sum(attempt.sign_ins for attempt in await books.records.attempts.list_attempts())
    seen = _as_the_ledger_tells(ledger)
    ours = {row.account: (row.threads, row.messages, row.listings_published) for row in rows}
    theirs = {name: (seen.threads[name], seen.messages[name], seen.listings[name]) for name in demo_goods.ACCOUNTS}
    evidence = [
        books.settings.evidence.dir / each.path for each in await books.records.evidence.list_evidence(limit=1000)
    ]
    return Report(
        accounts=rows,
        ledger={
            "listings": seen.listings.total(),
            "messages_seen": seen.messages.total(),
            "sign_ins": seen.sign_ins,
        },
        matches_ledger=ours == theirs and sign_ins == seen.sign_ins,
        evidence=[str(path) for path in evidence],
        marketplace_url=url,
        data_dir=str(data_dir),
    )


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the marketplace's ledger says, by account."""

    threads: Counter[str]
    messages: Counter[str]
    listings: Counter[str]
    sign_ins: int


def _as_the_ledger_tells(ledger: Sequence[dict[str, Any]]) -> Told:
    read: dict[tuple[str, str], int] = {}
    listings: Counter[str] = Counter()
    sign_ins = 0
    for entry in ledger:
        if entry["kind"] == "thread_read":
            # A thread that was read again after a failure counts once, with what was served last.
            read[entry["account"], entry["subject"]] = entry["detail"]["messages"]
        elif entry["kind"] == "listing_published":
            listings[entry["account"]] += 1
        elif entry["kind"] == "sign_in":
            sign_ins += 1
    messages: Counter[str] = Counter()
    for (account, _), count in read.items():
        messages[account] += count
    threads = Counter(account for account, _ in read)
    return Told(threads=threads, messages=messages, listings=listings, sign_ins=sign_ins)


async def _row(books: wiring.Books, account: str) -> Row:
    threads = await books.records.threads.list_threads(account_name=account, limit=10_000)
    attempts = await books.records.attempts.list_attempts(account_name=account)
    published = await books.records.listings.list_listings(account_name=account, limit=10_000)
    seconds = sum((attempt.ended_at - attempt.started_at).total_seconds() for attempt in attempts if attempt.ended_at)
    return Row(
        account=account,
        threads=len(threads),
        messages=sum(thread.message_count for thread in threads),
        listings_published=sum(listing.remote_id is not None for listing in published),
        attempts=len(attempts),
        failed_attempts=sum(attempt.kind is not None for attempt in attempts),
        seconds=round(seconds, 1),
    )


def _show(report: Report, *, keep: bool, stays: bool) -> None:
    columns = ("account", "threads", "messages", "listings published", "attempts", "failed", "seconds")
    rows = [
        (row.account, row.threads, row.messages, row.listings_published, row.attempts, row.failed_attempts, row.seconds)
        for row in report.accounts
    ]
    output.table(columns, rows)
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.ledger.items())
    verdict = "equal to" if report.matches_ledger else "DIFFERENT FROM"
    output.say(f"Our records are {verdict} the marketplace's own ledger: {told}.")
    pictures = [path for path in report.evidence if path.endswith(".png")]
    for path in pictures[:3]:
        output.say(f"One failure was injected; what the browser saw: {path}")
    output.say(f"Everything is in {report.data_dir}")
    if stays:
        return
    if keep:
        output.say(f"The marketplace is still at {report.marketplace_url}")
    else:
        output.say("Again, with the console to look around in: runner demo --stay")


def _say_what_is_missing(batch: BatchProgress, data_dir: Path) -> None:
    output.note(f"{batch.total - batch.succeeded} of {batch.total} jobs did not succeed.")
    output.note(f"See why: runner jobs list --batch {batch.id} --config {data_dir / FILE_NAME}")
