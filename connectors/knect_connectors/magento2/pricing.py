"""Prices of the ERP to the shop, per store view: regular, special, and by quantity (tier).

A price list of the ERP is mapped (valueMaps `price_list`) to the code of a store view that the
Connection declares with its currency; a record without a list is for `all`, the values all store
views share. With a compare-at price that one is the regular price and the amount the special one.
Must not: round (the pipeline declares it), convert a currency, write a store view that is not
named, or take away a special price it did not set.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from knect.model import Price, Record
from knect.sdk.amounts import price_text
from knect.sdk.contract import Delivery, Effect, Operation, Reference
from knect.sdk.errors import BadRecord, ConnectorError, MissingReference, NotForThere, Refused
from knect.sdk.parts import Answers, Part, Write
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.config import ALL
from knect_connectors.magento2.price_rows import find_prices, send_prices
from knect_connectors.magento2.skus import find_skus
from knect_connectors.magento2.tiers import find_tiers, send_tiers

__all__ = ["PRICES"]

_ATTRIBUTE, _STORES = "products/attributes/price", "store/storeViews"
_GLOBAL = "global"
_UNPRICED = frozenset({"configurable", "grouped"})
_BUNDLE = "bundle"
_EVERYBODY, _EVERYWHERE = "ALL GROUPS", 0


def _price(record: Record) -> Price:
    assert isinstance(record, Price)
    return record


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    price = _price(record)
    if not price.sku:
        raise BadRecord(f"price {price.source_id} has no SKU", path="sku", value=price.sku)
    if price.minimum_quantity > 1:
        return {"tier_price": price.amount, "tier_quantity": price.minimum_quantity}
    if price.compare_at is None:
        return {"price": price.amount, "special_price": None}
    return {
        "price": price.compare_at,
        "special_price": price.amount,
        "special_from": price.valid_from,
        "special_to": price.valid_until,
    }


def _references(record: Record) -> Sequence[Reference]:
    price = _price(record)
    return (
        Reference(kind="sku", value=price.sku, path="sku"),
        Reference(kind="price_list", value=price.price_list or ALL, path="price_list"),
    )


async def _find_lists(client: MagentoClient, names: Sequence[str]) -> Answers:
    """Return price list (the code of a store view) -> `code id currency`."""
    ids = {ALL: "0"}
    is_global = False
    if any(name != ALL and client.config.store(name) for name in names):
        ids |= {str(row["code"]): str(row["id"]) for row in await client.get(_STORES)}
        is_global = (await client.get(_ATTRIBUTE)).get("scope") == _GLOBAL
    return {name: _list(client, name, ids.get(name), is_global=is_global) for name in names}


def _list(
    client: MagentoClient, name: str, identifier: str | None, *, is_global: bool
) -> str | ConnectorError:
    store = client.config.store(name)
    if store is None:
        known = ", ".join(repr(one.code) for one in client.config.stores) or "none"
        return MissingReference(
            f"{name!r} is no store view of config.stores, which has {known}; declare it there with"
            " the currency its prices are in, or map it in valueMaps `price_list`",
            kind="price_list",
            value=name,
        )
    if identifier is None:
        return MissingReference(
            f"the shop has no store view {name!r}; correct config.stores",
            kind="price_list",
            value=name,
        )
    if is_global and name != ALL:
        return Refused(
            f"the shop has one price for all store views (Catalog Price Scope is Global): what is"
            f" written for {name!r} would be everybody's; map the list to {ALL!r}, or set the scope"
            " to Website in the shop",
            code="PriceScopeGlobal",
            path="price_list",
            value=name,
        )
    return f"{name} {identifier} {store.currency}"


def _plan(delivery: Delivery) -> Sequence[Effect]:
    price, document = _price(delivery.record), delivery.document
    identifier, _, kind = delivery.resolved["sku", price.sku].partition(" ")
    _check_kind(kind, price.sku, document)
    listed = delivery.resolved["price_list", price.price_list or ALL]
    store, store_id, currency = listed.split(" ")
    if currency != price.currency:
        raise Refused(
            f"the price is in {price.currency}, but store view {store!r} has prices in {currency};"
            " nothing is converted, read a list in that currency",
            code="CurrencyNotSold",
            path="currency",
            value=price.currency,
        )
    body: dict[str, Any] = {
        "sku": price.sku, "product": identifier, "store": store, "store_id": int(store_id),
    }  # fmt: skip
    if "tier_price" in document:
        body |= {
            "instead": _moved(document, delivery.before),
            "amount": price_text("tier_price", document["tier_price"], currency),
            "quantity": str(document.get("tier_quantity") or price.minimum_quantity),
            "group": str(delivery.settings.get("customerGroup", _EVERYBODY)),
            "website": int(delivery.settings.get("websiteId", _EVERYWHERE)),
        }
        return (_effect("tier", body, identifier, delivery.external_id),)
    values = _values(document, delivery.before, currency)
    if not values:
        return ()
    return (_effect("price", body | values, f"{identifier}@{store}", delivery.external_id),)


def _check_kind(kind: str, sku: str, document: Mapping[str, Any]) -> None:
    """Raise NotForThere for a product without a price, Refused for one whose price is per cent."""
    if kind in _UNPRICED:
        raise NotForThere(
            f"{sku} is a {kind} product in the shop, whose price is that of what is chosen",
            code="BundleItem",
            path="sku",
            value=sku,
        )
    amount = document.get("special_price", document.get("tier_price"))
    if kind == _BUNDLE and amount is not None:
        raise Refused(
            f"{sku} is a bundle in the shop, where a special price and a price by quantity are per"
            " cent of its price; leave them out for it, or set them by hand",
            path="special_price" if "special_price" in document else "tier_price",
            value=str(amount),
        )


def _effect(write: str, body: Mapping[str, Any], key: str, external_id: str) -> Effect:
    return Effect(
        name=write,
        write=write,
        entity="prices",
        operation=Operation.UPDATE,
        key=key,
        external_id=external_id,
        body=body,
        primary=True,
    )


def _values(
    document: Mapping[str, Any], before: Sequence[Mapping[str, Any]], currency: str
) -> dict[str, Any]:
    """Return what is set: `price`, `special` with its days, `ended`: special prices of ours."""
    values: dict[str, Any] = {}
    if "price" in document:
        values["price"] = price_text("price", document["price"], currency)
    if document.get("special_price") is not None:
        values["special"] = {
            "price": price_text("special_price", document["special_price"], currency),
            "from": _instant(document.get("special_from")),
            "to": _instant(document.get("special_to")),
        }
    elif "special_price" in document:
        ours = [one["special_price"] for one in before if one.get("special_price") is not None]
        if ours:
            values["ended"] = [str(one) for one in ours]
    return values


def _moved(
    document: Mapping[str, Any], before: Sequence[Mapping[str, Any]]
) -> list[dict[str, str]]:
    """Return our entries at other quantities: they would stay beside the new one."""
    now = document.get("tier_quantity")
    return [
        {"quantity": str(one["tier_quantity"]), "amount": str(one["tier_price"])}
        for one in before
        if now is not None
        and one.get("tier_quantity") is not None
        and one.get("tier_price") is not None
        and Decimal(one["tier_quantity"]) != Decimal(now)
    ]


def _instant(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value or "")


PRICES = Part(
    document=_document,
    references=_references,
    plan=_plan,
    writes={
        "price": Write(send=send_prices, find=find_prices),
        "tier": Write(send=send_tiers, find=find_tiers),
    },
    resolvers={"price_list": _find_lists, "sku": find_skus},
)
