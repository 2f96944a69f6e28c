"""Products of the ERP to the shop: each variant is a simple product, made switched off, once.

The SKU is the product's identity. What is there already is never made again; after that only the
fields the pipeline owns are written, for all store views, and a SKU that changed.
Must not: switch a product on, unless the pipeline maps `status`; delete anything; or write in the
scope of one store view, where a value would hide the one all others share.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import structs

from knect.model import Product, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import BadRecord, UnexpectedAnswer
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.magento.product_ids import joined, parted
from knect_connectors.magento.variants import (
    plan_switched_off,
    product_document,
    products_by_variant,
    taken,
)
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.goods import custom
from knect_connectors.magento2.renames import renamed
from knect_connectors.magento2.skus import products_of

__all__ = ["PRODUCTS"]

_PATH = "products"
_ON, _OFF = 1, 2
_STATUS = {"active": _ON, "draft": _OFF, "archived": _OFF}
_GRAMS = Decimal(1000)
_HIDDEN = 1
_TEXTS = ("description", "short_description", "meta_title", "meta_description")
#: What tells a product we made from anybody else's. Prices and stock have pipelines of their own.
_TOLD_APART = ("name", "status", "visibility", "type_id")


def _references(record: Record) -> Sequence[Reference]:
    del record
    return ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    record, document = delivery.record, delivery.document
    assert isinstance(record, Product)
    given = document.get("variants") or [{"sku": one.sku} for one in record.variants]
    products = products_by_variant(delivery)
    variants: list[dict[str, Any]] = []
    for index, one in enumerate(given):
        if not one.get("sku"):
            raise BadRecord(
                f"variant {index + 1} of product {record.source_id} has no SKU",
                path=f"variants[{index}].sku",
            )
        variants.append(
            {name: None if value is None else str(value) for name, value in one.items()}
            | {"virtual": one.get("requires_shipping") is False or record.kind == "service"}
            | {"product": products.get(str(one.get("id")))}
        )
    settings = delivery.settings
    body = {
        "variants": variants,
        "values": _values(document),
        "title": document.get("name", record.title),
        "set": int(settings.get("attributeSet", 4)),
        "websites": [int(one) for one in settings.get("websites") or ()],
        "taxClass": str(settings.get("taxClass", 2)),
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


def _values(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what all variants share, as far as the document holds it."""
    values: dict[str, Any] = {
        name: str(document[name] or "") for name in ("name", *_TEXTS) if name in document
    }
    if "status" in document:
        values["status"] = _STATUS.get(str(document["status"]), _OFF)
    return values


