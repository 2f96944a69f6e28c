"""A real Tryton, and a clerk who works in it as a person does.

Must not: go through Knect's connection or user; what is told here is evidence. A request that
changed something is told from the server's own log of the methods it ran.
"""

import asyncio
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import Any

from tests.integration.tryton.catalog.hands import Clerk as Hands
from tests.integration.tryton.conftest import a_context
from tests.pairs.ends import CARRIER, PRICES, STOCK, Held, Sale, Words
from tests.pairs.stage import Stage

from knect.sdk.secret import Secret
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.config import read_config
from knect_connectors.tryton.demo import (
    ADMINISTRATOR,
    PASSWORD,
    USER,
    DemoCompany,
    DemoPriceList,
    DemoProduct,
    Parcel,
    Person,
    TrytonServer,
    make_database,
)
from knect_connectors.tryton.wire import money

__all__ = ["Tryton", "a_tryton"]

_DOCUMENTS = f"""\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {{name: acme-erp}}
spec:
  connector: tryton
  role: Hub
  config:
    url: "http://127.0.0.1:PORT"
    database: erp
    webShop: acme
    priceLists: [web]
    stock: {{warehouses: [WH]}}
  credentials: {{secretRef: {{name: acme-erp}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: acme-erp}}
stringData: {{username: {USER}, password: {PASSWORD}}}
"""
#: A method in the server's log: `model.sale.sale.create(...) from 2@127.0.0.1`.
_METHOD = re.compile(r" (\w[\w.]*)\.(\w+)\(.*\) from (\S*)@")
_READS = frozenset(
    {"search_read", "read", "search", "search_count", "get_preferences", "get_login", "get",
     "fields_get", "default_get", "compute", "get_sale_price"}
)  # fmt: skip
_OPEN = (("state", "=", "confirmed"), ("web_id", "!=", None), ("origin", "=", None))


class Tryton:
    """Logs in anew for each act, as a person who comes by."""

    words = Words(location="WH", price_list="web", carrier=CARRIER)
    matches = True
    flows = frozenset(
        {"orders", "payments", "refunds", "customers", "shipments", "stock", "prices",
         "cancellations", "customers-back"}
    )  # fmt: skip
    acts = frozenset({"parcel", "count", "price", "cancel", "rename"})

    def __init__(self, server: TrytonServer, stage: Stage) -> None:
        self._server = server
        self._port = stage.lead("acme-erp", int(server.url.rpartition(":")[2]))

    def documents(self) -> str:
        """Return the Connection and its Secret."""
        return _DOCUMENTS.replace("PORT", str(self._port))

    def ship_one(self, tracking: str, spared: Collection[str]) -> str | None:
        """Process, pick, pack in one box, ship."""
        return asyncio.run(self._ship_one(tracking, spared))

    def cancel_one(self, spared: Collection[str]) -> str | None:
        """Cancel a sale that nobody has processed."""
        return asyncio.run(self._cancel_one(spared))

    def rename_one(self, name: str, emails: Collection[str]) -> str | None:
        """Correct the name of a party that has one of the e-mails."""
        return asyncio.run(self._rename_one(name, emails))

    def count(self, sku: str, pieces: int) -> None:
        """Count a product's pieces in the warehouse."""
        asyncio.run(self._count(sku, pieces))

    def price(self, sku: str, price: Decimal) -> None:
        """Give a product another price."""
        asyncio.run(self._price(sku, price))

    def held(self) -> Held:
        """Return what there is."""
        return asyncio.run(self._held())

    def calm(self) -> None:
        """Nothing to calm: a real server injects no faults."""

    def requests(self) -> tuple[int, int]:
        """Return requests of Knect's user, and those that changed something."""
        methods = [m[2] for m in _METHOD.finditer(self._server.log.read_text()) if m[3] == USER]
        return len(methods), sum(one not in _READS for one in methods)

    def injected(self) -> Counter[str]:
        """Return nothing: a real server injects no faults."""
        return Counter()

    # ------------------------------------------------------------ at work

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[TrytonClient]:
        user, password = ADMINISTRATOR
        secrets = {"username": Secret(user), "password": Secret(password)}
        context = a_context(self._server, secrets=secrets)
        client = TrytonClient(context, read_config(context.config))
        await client.facts()
        try:
            yield client
        finally:
            await client.close()

    async def _ship_one(self, tracking: str, spared: Collection[str]) -> str | None:
        async with self._at_work() as client:
            sale = await _open_sale(client, spared, "ASC")
            if sale is None:
                return None
            lines = await client.search_read(
                "sale.line", [["sale", "=", sale["id"]], ["product.type", "=", "goods"]],
                ["quantity", "product.code"],
            )  # fmt: skip
            skus: Counter[str] = Counter()
            for line in lines:
                skus[line["product."]["code"]] += int(line["quantity"])
            parcel = Parcel(tracking=tracking, skus={sku: float(n) for sku, n in skus.items()})
            await Person(client).send(sale["id"], [parcel], CARRIER)
            return _order_of(sale)

    async def _cancel_one(self, spared: Collection[str]) -> str | None:
        async with self._at_work() as client:
            sale = await _open_sale(client, spared, "DESC")
            if sale is None:
                return None
            await Person(client).cancel(sale["id"])
            return _order_of(sale)

    async def _rename_one(self, name: str, emails: Collection[str]) -> str | None:
        async with self._at_work() as client:
            found = await client.search_read(
                "party.contact_mechanism", [["type", "=", "email"]], ["value", "party"]
            )
            there = [one for one in found if one["value"].casefold() in emails]
            if not there:
                return None
            await Person(client).rename(there[0]["party"], name)
            return str(there[0]["value"]).casefold()

    async def _count(self, sku: str, pieces: int) -> None:
        async with self._at_work() as client:
            await Hands(client).counts(sku, pieces)

    async def _price(self, sku: str, price: Decimal) -> None:
        async with self._at_work() as client:
            (product,) = await client.search_read("product.product", [["code", "=", sku]], ["id"])
            values = {"list_price": money(price)}
            await client.call("model.product.product.write", [product["id"]], values)

    # ------------------------------------------------------------ evidence

    async def _held(self) -> Held:
        async with self._at_work() as client:
            fields = ["web_id", "number", "total_amount", "origin", "state"]
            sales = await client.search_read("sale.sale", [["web_id", "!=", None]], fields)
            payments = await client.search_read(
                "account.payment", [["reference", "!=", None]], ["kind", "amount"]
            )
            emails = await client.search_read(
                "party.contact_mechanism", [["type", "=", "email"]], ["value"]
            )
            prices, available = await _shelf(client)
        return Held(
            sales=[
                Sale(
                    order=_order_of(one),
                    id=str(one["id"]),
                    document=str(one["number"]),
                    total=one["total_amount"],
                    cancelled=one["state"] == "cancelled",
                )
                for one in sales
                if one["origin"] is None
            ],
            payments=Counter((_WAYS[one["kind"]], one["amount"]) for one in payments),
            credits=Counter(-one["total_amount"] for one in sales if one["origin"] is not None),
            prices=prices,
            available=available,
            emails=Counter(one["value"].casefold() for one in emails),
        )


