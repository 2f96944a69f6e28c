"""Writes of several steps into BigCommerce, through the engine: each answer lost, each step died at."""

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
from knect_connectors import bigcommerce
from knect_connectors.bigcommerce.simulator import (
    BigCommerceSimulator,
    Books,
    Bought,
    OrderPlan,
    build_order,
    fill_catalog,
    person,
)
from knect_connectors.bigcommerce.tests.conftest import NOON


class Scene:
    """A store with one order of two lines that go to two addresses, and what is told to it."""

    def __init__(self, told: Told, simulator: BigCommerceSimulator, order: dict[str, Any]) -> None:
        self.told = told
        self.simulator = simulator
        self.books = simulator.books
        self.order = order

    @property
    def sale(self) -> str:
        return f"SO-{self.order['id']}"

    def parcel(self, *numbers: str) -> Shipment:
        lines = tuple(
            ShipmentLine(line_id=str(one["id"]), sku=one["sku"], quantity=Decimal(one["quantity"]))
            for one in self.order["_products"]
        )
        trackings = tuple(Tracking(number=one, carrier="UPS") for one in numbers)
        return Shipment(source_id="p1", order_id=self.sale, lines=lines, trackings=trackings)

    def ended(self) -> Order:
        return Order(source_id=self.sale, number="SO-1", name="SO-1", currency="EUR",
                     placed_at=NOON, updated_at=NOON, totals=Totals(total=Decimal(0)),
                     cancelled_at=NOON)  # fmt: skip


@asynccontextmanager
async def a_store(folder: Path, entity: str, **destination: Any) -> AsyncIterator[Scene]:
    books = Books(clock=SystemClock())
    fill_catalog(books, DEFAULT_SKUS, stock=5)
    lines = (
        Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=3),
        Bought(sku="KN-200", title="Teapot", price=Decimal("24.50"), address=1),
    )
    plan = OrderPlan(at=NOON, bought=lines, addresses=(person(0), person(1)))
    order = build_order(books, plan)
    simulator = BigCommerceSimulator(books, clock=SystemClock())
    async with told(
        folder, [entity], partial(serving, simulator), bigcommerce,
        config=lambda served: {"storeHash": "acme1", "url": served.url},
        secrets={"accessToken": Secret("simulated-token")},
        **destination,
    ) as world:  # fmt: skip
        await world.sold(str(order["id"]))
        yield Scene(world, simulator, order)


def _shipped(scene: Scene) -> Any:
    made = scene.order["_shipments"]
    return (
        sorted((one["tracking_number"], [x["quantity"] for x in one["items"]]) for one in made),
        sorted(mail["tracking"] for mail in scene.books.mails),
        scene.order["status"],
    )


def _customers(scene: Scene) -> Any:
    mine = [one for one in scene.books.customers.values() if one["email"] == ANA.email]
    return [(one["first_name"], [place["city"] for place in one["addresses"]]) for one in mine]


def _tees(scene: Scene) -> Any:
    names = [one["name"] for one in scene.books.products.values() if one["name"] == TEE.title]
    return names, sorted(
        (one["sku"], Decimal(one["price"]))
        for one in scene.books.variants.values()
        if one["sku"].startswith("TEE")
    )


def _ended(scene: Scene) -> Any:
    order = scene.order
    return order["status"], order["staff_notes"], order["external_order_id"]


HOME = Address(street=("Way 1",), city="Rome", postal_code="00100", country="IT")
ANA = Customer(
    source_id="c1", first_name="Ana", last_name="Lima", email="ana@c.example", addresses=(HOME,)
)
TEE = Product(
    source_id="P1",
    title="Tee",
    variants=tuple(
        Variant(source_id=size, sku=f"TEE-{size}", options={"Size": size}, price=Decimal(9))
        for size in "SM"
    ),
)
LARGE = Variant(source_id="L", sku="TEE-L", options={"Size": "L"}, price=Decimal(10))


