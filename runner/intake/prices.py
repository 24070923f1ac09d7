"""Prices as people write them, read exactly or refused: a price is never guessed."""

import re
from dataclasses import dataclass
from decimal import Decimal

from runner.intake.report import did_you_mean

# fmt: off
CURRENCIES = frozenset((
    "AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF",
    "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "MAD", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN",
    "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND", "ZAR",
))
# fmt: on
SYMBOLS = {
    "€": "EUR",
    "EURO": "EUR",
    "$": "USD",
    "US$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "FR.": "CHF",
    "ZŁ": "PLN",
    "₹": "INR",
}
HIGHEST_MINOR = 10_000_000_000
"""A hundred million: beyond it a price is a slip of the keyboard."""

_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]")
_PARTS = re.compile(
    r"(?P<before>[^0-9+.,'’\-]*)(?P<number>[+\-]?[0-9.,'’\s\u00a0\u2007\u2009\u202f]*[0-9.,](?:-{1,2}|–)?)(?P<after>[^0-9]*)"
)
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?P<mark>[.,'’ ])[0-9]{3}(?:(?P=mark)[0-9]{3})*(?P<rest>[.,][0-9]{1,2})?")
_PLAIN = re.compile(r"(?P<whole>[0-9]+)(?:[.,](?P<cents>[0-9]{1,2}))?")
_ONE_MARK_THREE_DIGITS = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_FLOAT_NOISE = Decimal("0.000001")


class NotAPrice(ValueError):
    """Why a text is not a price, and what to write instead."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """An amount in hundredths, and the currency where the price itself names one."""

    minor: int
    currency: str | None


def read_price(value: str | Decimal) -> Price:
    """Read `250`, `1,299.00`, `1.299,00`, `1 299,00`, `1'299.00`, `€ 250`, `250,-`, `250 EUR`, or a number.

    One mark with three digits behind it (`1.299`, `1,299`) means thousands in one country and a fraction in the next:
    it is refused. Raises NotAPrice with a reason for a person.
    """
    if isinstance(value, Decimal):
        return Price(minor=_minor(value), currency=None)
    text = value.strip()
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise NotAPrice("not a price: write a number such as 1299.00")
    currency = _one_currency(parts["before"], parts["after"])
    return Price(minor=_minor(_number(parts["number"])), currency=currency)


def read_currency(text: str) -> str:
    """The three-letter code for a code or symbol in any case. Raises NotAPrice with the nearest code."""
    folded = _SPACES.sub("", text).upper()
    code = SYMBOLS.get(folded, folded)
    if code not in CURRENCIES:
        raise NotAPrice(
            "not a currency that is known: write a three-letter code such as EUR." + did_you_mean(code, CURRENCIES)
        )
    return code


def _one_currency(before: str, after: str) -> str | None:
    named = [read_currency(text) for text in (before, after) if text.strip()]
    if len(set(named)) > 1:
        raise NotAPrice("names two currencies")
    return named[0] if named else None


def _number(text: str) -> Decimal:
    number = _SPACES.sub(" ", text.strip())
    bare = re.sub(r"[.,](?:-{1,2}|–)$", "", number)
    if bare != number:  # "1.299,-" says by itself that no cents follow
        bare = re.sub(r"[.,'’ ](?=[0-9]{3}(?![0-9]))", "", bare)
    number = bare
    sign, number = (-1, number[1:].strip()) if number.startswith("-") else (1, number.removeprefix("+").strip())
    if _ONE_MARK_THREE_DIGITS.fullmatch(number):
        whole = re.sub(r"[.,]", "", number)
        raise NotAPrice(f"ambiguous: write {whole}.00 if it is thousands, or two digits for the cents")
    plain = _PLAIN.fullmatch(number)
    if plain:
        return sign * Decimal(f"{plain['whole']}.{plain['cents'] or '0'}")
    grouped = _GROUPED.fullmatch(number)
    if grouped is None or (grouped["rest"] or "")[:1] == grouped["mark"]:
        raise NotAPrice("not a price: write a number such as 1299.00")
    rest = grouped["rest"] or ""
    whole = re.sub(r"[^0-9]", "", number[: len(number) - len(rest)])
    return sign * Decimal(f"{whole}.{rest[1:] or '0'}")


def _minor(amount: Decimal) -> int:
    if not amount.is_finite() or amount.copy_abs() > HIGHEST_MINOR // 100:
        raise NotAPrice("too high for a price")
    cents = amount * 100
    whole = cents.to_integral_value()
    if abs(cents - whole) > _FLOAT_NOISE:
        raise NotAPrice("more than two digits behind the point: a price has cents at most")
    if whole <= 0:
        raise NotAPrice("a price must be above zero")
    return int(whole)
