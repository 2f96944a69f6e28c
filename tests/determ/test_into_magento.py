"""Writes of several steps into Magento, through the engine: each answer lost, each step died at."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.determ.in_turn import Play, each_in_turn, each_way
from tests.support.told import Told, serving, told

from knect.model import (
    Address,
    Customer,
    Order,
    Payment,
    Product,
    Shipment,
    ShipmentLine,
    Totals,
    Tracking,
    Variant,
)
from knect.sdk.secret import Secret
from knect.sdk.testing import DEFAULT_SKUS, Fault
from knect.seams import SystemClock
from knect_connectors import magento1
from knect_connectors.magento1.simulator import (
    Books,
    Bought,
    MagentoSimulator,
    OrderPlan,
    build_order,
    fill_catalog,
)
from knect_connectors.magento1.simulator.generator import person
from knect_connectors.magento1.tests.conftest import NOON, STORES

NUMBER = "100000001"


class Scene:
    """A Magento with one order of three kettles, and what is told to it."""

    def __init__(self, told: Told, shop: MagentoSimulator) -> None:
        self.told = told
        self.shop = shop
        self.books = shop.books

    @property
    def order(self) -> dict[str, Any]:
        return self.books.orders[NUMBER]

    def parcel(self, *numbers: str) -> Shipment:
        item = self.order["items"][0]
        line = ShipmentLine(line_id=item["item_id"], sku=item["sku"], quantity=Decimal(3))
        trackings = tuple(Tracking(number=one, carrier="UPS") for one in numbers)
        return Shipment(source_id="p1", order_id=f"SO-{NUMBER}", lines=(line,), trackings=trackings)


@asynccontextmanager
async def a_shop(folder: Path, entity: str, **destination: Any) -> AsyncIterator[Scene]:
    books = Books(clock=SystemClock())
    fill_catalog(books, DEFAULT_SKUS, stock=5)
    lines = (Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(3)),)
    sale = OrderPlan(number=NUMBER, at=NOON, bought=lines, address=person(0), email="a@b.example")
    books.orders[NUMBER] = build_order(books, sale)
    shop = MagentoSimulator(books, clock=SystemClock())
    async with told(
        folder, [entity], partial(serving, shop), magento1,
        config=lambda served: {"url": served.url, "stores": STORES},
        secrets={"apiUser": Secret("knect"), "apiKey": Secret("simulated-api-key")},
        **destination,
    ) as world:  # fmt: skip
        await world.sold(NUMBER)
        yield Scene(world, shop)


def _shipped(scene: Scene) -> Any:
    made = scene.books.shipments.values()
    tracks = [[track["number"] for track in one["tracks"]] for one in made]
    return tracks, [list(mail["tracks"]) for mail in scene.books.mails]


def _customers(scene: Scene) -> Any:
    mine = [one for one in scene.books.customers.values() if one["email"] == ANA.email]
    places = [one["city"] for one in scene.books.addresses.values()]
    return [one["firstname"] for one in mine], places


def _shirts(scene: Scene) -> Any:
    return sorted(x["sku"] for x in scene.books.products.values() if x["sku"].startswith("SHIRT"))


def _money(scene: Scene) -> Any:
    asked = scene.shop.rpc.counts.get("sales_order_invoice.capture", 0)
    return [one["state"] for one in scene.books.invoices.values()], asked


def _taken(scene: Scene) -> Payment:
    scene.order["payment"]["method"] = "authorizenet"  # whose invoices are open until captured
    return Payment(
        source_id="pay1", order_id=f"SO-{NUMBER}", kind="capture", status="success",
        amount=Decimal(scene.order["base_grand_total"]), currency="EUR",
    )  # fmt: skip


HOME = Address(street=("Way 1",), city="Rome", postal_code="00100", country="IT")
ANA = Customer(
    source_id="c1", first_name="Ana", last_name="Lima", email="ana@c.example", addresses=(HOME,)
)
SHIRT = Product(
    source_id="P1",
    title="Shirt",
    variants=tuple(
        Variant(source_id=size, sku=f"SHIRT-{size}", title=size, price=Decimal(9)) for size in "SML"
    ),
)


async def _knows_ana(scene: Scene) -> None:
    scene.told.tell(structs.replace(ANA, addresses=()))
    await scene.told.settles()


async def _has_a_parcel(scene: Scene) -> None:
    scene.told.tell(scene.parcel("T-1"))
    await scene.told.settles()


LATE: dict[str, Play[Scene]] = {
    "address-of-one-that-is-known": Play(
        opens=partial(a_shop, entity="customers"), before=_knows_ana, record=lambda _: ANA,
        look=_customers, wanted=(["Ana"], ["Rome"]),
    ),
    "corrected-number": Play(
        opens=partial(a_shop, entity="shipments"), before=_has_a_parcel,
        record=lambda s: s.parcel("T-2"), look=_shipped, wanted=([["T-2"]], [["T-1"]]),
    ),
}  # fmt: skip
WRITES: dict[str, Play[Scene]] = {
    "parcel": Play(
        opens=partial(a_shop, entity="shipments"), record=lambda s: s.parcel("T-1"),
        look=_shipped, wanted=([["T-1"]], [["T-1"]]),
    ),
    "parcel-without-number": Play(
        opens=partial(a_shop, entity="shipments"), record=lambda s: s.parcel(),
        look=_shipped, wanted=([[]], [[]]),
    ),
    "payment": Play(
        opens=partial(a_shop, entity="payments", settings={"capture": "Always"}), record=_taken,
        look=_money, wanted=(["2"], 1),
    ),
    "customer": Play(
        opens=partial(a_shop, entity="customers"), record=lambda _: ANA,
        look=_customers, wanted=(["Ana"], ["Rome"]),
    ),
    "product": Play(
        opens=partial(a_shop, entity="products"), record=lambda _: SHIRT,
        look=_shirts, wanted=["SHIRT-L", "SHIRT-M", "SHIRT-S"],
    ),
}  # fmt: skip


@each_way
@pytest.mark.parametrize("write", WRITES)
async def test_it_is_done_once_and_wholly_whichever_answer_is_lost(
    tmp_path: Path, write: str, fault: Fault, dies: bool
) -> None:
    assert await each_in_turn(WRITES[write], tmp_path, fault=fault, dies=dies) > 1


@pytest.mark.parametrize("write", LATE)
async def test_what_is_added_to_what_is_there_is_added_once(tmp_path: Path, write: str) -> None:
    assert await each_in_turn(LATE[write], tmp_path, fault=Fault.LATE_COMMIT, dies=False) > 1


async def test_a_number_is_there_once_though_the_first_try_came_between_look_and_write(
    tmp_path: Path,
) -> None:
    async with a_shop(tmp_path, "shipments") as scene:
        await _has_a_parcel(scene)
        handle, adds = scene.shop.handle, b"sales_order_shipment.addTrack"

        async def twice(request: Any) -> Any:
            if adds in request.body:
                await handle(request)  # the first one, which nobody waits for any longer
            return await handle(request)

        scene.shop.handle = twice  # type: ignore[method-assign]
        scene.told.server.faults.late_commit_seconds = 1e9
        scene.told.tell(scene.parcel("T-2"))
        scene.told.goes_wrong(2, Fault.LATE_COMMIT)
        fates = await scene.told.settles()
        assert fates == ["delivered", "delivered"], await scene.told.reasons()
        assert _shipped(scene) == ([["T-2"]], [["T-1"]])
        assert scene.told.server.faults.injected[Fault.LATE_COMMIT] == 1


async def test_somebody_elses_product_is_not_taken_for_half_of_ours(tmp_path: Path) -> None:
    async with a_shop(tmp_path, "products") as scene:
        scene.books.add_product("SHIRT-S", "Shirt", Decimal(9))  # to be seen in the shop
        scene.told.tell(SHIRT)
        assert await scene.told.settles() == ["waiting"]
        assert _shirts(scene) == ["SHIRT-S"]


async def test_a_customer_the_shop_had_gets_the_address_it_lacks(tmp_path: Path) -> None:
    async with a_shop(tmp_path, "customers") as scene:
        scene.books.add_customer(ANA.email or "", "Ana", "Lima", NOON)
        scene.told.tell(ANA)
        assert await scene.told.settles() == ["delivered"]
        assert _customers(scene) == (["Ana"], ["Rome"])


async def test_an_order_somebody_cancels_at_the_same_moment_is_no_conflict(tmp_path: Path) -> None:
    """Read as open, cancelled by hand, and then refused for that."""
    async with a_shop(tmp_path, "orders") as scene:
        handle = scene.shop.handle

        async def first_by_hand(request: Any) -> Any:
            if b"sales_order.cancel" in request.body and scene.order["state"] != "canceled":
                await scene.shop.do("cancel", {"number": NUMBER})
            return await handle(request)

        scene.shop.handle = first_by_hand  # type: ignore[method-assign]
        scene.told.tell(
            Order(source_id=f"SO-{NUMBER}", number="SO-1", name="SO-1", currency="EUR", totals=Totals(total=Decimal(0)),
                  placed_at=NOON, updated_at=NOON, cancelled_at=NOON)
        )  # fmt: skip
        assert await scene.told.settles() == ["delivered"], await scene.told.reasons()
        assert scene.order["state"] == "canceled"
