"""Products of the ERP to the shop: created once as a draft, then only what the document holds.

    product    create by our external id (a metafield with unique values), or update its own fields;
               with `destination.match: [variants]` adopt one that has the variants' SKUs
    variants   bring variants to what the document says: add what is missing, change what differs
    images     add those whose content the shop has not got from us yet

A variant is found by our id in its metafield, then by its exact SKU, then by its options; so a
renamed SKU is the same variant. Its price is written when the variant is made, and after that by
the prices' pipeline alone. `archived` archives, and what is for sale again is a draft again;
nothing but a person makes a draft active, unless the pipeline maps `status`.
Must not: delete or replace anything: not a variant, an image, an option or a tag that people added.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from knect.model import Product, Record, Variant
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference, Removal
from knect.sdk.errors import Fatal, MissingReference, Refused, WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.shopify import catalog_queries
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.images import find_images, images_id, send_images
from knect_connectors.shopify.refusals import payload_of, refused
from knect_connectors.shopify.skus import find_products, find_skus
from knect_connectors.shopify.variants import find_variants, send_variants

__all__ = ["PRODUCTS"]

MOST_OPTIONS = 3
MOST_VARIANTS = 2048

_TEXTS = {"title": "title", "description": "descriptionHtml", "vendor": "vendor"}
_STATUSES = {"active": "ACTIVE", "draft": "DRAFT", "archived": "ARCHIVED"}
_NAMESPACE, _KEY = "knect", "external_id"


def _product(record: Record) -> Product:
    assert isinstance(record, Product)
    return record


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    product = _product(record)
    document: dict[str, Any] = {
        "title": product.title,
        "variants": [_variant(one) for one in product.variants],
    }
    optional = {
        "description": product.description,
        "vendor": product.vendor,
        "status": "archived" if product.status == "archived" else None,
        "tags": list(product.tags),
        "images": [
            {"url": one.url, "hash": one.hash, "alt": one.alt or product.title}
            for one in product.images
        ],
    }
    return document | {name: value for name, value in optional.items() if value}


def _variant(variant: Variant) -> dict[str, Any]:
    return {
        "id": variant.source_id,
        "sku": variant.sku,
        "barcode": variant.barcode,
        "options": dict(variant.options),
        "price": variant.price,
        "compare_at": variant.compare_at_price,
        "weight_grams": variant.weight_grams,
        "tracked": variant.tracked,
        "requires_shipping": variant.requires_shipping,
    }


def _references(record: Record) -> Sequence[Reference]:
    del record
    return ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    document, bound = delivery.document, delivery.bound
    variants = document.get("variants")
    _within_limits(variants or ())
    if bound is None and not document.get("title"):
        raise Fatal(
            "a product cannot be created without a title; add it to mapping.owns",
            path="mapping.owns.title",
        )
    skus = sorted({v["sku"] for v in variants or () if v.get("sku")})
    match = {"variants.sku": skus} if delivery.match and skus else {}
    product = Effect(
        name="product",
        write="product",
        entity="products",
        operation=Operation.CREATE if bound is None else Operation.UPDATE,
        key="|".join(("sku", *skus)) if match else delivery.external_id,
        external_id=delivery.external_id,
        body={"fields": _fields(document), "options": _options(variants or ()),
              "skus": skus, "revives": _revives(delivery)},
        target=bound,
        primary=True,
        match=match,
    )  # fmt: skip
    shared: dict[str, Any] = {"entity": "products", "key": delivery.external_id,
                              "needs": ("product",)}  # fmt: skip
    parts = []
    if variants:
        parts.append(
            Effect(
                name="variants",
                write="variants",
                operation=Operation.UPDATE,
                external_id=delivery.external_id,
                body={"variants": variants},
                **shared,
            )
        )
    if images := document.get("images"):
        parts.append(
            Effect(
                name="images",
                write="images",
                operation=Operation.ENSURE,  # a try that is still at work would add them twice
                external_id=images_id(delivery.external_id, images),
                body={"images": images},
                **shared,
            )
        )
    return (product, *parts)


def _within_limits(variants: Sequence[Mapping[str, Any]]) -> None:
    if len(variants) > MOST_VARIANTS:
        raise Refused(
            f"the product has {len(variants)} variants, Shopify allows {MOST_VARIANTS}; split it in"
            " the ERP",
            code="TooManyVariants",
            path="variants",
            value=len(variants),
        )
    axes = _options(variants)
    if len(axes) > MOST_OPTIONS:
        named = ", ".join(axes)
        raise Refused(
            f"the product's variants differ in {len(axes)} options ({named}), Shopify allows"
            f" {MOST_OPTIONS}; join some in mapping.set.variants",
            code="TooManyVariants",
            path="variants[0].options",
            value=named,
        )


def _options(variants: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the options of all variants with their values, in the order they come."""
    found: dict[str, list[str]] = {}
    for variant in variants:
        for name, value in (variant.get("options") or {}).items():
            values = found.setdefault(name, [])
            if value not in values:
                values.append(value)
    return found


def _fields(document: Mapping[str, Any]) -> dict[str, Any]:
    fields = {theirs: document[ours] for ours, theirs in _TEXTS.items() if ours in document}
    if "status" in document:
        status = _STATUSES.get(str(document["status"]))
        if status is None:
            raise Refused(
                f"status is {document['status']!r}, which is none of {', '.join(_STATUSES)}",
                path="status",
                value=document["status"],
            )
        fields["status"] = status
    if document.get("tags"):
        fields["tags"] = list(document["tags"])
    return fields


def _revives(delivery: Delivery) -> bool:
    """Tell whether it was archived for us, and is for sale again."""
    if "status" in delivery.document or _product(delivery.record).status == "archived":
        return False
    before = delivery.previous or {}
    return delivery.removed or before.get("status") == "archived"


