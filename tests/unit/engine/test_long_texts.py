"""Texts longer than any index holds stop at most the record they came with."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.support.toy import World, an_order

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


async def test_a_destination_that_names_what_it_made_at_length_is_not_believed(
    tmp_path: Path,
) -> None:
    async with World(tmp_path) as world:
        found = world.erp._found
        world.erp._found = lambda _: found(LONG)  # type: ignore[method-assign]
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        (row,) = await world.transactions()
        assert row.fate == "unknown"
        assert "an id of more than 512 characters" in row.message
        assert len(world.erp.documents) == 1
