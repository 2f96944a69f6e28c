"""Prices of the ERP to the shop, per store view: regular, special, and by quantity (tier).

A price list of the ERP is mapped (valueMaps `price_list`) to the code of a store view that the
Connection declares with its currency; a record without a list is for `admin`, the values all store
views share. With a compare-at price that one is the regular price and the amount the special one.
Must not: round (the pipeline declares it), convert a currency, write a store view that is not
named, or take away a special price it did not set.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from knect.model import Price, Record
from knect.sdk.amounts import price_text
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import BadRecord, ConnectorError, MissingReference, Refused
from knect.sdk.parts import Answers, Part, Write, not_begun
from knect.sdk.permit import is_time_for_more
from knect_connectors.magento1.client import Ask, MagentoClient
from knect_connectors.magento1.skus import find_skus
from knect_connectors.magento1.tiers import find_tiers, send_tiers
from knect_connectors.magento1.xmlrpc import Fault

__all__ = ["BASE", "PRICES"]

#: The store view of the values that all others share.
BASE = "admin"

_INFO, _UPDATE = "catalog_product.info", "catalog_product.update"
_NOT_EXISTS = "101"
#: Field of the document -> attribute of the product.
_FIELDS = {
    "price": "price",
    "special_price": "special_price",
    "special_from": "special_from_date",
    "special_to": "special_to_date",
}
_SPECIAL = ("special_price", "special_from", "special_to")


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
        Reference(kind="price_list", value=price.price_list or BASE, path="price_list"),
    )


async def _find_lists(client: MagentoClient, names: Sequence[str]) -> Answers:
    """Return price list (the code of a store view) -> `code currency`."""
    known = ", ".join(repr(one.code) for one in client.config.stores) or "none"
    found: dict[str, str | ConnectorError] = {}
    for name in names:
        store = client.config.store(name)
        found[name] = (
            f"{store.code} {store.currency}"
            if store is not None
            else MissingReference(
                f"{name!r} is no store view of config.stores, which has {known}; declare it there"
                " with the currency its prices are in, or map it in valueMaps `price_list`",
                kind="price_list",
                value=name,
            )
        )
    return found


def _plan(delivery: Delivery) -> Sequence[Effect]:
    price, document = _price(delivery.record), delivery.document
    identifier = delivery.resolved["sku", price.sku].partition(" ")[0]
    store, currency = delivery.resolved["price_list", price.price_list or BASE].split(" ")
    if currency != price.currency:
        raise Refused(
            f"the price is in {price.currency}, but store view {store!r} has prices in {currency};"
            " nothing is converted, read a list in that currency",
            code="CurrencyNotSold",
            path="currency",
            value=price.currency,
        )
    body: dict[str, Any] = {"sku": price.sku, "product": identifier, "store": store}
    if "tier_price" in document:
        body |= {
            "instead": _moved(document, delivery.before),
            "amount": price_text("tier_price", document["tier_price"], currency),
            "quantity": str(document.get("tier_quantity") or price.minimum_quantity),
            "group": str(delivery.settings.get("customerGroup", "all")),
            "website": str(delivery.settings.get("website", "all")),
        }
        return (_effect("tier", body, f"{identifier}", delivery.external_id),)
    values = _values(document, delivery.before, currency)
    if not values:
        return ()
    body["values"] = values
    return (_effect("price", body, f"{identifier}@{store}", delivery.external_id),)


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
) -> dict[str, str]:
    """Return attributes as the shop takes them; '' takes a special price away that was ours."""
    values: dict[str, str] = {}
    if "price" in document:
        values["price"] = price_text("price", document["price"], currency)
    if document.get("special_price") is not None:
        values["special_price"] = price_text("special_price", document["special_price"], currency)
        for name in ("special_from", "special_to"):
            values[_FIELDS[name]] = _instant(document.get(name))
    elif "special_price" in document and any(one.get("special_price") for one in before):
        values |= {_FIELDS[name]: "" for name in _SPECIAL}
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


def _as_told(values: Mapping[str, str], zone: ZoneInfo) -> dict[str, str]:
    """Return attributes with instants as the shop's days: the first and the last one, both whole.

    A price ends before the instant it is valid until. What is a day already stays that day.
    """
    told = dict(values)
    for name, before in (("special_from_date", 0), ("special_to_date", 1)):
        if text := told.get(name):
            at = datetime.fromisoformat(text)
            if at.tzinfo is not None:
                at = (at - timedelta(microseconds=before)).astimezone(zone)
            told[name] = f"{at:%Y-%m-%d}"
    return told


# ---------------------------------------------------------------- at the shop


async def _send(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    size = client.config.batch
    outcomes: list[Outcome] = []
    for start in range(0, len(calls), size):
        part = calls[start : start + size]
        if start and not is_time_for_more():
            outcomes += [not_begun() for _ in part]
            continue
        asks: list[Ask] = []
        for call in part:
            body = call.effect.body
            values = _as_told(body["values"], client.config.zone)
            asks.append((_UPDATE, [body["sku"], values, body["store"], "sku"]))
        try:
            answers = await client.write_all(asks)
        except ConnectorError as error:
            if len(calls) <= size:
                raise
            answers = [error] * len(part)
        outcomes += [_outcome(call, answer) for call, answer in zip(part, answers, strict=True)]
    return outcomes


def _outcome(call: Call, answer: Any) -> Outcome:
    body = call.effect.body
    if isinstance(answer, ConnectorError):
        if answer.code == _NOT_EXISTS:
            gone = f"the shop has no product with SKU {body['sku']!r} any more"
            return Outcome(error=MissingReference(gone, kind="sku", value=body["sku"], path="sku"))
        return Outcome(error=answer)
    return _done(call)


async def _find(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    attributes = list(_FIELDS.values())
    asks: list[Ask] = [
        (_INFO, [call.effect.body["sku"], call.effect.body["store"], attributes, "sku"])
        for call in calls
    ]
    found: list[Found | None] = []
    for call, answer in zip(calls, await client.read_all(asks), strict=True):
        wanted = _as_told(call.effect.body["values"], client.config.zone)
        same = not isinstance(answer, Fault) and _is_same(wanted, answer)
        found.append(_done(call).found if same else None)
    return found


def _is_same(values: Mapping[str, str], there: Mapping[str, Any]) -> bool:
    for name, value in values.items():
        ours, theirs = value or None, there.get(name) or None
        if name.endswith("price") and ours is not None and theirs is not None:
            if Decimal(str(theirs)) != Decimal(ours):
                return False
        elif (ours or "")[:10] != str(theirs or "")[:10]:
            return False
    return True


def _done(call: Call) -> Outcome:
    body = call.effect.body
    return Outcome(
        found=Found(destination_id=f"{body['product']}@{body['store']}", number=body["sku"])
    )


PRICES = Part(
    rights=("catalog_product.list", _INFO, _UPDATE),
    document=_document,
    references=_references,
    plan=_plan,
    writes={
        "price": Write(send=_send, find=_find),
        "tier": Write(send=send_tiers, find=find_tiers),
    },
    resolvers={"price_list": _find_lists, "sku": find_skus},
)
