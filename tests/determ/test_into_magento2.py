"""Writes of several steps into Magento 2, through the engine: each answer lost, each step died at."""

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
from knect_connectors import magento2
from knect_connectors.magento2.simulator import (
    Books,
    Bought,
    MagentoSimulator,
    OrderPlan,
    acts,
    build_order,
    fill_catalog,
)
from knect_connectors.magento2.simulator.generator import person
from knect_connectors.magento2.tests.conftest import NOON, SECRETS, STORES


class Scene:
    """A Magento 2 with one order of three kettles, and what is told to it."""

    def __init__(self, told: Told, shop: MagentoSimulator, order: dict[str, Any]) -> None:
        self.told = told
        self.shop = shop
        self.books = shop.books
        self.order = order

    @property
    def sale(self) -> str:
        return f"SO-{self.order['entity_id']}"

    def parcel(self, *numbers: str) -> Shipment:
        item = self.order["items"][0]
        line = ShipmentLine(line_id=str(item["item_id"]), sku=item["sku"], quantity=Decimal(3))
        trackings = tuple(Tracking(number=one, carrier="UPS") for one in numbers)
        return Shipment(source_id="p1", order_id=self.sale, lines=(line,), trackings=trackings)

    def ended(self) -> Order:
        return Order(source_id=self.sale, number="SO-1", name="SO-1", currency="EUR",
                     placed_at=NOON, updated_at=NOON, totals=Totals(total=Decimal(0)),
                     cancelled_at=NOON)  # fmt: skip

    def paid(self) -> Payment:
        self.order["payment"]["method"] = "authorizenet"  # whose invoices are open until captured
        return Payment(
            source_id="pay1", order_id=self.sale, kind="capture", status="success",
            amount=self.order["base_grand_total"], currency="EUR",
        )  # fmt: skip


@asynccontextmanager
async def a_shop(folder: Path, entity: str, **destination: Any) -> AsyncIterator[Scene]:
    books = Books(clock=SystemClock())
    fill_catalog(books, DEFAULT_SKUS, stock=5)
    kettles = Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(3))
    plan = OrderPlan(at=NOON, bought=(kettles,), address=person(0), email="a@b.example")
    order = build_order(books, plan)
    shop = MagentoSimulator(books, clock=SystemClock())
    async with told(
        folder, [entity], partial(serving, shop), magento2,
        config=lambda served: {"url": served.url, "stores": STORES},
        secrets={name: Secret(text) for name, text in SECRETS.items()},
        **destination,
    ) as world:  # fmt: skip
        await world.sold(str(order["entity_id"]))
        yield Scene(world, shop, order)


def _shipped(scene: Scene) -> Any:
    made = scene.books.shipments.values()
    tracks = [[track["track_number"] for track in one["tracks"]] for one in made]
    return tracks, [list(mail["tracks"]) for mail in scene.books.mails]


def _customers(scene: Scene) -> Any:
    mine = [one for one in scene.books.customers.values() if one["email"] == ANA.email]
    return [(one["firstname"], [place["city"] for place in one["addresses"]]) for one in mine]


def _shirts(scene: Scene) -> Any:
    return sorted(x["sku"] for x in scene.books.products.values() if x["sku"].startswith("SHIRT"))


def _money(scene: Scene) -> Any:
    return [(one["state"], one["base_grand_total"]) for one in scene.books.invoices.values()]


def _ended(scene: Scene) -> Any:
    told = [one["comment"] for one in scene.order["status_histories"] if one["comment"]]
    return scene.order["state"], told


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


async def _has_shirts(scene: Scene) -> None:
    scene.told.tell(SHIRT)
    await scene.told.settles()


async def _is_shipped_by_hand(scene: Scene) -> None:
    acts.ship(scene.books, scene.order)


def _renamed() -> Product:
    small, *others = SHIRT.variants
    return structs.replace(SHIRT, variants=(structs.replace(small, sku="SHIRT-XS"), *others))


LATE: dict[str, Play[Scene]] = {
    "address-of-one-that-is-known": Play(
        opens=partial(a_shop, entity="customers"), before=_knows_ana, record=lambda _: ANA,
        look=_customers, wanted=[("Ana", ["Rome"])],
    ),
    "corrected-number": Play(
        opens=partial(a_shop, entity="shipments"), before=_has_a_parcel,
        record=lambda s: s.parcel("T-2"), look=_shipped, wanted=([["T-2"]], [["T-1"]]),
    ),
    "parcel-shipped-by-hand": Play(
        opens=partial(a_shop, entity="shipments"), before=_is_shipped_by_hand,
        record=lambda s: s.parcel("T-1"), look=_shipped, wanted=([["T-1"]], [["T-1"]]),
    ),
    "another-sku": Play(
        opens=partial(a_shop, entity="products"), before=_has_shirts, record=lambda _: _renamed(),
        look=_shirts, wanted=["SHIRT-L", "SHIRT-M", "SHIRT-XS"],
    ),
}  # fmt: skip
WRITES: dict[str, Play[Scene]] = {
    "parcel": Play(
        opens=partial(a_shop, entity="shipments"), record=lambda s: s.parcel("T-1", "T-2"),
        look=_shipped, wanted=([["T-1", "T-2"]], [["T-1", "T-2"]]),
    ),
    "payment": Play(
        opens=partial(a_shop, entity="payments", settings={"capture": "Always"}),
        record=Scene.paid, look=_money, wanted=[(2, Decimal("142.44"))],
    ),
    "cancellation": Play(
        opens=partial(a_shop, entity="orders"), record=Scene.ended,
        look=_ended, wanted=("canceled", []),
    ),
    "customer": Play(
        opens=partial(a_shop, entity="customers"), record=lambda _: ANA,
        look=_customers, wanted=[("Ana", ["Rome"])],
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
