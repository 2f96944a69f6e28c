"""Products of the ERP to the store: made invisible, once; afterwards only the document's fields.

The SKU is a variant's identity: the store refuses a second one with it, and a second product of one
name. A product of one variant without options is sold as it is; else each variant is one by its
options. A SKU that changed in the ERP is given to the same variant.
Must not: show a product, unless the pipeline maps `status`; delete anything; write a price of what
is there (a pipeline of prices does), or replace what people keep in the store.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Product, Record
from knect.sdk.contract import Delivery, Effect, Operation, Reference, Removal
from knect.sdk.errors import BadRecord, Fatal
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.bigcommerce.making import (
    candidates,
    find_hidden,
    find_products,
    hide,
    make,
)

__all__ = ["PRODUCTS"]

_VISIBLE = {"active": True, "draft": False, "archived": False}
#: Field of the document -> the store's.
_FIELDS = {"name": "name", "description": "description", "brand": "brand_name",
           "page_title": "page_title", "meta_description": "meta_description"}  # fmt: skip


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
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
                "barcode": one.barcode,
                "options": one.options,
                "price": one.price,
                "weight_grams": one.weight_grams,
                "tracked": one.tracked,
                "requires_shipping": one.requires_shipping,
            }
            for one in record.variants
        ],
    }


def _references(record: Record) -> Sequence[Reference]:
    del record
    return ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    record, document = delivery.record, delivery.document
    assert isinstance(record, Product)
    given = document.get("variants") or [{"sku": one.sku} for one in record.variants]
    before = {
        str(one["id"]): str(one["sku"])
        for one in (delivery.previous or {}).get("variants") or ()
        if one.get("id") is not None and one.get("sku")
    }
    variants = [_variant(record, index, one, before) for index, one in enumerate(given)]
    settings = delivery.settings
    body = {
        "title": str(document.get("name") or record.title),
        "digital": record.kind == "service",
        "values": _values(document),
        "variants": variants,
        "owns_variants": "variants" in document,
        "categories": [int(one) for one in settings.get("categories") or ()],
        "removed": delivery.removed,
    }
    return (
        Effect(
            name="product",
            write="product",
            entity="products",
            operation=Operation.UPDATE if delivery.bound else Operation.CREATE,
            key=str(variants[0]["sku"]),
            external_id=delivery.external_id,
            body=body,
            target=delivery.bound,
            primary=True,
            match={"variants": [one["sku"] for one in variants]} if delivery.match else {},
        ),
    )


def _variant(
    record: Product, index: int, one: Mapping[str, Any], before: Mapping[str, str]
) -> dict[str, Any]:
    if not one.get("sku"):
        raise BadRecord(
            f"variant {index + 1} of product {record.source_id} has no SKU",
            path=f"variants[{index}].sku",
        )
    options = {str(name): str(label) for name, label in (one.get("options") or {}).items()}
    if not options and len(record.variants) > 1:
        raise BadRecord(
            f"variant {index + 1} of product {record.source_id} has no options: the store tells"
            " variants of a product apart by them",
            path=f"variants[{index}].options",
        )
    sku, old = str(one["sku"]), before.get(str(one.get("id")))
    return {
        "sku": sku,
        "was": old if old != sku else None,
        "options": options,
        "upc": str(one.get("barcode") or ""),
        **{
            name: None if one.get(name) is None else str(one[name])
            for name in ("price", "weight_grams")
        },
        "tracked": one.get("tracked") is not False,
        "digital": one.get("requires_shipping") is False,
    }


def _values(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a product as far as the document holds them."""
    values: dict[str, Any] = {
        theirs: str(document[ours] or "")
        for ours, theirs in _FIELDS.items()
        if document.get(ours) is not None
    }
    if document.get("status") is not None:
        values["is_visible"] = _VISIBLE.get(str(document["status"]), False)
    return values


def _plan_removal(removal: Removal) -> Sequence[Effect]:
    if removal.how != "Archive":
        raise Fatal(
            f"BigCommerce's connector cannot {removal.how} a product; set"
            " destination.onSourceDelete to Archive or Ignore",
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


PRODUCTS = Part(
    rights=("Products", "Information & settings"),
    document=_document,
    references=_references,
    plan=_plan,
    removal=_plan_removal,
    writes={
        "product": Write(send=one_by_one(make), find=find_products, candidates=candidates),
        "product-off": Write(send=one_by_one(hide), find=find_hidden),
    },
)
