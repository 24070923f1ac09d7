"""Reads listings from a table, with their photos looked at and the accounts that are to publish them."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from runner.domain.listings import Listing
from runner.errors import SetupError
from runner.intake.columns import Cells, Field, match
from runner.intake.photos import MAX_PHOTOS, NotAPhoto, PhotoFolder
from runner.intake.prices import CURRENCIES, SYMBOLS, NotAPrice, read_currency, read_price
from runner.intake.report import Intake, RowProblem, did_you_mean, twins, without
from runner.intake.tables import read_table

DEFAULT_CURRENCY = "EUR"
MAX_TITLE_CHARS = 200
MAX_PHOTO_COLUMNS = 30
"""More than a listing takes, so that the eleventh photo is refused and not passed over."""

_PHOTO_WORDS = ("photo", "image", "picture", "bild", "foto", "img")
_PRICE_WORDS = ("price", "preis", "amount", "prix", "precio")
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)

FIELDS = (
    Field(
        name="reference",
        aliases=frozenset(
            {"ref", "ref no", "reference no", "sku", "item number", "article number", "artikelnummer", "referenz"}
        ),
        compulsory=True,
    ),
    Field(name="title", aliases=frozenset({"titel", "headline", "item", "item title"}), compulsory=True),
    Field(
        name="price",
        aliases=frozenset({*_PRICE_WORDS, *(word + code for word in _PRICE_WORDS for code in CURRENCIES)}),
        compulsory=True,
    ),
    Field(name="currency", aliases=frozenset({"währung", "waehrung", "currency code"})),
    Field(name="category", aliases=frozenset({"kategorie", "rubrik", "categories"})),
    Field(name="condition", aliases=frozenset({"zustand", "item condition"})),
    Field(name="description", aliases=frozenset({"desc", "text", "beschreibung", "body", "details"})),
    Field(name="location", aliases=frozenset({"city", "place", "town", "ort", "standort", "postcode"})),
    Field(
        name="photos", aliases=frozenset(word + s for word in (*_PHOTO_WORDS, "photo files") for s in ("", "s", "er"))
    ),
    Field(
        name="accounts",
        aliases=frozenset({"account", "account name", "account names", "seller", "sellers", "konto", "konten"}),
    ),
    *(
        Field(name=f"photo{n}", aliases=frozenset(f"{word}{n}" for word in _PHOTO_WORDS))
        for n in range(1, MAX_PHOTO_COLUMNS + 1)
    ),
)


@dataclass(frozen=True, kw_only=True)
class NewListing:
    """A Listing as it was read, and the names of the Accounts that are to publish it; none means: said later."""

    listing: Listing
    accounts: tuple[str, ...] = ()


def read_listings(
    path: Path,
    *,
    photos_dir: Path | None,
    known_accounts: Collection[str] | None = None,
    sheet: str | None = None,
) -> Intake[NewListing]:
    """Read listings: the columns reference, title and price must be there, the others of FIELDS may.

    Photos are looked up in `photos_dir`, else in the file's own folder and in a folder `photos` beside the file. With
    `known_accounts`, other names are refused. Raises SetupError when the file cannot be read as a whole.
    """
    table = read_table(path, sheet=sheet, list_names=("listings",))
    matched = match(table, FIELDS)
    reader = _Reader(_photo_folder(path, photos_dir), known_accounts, _header_currency(matched.headers["price"]))
    problems, notices = list(table.problems), [*table.warnings, *matched.notices]
    items: list[tuple[int, NewListing]] = []
    bad: set[int] = set()
    for row in table.rows:
        cells = Cells(row, matched.headers)
        new = reader.listing(cells)
        notices += cells.notices
        problems += cells.problems
        bad |= {len(items)} if cells.problems else set()
        items.append((row.line, new))
    doubled, refused = _twins(items, matched.headers["reference"])
    return Intake(
        items=without(items, bad | doubled),
        problems=tuple(sorted([*problems, *refused], key=lambda problem: problem.line)),
        warnings=tuple(notices),
        rows=len(table.rows) + len(table.problems),
    )


def _photo_folder(path: Path, photos_dir: Path | None) -> PhotoFolder:
    if photos_dir is None:
        return PhotoFolder(path.parent, path.parent / "photos")
    if not photos_dir.is_dir():
        what = "is not a folder" if photos_dir.exists() else "does not exist"
        raise SetupError(f"The photo folder {photos_dir} {what}.", cure="Name the folder that the photos are in.")
    return PhotoFolder(photos_dir)


def _header_currency(header: str) -> str | None:
    """The currency that a header such as `Price (USD)` or `Preis in €` names."""
    for word in re.split(r"[\s()\[\]_/,:-]+", header.upper()):
        code = SYMBOLS.get(word, word)
        if code in CURRENCIES:
            return code
    folded = re.sub(r"[^A-Z]", "", header.upper())
    return folded[-3:] if folded[-3:] in CURRENCIES and folded[:-3].casefold() in _PRICE_WORDS else None


class _Reader:
    """Reads the rows of one file, which share a photo folder, a header's currency and the known accounts."""

    def __init__(self, photos: PhotoFolder, known_accounts: Collection[str] | None, currency: str | None) -> None:
        self._photos, self._known_accounts, self._header_currency = photos, known_accounts, currency

    def listing(self, cells: Cells) -> NewListing:
        """The row's listing; void where `cells` has problems afterwards."""
        minor, currency = self._price(cells)
        listing = Listing(
            reference=self._reference(cells),
            title=cells.word("title", compulsory=True, longest=MAX_TITLE_CHARS),
            price_minor=minor,
            currency=currency,
            category=cells.word("category"),
            condition=cells.word("condition"),
            description=cells.text("description"),
            location=cells.word("location"),
            photos=self._photo_paths(cells),
        )
        return NewListing(listing=listing, accounts=self._accounts(cells))

    def _reference(self, cells: Cells) -> str:
        reference = cells.identifier("reference")
        if _SHORTENED.fullmatch(reference):
            cells.note(
                "reference", "looks like a long number that a spreadsheet shortened: check it, and format it as text"
            )
        return reference

    def _price(self, cells: Cells) -> tuple[int, str]:
        value, minor, named = cells.raw("price"), 0, None
        if value is None or isinstance(value, tuple):
            cells.refuse(
                "price", "price is empty, and every row needs one" if value is None else "price must be one number"
            )
        else:
            try:
                price = read_price(value)
                minor, named = price.minor, price.currency
            except NotAPrice as error:
                cells.refuse("price", str(error), shown=f"{value:f}" if isinstance(value, Decimal) else value)
        return minor, self._currency(cells, named)

    def _currency(self, cells: Cells, named_by_price: str | None) -> str:
        told: dict[str, str] = {}
        if named_by_price:
            told["the price"] = named_by_price
        if self._header_currency:
            told["the header"] = self._header_currency
        text = cells.word("currency")
        if text:
            try:
                told["the currency column"] = read_currency(text)
            except NotAPrice as error:
                cells.refuse("currency", str(error), shown=text)
        if len(set(told.values())) > 1:
            who = ", ".join(f"{place} says {code}" for place, code in told.items())
            cells.refuse("price", f"two currencies: {who}", shown=cells.text("price"))
        return next(iter(told.values()), DEFAULT_CURRENCY)

    def _photo_paths(self, cells: Cells) -> tuple[Path, ...]:
        named = [("photos", name) for name in self._listed(cells)]
        for n in range(1, MAX_PHOTO_COLUMNS + 1):
            name = cells.word(f"photo{n}")
            named += [(f"photo{n}", name)] if name else []
        if len(named) > MAX_PHOTOS:
            cells.refuse(named[-1][0], f"{len(named)} photos; a listing takes at most {MAX_PHOTOS}")
            return ()
        paths: dict[Path, None] = {}
        for column, name in named:
            try:
                path = self._photos.find(name)
            except NotAPhoto as error:
                cells.refuse(column, str(error), shown=name)
                continue
            if path in paths:
                cells.note(column, f"{name} is named twice and is taken once")
            paths[path] = None
        return tuple(paths)

    def _listed(self, cells: Cells) -> tuple[str, ...]:
        """File names may hold commas, so a comma separates only where neither ; nor | nor a line break does."""
        value = cells.raw("photos")
        by_marks = isinstance(value, str) and any(mark in value for mark in ";|\n")
        return cells.names("photos", ";|\n" if by_marks else ",")

    def _accounts(self, cells: Cells) -> tuple[str, ...]:
        names = cells.names("accounts")
        for name in names:
            if self._known_accounts is not None and name not in self._known_accounts:
                near = did_you_mean(name, self._known_accounts)
                cells.refuse("accounts", f"there is no account of this name.{near}", shown=name)
        return names


def _twins(items: Sequence[tuple[int, NewListing]], header: str) -> tuple[set[int], list[RowProblem]]:
    """The places of rows that share a reference, bad ones too, and why none is taken: nobody can tell which is right.

    Rows without a reference share none.
    """
    references = [new.listing.reference for _, new in items]
    groups = [group for group in twins(each.casefold() for each in references) if references[group[0]]]
    problems = [
        RowProblem(
            line=items[place][0],
            column=header,
            value_excerpt=references[place],
            reason=f"the same reference stands on lines {', '.join(str(items[each][0]) for each in group)}: "
            "keep one of them",
        )
        for group in groups
        for place in group
    ]
    return {place for group in groups for place in group}, problems
