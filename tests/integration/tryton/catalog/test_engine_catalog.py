"""Stock, prices and products through the engine, from the real Tryton into a simulated shop."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.integration.tryton.catalog.hands import Clerk
from tests.integration.tryton.conftest import a_context
from tests.integration.tryton.journey import Journey, a_journey, a_pipeline

from knect_connectors.shopify.simulator import Line
from knect_connectors.tryton.wire import money

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

PLACES = {"location": {"WH": "Hamburg"}, "price_list": {"web": "@base"}}


def to_shop(entity: str, start: datetime | str, **spec: Any) -> dict[str, Any]:
    begin = start if isinstance(start, str) else start.isoformat().replace("+00:00", "Z")
    made = a_pipeline(
        entity,
        source={"connectionRef": {"name": "erp"}, "start": begin},
        destination={"connectionRef": {"name": "shop"}, **spec.pop("destination", {})},
        **spec,
    )
    return {**made, "name": f"{entity}-to-shop", "value_maps": PLACES}


class Shelf:
    """The shop's side of a journey."""

    def __init__(self, journey: Journey, erp: Any) -> None:
        self.journey = journey
        self._erp = erp
        self.catalog = journey.shop.catalog
        self.place = self.catalog.add_location("Hamburg")

    def sells(self, *skus: str, pieces: int | None = 0, **fields: Any) -> None:
        for sku in skus:
            self.catalog.add_variant(self.catalog.add_product(f"Thing {sku}"), sku, **fields)
            if pieces is not None:
                self.catalog.stock(sku, self.place, pieces)

    def variant(self, sku: str) -> dict[str, Any]:
        (found,) = [one for one in self.catalog.of("ProductVariant") if one["sku"] == sku]
        return found

    def available(self, sku: str) -> int | None:
        item = self.variant(sku)["inventoryItem"]({})["id"]
        level = self.catalog.levels.get((item, self.place["id"]))
        return level["available"] if level else None

    async def run(self) -> None:
        """Run once the ERP's clock, which tells whole seconds, is past what was done."""
        await begun(self._erp)
        await self.journey.run()

    async def of(self, sku: str) -> list[tuple[str, str | None]]:
        """Return fate and reason of every transaction about a SKU, oldest first."""
        rows = await self.journey.transactions()
        for row in rows:  # shown when a test fails
            print(row.key, row.fate, row.reason or "", row.field or "", row.message or "")
        return [(row.fate, row.reason) for row in rows if row.key == sku]


@asynccontextmanager
async def a_shelf(
    server: Any, erp: Any, folder: Any, *pipelines: dict[str, Any], **config: Any
) -> AsyncIterator[Shelf]:
    async with a_journey(server, folder, *pipelines) as journey:
        journey._context = a_context(server, config=config)
        yield Shelf(journey, erp)


async def since(erp: Any) -> datetime:
    """Return an instant from which on only what a test does is read."""
    now: datetime = await erp().source.server_time()
    return now + timedelta(seconds=1)


async def begun(erp: Any) -> datetime:
    """Wait for the next second of the server, so that nothing before is read."""
    start = await since(erp)
    for _ in range(10_000):
        if await erp().source.server_time() >= start:
            return start
    raise AssertionError("the server's clock stands still")


async def test_a_change_in_the_erp_arrives_and_then_there_is_silence(server, erp, clerk, tmp_path):
    start = await begun(erp)
    async with a_shelf(server, erp, tmp_path, to_shop("inventory", start)) as shelf:
        shelf.sells("KN-21", "KN-22")
        await clerk.counts("KN-21", 31)
        await clerk.sells("KN-21", 4)
        await shelf.run()
        assert shelf.available("KN-21") == 27
        assert shelf.available("KN-22") == 0, "nothing happened to it"
        written = shelf.catalog.levels.copy()
        await shelf.run()
        await shelf.run()
        fates = {fate for fate, _ in await shelf.of("KN-21")}
        assert fates <= {"delivered", "unchanged"}
        assert [fate for fate, _ in await shelf.of("KN-21")].count("delivered") == 1
        assert shelf.catalog.levels == written


async def test_web_orders_the_erp_does_not_know_are_not_sold_twice(server, erp, clerk, tmp_path):
    """The declared formula: open orders and a buffer come off, whoever counts the order."""
    start = await begun(erp)
    formula = "level.available - open_orders(level.sku) - 2"
    inventory = to_shop("inventory", start, mapping={"set": {"available": formula}})
    held = a_pipeline("orders", mode="Observe")
    async with a_shelf(server, erp, tmp_path, held, inventory) as shelf:
        shelf.sells("KN-23", pieces=50)
        shelf.journey.order(7301, sku="KN-23")  # two pieces, seen by Knect, not yet in the ERP
        await shelf.run()
        await clerk.counts("KN-23", 30)
        await shelf.run()
        assert shelf.available("KN-23") == 30 - 2 - 2
        shelf.journey.pipelines[0] = {**held, "spec": {**held["spec"], "mode": "Live"}}
        await shelf.run()  # now the order is a sale, and reserved there
        await shelf.run()
        assert shelf.available("KN-23") == 30 - 2 - 2


