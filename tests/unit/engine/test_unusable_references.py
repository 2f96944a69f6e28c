"""A destination that knows why a reference cannot be used says so, and is asked again later."""

from pathlib import Path

from tests.support.toy import World, a_pipeline, an_order

from knect.sdk.errors import MissingReference, NotForThere, WaitForPerson

LINES = [{"sku": "KN-1", "quantity": "1", "price": "20.00"}]


async def seen(world: World, *numbers: str) -> None:
    for number in numbers:
        world.shop.put(f"g{number}", **an_order(number, total="20.00", lines=LINES))
    world.clock.advance(60)
    await world.run()


async def test_the_reason_is_the_destinations_own_and_the_field_is_ours(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        world.erp.unusable["KN-1"] = WaitForPerson(
            "it is there twice: 7 and 8", code="DuplicateSku"
        )
        await seen(world, "1")
        (row,) = await world.transactions()
        assert (row.fate, row.reason, row.message) == (
            "waiting", "DuplicateSku", "it is there twice: 7 and 8",
        )  # fmt: skip
        assert (row.field, row.value) == ("lines[0].sku", "KN-1")
        assert world.erp.creates() == []


async def test_what_cannot_be_used_is_not_remembered(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        world.erp.unusable["KN-1"] = WaitForPerson("it is there twice", code="DuplicateSku")
        await seen(world, "1")
        world.erp.unusable.clear()
        await seen(world, "2")
        assert await world.fates() == ["waiting", "delivered"]


async def test_what_is_missing_in_its_own_words_wakes_when_it_is_there(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        near = MissingReference("there is only 'kn-1 '", kind="sku", value="kn-1")
        world.erp.unusable["KN-1"] = near
        await seen(world, "1", "2")
        rows = await world.transactions()
        assert {(r.reason, r.message, r.waits_for) for r in rows} == {
            ("UnknownSku", "there is only 'kn-1 '", "sku:KN-1@erp")
        }
        world.erp.unusable.clear()
        await seen(world, "3")
        await world.run()
        assert set(await world.fates()) == {"delivered"}


async def test_what_has_no_place_there_is_skipped_and_nobody_acts(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        world.erp.unusable["KN-1"] = NotForThere("KN-1 is a bundle", code="BundleItem")
        await seen(world, "1")
        (row,) = await world.transactions()
        assert (row.fate, row.reason, row.acts) == ("skipped", "BundleItem", None)
