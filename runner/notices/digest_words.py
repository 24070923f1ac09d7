"""What a digest says, however it is drawn: figures with their comparison, charts as bars, tables as rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from runner.domain.digests import Digest, Span
from runner.domain.notices import NoticeKind
from runner.domain.states import JobState

MOST_ACCOUNTS = 30
LONGEST_ERROR = 160


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number with its name; `tone` is good, bad or plain."""

    name: str
    value: str
    hint: str
    tone: str = "plain"


@dataclass(frozen=True, kw_only=True)
class Series:
    """Bars of one colour: a, b or bad."""

    name: str
    tone: str
    values: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Bars side by side over the hours of a day, or the days of a week."""

    title: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]

    @property
    def top(self) -> int:
        """The largest value, and 1 at least."""
        return max(1, *(value for each in self.series for value in each.values))


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text under their headings; columns from `numbers_from` on are numbers. `empty` is said without rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str
    numbers_from: int = 99
    more: str = ""


def figures(digest: Digest) -> tuple[Figure, ...]:
    """The numbers at the top."""
    tally, before = digest.tally, digest.before
    done = digest.jobs.get(JobState.SUCCEEDED, 0)
    failed = digest.jobs.get(JobState.FAILED, 0)
    needing = len(digest.waiting) + digest.unknown
    return (
        Figure(name="Jobs done", value=f"{done:,}", hint=f"{failed:,} failed for good"),
        Figure(name="Success rate", value=share(tally.success_rate), hint=_was(share(before.success_rate))),
        Figure(name="Failed attempts", value=f"{tally.failed:,}", hint=_was(f"{before.failed:,}")),
        Figure(name="Messages received", value=f"{tally.inbound:,}", hint=_was(f"{before.inbound:,}")),
        Figure(name="Messages sent", value=f"{tally.outbound:,}", hint=_was(f"{before.outbound:,}")),
        Figure(name="Answered", value=_answered(digest), hint=_response(digest)),
        Figure(name="Listings published", value=f"{digest.published:,}", hint="confirmed by the site"),
        Figure(
            name="Waits for a person",
            value=f"{needing:,}",
            hint="now" if needing else "nothing does, now",
            tone="bad" if needing else "good",
        ),
    )


def charts(digest: Digest) -> tuple[Chart, ...]:
    """Messages and Attempts over the span."""
    labels = tuple(_label(digest.span, index) for index in range(len(digest.volumes)))
    if digest.span.kind is NoticeKind.DAILY_DIGEST:
        labels = tuple(f"{each.at.astimezone(digest.span.zone):%H}" for each in digest.volumes)
    inbound = tuple(each.inbound for each in digest.volumes)
    outbound = tuple(each.outbound for each in digest.volumes)
    good, bad = (tuple(getattr(each, name) for each in digest.ended) for name in ("succeeded", "failed"))
    return (
        Chart(
            title="Messages",
            labels=labels,
            series=(
                Series(name="received", tone="a", values=inbound),
                Series(name="sent", tone="b", values=outbound),
            ),
        ),
        Chart(
            title="Attempts",
            labels=labels,
            series=(
                Series(name="succeeded", tone="a", values=good),
                Series(name="failed", tone="bad", values=bad),
            ),
        ),
    )


def tables(digest: Digest) -> tuple[Table, ...]:
    """Who needs a person, what failed, and what each Account did."""
    waiting = tuple((each.account, str(each.state), short(each.reason or "")) for each in digest.waiting)
    if digest.unknown:
        told = "Nobody can tell whether they did it: runner effects list"
        waiting += ((f"{digest.unknown} job{'' if digest.unknown == 1 else 's'}", "unknown", told),)
    failures = tuple((each.kind.replace("_", " "), short(each.error), f"{each.count:,}") for each in digest.failures)
    listed = list(digest.accounts.items())
    accounts = tuple(
        (name, f"{each.succeeded:,}", f"{each.failed:,}", f"{each.inbound:,}", f"{each.outbound:,}")
        for name, each in listed[:MOST_ACCOUNTS]
    )
    return (
        Table(
            title="Waits for a person now",
            columns=("who", "state", "why"),
            rows=waiting,
            empty="Nothing does.",
        ),
        Table(
            title="Failures, by cause",
            columns=("kind", "what it said", "times"),
            rows=failures,
            empty="Nothing has failed.",
            numbers_from=2,
            more=f"And {digest.more_failures:,} more of other causes." if digest.more_failures else "",
        ),
        Table(
            title="Accounts",
            columns=("account", "succeeded", "failed", "received", "sent"),
            rows=accounts,
            empty="No account did anything.",
            numbers_from=1,
            more=f"And {len(listed) - MOST_ACCOUNTS} more accounts." if len(listed) > MOST_ACCOUNTS else "",
        ),
    )


def as_text(digest: Digest) -> tuple[str, ...]:
    """For receivers that show text only."""
    lines = [f"{each.name}: {each.value} ({each.hint})" for each in figures(digest)]
    for table in tables(digest)[:2]:
        if table.rows:
            lines.append(f"{table.title}:")
            lines += ["- " + ", ".join(cell for cell in row if cell) for row in table.rows]
    return tuple(lines)


def foot(digest: Digest) -> str:
    """Where the figures come from."""
    made = digest.made_at.astimezone(digest.span.zone)
    return f"Counted from the runner's own records on {made:%Y-%m-%d} at {made:%H:%M} ({digest.span.zone})."


def share(value: float | None) -> str:
    """A share in percent; a dash when there is none."""
    return "–" if value is None else f"{100 * value:.0f} %"


def short(text: str) -> str:
    """On one line, and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_ERROR else line[: LONGEST_ERROR - 1] + "…"


def _label(span: Span, index: int) -> str:
    return f"{span.first + timedelta(days=index):%a}"


def _was(value: str) -> str:
    return f"{value} before"


def _answered(digest: Digest) -> str:
    return share(digest.answered / digest.tally.inbound) if digest.tally.inbound else "–"


def _response(digest: Digest) -> str:
    return "no answer yet" if digest.waits is None else f"median {span_words(digest.waits.p50_s)}"


def span_words(seconds: float) -> str:
    """A length of time as people say it."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def ticks(top: int) -> Sequence[int]:
    """Values to draw lines at: nothing, and the top."""
    return (0, top) if top < 4 else (0, top // 2, top)
