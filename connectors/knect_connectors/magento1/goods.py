"""Reads products, and their prices per store view.

The API tells no link between a configurable product and its simple ones, so each product that can
be sold is one product with one variant. A price is what a store view shows: the regular one, the
special one with its dates, and one per tier; each is a record of its own.
Must not: convert a currency; the Connection says what each store view's prices are in.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from knect.model import Price, Product, Variant
from knect.sdk.errors import BadRecord, Fatal, UnexpectedAnswer
from knect_connectors.magento1.client import Ask, MagentoClient
from knect_connectors.magento1.config import Config
from knect_connectors.magento1.payload import Node, tidy
from knect_connectors.magento1.reader import Kind, Raws
from knect_connectors.magento1.xmlrpc import Fault

__all__ = ["PRICES", "PRODUCTS", "to_price", "to_product"]

_GONE = 101
_SOLD = frozenset({"simple", "virtual", "downloadable", "bundle"})
_KINDS = {"virtual": "service", "downloadable": "service", "bundle": "bundle"}
_PRICED = ("price", "special_price", "special_from_date", "special_to_date", "tier_price",
           "updated_at", "created_at")  # fmt: skip
_GRAMS = Decimal(1000)
_ALL_GROUPS = "all"


async def _infos(client: MagentoClient, asks: Sequence[Ask]) -> list[dict[str, Any] | None]:
    found: list[dict[str, Any] | None] = []
    for answer in await client.read_all(asks):
        if isinstance(answer, Fault):
            if answer.code != _GONE:
                raise client.error("catalog_product.info", answer)
            found.append(None)
        elif isinstance(answer, dict):
            found.append(answer)
        else:
            raise UnexpectedAnswer("catalog_product.info was answered without a product")
    return found


async def _products(client: MagentoClient, ids: Sequence[str]) -> Raws:
    asks: list[Ask] = [("catalog_product.info", [one, None, None, "id"]) for one in ids]
    return dict(zip(ids, await _infos(client, asks), strict=True))


def _itself(
    client: MagentoClient, key: str, raw: dict[str, Any]
) -> Iterable[tuple[str, dict[str, Any]]]:
    del client
    yield key, raw


PRODUCTS = Kind(
    path="catalog_product.list", key="product_id", load=_products, split=_itself, unmarked=False
)


def to_product(raw: Mapping[str, Any], config: Config) -> Product:
    """Return a product with the one variant that it is."""
    del config
    node = Node(raw)
    kind = node.get("type").text_or_none() or "simple"
    weight = node.get("weight").number_or_zero()
    variant = Variant(
        source_id=node["product_id"].text(),
        sku=node["sku"].text_or_none(),
        title=node.get("name").text_or_none() or "",
        price=node.get("price").money() if not node.get("price").is_nothing else None,
        weight_grams=weight * _GRAMS if weight else None,
        requires_shipping=kind not in ("virtual", "downloadable"),
    )
    return Product(
        source_id=node["product_id"].text(),
        title=node.get("name").text_or_none() or node["sku"].text_or_none() or "",
        status="active" if node.get("status").value in ("1", 1) else "draft",
        kind=_KINDS.get(kind, "goods"),
        description=node.get("description").text_or_none(),
        variants=(variant,) if kind in _SOLD else (),
        updated_at=node.get("updated_at").instant_or_none(),
        attributes={"type": kind},
    )


# ---------------------------------------------------------------- prices


async def _prices(client: MagentoClient, ids: Sequence[str]) -> Raws:
    stores = client.config.stores
    if not stores:
        raise Fatal(
            "config.stores is empty; prices are read per store view: list each with its code and"
            " the currency its prices are in",
            path="config.stores",
        )
    asks: list[Ask] = [
        ("catalog_product.info", [one, store.code, list(_PRICED), "id"])
        for one in ids
        for store in stores
    ]
    answers = iter(await _infos(client, asks))
    found: dict[str, dict[str, Any] | None] = {}
    for one in ids:
        told = {store.code: next(answers) for store in stores}
        first = next((row for row in told.values() if row), None)
        if first is None:
            found[one] = None
            continue
        marks = {name: first.get(name) for name in ("updated_at", "created_at", "product_id")}
        found[one] = {**marks, "told": told}
    return found


def _each(
    client: MagentoClient, key: str, raw: dict[str, Any]
) -> Iterable[tuple[str, dict[str, Any]]]:
    for store in client.config.stores:
        row = raw["told"].get(store.code)
        if row is None or row.get("type") not in _SOLD:
            continue
        base = {
            "product_id": key,
            "sku": row.get("sku"),
            "store": store.code,
            "currency": store.currency,
            "updated_at": row.get("updated_at"),
        }
        name = f"{key}@{store.code}"
        yield name, {**base, "id": name, "price": row.get("price")}
        if row.get("special_price") not in (None, ""):
            special = f"{name}:special"
            yield special, {
                **base, "id": special, "price": row["special_price"],
                "compare_at": row.get("price"), "from": row.get("special_from_date"),
                "to": row.get("special_to_date"),
            }  # fmt: skip
        for tier in row.get("tier_price") or ():
            group = tier.get("customer_group_id") or tier.get("cust_group") or _ALL_GROUPS
            quantity = tier.get("qty") or tier.get("price_qty")
            tiered = f"{name}:tier:{group}:{quantity}"
            yield tiered, {
                **base, "id": tiered, "price": tier.get("price"), "quantity": quantity,
                "group": str(group),
            }  # fmt: skip


PRICES = Kind(
    path="catalog_product.list",
    key="product_id",
    load=_prices,
    split=_each,
    key_of=lambda identifier: identifier.partition("@")[0],
    unmarked=False,
)


def to_price(raw: Mapping[str, Any], config: Config) -> Price:
    """Return a price of one store view."""
    node = Node(raw)
    group = node.get("group").text_or_none()
    listed = node["store"].text()
    return Price(
        source_id=node["id"].text(),
        sku=node["sku"].text(),
        currency=node["currency"].text(),
        amount=tidy(node["price"].number()),
        compare_at=None if node.get("compare_at").is_nothing else node.get("compare_at").money(),
        price_list=listed if group in (None, _ALL_GROUPS) else f"{listed}:{group}",
        minimum_quantity=node.get("quantity").number()
        if node.get("quantity").value
        else Decimal(1),
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
