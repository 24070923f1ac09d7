"""Chromium's network errors in words."""

from __future__ import annotations

import pytest

from runner.sites import net_errors


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ERR_NAME_NOT_RESOLVED", "DNS"),
        ("ERR_CONNECTION_REFUSED", "nothing listens"),
        ("ERR_CERT_AUTHORITY_INVALID", "nobody trusted has signed"),
        ("ERR_CERT_DATE_INVALID", "out of date"),
        ("ERR_CERT_REVOKED", "TLS certificate is not valid"),
        ("ERR_SSL_VERSION_OR_CIPHER_MISMATCH", "TLS"),
        ("ERR_TIMED_OUT", "in time"),
        ("ERR_SOMETHING_NEW", "could not be loaded"),
    ],
)
def test_a_code_is_said_in_words_with_a_cure(code: str, words: str) -> None:
    said = net_errors.words(code)
    assert words in said.what
    assert said.cure.endswith((".", "?"))
