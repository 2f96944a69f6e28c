"""Somebody who works in a real Tryton beside Knect, and tells what it holds.

Must not: go through Knect's connection or user; what is told here is evidence.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from msgspec import Struct
from tests.integration.tryton.catalog.hands import Clerk as Hands
from tests.integration.tryton.conftest import a_context

from knect.sdk.secret import Secret
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.config import read_config
from knect_connectors.tryton.demo import ADMINISTRATOR, Person, TrytonServer
from knect_connectors.tryton.demo.people import Parcel
from knect_connectors.tryton.wire import money

__all__ = ["Clerk", "Held", "Sale"]


class Sale(Struct, frozen=True, kw_only=True):
    """A sale made of a shop's order: the order's id there."""

    order: str
    total: Decimal


class Held(Struct, frozen=True, kw_only=True):
    """What the ERP holds of the shop's."""

    sales: Sequence[Sale]
    payments: Sequence[tuple[str, Decimal]]
    credits: Sequence[Decimal]
    prices: Mapping[str, Decimal]
    available: Mapping[str, int]


class Clerk:
    """Logs in anew for each act, as a person who comes by."""

    def __init__(self, server: TrytonServer) -> None:
        self._server = server

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

    async def ship_one(self, tracking: str) -> dict[str, str]:
        """Send the oldest sale that is not processed in one parcel: order number -> tracking."""
        async with self._at_work() as client:
            found = await client.search_read(
                "sale.sale",
                [["state", "=", "confirmed"], ["web_id", "!=", None], ["origin", "=", None]],
                ["id", "reference"],
                order=[["id", "ASC"]],
                limit=1,
            )
            for sale in found:
                lines = await client.search_read(
                    "sale.line", [["sale", "=", sale["id"]], ["product.type", "=", "goods"]],
                    ["quantity", "product.code"],
                )  # fmt: skip
                skus = {line["product."]["code"]: float(line["quantity"]) for line in lines}
                await Person(client).send(sale["id"], [Parcel(tracking=tracking, skus=skus)])
                return {sale["reference"]: tracking}
        return {}

    async def count(self, sku: str, pieces: int) -> None:
        """Count a product's pieces in the warehouse."""
        async with self._at_work() as client:
            await Hands(client).counts(sku, pieces)

    async def price(self, sku: str, price: Decimal) -> None:
        """Give a product another price."""
        async with self._at_work() as client:
            (product,) = await client.search_read("product.product", [["code", "=", sku]], ["id"])
            values = {"list_price": money(price)}
            await client.call("model.product.product.write", [product["id"]], values)

    async def held(self) -> Held:
        """Return what there is."""
        async with self._at_work() as client:
            sales = await client.search_read(
                "sale.sale",
                [["web_id", "!=", None]],
                ["web_id", "total_amount", "origin", "state", "lines"],
            )
            payments = await client.search_read(
                "account.payment", [["reference", "!=", None]], ["kind", "amount"]
            )
            goods = await client.search_read(
                "product.product",
                [["code", "like", "KN-%"]],
                ["code", "list_price", "template.list_price"],
            )
            hands = Hands(client)
            waiting = await client.search_read(
                "sale.line",
                [["sale.state", "=", "confirmed"], ["sale.origin", "=", None]],
                ["product.code", "quantity"],
            )
            available = {one["code"]: int(await hands.forecast(one["code"])) for one in goods}
            for line in waiting:
                code = (line["product."] or {}).get("code")
                if code in available:
                    available[code] -= int(line["quantity"])
        return Held(
            sales=[
                Sale(order=one["web_id"].partition(":")[2], total=one["total_amount"])
                for one in sales
                if one["origin"] is None
            ],
            payments=[(one["kind"], one["amount"]) for one in payments],
            credits=[one["total_amount"] for one in sales if one["origin"] is not None],
            prices={one["code"]: _price(one) for one in goods},
            available=available,
        )


def _price(product: Mapping[str, Any]) -> Decimal:
    """Return a variant's own price, or the one it has of its template."""
    own = product["list_price"]
    return Decimal(product["template."]["list_price"] if own is None else own)
