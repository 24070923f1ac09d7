"""Seller accounts: their passwords, their sessions, and the tokens that protect their forms."""

import hashlib
import hmac
import os
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runner.marketplace import seed as seeding
from runner.marketplace.database import Database, iso

# Far too cheap for a real site: signing in must take milliseconds here, and the passwords are made up at start.
SCRYPT = {"n": 2**9, "r": 8, "p": 1}


@dataclass(frozen=True, kw_only=True)
class Account:
    """A seller as the pages show it."""

    slug: str
    name: str
    email: str
    tagline: str
    town: str
    lock_reason: str | None


def _account(row: sqlite3.Row) -> Account:
    fields = ("slug", "name", "email", "tagline", "town", "lock_reason")
    return Account(**{name: row[name] for name in fields})


def passwords(data_dir: Path) -> dict[str, str]:
    """Returns each seeded account's password: from the environment, else from its file, else made up and put there.

    `MARKETPLACE_PASSWORD_AMY` names one account's, `MARKETPLACE_PASSWORD` everybody's; the files are
    `passwords/<account>`, mode 0600.
    """
    folder = data_dir / "passwords"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = {}
    for account in seeding.catalogue()["accounts"]:
        slug, file = account["slug"], folder / account["slug"]
        given = os.environ.get(f"MARKETPLACE_PASSWORD_{slug.upper()}") or os.environ.get("MARKETPLACE_PASSWORD")
        if given is None and file.exists():
            found[slug] = file.read_text(encoding="utf-8").rstrip("\n")
            continue
        found[slug] = given or secrets.token_urlsafe(12)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            handle.write(found[slug] + "\n")
    return found


def hash_password(password: str) -> str:
    """Returns a salted scrypt hash as `salt$hash` in hex."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${hashlib.scrypt(password.encode('utf-8'), salt=salt, **SCRYPT).hex()}"


def password_fits(password: str, stored: str) -> bool:
    """Says whether a password is the one behind a stored hash."""
    salt, _, digest = stored.partition("$")
    given = hashlib.scrypt(password.encode("utf-8"), salt=bytes.fromhex(salt), **SCRYPT).hex()
    return hmac.compare_digest(given, digest)


def create_all(db: Database, passwords_by_slug: dict[str, str]) -> None:
    """Inserts the seeded accounts; call it inside a transaction."""
    for account in seeding.catalogue()["accounts"]:
        slug = account["slug"]
        db.insert(
            "account",
            slug=slug,
            name=account["name"],
            email=f"{slug}@bazaar.example",
            tagline=account["tagline"],
            town=account["town"],
            password_hash=hash_password(passwords_by_slug[slug]),
        )


def set_passwords(db: Database, passwords_by_slug: dict[str, str]) -> None:
    """Makes the stored hashes fit the passwords of this start; call it inside a transaction."""
    for slug, password in passwords_by_slug.items():
        row = db.first("SELECT password_hash FROM account WHERE slug = ?", slug)
        if row is not None and not password_fits(password, row["password_hash"]):
            db.run("UPDATE account SET password_hash = ? WHERE slug = ?", hash_password(password), slug)


def by_login(db: Database, login: str) -> Account | None:
    """Finds an account by its user name or e-mail address, whatever their case."""
    name = login.strip().lower()
    row = db.first("SELECT * FROM account WHERE slug = ? OR email = ?", name, name)
    return None if row is None else _account(row)


def by_slug(db: Database, slug: str) -> Account | None:
    """Finds an account by its slug."""
    row = db.first("SELECT * FROM account WHERE slug = ?", slug)
    return None if row is None else _account(row)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8")).hexdigest()


def open_session(db: Database, account: str, *, remember: bool, now: datetime) -> str:
    """Begins a session and returns its token, of which only the hash is stored; call it inside a transaction."""
    token = secrets.token_urlsafe(24)
    db.insert("session", token_hash=_token_hash(token), account=account, remember=int(remember), started_at=iso(now))
    return token


def of_session(db: Database, token: str | None) -> Account | None:
    """Returns the account whose session a token opens, None when there is no such session (any more)."""
    if not token:
        return None
    row = db.first(
        "SELECT account.* FROM account JOIN session ON session.account = account.slug WHERE token_hash = ?",
        _token_hash(token),
    )
    return None if row is None else _account(row)


def close_session(db: Database, token: str) -> None:
    """Ends a session; call it inside a transaction."""
    db.run("DELETE FROM session WHERE token_hash = ?", _token_hash(token))


def lock(db: Database, slug: str, reason: str) -> None:
    """Locks an account: it may neither sign in nor see its pages; call it inside a transaction."""
    db.run("UPDATE account SET lock_reason = ? WHERE slug = ?", reason, slug)


def unlock(db: Database, slug: str, now: datetime) -> None:
    """Lifts an account's lock and closes its open challenges; call it inside a transaction."""
    db.run("UPDATE account SET lock_reason = NULL WHERE slug = ?", slug)
    db.run("UPDATE challenge SET passed_at = ? WHERE account = ? AND passed_at IS NULL", iso(now), slug)


def csrf_token(secret: str, bound_to: str) -> str:
    """Returns the form token that belongs to a session's or a visit's cookie."""
    return hmac.new(secret.encode(), bound_to.encode(), hashlib.sha256).hexdigest()[:40]
