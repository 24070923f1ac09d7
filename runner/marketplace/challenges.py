"""Challenges: the pages that demand a person before anything else is shown."""

import io
import random
import secrets
import sqlite3
from datetime import datetime

from PIL import Image, ImageDraw, ImageFont

from runner.marketplace.database import Database, iso

Challenge = sqlite3.Row
# Letters that a person does not mix up.
LETTERS = "ABCDEFGHKLMNPRSTUVWXYZ"


def open_one(db: Database, kind: str, *, account: str | None, visit: str, now: datetime) -> None:
    """Opens a challenge of a kind for an account, or for an anonymous visit, unless one is open already."""
    if account is not None and _open(db, account, "") is not None:
        return
    if account is None and _open(db, None, visit) is not None:
        return
    answers = {
        "captcha": "".join(secrets.choice(LETTERS) for _ in range(6)),
        "two_factor": f"{secrets.randbelow(1_000_000):06d}",
        "terms": "accept",
    }
    with db.transaction():
        owner = {"account": account} if account is not None else {"visit": visit}
        db.insert("challenge", kind=kind, answer=answers[kind], opened_at=iso(now), **owner)


def _open(db: Database, account: str | None, visit: str) -> Challenge | None:
    return db.first(
        "SELECT * FROM challenge WHERE passed_at IS NULL AND (account = ? OR visit = ?) ORDER BY id", account, visit
    )


def for_visitor(db: Database, account: str | None, visit: str) -> Challenge | None:
    """Returns the challenge that a visitor has to pass next."""
    return _open(db, account, visit)


def answer_fits(challenge: Challenge, given: str) -> bool:
    """Says whether an answer passes; case and spaces do not matter."""
    return "".join(given.split()).upper() == str(challenge["answer"]).upper()


def close(db: Database, challenge_id: int, now: datetime) -> None:
    """Marks a challenge as passed; call it inside a transaction."""
    db.run("UPDATE challenge SET passed_at = ? WHERE id = ?", iso(now), challenge_id)


def all_open(db: Database) -> list[dict[str, object]]:
    """Returns every open challenge with its answer, for tests that play the person."""
    rows = db.all("SELECT id, account, kind, answer FROM challenge WHERE passed_at IS NULL ORDER BY id")
    return [{**dict(row), "id": str(row["id"])} for row in rows]


def picture(answer: str, seed: int) -> bytes:
    """Draws the six letters, a little crooked and crossed by lines, as PNG bytes."""
    rng = random.Random(seed)  # noqa: S311 (a picture to be repeated, not a secret)
    image = Image.new("RGB", (300, 90), (244, 240, 230))
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        ends = [(rng.randrange(300), rng.randrange(90)) for _ in range(2)]
        draw.line(ends, fill=tuple(rng.randrange(140, 200) for _ in range(3)), width=2)
    font = ImageFont.load_default(size=44)
    for place, letter in enumerate(answer):
        tile = Image.new("RGBA", (60, 70), (0, 0, 0, 0))
        colour = tuple(rng.randrange(20, 110) for _ in range(3))
        ImageDraw.Draw(tile).text((30, 35), letter, font=font, fill=(*colour, 255), anchor="mm")
        tile = tile.rotate(rng.uniform(-18, 18), resample=Image.Resampling.BICUBIC)
        image.paste(tile, (12 + place * 46, rng.randrange(4, 16)), tile)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