async def test_what_an_edit_takes_out_is_for_sale_again(server, erp, clerk, tmp_path):
    """The line stays with quantity 0: of a deleted one nothing would tell that the stock moved."""
    start = await begun(erp)
    inventory, orders = to_shop("inventory", start), a_pipeline("orders")
    async with a_shelf(server, erp, tmp_path, inventory, orders) as shelf:
        shelf.sells("KN-32", "KN-33")
        two = [
            Line(sku=sku, title=sku, quantity=2, price=Decimal("10.00"))
            for sku in ("KN-32", "KN-33")
        ]
        order = shelf.journey.order(7401, plan_lines=two)
        await shelf.run()
        await shelf.run()
        assert (shelf.available("KN-32"), shelf.available("KN-33")) == (38, 38)
        await shelf.journey.does("edit", id=order, line=1, units=2)
        await shelf.run()
        await shelf.run()
        assert (shelf.available("KN-32"), shelf.available("KN-33")) == (38, 40)
        fates = await shelf.of("KN-33")
        assert ("superseded", "OlderVersion") not in fates
        assert [fate for fate, _ in fates].count("delivered") == 2


async def test_a_burst_is_one_write_of_the_newest(server, erp, clerk, tmp_path):
    start = await begun(erp)
    async with a_shelf(server, erp, tmp_path, to_shop("inventory", start)) as shelf:
        shelf.sells("KN-24")
        shelf.place["isActive"] = False  # nothing can be delivered meanwhile
        for pieces in (11, 12, 13):
            await clerk.counts("KN-24", pieces)
            await shelf.run()
        fates = await shelf.of("KN-24")
        assert fates[-1] == ("waiting", "MissingReference")
        assert set(fates[:-1]) == {("superseded", "NewerVersion")}
        shelf.place["isActive"] = True
        await clerk.counts("KN-24", 14)
        await shelf.run()
        assert shelf.available("KN-24") == 14
        assert [fate for fate, _ in await shelf.of("KN-24")].count("delivered") == 1


async def test_yesterdays_stock_is_not_written_over_todays(server, erp, clerk, tmp_path):
    """An ERP that was restored from a backup says what was true before."""
    start = await begun(erp) - timedelta(seconds=9)
    async with a_shelf(server, erp, tmp_path, to_shop("inventory", start)) as shelf:
        shelf.sells("KN-25")
        await clerk.counts("KN-25", 21)
        await shelf.run()
        assert shelf.available("KN-25") == 21
        product = await clerk.product("KN-25")
        with closing(sqlite3.connect(server.path, timeout=10)) as database, database:
            database.execute(
                "UPDATE stock_move SET create_date = datetime(create_date, '-1 second'),"
                " write_date = datetime(write_date, '-1 second'),"
                " quantity = 99, internal_quantity = 99 WHERE product = ?",
                (product["id"],),
            )
        await shelf.run()
        assert (await shelf.of("KN-25"))[-1] == ("superseded", "OlderVersion")
        assert shelf.available("KN-25") == 21


async def test_what_has_no_stock_is_skipped_and_what_is_unknown_waits(server, erp, clerk, tmp_path):
    start = await begun(erp)
    async with a_shelf(server, erp, tmp_path, to_shop("inventory", start)) as shelf:
        shelf.sells("KN-26", tracked=False)
        shelf.sells("kn-27 ")
        shelf.sells("KN-29", "KN-29")
        for sku in ("SHIPPING", "KN-26", "KN-27", "KN-28", "KN-29"):
            product = await clerk.product(sku)
            values = {"description": f"touched {start}"}
            await clerk.client.call("model.product.product.write", [product["id"]], values)
        await shelf.run()
        assert await shelf.of("SHIPPING") == [("skipped", "NotTracked")]
        assert await shelf.of("KN-26") == [("skipped", "NotTracked")]
        assert await shelf.of("KN-27") == [("waiting", "UnknownSku")]
        assert await shelf.of("KN-28") == [("waiting", "UnknownSku")]
        assert await shelf.of("KN-29") == [("waiting", "DuplicateSku")]
        rows = {row.key: row for row in await shelf.journey.transactions()}
        assert "differs by blanks or case" in rows["KN-27"].message
        assert rows["KN-28"].waits_for == "sku:KN-28@shop"
        assert rows["KN-29"].message.count("variant ") >= 2


