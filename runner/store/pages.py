"""Lists for those who page: filters, an order, and a cursor that names the last row seen."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, and_, func, literal_column, or_, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.errors import SetupError

T = TypeVar("T")
LARGEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Which part of a list: at most `limit` rows after `cursor`, in the order `sort` (`-` for the largest first)."""

    limit: int = 50
    cursor: str | None = None
    sort: str | None = None


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """Rows of a list; `next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


def order_of(wish: Wish, orders: Collection[str], default: str) -> tuple[str, bool]:
    """The name of the order that is wished for, and whether it goes down. Raises SetupError."""
    sort = wish.sort or default
    name = sort.removeprefix("-")
    if name not in orders:
        raise _unsorted(sort, orders)
    return name, sort.startswith("-")


async def fetch_ids(
    connection: AsyncConnection,
    statement: Select[Any],
    wish: Wish,
    *,
    number: ColumnElement[int],
    orders: Mapping[str, ColumnElement[Any]],
    default: str,
) -> tuple[list[int], str | None]:
    """The numbers of one page's rows, and the cursor of the next page. Raises SetupError for a wrong cursor or sort.

    Each order is a column that is never NULL and sorts as stored; equal values are told apart by `number`.
    """
    name, down = order_of(wish, orders, default)
    column = orders[name]
    if wish.cursor is not None:
        value, last = _opened(wish.cursor, name)
        beyond = column < value if down else column > value
        tie = number < last if down else number > last
        statement = statement.where(tie if column is number else or_(beyond, and_(column == value, tie)))
    keys = [number] if column is number else [column, number]
    ordered = statement.order_by(*(key.desc() if down else key.asc() for key in keys)).limit(wish.limit + 1)
    rows = (await connection.execute(ordered.with_only_columns(number.label("number"), column.label("value")))).all()
    shown = rows[: wish.limit]
    more = len(rows) > wish.limit
    return [row.number for row in shown], _sealed(name, shown[-1].value, shown[-1].number) if more else None


def stamp(column: ColumnElement[Any]) -> ColumnElement[int]:
    """A time as an order: the number that is stored, and 0 where there is none."""
    return func.coalesce(type_coerce(column, BigInteger()), literal_column("0", BigInteger()))


def after_number(wish: Wish) -> int | None:
    """The number in the cursor of a list that is in the order of its numbers. Raises SetupError."""
    return None if wish.cursor is None else _opened(wish.cursor, "id")[1]


def page_of(found: Sequence[T], wish: Wish, number_of: Callable[[T], int]) -> Page[T]:
    """A page of a list that was read with one row more than wished for."""
    shown = found[: wish.limit]
    more = len(found) > wish.limit
    return Page(items=shown, next_cursor=_sealed("id", None, number_of(shown[-1])) if more else None)


def _sealed(name: str, value: object, number: int) -> str:
    text = json.dumps([name, value, number], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _opened(cursor: str, name: str) -> tuple[Any, int]:
    wrong = _wrong_cursor()
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        given = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise wrong from error
    if not isinstance(given, list) or len(given) != 3 or given[0] != name:
        raise wrong
    _, value, number = given
    fits = isinstance(number, int) and not isinstance(number, bool) and abs(number) <= LARGEST
    sane = value is None or isinstance(value, str) or (isinstance(value, int) and abs(value) <= LARGEST)
    if not (fits and sane and (value is not None or name == "id")):
        raise wrong
    return value, number


def slice_of(
    items: Sequence[T],
    wish: Wish,
    *,
    orders: Mapping[str, Callable[[T], Any]],
    default: str,
    number_of: Callable[[T], int],
) -> Page[T]:
    """One page of a list that is short enough to be read whole. Raises SetupError for a wrong cursor or sort."""
    sort = wish.sort or default
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if name not in orders:
        raise _unsorted(sort, orders)
    key = orders[name]
    ordered = sorted(items, key=lambda item: (key(item), number_of(item)), reverse=down)
    if wish.cursor is not None:
        value, last = _opened(wish.cursor, name)
        if not isinstance(value, str | int) or (ordered and type(value) is not type(key(ordered[0]))):
            raise _wrong_cursor()
        ordered = [item for item in ordered if _beyond((key(item), number_of(item)), (value, last), down)]
    shown = ordered[: wish.limit]
    more = len(ordered) > wish.limit
    return Page(items=shown, next_cursor=_sealed(name, key(shown[-1]), number_of(shown[-1])) if more else None)


def _beyond(place: tuple[Any, int], last: tuple[Any, int], down: bool) -> bool:
    return place < last if down else place > last


def _unsorted(sort: str, orders: Iterable[str]) -> SetupError:
    known = ", ".join(f"{each}, -{each}" for each in orders)
    return SetupError(f'This list cannot be sorted by "{sort[:60]}".', cure=f"Possible: {known}.")


def _wrong_cursor() -> SetupError:
    return SetupError("This cursor does not belong to this list.", cure="Take next_cursor as it was given, or none.")
