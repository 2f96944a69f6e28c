"""Open orders against the figure of an ERP whose clock is not ours: never too many pieces."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.toy import World, a_pipeline

from knect.ledger.commitments import Commitment, commit_stock, release_stock
from knect.ledger.instants import to_us
from knect.ledger.restock import restock
from knect.sdk.errors import CredentialsRejected
from knect.seams import new_id

_COUNTED = a_pipeline(
    "stock", entity="inventory",
    mapping={"set": {"stock": "int(max(0, level.on_hand - open_orders(level.sku)))"}},
)  # fmt: skip


async def _stock(world: World) -> list[int]:
    await world.run()
    return [one["stock"] for one in world.erp.documents.values()]


@pytest.mark.parametrize("ahead", [-120, 0, 120])
async def test_a_clock_that_is_ahead_does_not_sell_what_an_order_took(
    tmp_path: Path, ahead: int
) -> None:
    """The figure was read before the ERP had the order, whatever the ERP says of when it was."""
    async with World(tmp_path, _COUNTED) as world:
        as_of = (world.clock.now() + timedelta(seconds=ahead)).isoformat()
        world.shop.put("KN-1", entity="inventory", stock=12, as_of=as_of)
        world.clock.advance(5)
        assert await _stock(world) == [12]
        order = Commitment(
            connection="shop", sku="KN-1", location=None, quantity="3", transaction=1
        )
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: commit_stock(c, [order], now))
        world.clock.advance(30)
        now = to_us(world.clock.now())
        await world.ledger.write(lambda c: release_stock(c, [1], now))
        await world.ledger.write(lambda c: restock(c, "shop", ["kn-1"], new_id=new_id, now_us=now))
        world.shop.fail_next.append(CredentialsRejected("nobody has looked since"))
        assert await _stock(world) == [9]
        world.clock.advance(60)
        world.shop.put("KN-1", entity="inventory", stock=9)
        world.clock.advance(60)
        assert await _stock(world) == [9], "now the figure has it"
