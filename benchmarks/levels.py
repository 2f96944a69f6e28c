"""`python -m benchmarks.levels`: 100,000 stock levels in a real Tryton, of which 500 changed.

Why: a stock read has to cost what changed, not what there is. Rows are copied inside the SQLite
file of a Tryton set up for it, because a hundred thousand products made one by one take an hour.
Must not: be a test; nothing here can fail a build.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from knect.sdk.contract import ConnectorContext, Window
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.seams import SystemClock
from knect_connectors.tryton import open_connector
from knect_connectors.tryton.demo import (
    PASSWORD,
    USER,
    DemoCompany,
    DemoProduct,
    TrytonServer,
    make_database,
)

LEVELS = 100_000
CHANGED = 500
_FIRST = 1_000
_MOVES = 1_000_000
_LONG_AGO = "2025-01-01 00:00:00"


def fill(path: Path) -> None:
    """Copy the one product and its one move until there are LEVELS of each."""
    company = DemoCompany(products=(DemoProduct(sku="A", name="A"),), stock=(("A", Decimal(9)),))
    make_database(company, path)
    with closing(sqlite3.connect(path)) as database, database:
        product = _row(database, "product_product", "code = 'A'")
        template = _row(database, "product_template", f"id = {product['template']}")
        move = _row(database, "stock_move", f"product = {product['id']}")
        for table, row, changes in (
            ("product_template", template, lambda i: {"id": _FIRST + i, "code": f"S{i}"}),
            (
                "product_product",
                product,
                lambda i: {"id": _FIRST + i, "template": _FIRST + i, "code": f"S{i}"},
            ),
            (
                "stock_move",
                {**move, "origin": None},
                lambda i: {"id": _MOVES + i, "product": _FIRST + i},
            ),
        ):
            stamped = {**row, "create_date": _LONG_AGO, "write_date": None}
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            database.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - our own names
                _copies(stamped, changes),
            )


def _copies(row: Mapping[str, Any], changes: Any) -> Iterator[tuple[Any, ...]]:
    for number in range(LEVELS):
        yield tuple({**row, **changes(number)}.values())


def _row(database: sqlite3.Connection, table: str, where: str) -> dict[str, Any]:
    cursor = database.execute(f"SELECT * FROM {table} WHERE {where} LIMIT 1")  # noqa: S608 - as above
    return dict(zip([name for name, *_ in cursor.description], cursor.fetchone(), strict=True))


def change(path: Path) -> None:
    """Let CHANGED of the levels have one piece more, as of now."""
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    with closing(sqlite3.connect(path, timeout=30)) as database, database:
        database.execute(
            "UPDATE stock_move SET write_date = ?, quantity = quantity + 1,"
            " internal_quantity = internal_quantity + 1 WHERE id >= ? AND id < ?",
            (now, _MOVES, _MOVES + CHANGED),
        )


async def read(connector: Any, since: datetime) -> dict[str, Any]:
    """Read what changed since then; return levels, calls and seconds."""
    client, calls = connector._client, 0  # noqa: SLF001 - counting is no part of the connector
    send = client._rpc  # noqa: SLF001

    async def counted(*words: Any) -> Any:
        nonlocal calls
        calls += 1
        return await send(*words)

    client._rpc = counted  # noqa: SLF001
    until = await connector.source.server_time() + timedelta(seconds=1)
    begun, levels = time.perf_counter(), 0
    async for page in connector.source.read("inventory", Window(since=since, until=until)):
        levels += len(page.changes)
    client._rpc = send  # noqa: SLF001
    return {"levels": levels, "calls": calls, "seconds": round(time.perf_counter() - begun, 2)}


async def measure(path: Path) -> dict[str, Any]:
    """Return what reading costs when nothing and when CHANGED levels changed."""
    clock = SystemClock()
    with TrytonServer(path) as server:
        connector = open_connector(
            ConnectorContext(
                name="erp",
                config={"url": server.url, "database": server.database, "webShop": "acme"},
                secrets={"username": Secret(USER), "password": Secret(PASSWORD)},
                http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                clock=clock,
            )
        )
        try:
            since = await connector.source.server_time()
            await connector.source.fetch("inventory", ["1@WH"])  # logged in, and asked its facts
            nothing = await read(connector, since)
            change(path)
            return {"there": LEVELS, "nothing": nothing, "some": await read(connector, since)}
        finally:
            await connector.close()


def main() -> None:
    """Print the figures as JSON."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "erp.sqlite"
        fill(path)
        print(json.dumps(asyncio.run(measure(path)), indent=2))


if __name__ == "__main__":
    main()
