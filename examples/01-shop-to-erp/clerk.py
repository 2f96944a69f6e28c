"""What people do in the demo's ERP, and what the shop shows of it afterwards.

Why: stock, prices and tracking move because somebody works in the ERP; here somebody does, over
the same RPC a client program uses, logged in as a person and not as Knect.
Must not: know Knect; the way from the ERP to the shop is the pipelines'.
"""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from knect.sdk.contract import ConnectorContext
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.seams import SystemClock
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.config import read_config
from knect_connectors.tryton.demo import ADMINISTRATOR, Person
from knect_connectors.tryton.wire import money

__all__ = ["at_work", "shown_in_the_shop"]

TRACKING = "00340434161094015902"
#: SKU -> its new price: one a little dearer, one a slip of the hand.
PRICES = {"KN-300": Decimal("13.40"), "KN-100": Decimal("3.99")}
COUNTED = ("KN-200", 250.0)


def at_work(url: str, database: str) -> None:
    """Ship order 1001, count the teapots, change two prices."""
    asyncio.run(_at_work(url, database))


async def _at_work(url: str, database: str) -> None:
    user, password = ADMINISTRATOR
    clock = SystemClock()
    config = {"url": url, "database": database, "webShop": "acme"}
    context = ConnectorContext(
        name="a-person",
        config=config,
        secrets={"username": Secret(user), "password": Secret(password)},
        http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
        clock=clock,
    )
    client = TrytonClient(context, read_config(config))
    await client.facts()
    try:
        await _ship(client, Person(client))
        await _count(client, *COUNTED)
        for sku, price in PRICES.items():
            (product,) = await client.search_read("product.product", [["code", "=", sku]], ["id"])
            values = {"list_price": money(price)}
            await client.call("model.product.product.write", [product["id"]], values)
    finally:
        await client.close()


async def _ship(client: Any, person: Person) -> None:
    (sale,) = await client.search_read("sale.sale", [["reference", "=", "1001"]], ["id"])
    shipment = (await person.process(sale["id"]))[0]
    await person.pick(shipment, "DHL")
    await person.pack(shipment)
    await person.track(shipment, TRACKING)
    await person.ship(shipment)


async def _count(client: Any, sku: str, pieces: float) -> None:
    (product,) = await client.search_read("product.product", [["code", "=", sku]], ["id"])
    (warehouse,) = await client.search_read(
        "stock.location", [["type", "=", "warehouse"]], ["storage_location"]
    )
    line = {"product": product["id"], "quantity": pieces}
    inventory = {"location": warehouse["storage_location"], "lines": [["create", [line]]]}
    (made,) = await client.call("model.stock.inventory.create", [inventory])
    await client.call("model.stock.inventory.confirm", [made])


def shown_in_the_shop(url: str) -> Iterator[str]:
    """Yield what the shop has now: the parcel of order 1001, stock and prices."""
    with urllib.request.urlopen(f"{url}/_knect/state", timeout=10) as answer:  # noqa: S310 - http
        state = json.load(answer)
    order = next(one for one in state["orders"] if one["name"] == "#1001")
    for parcel in order["fulfillments"]:
        tracking = parcel["trackingInfo"][0]
        yield f"order #1001: {tracking['company']} {tracking['number']}"
    for variant in state["catalog"]["variants"]:
        if variant["sku"] in (*PRICES, COUNTED[0]):
            pieces = ", ".join(map(str, variant["available"].values()))
            yield f"{variant['sku']}: {pieces} pieces, {variant['price']}"
