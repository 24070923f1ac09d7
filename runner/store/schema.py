"""What every table is made of: the one MetaData with its naming, and the columns that all of them have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, ForeignKey, Index, Integer, MetaData, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up by itself only in a column whose type is exactly INTEGER."""


def id_column() -> Column[int]:
    """A number of its own for every row, never used again."""
    return Column("id", BigId, primary_key=True, autoincrement=True)


def index_where(condition: str, name: str, *columns: ColumnElement[Any], unique: bool = False) -> None:
    """An index over the rows that meet a condition."""
    where = text(condition)
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def reference(name: str, to: str, *, nullable: bool = False, index: bool = False) -> Column[int]:
    """A column that names a row of another table."""
    return Column(name, BigId, ForeignKey(to), nullable=nullable, index=index)
