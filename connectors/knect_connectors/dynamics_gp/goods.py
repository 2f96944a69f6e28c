"""Reading items, stock levels and prices.

* available = on hand - allocated, per site; what is back ordered is told too. GP keeps no mark on
  quantities, hence the sweep; `as_of` is when the sweep found the figure.
* a price is one row of the price list: item, level, currency, unit, from a quantity on. The list
  price, where it is higher, is the compare-at price.

Must not: say what may be sold; that is a formula a pipeline declares.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from knect.model import InventoryLevel, Price, Product, Variant
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.fields import at_of, plain, text
from knect_connectors.dynamics_gp.listed import Listed, Loaded
from knect_connectors.dynamics_gp.sweeping import sweeper

__all__ = ["INVENTORY", "PRICES", "PRODUCTS"]

#: IV00101.ITEMTYPE
_KINDS = {1: "goods", 2: "goods", 3: "bundle", 4: "service", 5: "service", 6: "service"}
_DISCONTINUED = 2


async def _load_levels(client: GpClient, marks: Sequence[str]) -> Loaded:
    sites = {site.upper() for site in client.config.sites}
    rows = await client.by_keys("levels", marks)
    return {
        text(row["mark"]): (at_of(row["changed"]), _without(row, "changed"))
        for row in rows
        if not sites or text(row["LOCNCODE"]).upper() in sites
    }


def _level(client: GpClient, raw: dict[str, Any]) -> InventoryLevel:
    del client
    kind = _KINDS.get(raw["ITEMTYPE"], "goods")
    on_hand, reserved = Decimal(raw["QTYONHND"]), Decimal(raw["ATYALLOC"])
    return InventoryLevel(
        source_id=raw["mark"],
        sku=raw["ITEMNMBR"],
        location=raw["LOCNCODE"],
        on_hand=on_hand,
        reserved=reserved,
        available=on_hand - reserved,
        incoming=Decimal(raw["QTYONORD"]),
        unit=raw["SELNGUOM"] or None,
        tracked=kind == "goods",
        kind=kind,
        as_of=datetime.fromisoformat(raw["swept"]),
    )


async def _load_prices(client: GpClient, marks: Sequence[str]) -> Loaded:
    levels = {level.upper() for level in client.config.priceLevels}
    rows = await client.by_keys("prices", marks)
    return {
        text(row["mark"]): (at_of(row["changed"]), _without(row, "changed"))
        for row in rows
        if not levels or text(row["PRCLEVEL"]).upper() in levels
    }


def _price(client: GpClient, raw: dict[str, Any]) -> Price:
    amount, listed = Decimal(raw["UOMPRICE"]), Decimal(raw["LISTPRCE"] or 0)
    return Price(
        source_id=raw["mark"],
        sku=raw["ITEMNMBR"],
        currency=client.config.currency_code(raw["CURNCYID"]),
        amount=amount,
        compare_at=listed if listed > amount else None,
        price_list=raw["PRCLEVEL"],
        minimum_quantity=max(Decimal(raw["FROMQTY"]), Decimal(1)),
        updated_at=datetime.fromisoformat(raw["last_modified_at"]),
    )


async def _load_products(client: GpClient, items: Sequence[str]) -> Loaded:
    rows = await client.by_keys("products", items)
    return {
        text(row["ITEMNMBR"]): (at_of(row["changed"]), _without(row, "changed")) for row in rows
    }


def _product(client: GpClient, raw: dict[str, Any]) -> Product:
    del client
    kind = _KINDS.get(raw["ITEMTYPE"], "goods")
    gone = raw["INACTIVE"] or raw["ITEMTYPE"] == _DISCONTINUED
    return Product(
        source_id=raw["ITEMNMBR"],
        title=raw["ITEMDESC"],
        status="archived" if gone else "active",
        kind=kind,
        variants=(
            Variant(
                source_id=raw["ITEMNMBR"],
                sku=raw["ITEMNMBR"],
                title=raw["ITEMDESC"],
                tracked=kind == "goods",
                requires_shipping=kind == "goods",
            ),
        ),
        updated_at=datetime.fromisoformat(raw["last_modified_at"]),
        attributes={"class": raw["ITMCLSCD"], "short_name": raw["ITMSHNAM"]},
    )


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    found = plain(row)
    found.pop(name)
    return found


INVENTORY = Listed(
    listing="levels_changed",
    key="mark",
    load=_load_levels,
    record=_level,
    sweep=sweeper("inventory"),
)
PRICES = Listed(
    listing="prices_changed",
    key="mark",
    load=_load_prices,
    record=_price,
    sweep=sweeper("prices"),
)
PRODUCTS = Listed(listing="products_changed", key="ITEMNMBR", load=_load_products, record=_product)
