"""Writes of several steps into WooCommerce, through the engine: each answer lost, each step died at."""

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
from knect_connectors import woocommerce
from knect_connectors.woocommerce.simulator import (
    Books,
    Bought,
    OrderPlan,
    WooSimulator,
    build_order,
    fill_catalog,
)
from knect_connectors.woocommerce.simulator.generator import person
from knect_connectors.woocommerce.tests.conftest import KEY, NOON, SECRET


class Scene:
    """A WooCommerce with one order of three kettles, and what is told to it."""

    def __init__(self, told: Told, shop: WooSimulator, order: dict[str, Any]) -> None:
        self.told = told
        self.shop = shop
        self.books = shop.books
        self.order = order

    @property
    def sale(self) -> str:
        return f"SO-{self.order['id']}"

    def parcel(self, *numbers: str, pieces: int = 3) -> Shipment:
        item = self.order["line_items"][0]
        line = ShipmentLine(line_id=str(item["id"]), sku=item["sku"], quantity=Decimal(pieces))
        trackings = tuple(Tracking(number=one, carrier="DHL") for one in numbers)
        return Shipment(source_id="p1", order_id=self.sale, lines=(line,), trackings=trackings)

    def mails(self, kind: str = "customer_note") -> list[str]:
        return [one["text"] for one in self.books.mails if one["kind"] == kind]


@asynccontextmanager
async def a_shop(folder: Path, entity: str, **destination: Any) -> AsyncIterator[Scene]:
    books = Books(clock=SystemClock())
    fill_catalog(books, DEFAULT_SKUS, stock=5)
    kettle = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(3))
    order = build_order(books, OrderPlan(at=NOON, bought=(kettle,), address=person(0)))
    shop = WooSimulator(books, clock=SystemClock())
    async with told(
        folder, [entity], partial(serving, shop), woocommerce,
        config=lambda served: {"url": served.url},
        secrets={"consumerKey": Secret(KEY), "consumerSecret": Secret(SECRET)},
        **destination,
    ) as world:  # fmt: skip
        await world.sold(str(order["id"]))
        yield Scene(world, shop, order)


def _shipped(scene: Scene) -> Any:
    meta = (one for one in scene.order["meta_data"] if one["key"].startswith("_knect_"))
    return [one["value"]["numbers"] for one in meta], scene.order["status"], scene.mails()


def _noted(scene: Scene) -> Any:
    notes = [one["note"] for one in scene.books.notes.get(scene.order["id"], ())]
    moves = [one for one in notes if one.startswith("Order status changed")]
    return scene.order["status"], len(moves), scene.mails()


def _customers(scene: Scene) -> Any:
    mine = (one for one in scene.books.customers.values() if one["email"] == ANA.email)
    return [(one["first_name"], one["billing"]["city"]) for one in mine]


def _shirts(scene: Scene) -> Any:
    books = scene.books
    mine = [one for one in books.products.values() if one["name"] == SHIRT.title]
    sold = [row for one in mine for row in books.variations.get(one["id"], {}).values()]
    return (
        [(one["type"], one["status"], one["sku"]) for one in mine if one["status"] != "trash"],
        sorted((one["sku"], one["regular_price"]) for one in sold if one["status"] != "trash"),
    )


HOME = Address(street=("Way 1",), city="Rome", postal_code="00100", country="IT")
ANA = Customer(
    source_id="c1", first_name="Ana", last_name="Lima", email="ana@c.example", addresses=(HOME,)
)
SHIRT = Product(
    source_id="P1",
    title="Shirt",
    variants=tuple(
        Variant(source_id=size, sku=f"SHIRT-{size}", options={"Size": size}, price=Decimal(9))
        for size in "SM"
    ),
)
PLAIN = structs.replace(SHIRT, variants=SHIRT.variants[:1])
_MAIL = "Shipped: 3 x Kettle\nTracking: DHL {}"


def _ended(scene: Scene) -> Order:
    return Order(source_id=scene.sale, number="SO-1", name="SO-1", currency="EUR", placed_at=NOON,
                 updated_at=NOON, totals=Totals(total=Decimal(0)), cancelled_at=NOON)  # fmt: skip


async def _knows_ana(scene: Scene) -> None:
    scene.told.tell(structs.replace(ANA, addresses=()))
    await scene.told.settles()


async def _has_a_parcel(scene: Scene) -> None:
    scene.told.tell(scene.parcel("T-1"))
    await scene.told.settles()


async def _has_shirts(scene: Scene) -> None:
    scene.told.tell(structs.replace(SHIRT, variants=(*SHIRT.variants[:1], OTHER)))
    await scene.told.settles()


OTHER = Variant(source_id="L", sku="SHIRT-L", options={"Size": "L"}, price=Decimal(9))
LATE: dict[str, Play[Scene]] = {
    "address-of-one-that-is-known": Play(
        opens=partial(a_shop, entity="customers"), before=_knows_ana, record=lambda _: ANA,
        look=_customers, wanted=[("Ana", "Rome")],
    ),
    "corrected-number": Play(
        opens=partial(a_shop, entity="shipments"), before=_has_a_parcel,
        record=lambda s: s.parcel("T-2"), look=_shipped,
        wanted=([["T-2"]], "completed", [_MAIL.format("T-1"), _MAIL.format("T-2")]),
    ),
    "variation-more": Play(
        opens=partial(a_shop, entity="products"), before=_has_shirts,
        record=lambda _: structs.replace(SHIRT, variants=(*SHIRT.variants, OTHER)),
        look=_shirts, wanted=([("variable", "draft", "")],
                              [(f"SHIRT-{size}", "9") for size in "LMS"]),
    ),
}  # fmt: skip
WRITES: dict[str, Play[Scene]] = {
    "parcel": Play(
        opens=partial(a_shop, entity="shipments"), record=lambda s: s.parcel("T-1"),
        look=_shipped, wanted=([["T-1"]], "completed", [_MAIL.format("T-1")]),
    ),
    "half-a-parcel-without-number": Play(
        opens=partial(a_shop, entity="shipments"), record=lambda s: s.parcel(pieces=2),
        look=_shipped, wanted=([[]], "processing", ["Shipped: 2 x Kettle"]),
    ),
    "cancellation": Play(
        opens=partial(a_shop, entity="orders"), record=_ended,
        look=_noted, wanted=("cancelled", 1, []),
    ),
    "customer": Play(
        opens=partial(a_shop, entity="customers"), record=lambda _: ANA,
        look=_customers, wanted=[("Ana", "Rome")],
    ),
    "product": Play(
        opens=partial(a_shop, entity="products"), record=lambda _: PLAIN,
        look=_shirts, wanted=([("simple", "draft", "SHIRT-S")], []),
    ),
    "product-with-variations": Play(
        opens=partial(a_shop, entity="products"), record=lambda _: SHIRT,
        look=_shirts, wanted=([("variable", "draft", "")],
                              [("SHIRT-M", "9"), ("SHIRT-S", "9")]),
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