def _removal(removal: Removal) -> Sequence[Effect]:
    if removal.how != "Archive":
        raise Fatal(
            f"Shopify's connector cannot {removal.how} products;"
            " set destination.onSourceDelete to Archive or Ignore",
            path="destination.onSourceDelete",
        )
    return (
        Effect(
            name="product",
            write="product",
            entity="products",
            operation=Operation.UPDATE,
            key=removal.external_id,
            external_id=removal.external_id,
            body={"fields": {"status": "ARCHIVED"}, "options": {}, "skus": [], "revives": False},
            target=removal.bound,
            primary=True,
        ),
    )


# ---------------------------------------------------------------- at the shop


async def _write(client: ShopifyClient, call: Call) -> Outcome:
    if call.effect.operation is Operation.UPDATE:
        return await _update(client, call)
    await _define(client)
    known = await find_skus(client, call.effect.body["skus"])
    taken = [sku for sku, one in known.items() if not isinstance(one, MissingReference)]
    if taken:
        return Outcome(
            error=WaitForPerson(
                f"the shop has a variant with SKU {taken[0]!r} already, which Knect did not make;"
                " give it another SKU or delete it there, and the product is created",
                code="AmbiguousMatch",
                path="variants[0].sku",
                value=taken[0],
            )
        )
    body = call.effect.body
    product = {"status": "DRAFT", **body["fields"], "metafields": [_marker(call)]}
    if body["options"]:
        product["productOptions"] = [
            {"name": name, "values": [{"name": value} for value in values]}
            for name, values in body["options"].items()
        ]
    data = await client.write(
        catalog_queries.PRODUCT_CREATE, operation="ProductCreate", product=product
    )
    payload, errors = payload_of(data, "productCreate")
    if errors:
        (there,) = await _find(client, [call])  # our external id is taken: by an earlier try
        return Outcome(found=there) if there else Outcome(error=refused(errors))
    return Outcome(found=_found(payload["product"]))


async def _update(client: ShopifyClient, call: Call) -> Outcome:
    target, fields, remark = call.effect.target, call.effect.body["fields"], None
    assert target is not None
    if (
        call.effect.match
    ):  # adopted: it gets our id, and stays what people made it until we know more
        await _define(client)
        fields = {"metafields": [_marker(call)]}
    if "tags" in fields or call.effect.body["revives"]:
        data = await client.read(catalog_queries.PRODUCT_NOW, operation="ProductNow", id=target)
        there = data.get("product") or {}
        if "tags" in fields:  # a list that is replaced: what is there stays
            known = there.get("tags") or []
            fields = {**fields, "tags": [*known, *(t for t in fields["tags"] if t not in known)]}
        if call.effect.body["revives"] and there.get("status") == "ARCHIVED":
            fields = {**fields, "status": "DRAFT"}
            remark = "a draft again, which a person makes active"
    data = await client.write(
        catalog_queries.PRODUCT_UPDATE,
        operation="ProductUpdate",
        product={"id": target, **fields},
        media=None,
    )
    payload, errors = payload_of(data, "productUpdate")
    if errors and (errors[0].get("field") or [""])[-1] == "id":
        return Outcome(
            error=WaitForPerson(
                "the product is no longer in the shop; somebody deleted it",
                code="ChangedAtDestination",
            )
        )
    if errors:
        return Outcome(error=refused(errors))
    return Outcome(found=structs.replace(_found(payload["product"]), remark=remark))


async def _candidates(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Sequence[Found]]:
    """Return the products that have a variant with one of the SKUs and no id of ours."""
    answers = []
    for call in calls:
        products = await find_products(client, call.effect.match["variants.sku"])
        answers.append([_found(one) for one in products if one.get("metafield") is None])
    return answers


async def _find(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    return [await _find_one(client, call) for call in calls]


async def _find_one(client: ShopifyClient, call: Call) -> Found | None:
    if call.effect.operation is Operation.UPDATE:
        return None  # sending it once more changes nothing
    await _define(client)
    data = await client.read(
        catalog_queries.PRODUCT_BY_EXTERNAL_ID,
        operation="ProductByExternalId",
        identifier={
            "customId": {
                "namespace": _NAMESPACE,
                "key": _KEY,
                "value": call.effect.external_id,
            }
        },
    )
    product = data.get("productByIdentifier")
    return _found(product) if product else None


async def _define(client: ShopifyClient) -> None:
    """Make the metafield definitions that keep our ids unique, once per process."""
    if client.has_definitions:
        return
    for owner in ("PRODUCT", "PRODUCTVARIANT"):
        data = await client.write(
            catalog_queries.DEFINITION_CREATE,
            operation="DefinitionCreate",
            definition={
                "namespace": _NAMESPACE,
                "key": _KEY,
                "name": "Knect external id",
                "ownerType": owner,
                "type": "id",
            },
        )
        _, errors = payload_of(data, "metafieldDefinitionCreate")
        if errors and errors[0].get("code") != "TAKEN":
            raise refused(errors)
    client.has_definitions = True


def _marker(call: Call) -> dict[str, str]:
    return {
        "namespace": _NAMESPACE,
        "key": _KEY,
        "type": "id",
        "value": call.effect.external_id,
    }


def _found(product: Mapping[str, Any]) -> Found:
    return Found(destination_id=product["id"], number=product["title"])


PRODUCTS = Part(
    rights=("write_products",),
    document=_document,
    references=_references,
    plan=_plan,
    removal=_removal,
    writes={
        "product": Write(send=one_by_one(_write), find=_find, candidates=_candidates),
        "variants": Write(send=send_variants, find=find_variants),
        "images": Write(send=send_images, find=find_images),
    },
)
