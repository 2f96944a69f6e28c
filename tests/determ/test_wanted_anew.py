"""What somebody deleted by hand at the destination, and a person wants there again.

Each request of it is lost once, late or refused: it is there once in the end, and wholly.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from tests.determ import test_into_bigcommerce as bigcommerce
from tests.determ import test_into_gp as gp
from tests.determ import test_into_magento as magento
from tests.determ import test_into_magento2 as magento2
from tests.determ import test_into_rest as rest
from tests.determ import test_into_shopify as shopify
from tests.determ import test_into_woocommerce as woocommerce
from tests.determ.in_turn import LOST
from tests.support.told import Told

from knect.engine.working.requests import Request, perform
from knect.ledger.instants import to_us
from knect.model import Record
from knect.sdk.testing import Fault
from knect.seams import new_id
from knect_connectors.bigcommerce.simulator.acts import take_back
from knect_connectors.woocommerce.simulator import merchant


class Case(Struct, frozen=True, kw_only=True):
    """A record is delivered, `deletes` is done to it there, and in the end `look` sees `wanted`.

    `before`: a record that it is of, delivered first.
    """

    opens: Callable[[Path], AbstractAsyncContextManager[Any]]
    record: Callable[[Any], Record]
    deletes: Callable[[Any], object]
    look: Callable[[Any], Any]
    wanted: Any
    before: Record | None = None


def _no_sale(scene: rest.Scene) -> None:
    scene.system.shelf.of("sales").clear()


def _no_tee(scene: shopify.Scene) -> None:
    shelf = scene.shop.catalog
    (product,) = shelf.of("Product")
    for variant in list(shelf.variants_of(product["id"])):
        shelf.remove_variant(variant)
    del shelf.things[product["id"]]
    del shelf._kinds["Product"][product["id"]]


def _no_shirts(scene: magento.Scene, *sizes: str) -> None:
    products = scene.books.products
    for number in [n for n, one in products.items() if one["sku"] in {f"SHIRT-{s}" for s in sizes}]:
        del products[number]


def _no_customer(scene: magento.Scene) -> None:
    books = scene.books
    for number in [n for n, one in books.customers.items() if one["email"] == magento.ANA.email]:
        del books.customers[number]
    books.addresses.clear()


def _no_product(scene: magento2.Scene, *skus: str) -> None:
    products = scene.books.products
    for number in [n for n, one in products.items() if one["sku"] in skus]:
        del products[number]


def _no_account(scene: magento2.Scene) -> None:
    customers = scene.books.customers
    for number in [n for n, one in customers.items() if one["email"] == magento2.ANA.email]:
        del customers[number]


def _on_sale_but_one(scene: magento2.Scene) -> None:
    """A person has switched all on meanwhile, and deletes one."""
    for one in scene.books.products.values():
        one["status"] = 1
    _no_product(scene, "SHIRT-M")


def _unshipped(scene: magento2.Scene) -> None:
    """As an extension deletes shipments: the pieces can be shipped again."""
    scene.books.shipments.clear()
    scene.books.mails.clear()  # the customer was told of it, and is told of the new one
    for item in scene.order["items"]:
        item["qty_shipped"] = 0
    scene.order["state"] = scene.order["status"] = "processing"


def _no_parcel(scene: bigcommerce.Scene, *places: int) -> None:
    """As a clerk deletes parcels in the control panel: the pieces can be shipped again.

    The customer was told of them, and is told of the new ones.
    """
    made = list(scene.order["_shipments"])
    for place in places:
        take_back(scene.books, scene.order, made[place])
        scene.books.mails.remove(
            next(m for m in scene.books.mails if m["shipment"] == made[place]["id"])
        )


def _no_size(scene: bigcommerce.Scene) -> None:
    books = scene.books
    (product,) = [one for one in books.products.values() if one["name"] == "Tee"]
    del books.products[product["id"]]
    for number in [n for n, one in books.variants.items() if one["product_id"] == product["id"]]:
        del books.variants[number]


def _no_ana(scene: bigcommerce.Scene) -> None:
    for number in list(scene.books.customers):
        del scene.books.customers[number]


def _no_account(scene: woocommerce.Scene) -> None:
    scene.books.customers.clear()


def _no_entry(scene: woocommerce.Scene) -> None:
    scene.order["meta_data"].clear()


def _thrown_away(scene: woocommerce.Scene) -> None:
    """As WooCommerce puts a product into the trash: its variations with it."""
    for row in scene.books.products.values():
        if row["name"] == woocommerce.SHIRT.title:
            merchant.throw_away(scene.books, row)


def _no_return(scene: gp.Scene) -> None:
    for table in ("SOP10100", "SOP10200"):
        scene.server.company.books.db.execute(f"DELETE FROM {table} WHERE SOPTYPE = 4")


def _no_one(scene: gp.Scene) -> None:
    for table in ("RM00101", "RM00102", "SY01200"):
        scene.server.company.books.db.execute(f"DELETE FROM {table}")


def _no_order(scene: gp.Scene) -> None:
    """As GP deletes a document that is not posted: it and its lines, and no mark of ours."""
    for table in ("SOP10100", "SOP10200"):
        scene.server.company.books.db.execute(f"DELETE FROM {table}")


CASES: dict[str, Case] = {
    **{
        f"rest: {kind}": Case(
            opens=partial(rest.an_api, kind=kind), record=lambda _: rest.sale(), deletes=_no_sale,
            look=rest._sales, wanted=[("1001", 10)],
        )
        for kind in ("unique", "found")
    },
    "shopify: product": Case(
        opens=partial(shopify.a_shop, entity="products"), record=lambda _: shopify.TEE,
        deletes=_no_tee, look=shopify._tees, wanted=shopify.WRITES["product"].wanted,
    ),
    "magento: product": Case(
        opens=partial(magento.a_shop, entity="products"), record=lambda _: magento.SHIRT,
        deletes=lambda scene: _no_shirts(scene, *"SML"), look=magento._shirts,
        wanted=magento.WRITES["product"].wanted,
    ),
    "magento: one of three products": Case(
        opens=partial(magento.a_shop, entity="products"), record=lambda _: magento.SHIRT,
        deletes=lambda scene: _no_shirts(scene, "M"), look=magento._shirts,
        wanted=magento.WRITES["product"].wanted,
    ),
    "magento: customer": Case(
        opens=partial(magento.a_shop, entity="customers"), record=lambda _: magento.ANA,
        deletes=_no_customer, look=magento._customers, wanted=magento.WRITES["customer"].wanted,
    ),
    "magento2: products": Case(
        opens=partial(magento2.a_shop, entity="products"), record=lambda _: magento2.SHIRT,
        deletes=lambda scene: _no_product(scene, "SHIRT-S", "SHIRT-M", "SHIRT-L"),
        look=magento2._shirts, wanted=magento2.WRITES["product"].wanted,
    ),
    "magento2: one of three products on sale": Case(
        opens=partial(magento2.a_shop, entity="products"), record=lambda _: magento2.SHIRT,
        deletes=_on_sale_but_one, look=magento2._shirts, wanted=magento2.WRITES["product"].wanted,
    ),
    "magento2: customer": Case(
        opens=partial(magento2.a_shop, entity="customers"), record=lambda _: magento2.ANA,
        deletes=_no_account, look=magento2._customers, wanted=magento2.WRITES["customer"].wanted,
    ),
    "magento2: parcel": Case(
        opens=partial(magento2.a_shop, entity="shipments"), record=lambda s: s.parcel("T-1", "T-2"),
        deletes=_unshipped, look=magento2._shipped, wanted=magento2.WRITES["parcel"].wanted,
    ),
    "bigcommerce: parcels": Case(
        opens=partial(bigcommerce.a_store, entity="shipments"), record=lambda s: s.parcel("T-1"),
        deletes=lambda scene: _no_parcel(scene, 0, 1), look=bigcommerce._shipped,
        wanted=bigcommerce.WRITES["parcel-to-two-addresses"].wanted,
    ),
    "bigcommerce: one of two parcels": Case(
        opens=partial(bigcommerce.a_store, entity="shipments"), record=lambda s: s.parcel("T-1"),
        deletes=lambda scene: _no_parcel(scene, 1), look=bigcommerce._shipped,
        wanted=bigcommerce.WRITES["parcel-to-two-addresses"].wanted,
    ),
    "bigcommerce: product": Case(
        opens=partial(bigcommerce.a_store, entity="products"), record=lambda _: bigcommerce.TEE,
        deletes=_no_size, look=bigcommerce._tees, wanted=bigcommerce.WRITES["product"].wanted,
    ),
    "bigcommerce: customer": Case(
        opens=partial(bigcommerce.a_store, entity="customers"), record=lambda _: bigcommerce.ANA,
        deletes=_no_ana, look=bigcommerce._customers,
        wanted=bigcommerce.WRITES["customer"].wanted,
    ),
    "woocommerce: customer": Case(
        opens=partial(woocommerce.a_shop, entity="customers"), record=lambda _: woocommerce.ANA,
        deletes=_no_account, look=woocommerce._customers,
        wanted=woocommerce.WRITES["customer"].wanted,
    ),
    "woocommerce: product in the trash": Case(
        opens=partial(woocommerce.a_shop, entity="products"), record=lambda _: woocommerce.SHIRT,
        deletes=_thrown_away, look=woocommerce._shirts,
        wanted=woocommerce.WRITES["product-with-variations"].wanted,
    ),
    "woocommerce: parcel": Case(
        opens=partial(woocommerce.a_shop, entity="shipments"),
        record=lambda scene: scene.parcel("T-1"), deletes=_no_entry, look=woocommerce._shipped,
        wanted=woocommerce.WRITES["parcel"].wanted,
    ),
    "gp: order": Case(
        opens=gp.a_sale, record=lambda _: gp.ORDER, deletes=_no_order, look=gp._orders,
        wanted=gp.AS_SOLD,
    ),
    "gp: customer": Case(
        opens=gp.a_person, record=lambda _: gp.ANN, deletes=_no_one, look=gp._customers,
        wanted=gp.WRITES["customer"].wanted,
    ),
    "gp: refund": Case(
        opens=gp.a_sale_and_back, before=gp.ORDER, record=lambda _: gp.REFUND,
        deletes=_no_return, look=gp._returns, wanted=gp.WRITES["refund"].wanted,
    ),
}  # fmt: skip


async def _replay(told: Told) -> None:
    wish = Request(verb="replay", actor="ana", pipeline=told.world.pipelines[-1]["name"])
    now = to_us(told.world.clock.now())
    done = await told.world.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=new_id))
    assert done["count"] == 1


@pytest.mark.parametrize(
    ("fault", "dies"), [(LOST[0], True), (LOST[1], False)], ids=["lost-dies", "late"]
)
@pytest.mark.parametrize("what", CASES)
async def test_it_is_there_once_whichever_answer_is_lost(
    tmp_path: Path, what: str, fault: Fault, dies: bool
) -> None:
    case = CASES[what]
    for at in count():
        folder = tmp_path / str(at)
        folder.mkdir()
        async with case.opens(folder) as scene:
            told = scene.told
            if case.before is not None:
                told.tell(case.before)
                await told.settles()
            told.tell(case.record(scene))
            assert set(await told.settles()) == {"delivered"}, await told.reasons()
            assert case.look(scene) == case.wanted
            case.deletes(scene)
            assert case.look(scene) != case.wanted
            await _replay(told)
            told.goes_wrong(at, fault)
            if dies:
                told.dies()
            fates = await told.settles()
            assert fates[-1] == "delivered", (at, await told.reasons())
            assert case.look(scene) == case.wanted, at
            if not told.server.faults.injected[fault]:
                break
    assert at > 1
