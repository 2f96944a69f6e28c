"""A statement with named parameters, compiled once: what is asked or changed for every group.

Why: SQLAlchemy builds a statement from objects, asks whether it has seen it before and binds it
with more objects, each time; for a few rows that is most of what a statement costs. Here it is
declared once as a constant of its module, in SQLAlchemy's words, and its text goes to the driver.
Must not: be made while work is going on; what is asked now and then needs none of this.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.sql.elements import CompilerElement

__all__ = ["Prepared"]

#: A place in the text: (parameter, conversion, None) or (None, None, what always stands there).
_Place = tuple[str | None, Callable[[Any], Any] | None, Any]


class Prepared:
    """A statement whose `bindparam(name)` are given as keywords. Both databases get the same.

    Rows come as the driver gives them: SQLite has no booleans.
    """

    def __init__(self, statement: CompilerElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, list[_Place]]] = {}

    def run(self, connection: Connection, **parameters: Any) -> CursorResult[*tuple[Any, ...]]:
        """Execute with these parameters."""
        dialect = connection.dialect
        text, places = self._compiled.get(dialect.name) or self._compile(dialect)
        values = [
            always if name is None
            else parameters[name] if convert is None
            else convert(parameters[name])
            for name, convert, always in places
        ]  # fmt: skip
        return connection.exec_driver_sql(text, tuple(values))

    def _compile(self, dialect: Dialect) -> tuple[str, list[_Place]]:
        compiled: Any = self._statement.compile(dialect=dialect)
        asked = {name: bind for name, bind in compiled.binds.items() if bind.required}
        whole = compiled.construct_expanded_state({bind.key: None for bind in asked.values()})
        places: list[_Place] = []
        for name in whole.positiontup or ():
            if name in asked:
                kind = asked[name].type.dialect_impl(dialect)
                places.append((asked[name].key, kind.bind_processor(dialect), None))
            else:
                value = whole.parameters[name]
                places.append((None, None, value.value if isinstance(value, Enum) else value))
        self._compiled[dialect.name] = whole.statement, places
        return self._compiled[dialect.name]
