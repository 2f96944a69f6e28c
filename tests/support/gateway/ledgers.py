"""A ledger of a namespace with a few orders in it, on a real PostgreSQL.

Must not: write rows but through the functions the engine uses.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.support.ledgers import place
from tests.unit.ledger.book import Book

from knect.ledger import open_ledger

__all__ = ["SKU", "everything", "filled", "some"]

SKU = {
    "reason": "UnknownSku", "field": "lines[1].sku", "value": "KN 9", "acts": "operations",
    "message": "erp knows no product with SKU 'KN 9'", "waits_for": "sku:KN 9@erp",
    "stage": "mapped",
}  # fmt: skip


async def some(book: Book) -> None:
    """1001 was delivered; 1002, 1003 and 1004 wait for a product."""
    await book.see("1001", keys=[("number", "1001"), ("email", "ana@example.com")])
    await book.work("delivered", destination_number="SO-1001")
    for name in ("1002", "1003", "1004"):
        await book.see(name, keys=[("number", name), ("sku", "kn 9")])
        await book.work("waiting", **SKU)


async def everything(book: Book) -> None:
    """One of each fate people ask about, with texts that are hard to print; the ERP fails."""
    await some(book)
    await book.see("1005", keys=[("number", "1005")])
    hard = {
        "message": "rot\u00e9 \u202e\x1b[31m 'x' \U0001f600",
        "value": "a\tb",
        "acts": "merchant",
    }
    await book.work("rejected", reason="TotalsMismatch", field="totals.total", **hard)
    await book.see("1006", keys=[("number", "1006")])
    await book.work("unknown", reason="NoAnswer", message="no answer came", acts="itself")
    await book.see("1007", keys=[("number", "1007")])
    await book.work("skipped", reason="Admit", message="test order")
    await book.called("shop", seconds_ago=9)
    await book.called("erp", seconds_ago=9)
    await book.called("erp", seconds_ago=5, status=None, error="Unreachable")


def filled(
    namespace: str, fill: Callable[[Book], Coroutine[Any, Any, None]] = some, name: str = ""
) -> str:
    """Return the DSN of a ledger that belongs to a namespace; within `on_postgres()`."""
    path = Path(name or namespace)

    async def work() -> None:
        owned = await open_ledger(place(path), namespace=namespace)
        await owned.close()
        async with Book(path) as book:
            await fill(book)

    asyncio.run(work())
    return place(path)
