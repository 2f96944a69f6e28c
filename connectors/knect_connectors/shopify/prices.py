"""Prices of the ERP to the shop: price and compare-at price of a variant, as one unit.

A price list of the ERP is mapped (valueMaps `price_list`) to a price list of the shop by its name,
or to `@base`: the variants' own price. A record without a list is a base price.
Must not: round (the pipeline declares it), convert a currency, write another list than named, or
take the price from a quantity on for that of one piece.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.model import Price, Record
from knect.sdk.amounts import price_text
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import BadRecord, ConnectorError, MissingReference, NotForThere, Refused
from knect.sdk.parts import Answers, Part, Write
from knect_connectors.shopify import catalog_queries, queries
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.refusals import payload_of, refused
from knect_connectors.shopify.rows import send_grouped
from knect_connectors.shopify.skus import find_skus, pages_of, read_sku

__all__ = ["BASE", "PRICES"]

#: The variants' own price, where a price list is asked for.
BASE = "@base"

_GONE = frozenset(("PRODUCT_DOES_NOT_EXIST", "PRODUCT_VARIANT_DOES_NOT_EXIST", "VARIANT_NOT_FOUND"))
_FIELDS = (("price", "price"), ("compare_at", "compareAtPrice"))


def _price(record: Record) -> Price:
    assert isinstance(record, Price)
    return record


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    price = _price(record)
    if not price.sku:
        raise BadRecord(f"price {price.source_id} has no SKU", path="sku", value=price.sku)
    return {"price": price.amount, "compare_at": price.compare_at}


def _references(record: Record) -> Sequence[Reference]:
    price = _price(record)
    return (
        Reference(kind="sku", value=price.sku, path="sku"),
        Reference(kind="price_list", value=price.price_list or BASE, path="price_list"),
    )


async def _find_lists(client: ShopifyClient, names: Sequence[str]) -> Answers:
    """Return price list (its name, its id, or `@base`) -> `id currency`."""
    found: dict[str, str | ConnectorError] = {}
    others = [name for name in names if name != BASE]
    if BASE in names:
        shop = (await client.read(queries.SHOP, operation="Shop"))["shop"]
        found[BASE] = f"{BASE} {shop['currencyCode']}"
    if not others:
        return found
    nodes = await pages_of(client, catalog_queries.PRICE_LISTS, "PriceLists", "priceLists")
    known = ", ".join(sorted(repr(node["name"]) for node in nodes)) or "none"
    for name in others:
        same = [node for node in nodes if name in (node["name"], node["id"])]
        found[name] = (
            f"{same[0]['id']} {same[0]['currency']}"
            if len(same) == 1
            else MissingReference(
                f"{name!r} is no price list of the shop, which has {known}; map it in valueMaps"
                f" `price_list` to one of them, or to {BASE!r} for the variants' own price",
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
            " shop, where one piece and many cost the same each",
            path="minimum_quantity",
            value=price.minimum_quantity,
        )
    sku = read_sku(delivery.resolved["sku", price.sku])
    listed, currency = delivery.resolved["price_list", price.price_list or BASE].split(" ")
    if currency != price.currency:
        where = "the shop" if listed == BASE else f"the price list {price.price_list!r}"
        raise Refused(
            f"the price is in {price.currency}, but {where} has prices in {currency}; nothing is"
            " converted, read a list in that currency",
            code="CurrencyNotSold",
            path="currency",
            value=price.currency,
        )
    values = {
        theirs: _amount(ours, delivery.document[ours], currency)
        for ours, theirs in _FIELDS
        if ours in delivery.document
    }
    if not values:
        return ()
    if listed != BASE and values.get("price") is None:
        raise Refused(
            "a price list has no compare-at price alone; add price to mapping.owns",
            path="mapping.owns",
        )
    write = "price" if listed == BASE else "listPrice"
    return (
        Effect(
            name=write,
            write=write,
            entity="prices",
            operation=Operation.UPDATE,
            key=f"{sku.variant}@{listed}",
            external_id=delivery.external_id,
            body={
                "sku": price.sku,
                "variant": sku.variant,
                "product": sku.product,
                "list": listed,
                "currency": currency,
                "values": values,
            },
            primary=True,
        ),
    )


def _amount(field: str, value: Any, currency: str) -> str | None:
    if value is None and field == "compare_at":
        return None
    return price_text(field, value, currency)


# ---------------------------------------------------------------- the variants' own price


async def _send_base(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    async def request(product: str, rows: Sequence[Call]) -> list[Any]:
        data = await client.write(
            catalog_queries.VARIANTS_UPDATE,
            operation="VariantsUpdate",
            product=product,
            variants=[
                {"id": call.effect.body["variant"], **call.effect.body["values"]} for call in rows
            ],
        )
        return payload_of(data, "productVariantsBulkUpdate")[1]

    return await send_grouped(calls, by="product", request=request, done=_done, judge=_judged)


async def _find_base(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    data = await client.read(
        catalog_queries.VARIANT_PRICES,
        operation="VariantPrices",
        ids=[call.effect.body["variant"] for call in calls],
    )
    return [
        _done(call).found if node and _is_same(call.effect.body["values"], node) else None
        for call, node in zip(calls, data["nodes"], strict=True)
    ]


def _is_same(values: Mapping[str, str | None], there: Mapping[str, Any]) -> bool:
    return all(_number(value) == _number(there.get(name)) for name, value in values.items())


def _number(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


# ---------------------------------------------------------------- price lists


async def _send_listed(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    async def request(listed: str, rows: Sequence[Call]) -> list[Any]:
        data = await client.write(
            catalog_queries.PRICES_ADD,
            operation="PricesAdd",
            list=listed,
            prices=[_row(call.effect.body) for call in rows],
        )
        return payload_of(data, "priceListFixedPricesAdd")[1]

    return await send_grouped(calls, by="list", request=request, done=_done, judge=_judged)


def _row(body: Mapping[str, Any]) -> dict[str, Any]:
    def money(amount: str | None) -> dict[str, str] | None:
        return None if amount is None else {"amount": amount, "currencyCode": body["currency"]}

    return {
        "variantId": body["variant"],
        **{name: money(amount) for name, amount in body["values"].items()},
    }


async def _find_listed(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    there: dict[tuple[str, str], dict[str, Any]] = {}
    for listed in {call.effect.body["list"] for call in calls}:
        numbers = [
            call.effect.body["variant"].rpartition("/")[2]
            for call in calls
            if call.effect.body["list"] == listed
        ]
        query = " OR ".join(f"variant_id:{number}" for number in numbers)
        nodes = await pages_of(
            client,
            catalog_queries.PRICES_FIXED,
            "PricesFixed",
            *("priceList", "prices"),
            list=listed,
            query=query,
        )
        for node in nodes:
            amounts = {name: (node.get(name) or {}).get("amount") for _, name in _FIELDS}
            there[listed, node["variant"]["id"]] = amounts
    return [
        _done(call).found
        if (known := there.get((call.effect.body["list"], call.effect.body["variant"])))
        and _is_same(call.effect.body["values"], known)
        else None
        for call in calls
    ]


def _judged(call: Call, errors: Sequence[Mapping[str, Any]]) -> ConnectorError:
    """Return what stands in the way: what went since it was looked up is waited for."""
    if errors[0].get("code") not in _GONE:
        return refused(errors)
    sku = call.effect.body["sku"]
    gone = f"the shop has no variant with SKU {sku!r} any more"
    return MissingReference(gone, kind="sku", value=sku, path="sku")


def _done(call: Call) -> Outcome:
    body = call.effect.body
    return Outcome(
        found=Found(destination_id=f"{body['variant']}@{body['list']}", number=body["sku"])
    )


PRICES = Part(
    rights=("write_products",),
    document=_document,
    references=_references,
    plan=_plan,
    writes={
        "price": Write(send=_send_base, find=_find_base),
        "listPrice": Write(send=_send_listed, find=_find_listed),
    },
    resolvers={"price_list": _find_lists, "sku": find_skus},
)
