"""From WooCommerce's products to canonical products, prices and levels. Pure.

Must not: guess. A field that is gone or of another type is a BadRecord with its path.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect.model import InventoryLevel, Price, Product, Variant
from knect_connectors.woocommerce.config import Config
from knect_connectors.woocommerce.payload import Node
from knect_connectors.woocommerce.products import SHOP, VARIATIONS
from knect_connectors.woocommerce.weights import grams_of

__all__ = ["to_level", "to_price", "to_product"]

#: WooCommerce has one stock and no name for it.
LOCATION = "default"

_KINDS = {"bundle": "bundle", "composite": "bundle", "grouped": "bundle"}


def to_product(raw: Mapping[str, Any], config: Config) -> Product:
    """Return a product; one without variations is its own only variant. Raises BadRecord."""
    node = Node(raw)
    identifier = node["id"].text()
    variations = list(node.get(VARIATIONS).items())
    attributes = list(node.get("attributes").items())
    virtual = node.get("virtual").value is True
    tags = (one.get("name").text_or_none() for one in node.get("tags").items())
    return Product(
        source_id=identifier,
        title=node["name"].text_or_none() or "",
        status="active" if node["status"].value == "publish" else "draft",
        kind=_KINDS.get(str(node["type"].value), "service" if virtual else "goods"),
        description=node.get("description").text_or_none(),
        option_names=tuple(
            one["name"].text() for one in attributes if one.get("variation").value is True
        ),
        variants=tuple(_variant(one, config) for one in variations or [node]),
        tags=tuple(tag for tag in tags if tag),
        updated_at=node.get("date_modified_gmt").instant_or_none(),
        attributes={"type": node["type"].text()},
    )


def _variant(node: Node, config: Config) -> Variant:
    regular, sale = node.get("regular_price"), node.get("sale_price")
    options = {
        one["name"].text(): option
        for one in node.get("attributes").items()
        if (option := one.get("option").text_or_none()) is not None
    }
    price = None if regular.is_nothing else regular.number()
    return Variant(
        source_id=node["id"].text(),
        sku=node.get("sku").text_or_none(),
        barcode=node.get("global_unique_id").text_or_none(),
        title=", ".join(options.values()),
        options=options,
        price=price if sale.is_nothing else sale.number(),
        compare_at_price=None if sale.is_nothing else price,
        weight_grams=grams_of(node.get("weight").number_or_zero(), config.weight_unit),
        tracked=node.get("manage_stock").value is True,
        requires_shipping=node.get("virtual").value is not True,
    )


def to_level(raw: Mapping[str, Any], config: Config) -> InventoryLevel:
    """Return a level: what may be sold, for orders take from it at once. Raises BadRecord."""
    del config
    node = Node(raw)
    tracked = node["manage_stock"].value is True
    kind = _KINDS.get(str(node["type"].value), "goods")
    return InventoryLevel(
        source_id=node["id"].text(),
        sku=node["sku"].text_or_none() or "",
        location=LOCATION,
        available=node["stock_quantity"].number_or_zero() + Decimal(0) if tracked else None,
        tracked=tracked,
        kind="service" if node.get("virtual").value is True else kind,
    )


def to_price(raw: Mapping[str, Any], config: Config) -> Price:
    """Return a price; of one on sale the regular price is what it is compared with."""
    del config
    node = Node(raw)
    shop, sale = node[SHOP], node.get("sale_price")
    on_sale = not sale.is_nothing
    return Price(
        source_id=node["id"].text(),
        sku=node["sku"].text_or_none() or "",
        currency=shop["currency"].text(),
        amount=sale.number() if on_sale else _regular(node),
        compare_at=_regular(node) if on_sale else None,
        taxes_included=shop["included"].value is True,
        valid_from=node.get("date_on_sale_from_gmt").instant_or_none() if on_sale else None,
        valid_until=node.get("date_on_sale_to_gmt").instant_or_none() if on_sale else None,
    )


def _regular(node: Node) -> Decimal:
    """Return the regular price; a type a plugin made may have only the price itself."""
    regular = node.get("regular_price")
    return node["price"].number() if regular.is_nothing else regular.number()
