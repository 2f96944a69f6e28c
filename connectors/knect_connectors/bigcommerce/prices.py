"""Prices of the ERP to the store: price and sale price of a variant, as one unit.

A price list of the ERP is mapped (valueMaps `price_list`) to a price list of the store by its name,
or to `@base`: the catalog's own price, which is the product's where it has no options, and the
variant's where it has. A record without a list is a base price. With a compare-at price that one is
the price and the amount the sale price; a sale price that is not ours is never taken away.
Must not: round (the pipeline declares it), convert a currency, write another list than named, or
take the price from a quantity on for that of one piece.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Price, Record
from knect.sdk.amounts import price_text
from knect.sdk.contract import Delivery, Effect, Operation, Reference
from knect.sdk.errors import BadRecord, ConnectorError, MissingReference, NotForThere, Refused
from knect.sdk.parts import Answers, Part, Write
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.listing import Row, all_of
from knect_connectors.bigcommerce.pricing import (
    BASE,
    find_base,
    find_listed,
    send_base,
    send_listed,
)
from knect_connectors.bigcommerce.skus import find_skus, read_sku

__all__ = ["PRICES"]

_LISTS = "/v3/pricelists"


def _price(record: Record) -> Price:
    assert isinstance(record, Price)
    return record


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    price = _price(record)
    if not price.sku:
        raise BadRecord(f"price {price.source_id} has no SKU", path="sku", value=price.sku)
    if price.compare_at is None:
        return {"price": price.amount, "sale_price": None}
    return {"price": price.compare_at, "sale_price": price.amount}


def _references(record: Record) -> Sequence[Reference]:
    price = _price(record)
    return (
        Reference(kind="sku", value=price.sku, path="sku"),
        Reference(kind="price_list", value=price.price_list or BASE, path="price_list"),
    )


async def _find_lists(client: BigCommerceClient, names: Sequence[str]) -> Answers:
    """Return price list (its name or id, or `@base`) -> `id currency`; `*`: any currency."""
    found: dict[str, str | ConnectorError] = {}
    others = [name for name in names if name != BASE]
    if BASE in names:
        store = await client.read("/v2/store")
        found[BASE] = f"{BASE} {store['currency']}"
    rows: list[Row] = (await all_of(client, _LISTS) or []) if others else []
    known = ", ".join(sorted(repr(row["name"]) for row in rows)) or "none"
    for name in others:
        same = [row for row in rows if name in (row["name"], str(row["id"]))]
        found[name] = (
            f"{same[0]['id']} *"
            if len(same) == 1
            else MissingReference(
                f"{name!r} is no price list of the store, which has {known}; map it in valueMaps"
                f" `price_list` to one of them, or to {BASE!r} for the catalog's own price",
                kind="price_list",
                value=name,
            )
        )
    return found


def _plan(delivery: Delivery) -> Sequence[Effect]:
    price = _price(delivery.record)
    if price.minimum_quantity > 1:
        raise NotForThere(
            f"the price of {price.sku} from {price.minimum_quantity:f} pieces on is not told to the"
            " store, where one piece and many cost the same each",
            path="minimum_quantity",
            value=price.minimum_quantity,
        )
    sku = read_sku(delivery.resolved["sku", price.sku])
    listed, currency = delivery.resolved["price_list", price.price_list or BASE].split(" ")
    if currency not in ("*", price.currency):
        raise Refused(
            f"the price is in {price.currency}, but the store has its prices in {currency}; nothing"
            " is converted, read a list in that currency",
            code="CurrencyNotSold",
            path="currency",
            value=price.currency,
        )
    values = _values(delivery.document, delivery.before, price.currency)
    if not values:
        return ()
    write = "price" if listed == BASE else "listPrice"
    return (
        Effect(
            name=write,
            write=write,
            entity="prices",
            operation=Operation.UPDATE,
            key=f"{sku.variant}@{listed}@{price.currency}",
            external_id=delivery.external_id,
            body={
                "sku": price.sku,
                "variant": sku.variant,
                "product": sku.product,
                "is_base": sku.is_base,
                "list": listed,
                "currency": price.currency,
                "values": values,
            },
            primary=True,
        ),
    )


def _values(
    document: Mapping[str, Any], before: Sequence[Mapping[str, Any]], currency: str
) -> dict[str, str | None]:
    """Return the amounts as texts; None takes a sale price away that was ours."""
    values: dict[str, str | None] = {}
    if "price" in document:
        values["price"] = price_text("price", document["price"], currency)
    if document.get("sale_price") is not None:
        values["sale_price"] = price_text("sale_price", document["sale_price"], currency)
    elif "sale_price" in document and any(one.get("sale_price") is not None for one in before):
        values["sale_price"] = None
    return values


PRICES = Part(
    rights=("Products", "Information & settings"),
    document=_document,
    references=_references,
    plan=_plan,
    writes={
        "price": Write(send=send_base, find=find_base),
        "listPrice": Write(send=send_listed, find=find_listed),
    },
    resolvers={"price_list": _find_lists, "sku": find_skus},
)
