"""A product of the ERP in a Magento: each variant is a simple product, known by its SKU.

Must not: take a new variant for a renamed one, or give a SKU that another product has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Product, Record
from knect.sdk.contract import Delivery, Effect, Operation, Removal
from knect.sdk.errors import BadRecord, Fatal, WaitForPerson
from knect_connectors.magento.product_ids import parted

__all__ = ["plan_switched_off", "product_document", "products_by_variant", "taken"]


def product_document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the shop is told of a product and its variants."""
    del settings
    assert isinstance(record, Product)
    if not record.variants:
        raise BadRecord(f"product {record.source_id} has no variant to sell", path="variants")
    return {
        "name": record.title,
        "description": record.description,
        "variants": [
            {
                "id": one.source_id,
                "sku": one.sku,
                "title": one.title,
                "price": one.price,
                "weight_grams": one.weight_grams,
                "requires_shipping": one.requires_shipping,
            }
            for one in record.variants
        ],
    }


def products_by_variant(delivery: Delivery) -> Mapping[str, str]:
    """Return variant of the ERP -> product of the shop, as they were delivered last."""
    variants = (delivery.previous or {}).get("variants") or ()
    ids = parted(delivery.bound or "")
    if len(variants) != len(ids):
        return {}
    return {
        str(one["id"]): product
        for one, product in zip(variants, ids, strict=True)
        if one.get("id") is not None
    }


def taken(sku: str, identifier: str) -> WaitForPerson:
    """Return the error for a SKU that a product of somebody else's has."""
    return WaitForPerson(
        f"the shop has the SKU {sku!r} already, as product {identifier}; set destination.match to"
        " [variants] to adopt it, or give one of the two another SKU",
        code="DuplicateSku",
        path="variants",
        value=sku,
    )


def plan_switched_off(removal: Removal) -> Sequence[Effect]:
    """Return the effect of a product that is gone: it is switched off, never deleted."""
    if removal.how != "Archive":
        raise Fatal(
            f"Magento's connector cannot {removal.how} a product; set destination.onSourceDelete to"
            " Archive or Ignore",
            path="destination.onSourceDelete",
        )
    return (
        Effect(
            name="product",
            write="product-off",
            entity="products",
            operation=Operation.ACT,
            key=removal.bound,
            external_id=removal.external_id,
            body={},
            target=removal.bound,
            primary=True,
        ),
    )