async def _knows_ana(scene: Scene) -> None:
    scene.told.tell(structs.replace(ANA, addresses=()))
    await scene.told.settles()


async def _has_a_parcel(scene: Scene) -> None:
    scene.told.tell(scene.parcel("T-1"))
    await scene.told.settles()


async def _has_the_tee(scene: Scene) -> None:
    scene.told.tell(TEE)
    await scene.told.settles()


_SIZES = [("TEE-M", Decimal(9)), ("TEE-S", Decimal(9))]
_SPLIT = [("T-1", [1]), ("T-1", [3])]

LATE: dict[str, Play[Scene]] = {
    "address-of-one-that-is-known": Play(
        opens=partial(a_store, entity="customers"), before=_knows_ana, record=lambda _: ANA,
        look=_customers, wanted=[("Ana", ["Rome"])],
    ),
    "corrected-number": Play(
        opens=partial(a_store, entity="shipments"), before=_has_a_parcel,
        record=lambda s: s.parcel("T-2"), look=_shipped,
        wanted=([("T-2", [1]), ("T-2", [3])], ["T-1", "T-1"], "Shipped"),
    ),
    "another-size": Play(
        opens=partial(a_store, entity="products"), before=_has_the_tee,
        record=lambda _: structs.replace(TEE, variants=(*TEE.variants, LARGE)),
        look=_tees, wanted=(["Tee"], [("TEE-L", Decimal(10)), *_SIZES]),
    ),
}  # fmt: skip
WRITES: dict[str, Play[Scene]] = {
    "parcel-to-two-addresses": Play(
        opens=partial(a_store, entity="shipments"), record=lambda s: s.parcel("T-1"),
        look=_shipped, wanted=(_SPLIT, ["T-1", "T-1"], "Shipped"),
    ),
    "cancellation": Play(
        opens=partial(a_store, entity="orders"), record=Scene.ended,
        look=_ended, wanted=("Cancelled", "", ""),
    ),
    "customer": Play(
        opens=partial(a_store, entity="customers"), record=lambda _: ANA,
        look=_customers, wanted=[("Ana", ["Rome"])],
    ),
    "product": Play(
        opens=partial(a_store, entity="products"), record=lambda _: TEE,
        look=_tees, wanted=(["Tee"], _SIZES),
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


@pytest.mark.parametrize(("write", "path"), [("customer", "/customers"), ("product", "/products")])
async def test_what_the_first_try_makes_between_look_and_write_is_ours(
    tmp_path: Path, write: str, path: str
) -> None:
    play = WRITES[write]
    async with play.opens(tmp_path) as scene:
        handle = scene.simulator.handle

        async def twice(request: Any) -> Any:
            if request.method == "POST" and request.path.endswith(path):
                await handle(request)  # the first one, which nobody waits for any longer
            return await handle(request)

        scene.simulator.handle = twice  # type: ignore[method-assign]
        made = play.record(scene)
        assert not isinstance(made, tuple)
        scene.told.tell(made)
        assert await scene.told.settles() == ["delivered"], await scene.told.reasons()
        assert play.look(scene) == play.wanted


async def test_somebody_elses_product_is_not_taken_for_half_of_ours(tmp_path: Path) -> None:
    async with a_store(tmp_path, "products") as scene:
        scene.books.add_product("TEE-S", "Tee", Decimal(9))
        scene.told.tell(TEE)
        assert await scene.told.settles() == ["waiting"]
        there = [one["sku"] for one in scene.books.variants.values()]
        assert [sku for sku in there if sku.startswith("TEE")] == ["TEE-S"]


async def test_a_customer_the_store_had_gets_the_address_it_lacks(tmp_path: Path) -> None:
    async with a_store(tmp_path, "customers") as scene:
        scene.books.add_customer(ANA.email or "", "Ana", "Lima", NOON)
        scene.told.tell(ANA)
        assert await scene.told.settles() == ["delivered"]
        assert _customers(scene) == [("Ana", ["Rome"])]
