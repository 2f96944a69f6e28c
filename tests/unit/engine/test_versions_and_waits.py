"""What wakes what waits, what ends what is overtaken, and our own writes coming back."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert
from tests.support.toy import World, a_pipeline, an_order

from knect.ledger import schema as s
from knect.ledger.commitments import open_orders
from knect.ledger.inbox import store_hints
from knect.ledger.instants import to_us
from knect.ledger.questions.queries import equations, find
from knect.ledger.values import set_value
from knect.sdk.errors import Unreachable

UNKNOWN = [{"sku": "NEW", "quantity": "2", "price": "10.00"}]


async def test_a_missing_product_is_waited_for_and_wakes_all_when_it_comes(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        for number in ("1", "2", "3"):
            world.shop.put(f"g{number}", **an_order(number, lines=UNKNOWN))
        world.clock.advance(60)
        await world.run()
        rows = await world.transactions()
        assert [(r.fate, r.reason, r.field, r.value) for r in rows] == [
            ("waiting", "UnknownSku", "lines[0].sku", "NEW")
        ] * 3
        world.erp.products.add("NEW")
        world.clock.advance(120)
        await world.run()
        assert await world.fates() == ["delivered"] * 3


async def test_a_value_set_by_hand_releases_what_waits(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order("1", lines=UNKNOWN))
        world.clock.advance(60)
        await world.run()
        now = to_us(world.clock.now())
        woke = await world.ledger.write(
            lambda c: set_value(
                c,
                destination="erp",
                kind="sku",
                value="NEW",
                mapped="KN-2",
                actor="ana",
                now_us=now,
            )
        )
        assert woke == 1
        await world.run()
        assert await world.fates() == ["delivered"]


async def test_a_newer_version_ends_the_one_that_waits(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order("1", lines=UNKNOWN))
        world.clock.advance(60)
        await world.run()
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["superseded", "delivered"]


async def taken(world: World, since_us: int = 0) -> list[tuple[str, str, str]]:
    """Return SKU, quantity and order of what an ERP's figure of that instant does not include."""
    rows = await world.ledger.read(
        lambda c: open_orders(c, "erp", ["NEW", "KN-1"], since_us=since_us)
    )
    return [(row.sku, row.quantity, row.key) for row in rows]


async def test_sold_stock_is_committed_while_the_order_waits(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        lines = [*UNKNOWN, {"sku": "KN-1", "quantity": "3", "price": "0.00"}]
        world.shop.put("g1", **an_order("1", lines=lines))
        world.clock.advance(60)
        await world.run()
        assert await taken(world) == [("new", "2", "1"), ("kn-1", "3", "1")]  # normalised
        world.erp.products.add("NEW")
        world.clock.advance(120)
        await world.run()
        assert await world.fates() == ["delivered"]
        delivered_us = to_us(world.clock.now())
        assert await taken(world, since_us=delivered_us - 1) != [], "an older figure lacks it"
        assert await taken(world, since_us=delivered_us) == []


async def test_our_own_write_coming_back_is_an_echo(tmp_path: Path) -> None:
    """The shop is also a destination of something else: that pipeline's write must not return."""
    async with World(tmp_path) as world:
        world.erp.documents["7"] = {"external_id": "shop:g1"}  # where it came from
        world.shop.put("g1", **an_order("1"))
        world.erp.documents["7"] = {"number": "1"}
        token = world.shop.records["g1"]["updated_at"]
        await world.ledger.write(
            lambda c: c.execute(
                insert(s.bindings).values(
                    destination="shop",
                    entity="orders",
                    external_id="erp:7",
                    destination_id="g1",
                    source="erp",
                    source_id="7",
                    token=token,
                    transaction=0,
                    updated_us=0,
                )
            )
        )
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["echo"]
        world.shop.put("g1", note="a person changed it")
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["echo", "delivered"]


async def written_by_us(world: World, record: str) -> None:
    """Let what `shop` shows now be what the other way's pipeline has just written there."""
    token = world.shop.records[record]["updated_at"]
    row = {
        "destination": "shop", "entity": "orders", "external_id": "erp:7",
        "destination_id": record, "source": "erp", "source_id": "7", "token": token,
        "transaction": 0, "updated_us": 0,
    }  # fmt: skip
    await world.ledger.write(lambda c: c.execute(insert(s.bindings).values(**row)))


async def test_our_own_write_does_not_end_what_nobody_has_delivered(tmp_path: Path) -> None:
    """A person changed it, the ERP was away, and then we wrote something else into it."""
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order("1", lines=UNKNOWN))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["waiting"]
        world.erp.documents["7"] = {"external_id": "shop:g1", "number": "?"}
        world.shop.put("g1", note="ours")
        await written_by_us(world, "g1")
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["superseded", "waiting"]
        world.erp.products.add("NEW")
        world.clock.advance(120)
        await world.run()
        assert await world.fates() == ["superseded", "delivered"]
        (document,) = world.erp.documents.values()
        assert document["number"] == "1"
        (sums,) = await world.ledger.read(equations)
        assert sums.balanced


