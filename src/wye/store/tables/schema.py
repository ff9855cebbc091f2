"""The one MetaData of all tables, and the kinds of columns they are made of."""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, MetaData, Text, false, true
from sqlalchemy.dialects.postgresql import JSONB

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""No schema is named: on PostgreSQL every connection's search path is the schema `wye`."""

NUMBERED: Final = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database gives out; SQLite does so for its plain integers only."""
DOCUMENT: Final = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A JSON value; Python's `None` is SQL's NULL."""


def text(name: str, *more: Any, optional: bool = False, **options: Any) -> Column[Any]:
    """Return a column of text."""
    return Column(name, Text, *more, nullable=optional, **options)


def whole(name: str, *more: Any, optional: bool = False, **options: Any) -> Column[Any]:
    """Return a column of whole numbers: money in picodollars, times in microseconds since the epoch, counts."""
    return Column(name, BigInteger, *more, nullable=optional, **options)


def count(name: str) -> Column[Any]:
    """Return a column to which numbers are added."""
    return Column(name, BigInteger, nullable=False, server_default="0")


def flag(name: str, *, default: bool = False) -> Column[Any]:
    """Return a column that says yes or no."""
    return Column(name, Boolean, nullable=False, server_default=true() if default else false())


def document(name: str) -> Column[Any]:
    """Return a column of JSON that may be NULL."""
    return Column(name, DOCUMENT, nullable=True)