def _as_product(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as the API takes them: texts of people are custom attributes."""
    texts = [{"attribute_code": name, "value": values[name]} for name in _TEXTS if name in values]
    plain = {name: value for name, value in values.items() if name not in _TEXTS}
    return plain | ({"custom_attributes": texts} if texts else {})


# ---------------------------------------------------------------- at the shop


async def _rows(client: MagentoClient, skus: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return exact SKU -> what the shop has."""
    return {str(row["sku"]): row for row in await products_of(client, skus) if row["sku"] in skus}


def _ids(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {sku: str(row["id"]) for sku, row in rows.items()}


def _skus(call: Call) -> list[str]:
    return [one["sku"] for one in call.effect.body["variants"]]


def _found(call: Call, there: Mapping[str, str]) -> Found:
    skus = _skus(call)
    return Found(destination_id=joined([there[sku] for sku in skus]), number=skus[0])


async def _find(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    there = _ids(await _rows(client, [sku for call in calls for sku in _skus(call)]))
    return [
        _found(call, there) if all(sku in there for sku in _skus(call)) else None for call in calls
    ]


async def _candidates(client: MagentoClient, calls: Sequence[Call]) -> list[Sequence[Found]]:
    """Return what has the SKUs of a product, or some of them: the others are made with it."""
    there = _ids(await _rows(client, [sku for call in calls for sku in _skus(call)]))
    found: list[Sequence[Found]] = []
    for call in calls:
        ids = [there[sku] for sku in _skus(call) if sku in there]
        found.append([Found(destination_id=joined(ids), number=_skus(call)[0])] if ids else [])
    return found


async def _send(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    rows = await _rows(client, _skus(call))
    if call.effect.operation is Operation.CREATE:
        _check_ours(body, rows, frozenset(parted(call.gone or "")))
    there = await renamed(client, body["variants"], _ids(rows))
    for variant in body["variants"]:
        if variant["sku"] not in there:
            there[variant["sku"]] = await _create(client, body, variant)
    if call.effect.operation is Operation.UPDATE and body["values"]:
        if there != _ids(rows):
            rows = await _rows(client, _skus(call))
        for row in rows.values():
            if not _has(row, body["values"]):
                await _update(client, row, _as_product(body["values"]))
    found = _found(call, there)
    if body["removed"] and "status" not in body["values"]:
        found = structs.replace(found, remark="switched off as before; a person switches it on")
    return Outcome(found=found)


def _check_ours(
    body: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]], left: frozenset[str]
) -> None:
    """Let pass what an earlier try has made: the shop keeps no id of ours, so it is ours if it is
    what would be made now, to the letter, or `left` of what was delivered and is gone in part.
    Raises WaitForPerson for anything else.
    """
    for variant in body["variants"]:
        row = rows.get(variant["sku"])
        if row is None or str(row["id"]) in left:
            continue
        wanted = _new(body, variant)
        if any(str(row.get(name)) != str(wanted[name]) for name in _TOLD_APART):
            raise taken(variant["sku"], str(row["id"]))


def _has(row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Tell whether nothing is to be written: each save makes the shop compute its index."""
    there = {**custom(row), **row}
    return all(str(there.get(name) or "") == str(value) for name, value in values.items())


async def _create(
    client: MagentoClient, body: Mapping[str, Any], variant: Mapping[str, Any]
) -> str:
    made = await client.write("POST", _PATH, {"product": _new(body, variant)})
    if not isinstance(made, Mapping) or not made.get("id"):
        raise UnexpectedAnswer(f"POST {_PATH} {variant['sku']} was answered without an id")
    return str(made["id"])


async def _update(client: MagentoClient, row: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Save some values of a product. Not by its SKU in the address: web servers stop at a slash."""
    product = {"id": int(row["id"]), "sku": row["sku"], **values}
    await client.write("POST", _PATH, {"product": product})


def _new(body: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, Any]:
    title = variant.get("title") or ""
    name = body["title"] if len(body["variants"]) == 1 or not title else f"{body['title']} {title}"
    values = {"name": name, **{k: v for k, v in body["values"].items() if k != "name"}}
    product = {"status": _OFF, **_as_product(values)}
    tax = {"attribute_code": "tax_class_id", "value": body["taxClass"]}
    return {
        **product,
        "sku": variant["sku"],
        "attribute_set_id": body["set"],
        "type_id": "virtual" if variant["virtual"] else "simple",
        "visibility": _HIDDEN if len(body["variants"]) > 1 else 4,
        "price": Decimal(variant.get("price") or 0),
        **({"weight": Decimal(grams) / _GRAMS} if (grams := variant.get("weight_grams")) else {}),
        "extension_attributes": {"website_ids": body["websites"]},
        "custom_attributes": [tax, *product.get("custom_attributes", ())],
    }


# ---------------------------------------------------------------- switched off


async def _switch_off(client: MagentoClient, call: Call) -> Outcome:
    target = str(call.effect.target)
    for row in await client.by_ids(_PATH, "entity_id", parted(target)):
        if row.get("status") != _OFF:
            await _update(client, row, {"status": _OFF})
    return Outcome(found=Found(destination_id=target))


async def _find_off(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        target = str(call.effect.target)
        rows = await client.by_ids(_PATH, "entity_id", parted(target))
        off = all(row.get("status") == _OFF for row in rows)
        found.append(Found(destination_id=target) if off else None)
    return found


PRODUCTS = Part(
    document=product_document,
    references=_references,
    plan=_plan,
    removal=plan_switched_off,
    writes={
        "product": Write(send=one_by_one(_send), find=_find, candidates=_candidates),
        "product-off": Write(send=one_by_one(_switch_off), find=_find_off),
    },
)