async def test_what_an_old_copy_tells_late_ends_nothing(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.clock.advance(60)
        world.shop.put("g1", **an_order("1", lines=UNKNOWN))
        world.clock.advance(1)
        await world.run()
        old = world.clock.now() - timedelta(seconds=30)
        world.shop.put("g1", at=old, note="from an old copy")
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["waiting", "superseded"]
        world.clock.advance(120)
        await world.run()
        assert await world.fates() == ["waiting", "superseded"], "it still is the newest"
        world.erp.products.add("NEW")
        world.clock.advance(120)
        await world.run()
        assert await world.fates() == ["delivered", "superseded"]


async def test_an_observing_pipeline_writes_nothing_until_it_goes_live(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(mode="Observe")) as world:
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        rows = await world.transactions()
        assert [(r.fate, r.reason) for r in rows] == [("waiting", "ObserveMode")]
        assert not world.erp.creates()
        world.pipelines = (a_pipeline(mode="Live"),)
        await world.run()
        assert await world.fates() == ["delivered"]


async def test_a_changed_mapping_is_tried_on_what_waits(tmp_path: Path) -> None:
    waiting = {
        "admit": [{"when": 'order.payment_status == "paid"', "then": "Wait", "reason": "holiday"}]
    }
    async with World(tmp_path, a_pipeline(mapping=waiting)) as world:
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)
        await world.run()
        rows = await world.transactions()
        assert [(r.fate, r.reason, r.message) for r in rows] == [
            ("waiting", "AdmitWait", "holiday")
        ]
        world.pipelines = (a_pipeline(),)
        await world.run()
        assert await world.fates() == ["delivered"]


async def test_one_run_does_not_wait_for_an_erp_that_stays_away(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order("1"))
        world.clock.advance(60)

        def away(_calls: object) -> None:
            raise Unreachable("connection refused", could_have_been_seen=False)

        world.erp.before = away
        began = world.clock.monotonic()
        (failure,) = await world.run()
        assert "erp has not answered for" in str(failure)
        assert 60 <= world.clock.monotonic() - began < 200
        assert await world.fates() == ["in_flight"]
        world.erp.before = None
        world.clock.advance(60)
        assert await world.run() == []
        assert await world.fates() == ["delivered"]


async def test_a_deletion_is_called_what_its_record_was(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        world.shop.remove("g1")
        await world.ledger.write(
            lambda c: store_hints(
                c,
                "shop",
                [{"entity": "orders", "source_id": "g1", "event_id": "e1", "received_us": 1}],
            )
        )
        await world.run()
        rows = await world.transactions()
        assert [(r.key, r.fate) for r in rows] == [("1001", "delivered"), ("1001", "skipped")]
        found = await world.ledger.read(lambda c: find(c, "ana@example.com"))
        assert [one.id for one in found] == [rows[1].id]


async def test_an_updating_pipeline_creates_nothing(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline(destination={"write": "Update"})) as world:
        world.shop.put("g1", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        rows = await world.transactions()
        assert [(r.fate, r.reason) for r in rows] == [("skipped", "NotAtDestination")]
        assert not world.erp.creates()
