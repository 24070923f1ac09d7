"""A Message as the classifier reads it: folded to plain letters, with marks for figures, and the ideas in it.

Three views of one text, each a string whose parts are separated by blanks: its `words`, its `letters`, and its `ideas`
(concepts of data/concepts.txt in the order in which they stand, whatever the language). A fourth follows from its words
once it is known which of them are common: the `frame` of the sentence, "« is the … still … ? »".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LONGEST = 2_000
"""What comes after so many characters does not change what a Message wants, and would only cost time."""

GAP, BEGINS, ENDS = "…", "«", "»"

_LINK = re.compile(r"(?:https?://|www\.)\S+|\b[a-z0-9][a-z0-9.-]*\.(?:com|net|org|io|me|ly|example|info|shop|biz)\b\S*")
_ADDRESS = re.compile(r"\S+@\S+")
_PHONE = re.compile(r"\+?\(?\d(?:[ ()./-]{0,2}\d){6,}")
_CURRENCY = r"(?:[$€£₹]|usd|eur|euros?|gbp|dollars?|bucks?|quid|pounds?|rs|inr|pesos?|piasses|balles|lucas|pavos|varos)"
_MONEY = re.compile(rf"{_CURRENCY}\s?\d[\d.,]*k?\b|\b\d[\d.,]*k?\s?{_CURRENCY}(?![a-z])")
_TIME = re.compile(r"\b\d{1,2}(?:[:h]\d\d|h)\b(?:\s?[ap]m\b)?|\b\d{1,2}\s?(?:[ap]m|ish|o'?clock)\b")
_DIGITS = re.compile(r"\d+")
_REPEATED = re.compile(r"(.)\1{2,}")
_WORD = re.compile(r"[a-z0]+|[?!]|[^\sa-z0]")
_ENDS = re.compile(r"[.!?\n]+")
_MARKED = ((_LINK, " zlink "), (_ADDRESS, " zmail "), (_PHONE, " zphone "), (_MONEY, " zmoney "), (_TIME, " ztime "))


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The three views of one Message."""

    words: str
    letters: str
    ideas: str


class Concepts:
    """Phrases that stand for one idea: each word leads to the phrases that begin with it."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        self._from: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for name, each in phrases.items():
            for phrase in each:
                words = tuple(_WORD.findall(_folded(phrase)))
                if words:
                    self._from.setdefault(words[0], []).append((words, name))

    @classmethod
    def parse(cls, text: str) -> Concepts:
        """Read `NAME: word, several words` line by line; lines that begin with # are comments."""
        phrases: dict[str, list[str]] = {}
        for line in text.splitlines():
            name, colon, rest = line.partition(":")
            if colon and not line.startswith("#"):
                phrases.setdefault(name.strip(), []).extend(part.strip() for part in rest.split(","))
        return cls(phrases)

    def found(self, words: list[str]) -> list[str]:
        """The ideas in these words, in order; of phrases of one idea that overlap, one."""
        ideas: list[str] = []
        for place, word in enumerate(words):
            here: list[str] = []
            for phrase, name in self._from.get(word, ()):
                if name not in here and (len(phrase) == 1 or tuple(words[place : place + len(phrase)]) == phrase):
                    here.append(name)
            ideas += here if ideas[-1:] != here else ()
            if word in _TOLD_AS_THEY_ARE:
                ideas.append(_TOLD_AS_THEY_ARE[word])
        return ideas


_TOLD_AS_THEY_ARE = {
    "?": "asks",
    "!": "calls",
    "zlink": "link",
    "zmail": "mail",
    "zphone": "phone",
    "zmoney": "money",
    "ztime": "clocktime",
    "0": "digit",
    "00": "figure",
    "000": "figure",
    "0000": "bigfigure",
}


def read(text: str, concepts: Concepts) -> Wording:
    """The views of one Message; never fails, whatever the text."""
    folded = _folded(text[:LONGEST])
    for pattern, mark in _MARKED:
        folded = pattern.sub(mark, folded)
    letters = _DIGITS.sub(lambda digits: "0" * min(len(digits.group()), 4), folded)
    words = _WORD.findall(letters)
    ideas = concepts.found(words)
    length = "short" if len(words) < 4 else "middling" if len(words) < 16 else "long"
    return Wording(words=" ".join(words), letters=letters, ideas=" ".join([*ideas, length]))


def frame(words: str, common: frozenset[str]) -> str:
    """The words with a gap wherever none of the common ones stands, and marks for where a text begins and ends."""
    parts = [BEGINS]
    for word in words.split():
        part = word if word in common else GAP
        if part != GAP or parts[-1] != GAP:
            parts.append(part)
    return " ".join([*parts, ENDS])


def _folded(text: str) -> str:
    """Lower case without accents, apostrophes as blanks, and letters repeated for emphasis but twice."""
    apart = unicodedata.normalize("NFKD", text.lower().replace("’", " ").replace("'", " "))
    plain = "".join(c for c in apart if not unicodedata.combining(c)) if not apart.isascii() else apart
    return _REPEATED.sub(r"\1\1", plain)
