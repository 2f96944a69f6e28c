"""Products of the ERP to the shop: made as a draft, once; later only the fields a pipeline owns.

One variant is a simple product; several are a variable product with its variations. What we made
has our id in its meta data. A SKU is there once in a shop; a variable product, which needs none, is
looked for by a slug that is its title and ours.
Must not: switch a product on, unless the pipeline maps `status`; delete anything; replace a list
people keep in the shop (categories, images); or take what has one of the SKUs for its own.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.model import Product, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference, Removal
from knect.sdk.errors import BadRecord, Fatal, Refused, WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.woocommerce.client import Row, WooClient
from knect_connectors.woocommerce.refusals import DUPLICATE_SKU
from knect_connectors.woocommerce.skus import rows_like
from knect_connectors.woocommerce.slugs import slug_of
from knect_connectors.woocommerce.variations import (
    bring_variations,
    has_variations,
    merged_attributes,
    options_of,
)
from knect_connectors.woocommerce.weights import weight_text

__all__ = ["PRODUCTS"]

_PRODUCT = "/products/{id}"
_META = "_knect_product"
_STATUS = {"active": "publish", "draft": "draft", "archived": "draft"}
_TEXTS = ("name", "description", "short_description")


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
                "title": one.title,
                "options": dict(one.options),
                "price": one.price,
                "weight_grams": one.weight_grams,
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
    before = _skus_before(delivery)
    variants: list[dict[str, Any]] = []
    for index, one in enumerate(given):
        if not one.get("sku"):
            raise BadRecord(
                f"variant {index + 1} of product {record.source_id} has no SKU",
                path=f"variants[{index}].sku",
            )
        made = _variant(one, before.get(str(one.get("id"))), len(given), index)
        variants.append(made | ({"virtual": True} if record.kind == "service" else {}))
    body = {
        "variants": variants,
        "values": _values(document),
        "title": str(document.get("name") or record.title),
        "owns_variants": "variants" in document,
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


def _variant(one: Mapping[str, Any], before: str | None, count: int, index: int) -> dict[str, Any]:
    grams, price = one.get("weight_grams"), one.get("price")
    return {
        "sku": str(one["sku"]),
        "was": before if before != one["sku"] else None,
        "options": options_of(one, index) if count > 1 else {},
        "price": None if price is None else f"{Decimal(price):f}",
        "grams": None if grams is None else f"{Decimal(grams):f}",
        "virtual": one.get("requires_shipping") is False,
    }


def _skus_before(delivery: Delivery) -> dict[str, str]:
    """Return variant id -> the SKU it was told under; the newest that is known."""
    found: dict[str, str] = {}
    for told in delivery.before:
        for one in told.get("variants") or ():
            if one.get("id") and one.get("sku"):
                found[str(one["id"])] = str(one["sku"])
    return found


def _values(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of the product itself, as far as the document holds them."""
    values = {name: str(document[name] or "") for name in _TEXTS if name in document}
    if "status" in document:
        values["status"] = _STATUS.get(str(document["status"]), "draft")
    return values


