"""Asking for many rows at once, and getting them back at once.

Why: a list of five hundred ids as five hundred parameters is a statement of its own each time, and
a driver hands rows over one by one, taking Python's lock for each. Here a list is one parameter,
and all rows are one JSON text that msgspec reads into what they are.
Must not: be used for columns of bytes, or for answers without a bound.
"""

from collections.abc import Collection
from typing import Any, TypeVar

from msgspec import json
from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from knect.ledger.store.prepared import Prepared

__all__ = ["Rows", "one_of"]

T = TypeVar("T")


class _Listed(TypeDecorator[Any]):
    """A list as one parameter: JSON for SQLite, an array for PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type a dialect sends."""
        return ARRAY(self.item) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return the parameter."""
        return list(value) if dialect.name == "postgresql" else json.encode(list(value)).decode()


class _OneOf(FunctionElement[bool]):
    name = "one_of"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002 - of a method we refine
        """Stand as it is: `… = 1`, as SQLAlchemy writes it, would hide the index from SQLite."""
        return self


def one_of(column: ColumnElement[Any], values: Collection[Any] | str) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values; a text names a parameter."""
    kind = _Listed(column.type)
    if isinstance(values, str):
        return _OneOf(column, bindparam(values, type_=kind))
    return _OneOf(column, bindparam(None, values, type_=kind, unique=True))


@compiles(_OneOf)
def _one_of(element: _OneOf, compiler: Any, **words: Any) -> str:
    column, values = element.clauses
    asked, listed = compiler.process(column, **words), compiler.process(values, **words)
    return f"{asked} in (select value from json_each({listed}))"  # noqa: S608 - both are compiled


@compiles(_OneOf, "postgresql")
def _one_of_array(element: _OneOf, compiler: Any, **words: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **words)} = any({compiler.process(values, **words)})"


class Rows:
    """A question whose rows come as one JSON text and are read as `kind`, field by field."""

    def __init__(self, query: Select[Any], kind: type[T]) -> None:
        rows = query.subquery("asked")
        self._decoder = json.Decoder(list[kind], strict=False)  # type: ignore[valid-type]
        self._on_file = Prepared(select(func.json_group_array(func.json_array(*rows.c))))
        self._on_server = Prepared(
            select(cast(func.json_agg(func.json_build_array(*rows.c)), Text))
        )

    def of(self, connection: Connection, **parameters: Any) -> list[Any]:
        """Ask with these parameters."""
        on_server = connection.dialect.name == "postgresql"
        query = self._on_server if on_server else self._on_file
        text = query.run(connection, **parameters).scalar()
        if not isinstance(text, str):  # the driver knows JSON, or there is no row
            return []
        return self._decoder.decode(text)
