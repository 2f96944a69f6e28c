"""Texts longer than any index holds stop at most the record they came with."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.support.toy import World, an_order

from knect.sdk.contract import Found

LONG = os.urandom(4000).hex()  # as no database can pack it
LINE = {"sku": LONG, "quantity": "2", "price": "10.00"}


@pytest.mark.parametrize(
    ("fields", "knows", "fate"),
    [
        ({"number": LONG}, True, "delivered"),
        ({"email": f"{LONG}@example.com"}, True, "delivered"),
        ({"lines": [LINE]}, True, "delivered"),
        ({"lines": [LINE]}, False, "waiting"),
    ],
    ids=["number", "email", "sku", "unknown sku"],
)
async def test_a_record_with_a_long_text_holds_no_other(
    tmp_path: Path, fields: dict[str, Any], knows: bool, fate: str
) -> None:
    async with World(tmp_path) as world:
        if knows:
            world.erp.products.add(LONG)
        world.shop.put("g1", **{**an_order("1"), **fields})
        world.shop.put("g2", **an_order("2"))
        world.clock.advance(60)
        assert await world.run() == []
        assert await world.fates() == [fate, "delivered"]


async def test_a_record_with_a_long_id_is_told(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put(LONG, **an_order("1"))
        world.clock.advance(60)
        (failure,) = await world.run()
        assert "an id of more than 512 characters" in failure.message


async def test_what_the_ledger_cannot_hold_of_one_record_holds_no_other(tmp_path: Path) -> None:
    """A destination names what it made by more than an index of PostgreSQL takes."""
    async with World(tmp_path, batch=3) as world:
        found = world.erp._found

        def at_length(identifier: str) -> Found:
            return found(identifier + (LONG if identifier == "SO-2" else ""))

        world.erp._found = at_length  # type: ignore[method-assign]
        for number in "123":
            world.shop.put(f"g{number}", **an_order(number))
        world.clock.advance(60)
        worker = world.worker()
        await worker.start()
        try:
            await worker.feeds[0].poll()
            await worker.pipelines[0].work()
        finally:
            await worker.close()
        rows = await world.transactions()
        fates = [row.fate for row in rows]
        if world.ledger.shared:
            assert fates == ["delivered", "unknown", "delivered"]
            assert "the ledger cannot hold what came of it" in rows[1].message
        else:
            assert fates == ["delivered"] * 3
        assert len(world.erp.documents) == 3
