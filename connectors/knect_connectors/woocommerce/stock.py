"""Stock of the ERP to the shop: one number per SKU, for core WooCommerce has one stock.

What is written is a whole number: a fraction is rounded down, less than nothing is nothing. What is
there is looked at before: nothing is set twice.
Must not: write what is not tracked, or take a variation's stock away from its parent.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.model import Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import ConnectorError, NotForThere, Refused
from knect.sdk.parts import Part, Write
from knect.sdk.stock import is_counted, level_document, level_of, pieces
from knect_connectors.woocommerce.client import WooClient
from knect_connectors.woocommerce.shelf import find_as_wanted, send_wanted
from knect_connectors.woocommerce.skus import find_skus

__all__ = ["INVENTORY"]

_COMPOSED = frozenset({"grouped", "external", "bundle", "composite"})


def _references(record: Record) -> Sequence[Reference]:
    level = level_of(record)
    return (Reference(kind="sku", value=level.sku, path="sku"),) if is_counted(level) else ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    level = level_of(delivery.record)
    name = level.sku or level.source_id
    wanted = delivery.settings.get("location")
    if wanted and level.location != wanted:
        raise NotForThere(
            f"stock at {level.location!r} is not told to the shop, which has one stock: that of"
            f" {wanted!r}",
            code="NotTracked",
        )
    if level.kind == "service":
        raise NotForThere(f"{name} is a service, which has no stock", code="NotTracked")
    if level.kind == "bundle":
        why = f"{name} is a bundle, whose stock follows from its parts"
        raise NotForThere(why, code="BundleItem")
    if not level.tracked:
        raise NotForThere(f"stock of {name} is not tracked at the source", code="NotTracked")
    identifier, _, kind = delivery.resolved["sku", level.sku].partition(" ")
    if kind in _COMPOSED:
        why = f"{name} is a product of type {kind} in the shop, which has no stock of its own"
        raise NotForThere(why, code="BundleItem", path="sku", value=name)
    if "available" not in delivery.document:
        return ()
    return (
        Effect(
            name="level",
            write="level",
            entity="inventory",
            operation=Operation.UPDATE,
            key=identifier,
            external_id=delivery.external_id,
            body={
                "sku": level.sku,
                "available": pieces(delivery.document["available"]),
                "counts": delivery.settings.get("manageStock", "Auto") == "Auto",
            },
            primary=True,
        ),
    )


def _wanted(body: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any] | ConnectorError:
    """Return what is to be set of a product, nothing if it has the number."""
    sku, counted = str(body["sku"]), row.get("manage_stock")
    if counted == "parent":
        return Refused(
            f"the shop counts {sku!r} on its parent, product {row.get('parent_id')}, together with"
            " the other variations: let the variation manage its stock itself, or give the parent"
            " the SKU of what the ERP counts",
            path="sku",
            value=sku,
        )
    if counted is not True and not body["counts"]:
        return NotForThere(
            f"the shop does not count {sku!r} (Manage stock is off)", code="NotTracked", value=sku
        )
    if counted is True and Decimal(str(row.get("stock_quantity") or 0)) == body["available"]:
        return {}
    return {"manage_stock": True, "stock_quantity": body["available"]}


async def _send(client: WooClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    return await send_wanted(client, calls, _wanted)


async def _find(client: WooClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    return await find_as_wanted(client, calls, _wanted)


INVENTORY = Part(
    rights=("/products",),
    document=level_document,
    references=_references,
    plan=_plan,
    writes={"level": Write(send=_send, find=_find)},
    resolvers={"sku": find_skus},
)
