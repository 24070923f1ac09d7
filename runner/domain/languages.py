"""Which language a short text is in, guessed by its commonest words: enough to choose among Templates."""

from __future__ import annotations

import re

_WORDS = {
    "en": "the is it you do i still available for can how much what this your and would take to my have are when",
    "es": "el la los que es de en por para hola está esta disponible cuanto cuánto precio puedo sigue todavía aún"
    " gracias cuesta me lo y con buenas tiene",
    "fr": "le la les est ce que je vous il elle bonjour toujours disponible combien prix pour avec merci encore un une"
    " peut pouvez et dans votre c'est salut",
}
LANGUAGES = tuple(_WORDS)
_KNOWN = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def guess(text: str) -> str | None:
    """en, es or fr; None when the words do not say which."""
    words = _WORD.findall(text.casefold())
    counts = sorted(((sum(word in known for word in words), name) for name, known in _KNOWN.items()), reverse=True)
    (most, name), (second, _) = counts[0], counts[1]
    return name if most > second else None