def _plan_removal(removal: Removal) -> Sequence[Effect]:
    if removal.how != "Archive":
        raise Fatal(
            f"WooCommerce's connector cannot {removal.how} a product; set"
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


# ---------------------------------------------------------------- what is there


async def _bound(client: WooClient, target: str) -> Row:
    row = await client.get(f"/products/{target}", template=_PRODUCT)
    if row is None or row.get("status") == "trash":
        raise WaitForPerson(
            f"the shop no longer has the product {target}: take it out of the trash, or skip this"
            " one",
            code="ChangedAtDestination",
            value=target,
        )
    return row


def _skus(call: Call) -> list[str]:
    return [one["sku"] for one in call.effect.body["variants"]]


async def _owners(client: WooClient, skus: Sequence[str]) -> list[str]:
    """Return the products that have one of these SKUs, themselves or as a variation."""
    rows = [row for row in await rows_like(client, skus) if row.get("sku") in skus]
    return list(dict.fromkeys(str(row.get("parent_id") or row["id"]) for row in rows))


def _is_ours(row: Row, external_id: str | None = None) -> bool:
    return any(
        one.get("key") == _META and external_id in (None, one.get("value"))
        for one in row.get("meta_data") or ()
    )


async def _made(client: WooClient, call: Call) -> Row | None:
    """Return what an earlier try has made. Raises WaitForPerson where a SKU is another's."""
    owners = await _owners(client, _skus(call))
    for owner in owners:
        row = await client.get(f"/products/{owner}", template=_PRODUCT)
        if row is not None and not _is_ours(row, call.effect.external_id):
            raise _taken(_skus(call), owner)
    if len(owners) > 1:
        raise _taken(_skus(call), " and ".join(owners))
    if owners:
        return await client.get(f"/products/{owners[0]}", template=_PRODUCT)
    if len(call.effect.body["variants"]) == 1:
        return None
    asked = {"slug": slug_of(call.effect.body["title"], call.effect.external_id), "per_page": "10"}
    rows = (await client.page("/products", asked)).rows
    return next((row for row in rows if _is_ours(row, call.effect.external_id)), None)


def _taken(skus: Sequence[str], owner: str) -> WaitForPerson:
    return WaitForPerson(
        f"the shop has {' or '.join(map(repr, skus))} at product {owner} already, which Knect did"
        " not make: adopt it with destination.match: [variants], or give one of them another SKU",
        code="AmbiguousMatch",
        path="variants[0].sku",
        value=skus[0],
    )


async def _candidates(client: WooClient, calls: Sequence[Call]) -> list[Sequence[Found]]:
    """Return what has the SKUs of a product, or some of them: the others are made with it."""
    found: list[Sequence[Found]] = []
    for call in calls:
        rows = [
            await client.get(f"/products/{owner}", template=_PRODUCT)
            for owner in await _owners(client, _skus(call))
        ]
        found.append([_found(row, call) for row in rows if row is not None and not _is_ours(row)])
    return found


async def _find(client: WooClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        body, target = call.effect.body, call.effect.target
        row = await _bound(client, target) if target else await _made(client, call)
        is_so = row is not None and not _differences(client, call, row)
        if is_so and row is not None and len(body["variants"]) > 1:
            is_so = await has_variations(client, row, body["variants"])
        found.append(_found(row, call) if is_so and row is not None else None)
    return found


def _found(row: Row, call: Call, remark: str | None = None) -> Found:
    return Found(destination_id=str(row["id"]), number=_skus(call)[0], remark=remark)


# ---------------------------------------------------------------- bringing it to what it should be


async def _send(client: WooClient, call: Call) -> Outcome:
    body, target = call.effect.body, call.effect.target
    row = await _bound(client, target) if target else await _made(client, call)
    if row is None:
        row = await _create(client, call)
    _require_same_kind(row, body)
    if changes := _differences(client, call, row):
        path = f"/products/{row['id']}"
        row = await client.write("PUT", path, changes, template=_PRODUCT)
    if len(body["variants"]) > 1:
        await bring_variations(client, row, body["variants"])
    off = body["removed"] and "status" not in body["values"]
    remark = "switched off as before; a person switches it on" if off else None
    return Outcome(found=_found(row, call, remark))


async def _create(client: WooClient, call: Call) -> Row:
    try:
        return await client.write("POST", "/products", _new(client, call), template="/products")
    except Refused as error:
        if error.code not in DUPLICATE_SKU:
            raise
        row = await _made(client, call)  # an earlier try may have been carried out meanwhile
        if row is None:
            raise
        return row


def _new(client: WooClient, call: Call) -> Row:
    body = call.effect.body
    values: Row = {
        "type": "simple",
        "name": body["title"],
        "status": "draft",
        **body["values"],
        "meta_data": [{"key": _META, "value": call.effect.external_id}],
    }
    if len(body["variants"]) > 1:
        values |= {
            "type": "variable",
            "slug": slug_of(body["title"], call.effect.external_id),
            "attributes": merged_attributes((), body["variants"]),
        }
        return values
    (variant,) = body["variants"]
    values |= {"sku": variant["sku"], "virtual": variant["virtual"]}
    if variant["price"] is not None:
        values["regular_price"] = variant["price"]
    if variant["grams"] is not None:
        values["weight"] = weight_text(Decimal(variant["grams"]), client.config.weight_unit)
    return values


def _require_same_kind(row: Row, body: Mapping[str, Any]) -> None:
    is_variable = row.get("type") == "variable"
    if is_variable == (len(body["variants"]) > 1):
        return
    now = "has variations" if is_variable else "has none"
    raise WaitForPerson(
        f"product {row['id']} {now} in the shop and {len(body['variants'])} variants in the ERP:"
        " change its type in the shop, then retry this one",
        code="ChangedAtDestination",
        path="variants",
        value=str(row["id"]),
    )


def _differences(client: WooClient, call: Call, row: Row) -> Row:
    """Return what of the product itself is not as the document has it."""
    body = call.effect.body
    is_update = call.effect.operation is Operation.UPDATE
    values: Mapping[str, str] = body["values"] if is_update else {}
    changes: Row = {
        name: value for name, value in values.items() if str(row.get(name) or "") != value
    }
    if len(body["variants"]) > 1:
        there = row.get("attributes") or ()
        if (wanted := merged_attributes(there, body["variants"])) != list(there):
            changes["attributes"] = wanted
    elif is_update and body["owns_variants"] and row.get("type") != "variable":
        (variant,) = body["variants"]
        if row.get("sku") != variant["sku"]:
            changes["sku"] = variant["sku"]
        if variant["grams"] is not None:
            weight = weight_text(Decimal(variant["grams"]), client.config.weight_unit)
            if Decimal(str(row.get("weight") or 0)) != Decimal(weight):
                changes["weight"] = weight
    return changes


async def _switch_off(client: WooClient, call: Call) -> Outcome:
    target = str(call.effect.target)
    row = await client.get(f"/products/{target}", template=_PRODUCT)
    if row is not None and row.get("status") not in ("draft", "trash"):
        await client.write("PUT", f"/products/{target}", {"status": "draft"}, template=_PRODUCT)
    return Outcome(found=Found(destination_id=target))


async def _find_off(client: WooClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        target = str(call.effect.target)
        row = await client.get(f"/products/{target}", template=_PRODUCT)
        is_off = row is None or row.get("status") in ("draft", "trash")
        found.append(Found(destination_id=target) if is_off else None)
    return found


PRODUCTS = Part(
    rights=("/products",),
    document=_document,
    references=_references,
    plan=_plan,
    removal=_plan_removal,
    writes={
        "product": Write(send=one_by_one(_send), find=_find, candidates=_candidates),
        "product-off": Write(send=one_by_one(_switch_off), find=_find_off),
    },
)
