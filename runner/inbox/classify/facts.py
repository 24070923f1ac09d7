"""The facts that stand in a Message: money, dates, times, places, phone numbers and links, as they were written.

Pure, and they never fail, whatever the text. A link is marked and never opened. What they cannot know they leave out:
a bare "6" is no time, and "the station" is a place only behind a word that leads to one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from runner.domain.classification import Amount, Facts

LONGEST = 4_000
MOST = 20
"""So many facts of one kind are told; a text with more of them is no Message."""

_CURRENCIES = {
    "EUR": ("€", "eur", "euro", "euros"),
    "USD": ("$", "usd", "dollar", "dollars", "buck", "bucks"),
    "GBP": ("£", "gbp", "pound", "pounds", "quid"),
    "INR": ("₹", "rs", "inr", "rupees"),
    "CHF": ("chf", "francs"),
    "PLN": ("pln", "zl", "zł"),
    "MXN": ("mxn",),
    "CAD": ("cad",),
    "AUD": ("aud",),
}
_CODES = {word: code for code, words in _CURRENCIES.items() for word in words}
_SIGN = r"[$€£₹]"
_NAMED = r"(?:" + "|".join(sorted((w for w in _CODES if w.isalpha()), key=len, reverse=True)) + r"|pesos?)\b"
_FIGURE = r"\d{1,9}(?:[.,'\u202f\u00a0]\d{3}){0,3}(?:[.,]\d{1,2})?(?!\d)\s?k?\b"
_WITH_CURRENCY = re.compile(
    rf"(?P<before>{_SIGN}|\b(?:rs\.?|usd|eur|gbp|chf|inr))\s?(?P<one>{_FIGURE})|(?<![\w.,])(?P<two>{_FIGURE})\s?(?P<after>{_SIGN}|{_NAMED})",
    re.IGNORECASE,
)
_UNITS = "cm|mm|m|km|kg|g|gb|tb|mb|ml|l|inch|in|ft|feet|x|am|pm|of|people|pieces|h|" + (
    "mins?|minutes?|hours?|days?|weeks?|months?|years?"
)
_NO_UNIT = rf"(?!\s?(?:(?:{_UNITS})\b|[%º°\"]|h\d|:\d|/\d))"
_OFFERING = (
    "take|took|give (?:you|u|ya)|offer(?:ing)?|do|pay|go to|accept|asking|firm at|for|lowest is|at|around|about|"
    "budget(?: is)?|max(?:imum)?(?: is)?|te doy|le doy|ofrezco|acept(?:as|ar[ií]as)|por|dejas en|donne|propose|offre|"
    "accepteriez-vous|à|a"
)
_OFFERED = re.compile(rf"\b(?:{_OFFERING})\s+(?P<figure>(?<![\d.,]){_FIGURE}){_NO_UNIT}", re.IGNORECASE)
_AMBIGUOUS = re.compile(r"^(?:at|a|à|around|about|for|do|por)\s", re.IGNORECASE)
_SMALLEST_BARE = 25
"""A bare figure behind "at" or "for" is an hour, a day or a size as long as it is small."""

_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"]{2,300}"
    r"|\b(?:[a-z0-9-]{1,63}\.){1,4}(?:com|net|org|io|me|ly|example|info|shop|biz|co\.uk|fr|es|de)\b(?:/[^\s<>\"]{0,300})?",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w/.-])\+?\(?\d(?:[ ()./-]{0,2}\d){6,14}(?![\w/])")
_TIME = re.compile(
    r"\b(?:[01]?\d|2[0-3])[:.][0-5]\d(?:\s?[ap]\.?m\b)?|\b(?:[01]?\d|2[0-3])\s?h(?:[0-5]\d)?\b"
    r"|\b(?:1[0-2]|0?[1-9])\s?(?:[ap]\.?m\b|o'?clock\b|ish\b)"
    r"|\b(?:noon|midday|midnight|half past \w+|quarter (?:past|to) \w+|mediod[ií]a|midi|minuit)\b"
    r"|\b(?:a las|sobre las|a eso de las|vers|[àa] partir de)\s(?:[01]?\d|2[0-3])\b(?::[0-5]\d)?",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
    r"|janvier|f[ée]vrier|mars|avril|mai|juin|juillet|ao[uû]t|septembre|octobre|novembre|d[ée]cembre)"
)
_WEEKDAY = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|lunes|martes|mi[ée]rcoles|jueves|viernes|s[áa]bado|domingo"
    r"|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)"
)
_SOON = (
    r"day after tomorrow|today|tonight|tonite|tomorrow|tmrw|this weekend|next week|hoy|esta noche|pasado mañana|mañana"
    r"|este finde|aujourd['’]hui|ce soir|apr[eè]s-demain|demain|ce week-end"
)
_NTH = r"\d{1,2}(?:st|nd|rd|th)"
_DATE = re.compile(
    r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b|\b\d{1,2}/\d{1,2}\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|er)?\s(?:of\s|de\s)?{_MONTH}\b|\b{_MONTH}\s(?:{_NTH}|\d{{1,2}})\b|\bthe\s{_NTH}\b"
    rf"|\b(?:next |this |pr[oó]ximo |ce |el )?{_WEEKDAY}\b(?: prochain)?|\b(?:{_SOON})\b",
    re.IGNORECASE,
)
_LEADING = "in|at|to|from|near|around|outside|en|por|cerca de|desde|hasta|para|zona de|à|a|vers|près de|chez|au|de|sur"
_NAME = r"(?:[A-ZÀ-Þ][\w'’.-]{1,30})(?:\s(?:(?:de|la|del|los|of|the|sur|les)\s){0,2}[A-ZÀ-Þ][\w'’.-]{1,30}){0,3}"
_PLACE = re.compile(rf"(?i:\b(?:{_LEADING})\s+)(?:the\s)?(?P<name>{_NAME})")
_STREET = re.compile(
    rf"\b\d{{1,5}}\s{_NAME}\s(?:St|Street|Rd|Road|Ave|Avenue|Lane|Ln|Drive|Dr|Blvd|Way|Close|Court)\b"
    rf"|\b(?i:calle|avenida|plaza|rue|avenue|place|boulevard)\s(?i:de\s|la\s|du\s|des\s){{0,2}}{_NAME}(?:,?\s\d{{1,4}})?"
)
_NO_PLACE = re.compile(
    rf"(?:{_MONTH}|{_WEEKDAY}|paypal|venmo|zelle|bizum|whatsapp|telegram|cash|english|spanish|french|i|i['’]m|ok|hi"
    r"|hello|thanks|you)\b",
    re.IGNORECASE,
)


def facts_in(text: str) -> Facts:
    """All facts of one text."""
    text = text[:LONGEST]
    found = _without(links := links_in(text), text)
    found = _without(phones := phones_in(found), found)
    return Facts(
        amounts=amounts_in(found),
        dates=dates_in(found),
        times=times_in(found),
        places=places_in(found),
        phones=phones,
        links=links,
    )


def amounts_in(text: str) -> tuple[Amount, ...]:
    """Money: figures with a currency, and bare ones behind a word of offering."""
    found: list[tuple[int, Amount]] = []
    taken: list[range] = []
    for match in _WITH_CURRENCY.finditer(text):
        value = _value(match["one"] or match["two"])
        word = (match["before"] or match["after"]).lower().rstrip(".")
        if value is not None:
            found.append((match.start(), Amount(text=match.group().strip(), value=value, currency=_CODES.get(word))))
            taken.append(range(match.start(), match.end()))
    for match in _OFFERED.finditer(text):
        value = _value(match["figure"])
        if value is None or any(match.start("figure") in span for span in taken):
            continue
        if _AMBIGUOUS.match(match.group()) and value < _SMALLEST_BARE:
            continue
        found.append((match.start("figure"), Amount(text=match["figure"].strip(), value=value, currency=None)))
    return tuple(amount for _, amount in sorted(found, key=lambda each: each[0]))[:MOST]


def dates_in(text: str) -> tuple[str, ...]:
    """Days: dates, weekdays, and words such as tomorrow."""
    return _each(match.group() for match in _DATE.finditer(text))


def times_in(text: str) -> tuple[str, ...]:
    """Times of day."""
    priced = [range(match.start(), match.end()) for match in _WITH_CURRENCY.finditer(text)]
    return _each(match.group() for match in _TIME.finditer(text) if not any(match.start() in span for span in priced))


def places_in(text: str) -> tuple[str, ...]:
    """Streets, and names behind a word that leads to a place."""
    streets = [match.group() for match in _STREET.finditer(text)]
    named = [match["name"].rstrip(".") for match in _PLACE.finditer(text)]
    return _each([*streets, *(name for name in named if not _NO_PLACE.match(name) and not _within(name, streets))])


def phones_in(text: str) -> tuple[str, ...]:
    """Phone numbers: seven to fifteen digits that are no date."""
    candidates = (match.group().strip() for match in _PHONE.finditer(text))
    return _each(each for each in candidates if not _DATE.fullmatch(each))


def links_in(text: str) -> tuple[str, ...]:
    """Links, with and without https:// before them."""
    return _each(match.group().rstrip(".,;:!?)") for match in _LINK.finditer(text))


def _each(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for each in found if (part := each.strip())))[:MOST]


def _within(name: str, streets: Iterable[str]) -> bool:
    return any(name in street for street in streets)


def _without(parts: Iterable[str], text: str) -> str:
    for part in parts:
        text = text.replace(part, " ")
    return text


def _value(figure: str) -> Decimal | None:
    """A figure as a number: 1,250 and 1.250 are thousands, 12,50 and 12.50 are not, 2k is two thousand."""
    plain = figure.strip().lower()
    thousands = plain.endswith("k")
    plain = re.sub(r"[\s'\u202f\u00a0k]", "", plain)
    head, mark, tail = plain.replace(",", ".").rpartition(".")
    if mark and len(tail) == 3:
        plain = head.replace(".", "") + tail
    elif mark:
        plain = head.replace(".", "") + "." + tail
    try:
        value = Decimal(plain)
    except InvalidOperation:
        return None
    return value * 1000 if thousands else value
