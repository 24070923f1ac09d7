"""Passwords: argon2id, with the library's own parameters (RFC 9106's low-memory profile)."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200
_HASHER = PasswordHasher()
_NOBODYS = _HASHER.hash("whoever does not exist must take as long as whoever does")


async def hashed(password: str, at_once: asyncio.Semaphore) -> str:
    """The password as it is stored."""
    async with at_once:
        return await asyncio.to_thread(_HASHER.hash, password)


async def is_right(password_hash: str | None, password: str, at_once: asyncio.Semaphore) -> bool:
    """Whether the password is the one; takes the same time where there is none to compare with."""
    async with at_once:
        return await asyncio.to_thread(_verified, password_hash or _NOBODYS, password) and password_hash is not None


def _verified(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
