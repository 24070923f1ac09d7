"""Sealed files: a header that anybody may read and nobody can change, and a content that only the key opens.

    RUNNER-SEALED 1\\n  {"account": "amy", …}\\n  nonce of 12 bytes  AES-256-GCM(content), sealing all before it

The key of a file is derived from the runner's key and from what the header says it is about, so that a file of one
account cannot be opened as that of another, whatever its name and whoever moved it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from runner.errors import RunnerError

MAGIC = b"RUNNER-SEALED 1\n"
NONCE_BYTES = 12
LARGEST_BYTES = 64 * 1024 * 1024


class Unsealed(RunnerError):
    """A sealed file that cannot be opened: damaged, another's, or sealed with another key."""


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A sealed file as it lies on disk."""

    header: Mapping[str, Any]
    plain: bytes
    body: bytes


def derived(secret: str, *purpose: str) -> bytes:
    """A key of 32 bytes for one purpose; the parts are kept apart, so that ("a", "bc") is not ("ab", "c")."""
    info = json.dumps(["runner", *purpose]).encode()
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret.encode())


def stretched(passphrase: str, salt: bytes) -> bytes:
    """A key from a passphrase, slowly: 64 MiB and a good tenth of a second for each guess."""
    return Scrypt(salt=salt, length=32, n=2**16, r=8, p=1).derive(passphrase.encode())


def seal(key: bytes, header: Mapping[str, Any], content: bytes) -> bytes:
    """The whole file."""
    plain = MAGIC + json.dumps(header, ensure_ascii=True).encode() + b"\n"
    nonce = os.urandom(NONCE_BYTES)
    return plain + nonce + AESGCM(key).encrypt(nonce, zlib.compress(content, 6), plain)


def look(path: Path) -> Sealed:
    """The file with its header, which is not proved yet. Raises Unsealed, FileNotFoundError."""
    try:
        data = path.read_bytes() if path.stat().st_size <= LARGEST_BYTES else b""
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unsealed(f"it cannot be read: {error.strerror or error}") from None
    end = data.find(b"\n", len(MAGIC)) + 1
    if not data.startswith(MAGIC) or end == 0:
        raise Unsealed("it is damaged: its beginning is not that of a sealed file")
    try:
        header = json.loads(data[len(MAGIC) : end])
    except ValueError:
        raise Unsealed("it is damaged: its header cannot be read") from None
    if not isinstance(header, dict):
        raise Unsealed("it is damaged: its header cannot be read")
    return Sealed(header=header, plain=data[:end], body=data[end:])


def unseal(key: bytes, sealed: Sealed) -> bytes:
    """The content. Raises Unsealed when a byte of it or of the header is not as it was, or the key is another."""
    nonce, body = sealed.body[:NONCE_BYTES], sealed.body[NONCE_BYTES:]
    try:
        return zlib.decompress(AESGCM(key).decrypt(nonce, body, sealed.plain))
    except (InvalidTag, ValueError, zlib.error):
        raise Unsealed("it is damaged: it does not fit its seal") from None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 that is there whole or not at all, whatever happens in between."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