async def test_prices_are_rounded_as_declared_and_guarded(server, erp, clerk, tmp_path):
    start = await begun(erp)
    mapping = {
        "set": {"price": "roundMoney(price.amount, price.currency)"},
        "guards": [{"field": "price", "maxChangePercent": 30, "zero": "Park"}],
    }
    prices = to_shop("prices", start, mapping=mapping)
    async with a_shelf(server, erp, tmp_path, prices, priceLists=["web"]) as shelf:
        shelf.sells("KN-30")
        await _list_price(clerk, "KN-30", "19.999")
        await shelf.run()
        assert shelf.variant("KN-30")["price"] == "20.00"
        await _list_price(clerk, "KN-30", "1.99")
        await shelf.run()
        assert (await shelf.of("KN-30"))[-1] == ("waiting", "NeedsApproval")
        assert shelf.variant("KN-30")["price"] == "20.00"
        await _list_price(clerk, "KN-30", "21.00")
        await shelf.run()
        assert shelf.variant("KN-30")["price"] == "21.00"


async def test_three_decimals_that_nobody_rounds_are_refused(server, erp, clerk, tmp_path):
    start = await begun(erp)
    prices = to_shop("prices", start)
    async with a_shelf(server, erp, tmp_path, prices, priceLists=["web"]) as shelf:
        shelf.sells("KN-31")
        await _list_price(clerk, "KN-31", "9.999")
        await shelf.run()
        assert await shelf.of("KN-31") == [("rejected", "TooManyDecimals")]
        (row,) = [row for row in await shelf.journey.transactions() if row.key == "KN-31"]
        assert (row.field, row.value) == ("price", "9.9990")


async def test_products_are_drafts_once_and_keep_their_variants_through_a_rename(
    server, erp, clerk, tmp_path
):
    start = await begun(erp)
    mapping = {"createOnly": ["title"]}
    async with a_shelf(server, erp, tmp_path, to_shop("products", start, mapping=mapping)) as shelf:
        tee = await clerk.product("TEE-M-B")
        await clerk.client.call("model.product.product.write", [tee["id"]], {"description": "x"})
        await shelf.run()
        (product,) = shelf.catalog.of("Product")
        assert (product["status"], product["title"]) == ("DRAFT", "Tee")
        before = {one["sku"]: one["id"] for one in product["variants"]({})}
        assert sorted(before) == ["TEE-M-B", "TEE-M-R", "TEE-S-R"]
        product["title"] = "The best tee"
        values = {"suffix_code": "M-BLUE"}
        await clerk.client.call("model.product.product.write", [tee["id"]], values)
        await shelf.run()
        after = {one["sku"]: one["id"] for one in product["variants"]({})}
        assert after["TEE-M-BLUE"] == before["TEE-M-B"]
        assert product["title"] == "The best tee"
        assert len(shelf.catalog.of("Product")) == 1
        await shelf.run()
        fates = [row.fate for row in await shelf.journey.transactions()]
        assert fates.count("delivered") == 2
        assert set(fates) <= {"delivered", "unchanged"}
        await clerk.client.call("model.product.product.write", [tee["id"]], {"suffix_code": "M-B"})


async def test_a_product_the_shop_has_already_is_adopted(server, erp, clerk, tmp_path):
    start = await begun(erp)
    matched = to_shop("products", start, destination={"match": ["variants"]})
    async with a_shelf(server, erp, tmp_path, matched) as shelf:
        shelf.sells("KN-31", price="9.00")
        product = await clerk.product("KN-31")
        values = {"description": f"touched {start}"}
        await clerk.client.call("model.product.product.write", [product["id"]], values)
        await shelf.run()
        assert [row.fate for row in await shelf.journey.transactions()] == ["delivered"]
        (bound,) = (await shelf.journey.bound_to("products")).values()
        assert bound == shelf.variant("KN-31")["_product"]
        assert len(shelf.catalog.of("Product")) == 1
        assert shelf.variant("KN-31")["price"] == "9.00"
        await shelf.run()
        assert len(shelf.catalog.of("ProductVariant")) == 1


async def test_an_audit_right_after_a_change_of_stock_finds_nothing(server, erp, clerk, tmp_path):
    start = await begun(erp)
    async with a_shelf(server, erp, tmp_path, to_shop("inventory", start)) as shelf:
        shelf.sells("KN-34")
        await clerk.counts("KN-34", 17)
        await shelf.run()
        assert shelf.available("KN-34") == 17
        await begun(erp)
        assert await shelf.journey.audit() == []


async def _list_price(clerk: Clerk, sku: str, amount: str) -> None:
    product = await clerk.product(sku)
    values = {"list_price": money(Decimal(amount))}
    await clerk.client.call("model.product.template.write", [product["template"]], values)
