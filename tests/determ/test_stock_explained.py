"""`knect explain sku` says what the shop has, also when an old copy was told last."""

from datetime import timedelta
from pathlib import Path

from tests.support.toy import World, a_pipeline

from knect.engine.deciding.terms import counted_us
from knect.ledger.questions.explaining import explained


async def test_what_an_old_copy_told_late_is_not_explained(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline("stock", entity="inventory")) as world:
        world.clock.advance(60)
        world.shop.put("KN-1", entity="inventory", stock=12)
        world.clock.advance(1)
        await world.run()
        from_an_old_copy = world.clock.now() - timedelta(seconds=30)
        world.shop.put("KN-1", entity="inventory", stock=40, at=from_an_old_copy)
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered", "superseded"]
        (one,) = await world.ledger.read(
            lambda c: list(explained(c, "KN-1", counted_us=counted_us))
        )
        assert (one.fate, one.message) == ("delivered", None)
