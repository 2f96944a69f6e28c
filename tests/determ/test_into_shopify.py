"""Writes of several steps into Shopify, through the engine: each answer lost, each step died at."""

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
    Image,
    Order,
    Product,
    Shipment,
    ShipmentLine,
    Totals,
    Tracking,
    Variant,
)
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault
from knect.seams import SystemClock
from knect_connectors import shopify
from knect_connectors.shopify.simulator import Shop, ShopifySimulator
from knect_connectors.shopify.tests.conftest import NOON
from knect_connectors.shopify.tests.orders import a_line, an_order


class Scene:
    """A Shopify with one order of two lines, and what is told to it."""

    def __init__(self, told: Told, simulator: ShopifySimulator, order: dict[str, Any]) -> None:
        self.told = told
        self.simulator = simulator
        self.shop = simulator.shop
        self.order = order

    @property
    def sale(self) -> str:
        return f"SO-{self.order['id']}"


@asynccontextmanager
async def a_shop(folder: Path, entity: str, **destination: Any) -> AsyncIterator[Scene]:
    simulator = ShopifySimulator(Shop(clock=SystemClock()), clock=SystemClock())
    order = an_order(NOON, lines=[a_line("A", quantity=3), a_line("B")], email="ana@c.example")
    simulator.shop.put("orders", order)
    async with told(
        folder, [entity], partial(serving, simulator), shopify,
        config=lambda served: {"shop": "acme.myshopify.com", "apiVersion": "2026-04",
                               "baseUrl": served.url},
        secrets={"accessToken": Secret("shpat_simulated"), "clientSecret": Secret("simulated")},
        **destination,
    ) as world:  # fmt: skip
        simulator.shop.clock = world.world.clock  # what it does later, it does in the world's time
        await world.sold(order["id"])
        try:
            yield Scene(world, simulator, order)
        finally:
            await simulator.webhooks.close()


def _parcel(scene: Scene, *numbers: str) -> Shipment:
    lines = tuple(
        ShipmentLine(line_id=one["id"], sku=one["sku"], quantity=Decimal(1))
        for one in scene.order["lineItems"]
    )
    trackings = tuple(Tracking(number=one, carrier="DHL") for one in numbers)
    return Shipment(source_id="p1", order_id=scene.sale, lines=lines, trackings=trackings)


def _shipped(scene: Scene) -> Any:
    made = scene.order["fulfillments"]
    return (
        [[info["number"] for info in one["trackingInfo"]] for one in made],
        [mail["tracking"] for mail in scene.shop.mails],
    )


def _cancelled(scene: Scene) -> Any:
    about = [mail["about"] for mail in scene.shop.mails]
    return bool(scene.order["cancelledAt"]), about, len(scene.order["refunds"])


def _customers(scene: Scene) -> Any:
    mine = [
        one
        for one in scene.shop.objects["customers"].values()
        if (one["defaultEmailAddress"] or {}).get("emailAddress") == "bo@c.example"
    ]
    return [(one["firstName"], [x["city"] for x in one["addressesV2"]]) for one in mine]


def _tees(scene: Scene) -> Any:
    products = scene.shop.catalog.of("Product")
    variants = scene.shop.catalog.of("ProductVariant")
    return (
        [one["title"] for one in products],
        sorted((one["sku"], one["price"]) for one in variants),
        [len(one["media"]({})) for one in products],
    )


HOME = Address(street=("Way 1",), city="Rome", postal_code="00100", country="IT")
BO = Customer(
    source_id="c1", first_name="Bo", last_name="Lind", email="bo@c.example", addresses=(HOME,)
)
TEE = Product(
    source_id="P1",
    title="Tee",
    variants=tuple(
        Variant(source_id=size, sku=f"TEE-{size}", options={"Size": size}, price=Decimal(9))
        for size in "SM"
    ),
    images=(Image(url="https://cdn.example/tee.png", hash="h1"),),
)


def _ended(scene: Scene) -> Order:
    return Order(source_id=scene.sale, number="SO-1", name="SO-1", currency="EUR", placed_at=NOON,
                 updated_at=NOON, totals=Totals(total=Decimal(0)), cancelled_at=NOON)  # fmt: skip


async def _knows_bo(scene: Scene) -> None:
    scene.told.tell(structs.replace(BO, addresses=()))
    await scene.told.settles()


async def _has_a_parcel(scene: Scene) -> None:
    scene.told.tell(_parcel(scene, "T-1"))
    await scene.told.settles()


LATE: dict[str, Play[Scene]] = {
    "address-of-one-that-is-known": Play(
        opens=partial(a_shop, entity="customers"), before=_knows_bo, record=lambda _: BO,
        look=_customers, wanted=[("Bo", ["Rome"])],
    ),
    "corrected-number": Play(
        opens=partial(a_shop, entity="shipments", settings={"notifyUpdates": True}),
        before=_has_a_parcel, record=lambda s: _parcel(s, "T-2"),
        look=_shipped, wanted=([["T-2"]], [["T-1"], ["T-2"]]),
    ),
}  # fmt: skip
WRITES: dict[str, Play[Scene]] = {
    "parcel": Play(
        opens=partial(a_shop, entity="shipments"), record=lambda s: _parcel(s, "T-1"),
        look=_shipped, wanted=([["T-1"]], [["T-1"]]),
    ),
    "parcel-without-number": Play(
        opens=partial(a_shop, entity="shipments"), record=_parcel,
        look=_shipped, wanted=([[]], [[]]),
    ),
    "cancellation": Play(
        opens=partial(a_shop, entity="orders", settings={"refund": True}), record=_ended,
        look=_cancelled, wanted=(True, ["order cancelled"], 1),
    ),
    "customer": Play(
        opens=partial(a_shop, entity="customers"), record=lambda _: BO,
        look=_customers, wanted=[("Bo", ["Rome"])],
    ),
    "product": Play(
        opens=partial(a_shop, entity="products"), record=lambda _: TEE,
        look=_tees, wanted=(["Tee"], [("TEE-M", "9.00"), ("TEE-S", "9.00")], [1]),
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
