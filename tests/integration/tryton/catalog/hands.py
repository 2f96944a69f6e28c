"""What people do in the ERP: count stock, sell, ship, cancel, buy; and reading it back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from knect.sdk.contract import Change, Window
from knect_connectors.tryton.wire import money


def today() -> date:
    """Return the day in the company's zone."""
    return datetime.now(ZoneInfo("Europe/Berlin")).date()


class Clerk:
    """Works in Tryton as the administrator."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def product(self, sku: str) -> dict[str, Any]:
        fields = ["template", "default_uom", "sale_uom"]
        (row,) = await self.client.search_read("product.product", [["code", "=", sku]], fields)
        return row

    async def warehouse(self) -> dict[str, Any]:
        fields = ["storage_location", "output_location", "input_location"]
        rows = await self.client.search_read("stock.location", [["type", "=", "warehouse"]], fields)
        return rows[0]

    async def counts(self, sku: str, pieces: float) -> None:
        """Count a product in the storage zone."""
        product, place = await self.product(sku), await self.warehouse()
        line = {"product": product["id"], "quantity": float(pieces)}
        values = {"location": place["storage_location"], "lines": [["create", [line]]]}
        values |= {"empty_quantity": "keep", "date": today()}
        ids = await self.client.call("model.stock.inventory.create", [values])
        await self.client.call("model.stock.inventory.confirm", ids)

    async def sells(self, sku: str, pieces: float, state: str = "confirmed", **more: Any) -> int:
        """Make a sale and take it to a state."""
        product, facts = await self.product(sku), await self.client.facts()
        (euro,) = await self.client.search_read("currency.currency", [["code", "=", "EUR"]], ["id"])
        (party,) = await self.client.search_read(
            "party.party", [["name", "=", "Acme Trading"]], ["addresses"]
        )
        line = {
            "product": product["id"],
            "unit": product["sale_uom"],
            "quantity": float(pieces),
            "unit_price": money(Decimal(10)),
        }
        address = party["addresses"][0]
        sale = {
            "company": facts.company,
            "party": party["id"],
            "invoice_address": address,
            "shipment_address": address,
            "currency": euro["id"],
            "warehouse": facts.warehouse,
            "shipment_cost_method": None,
            "carrier": None,
            "lines": [["create", [line]]],
            **more,
        }
        (made,) = await self.client.call("model.sale.sale.create", [sale])
        for step in {"draft": (), "quotation": ("quote",), "confirmed": ("quote", "confirm"),
                     "processing": ("quote", "confirm", "process")}[state]:  # fmt: skip
            await self.client.call(f"model.sale.sale.{step}", [made])
        return int(made)

    async def does(self, act: str, *sales: int) -> None:
        await self.client.call(f"model.sale.sale.{act}", list(sales))

    async def moves(self, sku: str, pieces: float, **more: Any) -> int:
        """Plan a move into the storage zone from a supplier, or as `more` says."""
        product, place = await self.product(sku), await self.warehouse()
        (supplier,) = await self.client.search_read(
            "stock.location", [["type", "=", "supplier"]], ["id"]
        )
        (euro,) = await self.client.search_read("currency.currency", [["code", "=", "EUR"]], ["id"])
        values = {
            "product": product["id"],
            "unit": product["default_uom"],
            "quantity": float(pieces),
            "from_location": supplier["id"],
            "to_location": place["input_location"],
            "unit_price": money(Decimal(1)),
            "currency": euro["id"],
            "company": (await self.client.facts()).company,
            **more,
        }
        (made,) = await self.client.call("model.stock.move.create", [values])
        return int(made)

    async def forecast(self, sku: str) -> float:
        """Return Tryton's own forecast for the warehouse, without an end."""
        context = {"locations": [(await self.warehouse())["id"]], "with_childs": True}
        (row,) = await self.client.search_read(
            "product.product", [["code", "=", sku]], ["forecast_quantity"], context=context
        )
        return float(row["forecast_quantity"])


async def changes(
    connector: Any, entity: str, since: datetime, until: datetime | None = None, size: int = 50
) -> list[Change]:
    """Return what changed in a window that ends now."""
    end = until or await connector.source.server_time() + timedelta(seconds=2)
    window = Window(since=since, until=end, page_size=size)
    return [one async for page in connector.source.read(entity, window) for one in page.changes]


async def record(connector: Any, entity: str, sku: str) -> Any:
    """Return the record of a SKU as it is now."""
    everything = await changes(connector, entity, datetime(2020, 1, 1, tzinfo=UTC))
    records = [connector.source.to_record(entity, one.raw) for one in everything if not one.deleted]
    (found,) = [one for one in records if one.sku == sku]
    return found
