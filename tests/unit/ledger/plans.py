"""How SQLite goes about the statements of a unit: by an index, or row by row.

Must not: say anything of PostgreSQL, whose plans depend on what it last counted.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, event
from tests.unit.ledger.book import Book

__all__ = ["with_plan"]

T = TypeVar("T")


async def with_plan(book: Book, unit: Callable[[Connection], T]) -> tuple[T, list[str]]:
    """Return what a unit comes to, and the steps of its statements; none on PostgreSQL."""

    def explained(c: Connection) -> tuple[T, list[str]]:
        asked: list[tuple[str, Any]] = []

        def note(_c: Any, _cursor: Any, text: str, parameters: Any, *_: Any) -> None:
            asked.append((text, parameters))

        event.listen(c, "before_cursor_execute", note)
        result = unit(c)
        event.remove(c, "before_cursor_execute", note)
        if c.dialect.name != "sqlite":
            return result, []
        plans = [
            c.exec_driver_sql(f"explain query plan {text}", parameters)
            for text, parameters in asked
            if text.lstrip().lower().startswith(("select", "with", "update", "delete", "insert"))
        ]
        steps = [row.detail for plan in plans for row in plan]
        assert steps, "nothing was asked"
        return result, steps

    return await book.ledger.write(explained)
