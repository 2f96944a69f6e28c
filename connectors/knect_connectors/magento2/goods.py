"""Reads products, and their prices per store view.

Each product that can be sold is one product with one variant; a configurable one names the ids of
what can be chosen. A price is what a store view shows: the regular one, the special one with its
days, and one per tier; each is a record of its own.
Must not: convert a currency; the Connection says what each store view's prices are in.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from knect.model import Price, Product, Variant
from knect.sdk.errors import BadRecord, Fatal
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.config import Config
from knect_connectors.magento2.payload import Node, tidy
from knect_connectors.magento2.reader import Kind, Named

__all__ = ["PRICES", "PRODUCTS", "custom", "to_price", "to_product"]

_PATH, _ID = "products", "entity_id"
_SOLD = frozenset({"simple", "virtual", "downloadable", "bundle"})
#: Of a bundle a special price and a tier are per cent, and its price may be its parts'.
_PRICED = _SOLD - {"bundle"}
_KINDS = {"virtual": "service", "downloadable": "service", "bundle": "bundle",
          "giftcard": "gift_card"}  # fmt: skip
_GRAMS = Decimal(1000)
_ON = "1"
#: Customer group of tiers that are for everybody.
_ALL_GROUPS = "32000"


async def _products(client: MagentoClient, rows: Sequence[dict[str, Any]]) -> list[Named]:
    del client
    return [(str(row["id"]), row) for row in rows]


PRODUCTS = Kind(path=_PATH, key="id", complete=_products)


def custom(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a product's attributes that are not among its fields: code -> value."""
    listed = Node(raw).get("custom_attributes")
    return {
        str(one.get("attribute_code").value): one.get("value").value for one in listed.objects()
    }


def to_product(raw: Mapping[str, Any], config: Config) -> Product:
    """Return a product with the one variant that it is."""
    del config
    node, more = Node(raw), Node(custom(raw), "custom_attributes")
    kind = node.get("type_id").text_or_none() or "simple"
    weight = node.get("weight").number_or_zero()
    variant = Variant(
        source_id=node["id"].text(),
        sku=node["sku"].text_or_none(),
        title=node.get("name").text_or_none() or "",
        price=node.get("price").money() if not node.get("price").is_nothing else None,
        weight_grams=tidy(weight * _GRAMS) if weight else None,
        requires_shipping=kind not in ("virtual", "downloadable"),
    )
    chosen = [one.text() for one in node.more.get("configurable_product_links").items()]
    return Product(
        source_id=node["id"].text(),
        title=node.get("name").text_or_none() or node["sku"].text_or_none() or "",
        status="active" if node.get("status").text_or_none() == _ON else "draft",
        kind=_KINDS.get(kind, "goods"),
        description=more.get("description").text_or_none(),
        variants=(variant,) if kind in _SOLD else (),
        updated_at=node.get("updated_at").instant_or_none(),
        attributes={"type": kind} | ({"variants": ",".join(chosen)} if chosen else {}),
    )


# ---------------------------------------------------------------- prices


async def _prices(client: MagentoClient, rows: Sequence[dict[str, Any]]) -> list[Named]:
    stores = client.config.stores
    if not stores:
        raise Fatal(
            "config.stores is empty; prices are read per store view: list each with its code and"
            " the currency its prices are in",
            path="config.stores",
        )
    sold = [row for row in rows if row.get("type_id") in _PRICED]
    ids = [str(row["id"]) for row in sold]
    told: dict[str, dict[str, dict[str, Any]]] = {}
    for store in stores:
        shown = await client.by_ids(_PATH, _ID, ids, store=store.code)
        told[store.code] = {str(row["id"]): row for row in shown}
    return [
        named
        for row in sold
        for store in stores
        if (shown_row := told[store.code].get(str(row["id"]))) is not None
        for named in _each(row, shown_row, store.code, store.currency)
    ]


def _each(
    row: Mapping[str, Any], shown: Mapping[str, Any], store: str, currency: str
) -> Iterator[Named]:
    more = custom(shown)
    name = f"{row['id']}@{store}"
    base = {
        "id": name,
        "product_id": row["id"],
        "sku": row.get("sku"),
        "store": store,
        "currency": currency,
        "updated_at": row.get("updated_at"),
        "price": shown.get("price"),
    }
    if shown.get("price") is not None:
        yield name, base
    if more.get("special_price") not in (None, ""):
        special = f"{name}:special"
        yield special, {
            **base, "id": special, "price": more["special_price"],
            "compare_at": shown.get("price"), "from": more.get("special_from_date"),
            "to": more.get("special_to_date"),
        }  # fmt: skip
    for tier in shown.get("tier_prices") or ():
        group, quantity = str(tier.get("customer_group_id")), tier.get("qty")
        tiered = f"{name}:tier:{group}:{quantity}"
        yield tiered, {
            **base, "id": tiered, "price": tier.get("value"), "quantity": quantity, "group": group,
        }  # fmt: skip


PRICES = Kind(
    path=_PATH,
    key="id",
    complete=_prices,
    is_record=False,
    key_of=lambda identifier: identifier.partition("@")[0],
)


def to_price(raw: Mapping[str, Any], config: Config) -> Price:
    """Return a price of one store view."""
    node = Node(raw)
    group, listed = node.get("group").text_or_none(), node["store"].text()
    quantity = node.get("quantity")
    return Price(
        source_id=node["id"].text(),
        sku=node["sku"].text(),
        currency=node["currency"].text(),
        amount=tidy(node["price"].number()),
        compare_at=None if node.get("compare_at").is_nothing else node.get("compare_at").money(),
        price_list=listed if group in (None, _ALL_GROUPS) else f"{listed}:{group}",
        minimum_quantity=Decimal(1) if quantity.is_nothing else quantity.number(),
        valid_from=_day(node.get("from"), config),
        valid_until=_day(node.get("to"), config, after=1),
        updated_at=node.get("updated_at").instant_or_none(),
    )


def _day(node: Node, config: Config, *, after: int = 0) -> datetime | None:
    """Return the beginning of a day in the shop's zone, or of one some days `after` it."""
    text = node.text_or_none()
    if text is None:
        return None
    try:
        day = datetime.fromisoformat(text).replace(hour=0, minute=0, second=0)
    except ValueError:
        raise BadRecord(
            f"{node.path} is {text!r}, which is no date", path=node.path, value=text
        ) from None
    return (day + timedelta(days=after)).replace(tzinfo=config.zone).astimezone(UTC)
