"""The throughput benchmark measures what a user's run does: the same rows, the same pragmas."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.children import counts, ends
from benchmarks.throughput import knect
from sqlalchemy import Connection, func, select
from tests.support.toy import World, an_order

from knect.ledger import Ledger, open_ledger
from knect.ledger import schema as s

pytestmark = pytest.mark.integration

ORDERS = 120
#: Rows of each of these are written for a transaction, whatever is between the ends.
_TABLES = (s.versions, s.transactions, s.effects, s.bindings, s.payloads, s.leases, s.commitments)


def _counted(connection: Connection) -> dict[str, int]:
    tables = (*_TABLES, s.exchange_links, s.sightings)
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in tables
    }


async def _toy_run(folder: Path) -> dict[str, int]:
    async with World(folder, batch=100) as world:
        for i in range(ORDERS):
            world.shop.put(f"g{i:03}", **an_order(str(i)))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"] * ORDERS
        return await world.ledger.read(_counted)


@pytest.fixture
def shop_and_erp() -> Iterator[str]:
    with ends(ORDERS) as url:
        yield url


async def test_the_benchmark_writes_the_rows_of_any_run(tmp_path: Path, shop_and_erp: str) -> None:
    knect(shop_and_erp, tmp_path)  # exits if a trace is missing
    ledger: Ledger = await open_ledger(str(tmp_path / "ledger.db"), write=False)
    mine = await ledger.read(_counted)
    fates: list[Any] = await ledger.read(lambda c: list(c.execute(select(s.transactions.c.fate))))
    await ledger.close()
    toy = await _toy_run(tmp_path / "toy")
    assert [row.fate for row in fates] == ["delivered"] * ORDERS
    same = [table.name for table in _TABLES]
    assert {name: mine[name] for name in same} == {name: toy[name] for name in same}
    assert mine["exchange_links"] == ORDERS  # the toys make no remote calls
    assert counts(shop_and_erp)["documents"] == ORDERS


@pytest.mark.sqlite_only("of a file")
async def test_what_is_answered_is_on_disk(tmp_path: Path) -> None:
    ledger = await open_ledger(str(tmp_path / "ledger.db"))
    found = await ledger.write(
        lambda c: [
            c.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    await ledger.close()
    assert found == ["wal", 2, 1]
