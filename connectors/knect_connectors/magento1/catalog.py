"""Products of the ERP to the shop: each variant is a simple product, made switched off, once.

The SKU is the product's identity: the shop refuses a second one with it. What is there already is
never made again; after that only the fields the pipeline owns are written, and a SKU that changed.
Must not: switch a product on, unless the pipeline maps `status`; delete anything; or replace a list
people keep in the shop (categories, images).
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
from knect_connectors.magento1.client import Ask, MagentoClient
from knect_connectors.magento1.renames import renamed
from knect_connectors.magento1.skus import products_of
from knect_connectors.magento1.xmlrpc import Fault

__all__ = ["PRODUCTS"]

_CREATE, _UPDATE = "catalog_product.create", "catalog_product.update"
_INFO = "catalog_product.info"
_ON, _OFF = "1", "2"
_STATUS = {"active": _ON, "draft": _OFF, "archived": _OFF}
_GRAMS = Decimal(1000)
_HIDDEN = "1"
#: What tells a product we made from anybody else's. Prices and stock have pipelines of their own.
_TOLD_APART = ("name", "description", "short_description", "status", "visibility", "tax_class_id")


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
        "set": str(settings.get("attributeSet", 4)),
        "websites": [str(one) for one in settings.get("websites") or ()],
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


def _values(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes all variants share, as far as the document holds them."""
    values: dict[str, str] = {}
    for name in ("name", "description", "short_description", "meta_title", "meta_description"):
        if name in document:
            values[name] = str(document[name] or "")
    if "status" in document:
        values["status"] = _STATUS.get(str(document["status"]), _OFF)
    return values


# ---------------------------------------------------------------- at the shop


async def _there(client: MagentoClient, skus: Sequence[str]) -> dict[str, str]:
    """Return exact SKU -> id of what the shop has."""
    return {
        str(row["sku"]): str(row["product_id"])
        for row in await products_of(client, skus)
        if row.get("sku") in skus
    }


def _skus(call: Call) -> list[str]:
    return [one["sku"] for one in call.effect.body["variants"]]


def _found(call: Call, there: Mapping[str, str]) -> Found:
    skus = _skus(call)
    return Found(destination_id=joined([there[sku] for sku in skus]), number=skus[0])


async def _find(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    there = await _there(client, [sku for call in calls for sku in _skus(call)])
    return [
        _found(call, there) if all(sku in there for sku in _skus(call)) else None for call in calls
    ]


async def _candidates(client: MagentoClient, calls: Sequence[Call]) -> list[Sequence[Found]]:
    """Return what has the SKUs of a product, or some of them: the others are made with it."""
    there = await _there(client, [sku for call in calls for sku in _skus(call)])
    found: list[Sequence[Found]] = []
    for call in calls:
        ids = [there[sku] for sku in _skus(call) if sku in there]
        found.append([Found(destination_id=joined(ids), number=_skus(call)[0])] if ids else [])
    return found


async def _send(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    there = await _there(client, _skus(call))
    if there and call.effect.operation is Operation.CREATE:
        await _check_ours(client, body, there)
    there = await renamed(client, body["variants"], there)
    for variant in body["variants"]:
        if variant["sku"] in there:
            continue
        kind = "virtual" if variant["virtual"] else "simple"
        made = await client.write(_CREATE, kind, body["set"], variant["sku"], _new(body, variant))
        if not made:
            raise UnexpectedAnswer(f"{_CREATE} {variant['sku']} was answered without an id")
        there[variant["sku"]] = str(made)
    if call.effect.operation is Operation.UPDATE and body["values"]:
        asks: list[Ask] = [(_UPDATE, [sku, body["values"], None, "sku"]) for sku in _skus(call)]
        for answer in await client.write_all(asks):
            if isinstance(answer, Exception):
                raise answer
    found = _found(call, there)
    if body["removed"] and "status" not in body["values"]:
        found = structs.replace(found, remark="switched off as before; a person switches it on")
    return Outcome(found=found)


async def _check_ours(
    client: MagentoClient, body: Mapping[str, Any], there: Mapping[str, str]
) -> None:
    """Let pass what an earlier try has made: the shop keeps no id of ours, so it is ours if it is
    what would be made now, to the letter. Raises WaitForPerson for anything else.
    """
    wanted = {one["sku"]: _new(body, one) for one in body["variants"] if one["sku"] in there}
    asks: list[Ask] = [(_INFO, [sku, None, list(_TOLD_APART), "sku"]) for sku in wanted]
    for sku, raw in zip(wanted, await client.read_all(asks), strict=True):
        is_ours = not isinstance(raw, Fault) and all(
            str(raw.get(name) or "") == str(wanted[sku][name]) for name in _TOLD_APART
        )
        if not is_ours:
            raise taken(sku, there[sku])


def _new(body: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new product: switched off, not visible by itself, without stock."""
    title = variant.get("title") or body["title"]
    weight = Decimal(variant.get("weight_grams") or 0) / _GRAMS
    values: dict[str, Any] = {
        "name": body["title"] if len(body["variants"]) == 1 else title,
        "description": body["values"].get("description") or body["title"],
        "short_description": body["values"].get("short_description") or body["title"],
        "status": body["values"].get("status", _OFF),
        "visibility": "4" if len(body["variants"]) == 1 else _HIDDEN,
        "weight": f"{weight:f}",
        "price": str(variant.get("price") or "0"),
        "tax_class_id": body["taxClass"],
        "stock_data": {"qty": "0", "is_in_stock": 0, "manage_stock": 1},
    }
    if body["websites"]:
        values["websites"] = body["websites"]
    return values


async def _switch_off(client: MagentoClient, call: Call) -> Outcome:
    target = str(call.effect.target)
    asks: list[Ask] = [(_UPDATE, [one, {"status": _OFF}, None, "id"]) for one in parted(target)]
    for answer in await client.write_all(asks):
        if isinstance(answer, Exception) and getattr(answer, "code", None) != "101":
            raise answer
    return Outcome(found=Found(destination_id=target))


async def _find_off(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        target = str(call.effect.target)
        asks: list[Ask] = [(_INFO, [one, None, ["status"], "id"]) for one in parted(target)]
        answers = await client.read_all(asks)
        off = all(isinstance(one, Fault) or one.get("status") == _OFF for one in answers)
        found.append(Found(destination_id=target) if off else None)
    return found


PRODUCTS = Part(
    rights=("catalog_product.list", _INFO, _CREATE, _UPDATE),
    document=product_document,
    references=_references,
    plan=_plan,
    removal=plan_switched_off,
    writes={
        "product": Write(send=one_by_one(_send), find=_find, candidates=_candidates),
        "product-off": Write(send=one_by_one(_switch_off), find=_find_off),
    },
)
