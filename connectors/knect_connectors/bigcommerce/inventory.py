"""Stock of the ERP to the store: one level is one SKU at one place.

What is written is a whole number: a fraction is rounded down, less than nothing is nothing. It is
set and not added, and always sent: the store applies it a while after it answered, so what it says
is there may be older than what it was told. Its own safety stock comes off what may be sold.
Must not: write what is not tracked, or add a difference.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import InventoryLevel, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import ConnectorError, NotForThere, Refused, WaitForPerson
from knect.sdk.parts import Part, Write
from knect.sdk.stock import is_counted, level_document, level_of, pieces
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.levels import ITEMS
from knect_connectors.bigcommerce.listing import all_of
from knect_connectors.bigcommerce.rows import chunks, send_rows
from knect_connectors.bigcommerce.skus import Sku, find_locations, find_skus, gone, read_sku

__all__ = ["INVENTORY"]

_ADJUST = "/v3/inventory/adjustments/absolute"
#: Rows of one request; the platform takes 2,000.
_AT_ONCE = 2_000
_READ_AT_ONCE = 100
#: So long, in seconds, an adjustment may take to be seen.
_SEEN_WITHIN = 60.0


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
    if (problem := _no_stock_there(level.sku, sku)) is not None:
        raise problem
    if "available" not in delivery.document:
        return ()
    location = int(delivery.resolved["location", level.location])
    return (
        Effect(
            name="level",
            write="level",
            entity="inventory",
            operation=Operation.UPDATE,
            key=f"{sku.variant}@{location}",
            external_id=delivery.external_id,
            body={
                "sku": level.sku,
                "variant": sku.variant,
                "product": sku.product if sku.tracking == "product" else None,
                "location": location,
                "available": pieces(delivery.document["available"]),
            },
            primary=True,
        ),
    )


def _not_counted(level: InventoryLevel) -> NotForThere:
    name = level.sku or level.source_id
    if level.kind == "service":
        return NotForThere(f"{name} is a service, which has no stock", code="NotTracked")
    if level.kind == "bundle":
        why = f"{name} is a bundle, whose stock follows from its parts"
        return NotForThere(why, code="BundleItem")
    return NotForThere(f"stock of {name} is not tracked at the source", code="NotTracked")


def _no_stock_there(name: str, sku: Sku) -> ConnectorError | None:
    """Return why the store has no stock of a SKU that could be set."""
    if sku.tracking == "none":
        why = f"the store does not track the stock of {name}"
        return NotForThere(why, code="NotTracked", path="sku", value=name)
    if sku.tracking == "product" and not sku.is_base:
        return WaitForPerson(
            f"the store counts product {sku.product} as a whole, and {name} is one of its variants;"
            " let it track stock by variant, then retry",
            code="NotStocked",
            path="sku",
            value=name,
        )
    return None


# ---------------------------------------------------------------- at the store


async def _send(client: BigCommerceClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    order = sorted(range(len(calls)), key=lambda index: calls[index].effect.body["location"])

    async def request(rows: Sequence[Call]) -> Mapping[int, ConnectorError]:
        for call in rows:
            client.recently.told(call.effect.key, call.effect.body["available"])
        items = [_item(call.effect.body) for call in rows]
        body = {"reason": "stock of the ERP", "items": items}
        await client.write("PUT", _ADJUST, json=body)
        return {}

    async def judge(call: Call, error: Refused) -> ConnectorError:
        """Return what became of the SKU since it was looked up, else what the store says."""
        sku = call.effect.body["sku"]
        answer = (await find_skus(client, [sku])).get(sku)
        if isinstance(answer, ConnectorError):
            return answer
        return error if answer else gone(sku)

    return await send_rows(calls, chunks(order, _AT_ONCE), request=request, done=_done, judge=judge)


def _item(body: Mapping[str, Any]) -> dict[str, int]:
    what = (
        {"variant_id": body["variant"]}
        if body["product"] is None
        else {"product_id": body["product"]}
    )
    return {"location_id": body["location"], **what, "quantity": body["available"]}


async def _find(client: BigCommerceClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    """Return the levels that are what they should be, and are not about to be something else."""
    variants = sorted({str(call.effect.body["variant"]) for call in calls})
    there: dict[str, Any] = {}
    for start in range(0, len(variants), _READ_AT_ONCE):
        params = {"variant_id:in": ",".join(variants[start : start + _READ_AT_ONCE])}
        for row in await all_of(client, ITEMS, params=params) or ():
            for place in row.get("locations") or ():
                key = f"{row['identity']['variant_id']}@{place['location_id']}"
                there[key] = place.get("total_inventory_onhand")
    return [
        _done(call).found
        if there.get(call.effect.key) == call.effect.body["available"]
        and client.recently.only(call.effect.key, call.effect.body["available"], _SEEN_WITHIN)
        else None
        for call in calls
    ]


def _done(call: Call) -> Outcome:
    return Outcome(found=Found(destination_id=call.effect.key, number=call.effect.body["sku"]))


INVENTORY = Part(
    rights=("Store inventory", "Products", "Store locations"),
    document=level_document,
    references=_references,
    plan=_plan,
    writes={"level": Write(send=_send, find=_find)},
    resolvers={"sku": find_skus, "location": find_locations},
)
