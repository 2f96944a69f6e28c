"""Stock of the ERP to the shop: one level is one SKU at one location.

What is written is `available`, as a whole number: a fraction is rounded down and less than nothing
is nothing. What is there is read right before, and set only from that (compare-and-set); if
somebody sold one in between, it is read again, a few times. A level the shop does not stock is
activated if the pipeline says so, else a person decides.
Must not: write what is not tracked, or a bundle: the shop computes that one from its parts. That
is known when the SKU is looked up, and looked at once more right before the write (`stocking`).
"""

from collections.abc import Sequence

from knect.model import InventoryLevel, Record
from knect.sdk.contract import Delivery, Effect, Operation, Reference
from knect.sdk.errors import NotForThere
from knect.sdk.parts import Part, Write
from knect.sdk.stock import is_counted, level_document, level_of, pieces
from knect_connectors.shopify.skus import find_locations, find_skus, read_sku
from knect_connectors.shopify.stocking import find_levels, no_stock_there, send_levels

__all__ = ["INVENTORY"]


def _references(record: Record) -> Sequence[Reference]:
    level = level_of(record)
    if not is_counted(level):
        return ()
    return (
        Reference(kind="sku", value=level.sku, path="sku"),
        Reference(kind="location", value=level.location, path="location"),
    )


def _plan(delivery: Delivery) -> Sequence[Effect]:
    level = level_of(delivery.record)
    if not is_counted(level):
        raise _not_counted(level)
    sku = read_sku(delivery.resolved["sku", level.sku])
    problem = no_stock_there(level.sku, tracked=sku.tracked, is_bundle=sku.is_bundle)
    if problem is not None:
        raise problem
    location = delivery.resolved["location", level.location]
    if "available" not in delivery.document:
        return ()
    return (
        Effect(
            name="level",
            write="level",
            entity="inventory",
            operation=Operation.UPDATE,
            key=f"{sku.item}@{location}",
            external_id=delivery.external_id,
            body={
                "sku": level.sku,
                "item": sku.item,
                "location": location,
                "place": level.location,
                "available": pieces(delivery.document["available"]),
                "activate": delivery.settings.get("activate", "Never") == "Always",
            },
            primary=True,
        ),
    )


def _not_counted(level: InventoryLevel) -> NotForThere:
    name = level.sku or level.source_id
    if level.kind == "service":
        return NotForThere(f"{name} is a service, which has no stock", code="NotTracked")
    if level.kind == "bundle":
        return NotForThere(
            f"{name} is a bundle, whose stock follows from its parts", code="BundleItem"
        )
    return NotForThere(f"stock of {name} is not tracked at the source", code="NotTracked")


INVENTORY = Part(
    rights=("write_inventory", "read_products", "read_locations"),
    document=level_document,
    references=_references,
    plan=_plan,
    writes={"level": Write(send=send_levels, find=find_levels)},
    resolvers={"sku": find_skus, "location": find_locations},
)
