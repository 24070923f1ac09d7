"""The marketplace's state behind its pages: data folder, database, fault rules, clock."""

import fcntl
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from runner.marketplace import accounts, seed
from runner.marketplace.database import Database
from runner.marketplace.faults import Faults


class MarketError(Exception):
    """The marketplace cannot start as it was asked to."""


def utc_now() -> datetime:
    """Returns the present moment, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class SetClock:
    """The machine's time with an offset that the control surface sets: the same in ledger, messages and sessions."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        """Returns the moment that it is on this marketplace, aware, in UTC."""
        return utc_now() + self.ahead


@dataclass(kw_only=True)
class Interjection:
    """What a counterpart writes once a thread was served to its account so many more times."""

    thread_id: int
    readings: int
    text: str


def _no_connection(_client: tuple[str, int], _reset: bool) -> None:
    raise MarketError("The connection cannot be dropped: the marketplace does not run under its own server.")


@dataclass(kw_only=True)
class Market:
    """One running marketplace."""

    data_dir: Path
    db: Database
    seed: int
    passwords: dict[str, str]
    lock: IO[str]
    faults: Faults = field(default_factory=Faults)
    clock: SetClock = field(default_factory=SetClock)
    interjections: list[Interjection] = field(default_factory=list)
    survey_probability: float = 0.02
    # Closes or resets a client's TCP connection at once, without an answer; the server puts the real one here.
    drop_connection: Callable[[tuple[str, int], bool], None] = _no_connection
    survey_dice: random.Random = field(default_factory=random.Random)

    @property
    def now(self) -> Callable[[], datetime]:
        """The marketplace's clock."""
        return self.clock

    def due_interjections(self, thread_id: int) -> list[str]:
        """Counts one reading of a thread; returns what is to be written in it now."""
        due = []
        for each in [each for each in self.interjections if each.thread_id == thread_id]:
            each.readings -= 1
            if each.readings <= 0:
                self.interjections.remove(each)
                due.append(each.text)
        return due

    @property
    def secret(self) -> str:
        """The key of the form tokens, as old as the data folder."""
        return self.db.meta("secret") or ""

    def reset(self, new_seed: int | None = None) -> None:
        """Makes everything as it was at the first start, with the passwords kept."""
        self.seed = self.seed if new_seed is None else new_seed
        self.faults.replace([])
        self.interjections = []
        self.clock.ahead = timedelta(0)
        self.survey_dice = random.Random(self.seed)  # noqa: S311 (repeatable, not secret)
        with self.db.transaction():
            self.db.empty()
            self.db.set_meta("seed", str(self.seed))
            accounts.create_all(self.db, self.passwords)
            seed.fill(self.db, self.seed)

    def close(self) -> None:
        """Closes the database and lets go of the data folder."""
        self.db.close()
        self.lock.close()


def open_market(data_dir: Path, *, seed_number: int, survey_probability: float = 0.02) -> Market:
    """Opens a data folder, making and seeding it at its first use.

    Raises MarketError when another process uses the folder or when it was made from another seed.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = (data_dir / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise MarketError(
            f"Another marketplace is using {data_dir}. Stop it, or start this one with another folder."
        ) from None
    (data_dir / "photos").mkdir(exist_ok=True)
    db = Database(data_dir / "market.db")
    market = Market(
        data_dir=data_dir,
        db=db,
        seed=seed_number,
        passwords=accounts.passwords(data_dir),
        lock=lock,
        survey_probability=survey_probability,
        survey_dice=random.Random(seed_number),  # noqa: S311 (repeatable, not secret)
    )
    stored = db.meta("seed")
    if stored is None:
        with db.transaction():
            db.set_meta("secret", secrets.token_hex(32))
        market.reset()
    elif int(stored) != seed_number:
        market.close()
        raise MarketError(
            f"{data_dir} was made from seed {stored}, not {seed_number}."
            f" Start it with --seed {stored}, or with another folder."
        )
    else:
        with db.transaction():
            accounts.set_passwords(db, market.passwords)
    return market