_WAYS = {"receivable": "received", "payable": "given back"}


def _order_of(sale: Mapping[str, Any]) -> str:
    return str(sale["web_id"]).partition(":")[2]


async def _open_sale(
    client: TrytonClient, spared: Collection[str], order: str
) -> dict[str, Any] | None:
    found = await client.search_read(
        "sale.sale", [list(one) for one in _OPEN], ["id", "web_id"], order=[["id", order]]
    )
    return next((one for one in found if _order_of(one) not in spared), None)


async def _shelf(client: TrytonClient) -> tuple[dict[str, Decimal], dict[str, int]]:
    """Return prices, and what is there less what sales not yet processed will take."""
    goods = await client.search_read(
        "product.product",
        [["code", "like", "KN-%"]],
        ["code", "list_price", "template.list_price"],
    )
    waiting = await client.search_read(
        "sale.line",
        [["sale.state", "=", "confirmed"], ["sale.origin", "=", None]],
        ["product.code", "quantity"],
    )
    hands = Hands(client)
    available = {one["code"]: int(await hands.forecast(one["code"])) for one in goods}
    for line in waiting:
        code = (line["product."] or {}).get("code")
        if code in available:
            available[code] -= int(line["quantity"])
    return {one["code"]: _price(one) for one in goods}, available


def _price(product: Mapping[str, Any]) -> Decimal:
    """Return a variant's own price, or the one it has of its template."""
    own = product["list_price"]
    return Decimal(product["template."]["list_price"] if own is None else own)


@contextmanager
def a_tryton(stage: Stage) -> Iterator[Tryton]:
    """Run a Tryton that logs the methods it runs."""
    products = tuple(DemoProduct(sku=s, name=s, price=Decimal(p)) for s, p in PRICES.items())
    stock = tuple((sku, Decimal(STOCK)) for sku in PRICES)
    company = DemoCompany(products=products, stock=stock, price_lists=(DemoPriceList(name="web"),))
    path = stage.folder / "erp.sqlite"
    make_database(company, path)
    os.environ["TRYTOND_LOGGING_LEVEL"] = "20"  # INFO: each method, none of its values
    try:
        server = TrytonServer(path)
        server.start()
    finally:
        del os.environ["TRYTOND_LOGGING_LEVEL"]
    try:
        yield Tryton(server, stage)
    finally:
        server.stop()
