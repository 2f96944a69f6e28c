"""Prices of the ERP to the shop: the regular price, and a sale price with its days.

With a compare-at price that one is the regular and the amount the sale price. A shop has one list
in one currency; which list of the ERP that is, `settings.priceList` says.
Must not: round (the pipeline declares it), convert a currency, add or take off tax, or take away a
sale price it did not set.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from knect.model import Price, Record
from knect.sdk.amounts import price_text
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import BadRecord, ConnectorError, NotForThere, Refused
from knect.sdk.parts import Answers, Part, Write
from knect_connectors.woocommerce.client import WooClient
from knect_connectors.woocommerce.payload import instant_text
from knect_connectors.woocommerce.shelf import find_as_wanted, send_wanted
from knect_connectors.woocommerce.shop import shop_prices
from knect_connectors.woocommerce.skus import find_skus

__all__ = ["PRICES"]

#: Field of the document -> field of the product.
_FIELDS = {
    "price": "regular_price",
    "sale_price": "sale_price",
    "sale_from": "date_on_sale_from_gmt",
    "sale_to": "date_on_sale_to_gmt",
}
_OF_PARTS = frozenset({"variable", "grouped"})


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
    return {
        "price": price.compare_at,
        "sale_price": price.amount,
        "sale_from": price.valid_from,
        "sale_to": price.valid_until,
    }


def _references(record: Record) -> Sequence[Reference]:
    price = _price(record)
    return (
        Reference(kind="sku", value=price.sku, path="sku"),
        Reference(kind="currency", value=price.currency, path="currency"),
    )


async def _find_currency(client: WooClient, codes: Sequence[str]) -> Answers:
    """Return for each code the one currency the shop has, and `gross` or `net`."""
    told = await shop_prices(client)
    return dict.fromkeys(codes, f"{told.currency} {'gross' if told.included else 'net'}")


def _plan(delivery: Delivery) -> Sequence[Effect]:
    price, document = _price(delivery.record), delivery.document
    wanted = delivery.settings.get("priceList")
    if wanted and price.price_list != wanted:
        raise NotForThere(
            f"list {price.price_list!r} is not told to the shop, which has one: {wanted!r}",
            code="NotTracked",
        )
    if price.minimum_quantity > 1:
        raise NotForThere(
            f"the price is for {price.minimum_quantity} pieces and more; the shop has one price per"
            " product",
            code="NotTracked",
            path="minimum_quantity",
            value=str(price.minimum_quantity),
        )
    identifier, _, kind = delivery.resolved["sku", price.sku].partition(" ")
    if kind in _OF_PARTS:
        why = f"{price.sku} is a product of type {kind}, whose prices are those of its parts"
        raise NotForThere(why, code="BundleItem", path="sku", value=price.sku)
    currency, _, entered = delivery.resolved["currency", price.currency].partition(" ")
    if currency != price.currency:
        raise Refused(
            f"the price is in {price.currency}, but the shop sells in {currency}; nothing is"
            " converted, read a list in that currency",
            code="CurrencyNotSold",
            path="currency",
            value=price.currency,
        )
    if delivery.settings.get("taxes", "Check") == "Check":
        _require_same_tax(price, gross=entered == "gross")
    values = _values(document, delivery.before, currency)
    if not values:
        return ()
    return (
        Effect(
            name="price",
            write="price",
            entity="prices",
            operation=Operation.UPDATE,
            key=identifier,
            external_id=delivery.external_id,
            body={"sku": price.sku, "values": values},
            primary=True,
        ),
    )


def _require_same_tax(price: Price, *, gross: bool) -> None:
    """Raise Refused for a net price where prices are entered with tax, and the other way round."""
    if price.taxes_included == gross:
        return
    words = ("without tax", "with tax")
    raise Refused(
        f"the price is {words[price.taxes_included]}, but the shop's prices are entered"
        f" {words[gross]}: read a list that is so, or work it out in the mapping and set"
        " destination.settings.taxes to Ignore",
        path="taxes_included",
        value=str(price.taxes_included),
    )


def _values(
    document: Mapping[str, Any], before: Sequence[Mapping[str, Any]], currency: str
) -> dict[str, str]:
    """Return fields as the shop takes them; '' takes a sale price away that was ours."""
    values: dict[str, str] = {}
    if "price" in document:
        values["regular_price"] = price_text("price", document["price"], currency)
    if document.get("sale_price") is not None:
        values["sale_price"] = price_text("sale_price", document["sale_price"], currency)
        for name in ("sale_from", "sale_to"):
            values[_FIELDS[name]] = _instant(document.get(name))
        _require_lower(values)
    elif "sale_price" in document and any(one.get("sale_price") for one in before):
        values |= {_FIELDS[name]: "" for name in ("sale_price", "sale_from", "sale_to")}
    return values


def _require_lower(values: Mapping[str, str]) -> None:
    """Raise Refused for a sale that is none: the shop would drop it in silence."""
    regular = values.get("regular_price")
    if regular is not None and Decimal(values["sale_price"]) >= Decimal(regular):
        raise Refused(
            f"the sale price {values['sale_price']} is not below the regular price {regular}, which"
            " the shop does not take for a sale",
            path="sale_price",
            value=values["sale_price"],
        )


def _instant(value: Any) -> str:
    """Return an instant as the API takes it; a day begins at midnight UTC."""
    if value in (None, ""):
        return ""
    at = value if isinstance(value, date) else datetime.fromisoformat(str(value))
    if not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day, tzinfo=UTC)
    return instant_text(at if at.tzinfo is not None else at.replace(tzinfo=UTC))


def _wanted(body: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any] | ConnectorError:
    """Return all the values if one of them is not there: price and sale price move together."""
    values: Mapping[str, str] = body["values"]
    is_so = all(_is_same(name, value, row.get(name)) for name, value in values.items())
    return {} if is_so else values


def _is_same(name: str, ours: str, theirs: Any) -> bool:
    text = "" if theirs is None else str(theirs)
    if name.endswith("price") and ours and text:
        try:
            return Decimal(text) == Decimal(ours)
        except InvalidOperation:
            return False
    return text == ours


async def _send(client: WooClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    return await send_wanted(client, calls, _wanted)


async def _find(client: WooClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    return await find_as_wanted(client, calls, _wanted)


PRICES = Part(
    rights=("/products",),
    document=_document,
    references=_references,
    plan=_plan,
    writes={"price": Write(send=_send, find=_find)},
    resolvers={"currency": _find_currency, "sku": find_skus},
)
