"""From BigCommerce's JSON to products and stock levels. Pure.

A product without options has one variant, its base variant, whose figures are the product's where
it has none of its own. Must not: guess; or say what a picture's bytes are without having them.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect.model import InventoryLevel, Product, Variant
from knect_connectors.bigcommerce.payload import Node
from knect_connectors.bigcommerce.store import GRAMS

__all__ = ["to_level", "to_product"]


def to_product(raw: Mapping[str, Any]) -> Product:
    """Return a product with its variants."""
    node = Node(raw)
    store = node["store"]
    visible = node["is_visible"].flag() and node["availability"].text() != "disabled"
    physical = node["type"].text() == "physical"
    tracked = node["inventory_tracking"].text() != "none"
    variants = []
    names: dict[str, None] = {}
    for one in node["variants"].items():
        options = {
            choice["option_display_name"].text(): choice["label"].text()
            for choice in one["option_values"].items()
        }
        names |= dict.fromkeys(options)
        price, compare_at = _prices(one, node)
        variants.append(
            Variant(
                source_id=one["id"].identifier(),
                sku=one.text_at("sku"),
                barcode=one.text_at("upc"),
                title=" / ".join(options.values()),
                options=options,
                price=price,
                compare_at_price=compare_at,
                currency=store.text_at("currency"),
                weight_grams=_grams(_either(one, node, "weight"), store.text_at("unit")),
                tracked=tracked,
                requires_shipping=physical,
            )
        )
    return Product(
        source_id=node["id"].identifier(),
        title=node["name"].text(),
        status="active" if visible else "draft",
        kind="goods" if physical else "service",
        description=node.text_at("description"),
        option_names=tuple(names),
        variants=tuple(variants),
        updated_at=node["date_modified"].instant(),
    )


def _either(variant: Node, product: Node, name: str) -> Decimal | None:
    """Return a figure of a variant, or its product's, which stands where it has none."""
    value = variant.optional(name) or product.optional(name)
    return value.decimal() if value is not None else None


def _prices(variant: Node, product: Node) -> tuple[Decimal | None, Decimal | None]:
    """Return (what is paid, what is crossed out)."""
    price, sale = _either(variant, product, "price"), _either(variant, product, "sale_price")
    if not sale or price is None or sale >= price:
        return price, None
    return sale, price


def _grams(weight: Decimal | None, unit: str | None) -> Decimal | None:
    factor = GRAMS.get(unit or "")
    return weight * factor if weight is not None and factor is not None else None


def to_level(raw: Mapping[str, Any]) -> InventoryLevel:
    """Return a level: what is there, and what may be sold of it."""
    node = Node(raw)
    identity, place = node["identity"], node["location"]
    number = place["location_id"].identifier()
    return InventoryLevel(
        source_id=f"{identity['variant_id'].identifier()}@{number}",
        sku=identity["sku"].text(),
        location=place.text_at("location_code") or number,
        on_hand=place["total_inventory_onhand"].decimal(),
        available=place["available_to_sell"].decimal(),
    )
