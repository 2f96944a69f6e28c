"""Stock of the ERP to the shop: one level is one SKU at one location.

What is written is `available`, as a whole number: a fraction is rounded down and less than nothing
is nothing. What is there is read right before, and set only from that (compare-and-set); if
somebody sold one in between, it is read again, a few times. A level the shop does not stock is
activated if the pipeline says so, else a person decides.
Must not: write what is not tracked, or a bundle: the shop computes that one from its parts. That
is known when the SKU is looked up, and looked at once more right before the write.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from knect.model import InventoryLevel, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import (
    BadRecord,
    ConnectorError,
    MissingReference,
    NotForThere,
    RetryLater,
    WaitForPerson,
)
from knect.sdk.parts import Part, Write
from knect_connectors.shopify import catalog_queries
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.refusals import payload_of, refused, row_of
from knect_connectors.shopify.skus import find_locations, find_skus, read_sku

__all__ = ["INVENTORY", "pieces"]

_ATTEMPTS = 4
#: Levels read by one query: 6 points each, of 1,000 that one may cost.
_READ_AT_ONCE = 160
_STALE = "CHANGE_FROM_QUANTITY_STALE"


def pieces(amount: Any) -> int:
    """Return a quantity as what can be sold of it: rounded down, not below nothing."""
    try:
        whole = Decimal(amount).to_integral_value(ROUND_FLOOR)
    except (ArithmeticError, TypeError, ValueError):
        raise BadRecord(
            f"available is {amount!r}, which is no quantity", path="available", value=amount
        ) from None
    return max(0, int(whole))


def _level(record: Record) -> InventoryLevel:
    assert isinstance(record, InventoryLevel)
    return record


def _is_counted(level: InventoryLevel) -> bool:
    return level.kind == "goods" and level.tracked


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings  # they steer the plan
    level = _level(record)
    if _is_counted(level) and not level.sku:
        raise BadRecord(f"level {level.source_id} has no SKU", path="sku", value=level.sku)
    amount = level.available
    if amount is None:
        amount = (level.on_hand or Decimal(0)) - (level.reserved or Decimal(0))
    return {"available": pieces(amount)}


def _references(record: Record) -> Sequence[Reference]:
    level = _level(record)
    if not _is_counted(level):
        return ()
    return (
        Reference(kind="sku", value=level.sku, path="sku"),
        Reference(kind="location", value=level.location, path="location"),
    )


def _plan(delivery: Delivery) -> Sequence[Effect]:
    level = _level(delivery.record)
    if not _is_counted(level):
        raise _not_counted(level)
    sku = read_sku(delivery.resolved["sku", level.sku])
    problem = _no_stock_there(level.sku, tracked=sku.tracked, is_bundle=sku.is_bundle)
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


def _no_stock_there(sku: str, *, tracked: bool, is_bundle: bool) -> NotForThere | None:
    """Return why the shop has no stock of a SKU that could be set."""
    if is_bundle:
        why = f"{sku} is a bundle in the shop, which computes its stock from the parts"
        return NotForThere(why, code="BundleItem", path="sku", value=sku)
    if not tracked:
        why = f"the shop does not track the stock of {sku}"
        return NotForThere(why, code="NotTracked", path="sku", value=sku)
    return None


# ---------------------------------------------------------------- at the shop


class _There(Struct, frozen=True):
    """What the shop has: its quantity, or why nothing can be set."""

    available: int | None = None
    problem: ConnectorError | None = None


async def _send(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    outcomes: dict[int, Outcome] = {}
    for _ in range(_ATTEMPTS):
        left = [index for index in range(len(calls)) if index not in outcomes]
        if not left:
            break
        rows: list[tuple[int, int]] = []  # (call, what is there)
        there = await _read(client, [calls[index] for index in left])
        for index, level in zip(left, there, strict=True):
            body = calls[index].effect.body
            if level.problem is not None:
                outcomes[index] = Outcome(error=level.problem)
            elif level.available is None:
                outcomes[index] = await _activate(client, calls[index])
            elif level.available == body["available"]:
                outcomes[index] = _done(calls[index])
            else:
                rows.append((index, level.available))
        if rows:
            outcomes |= await _set(client, calls, rows)
    moving = RetryLater("the stock changed in the shop each time it was about to be set")
    moving.answered = True
    return [outcomes.get(index) or Outcome(error=moving) for index in range(len(calls))]


async def _find(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    there = await _read(client, calls)
    return [
        _done(call).found if level.available == call.effect.body["available"] else None
        for call, level in zip(calls, there, strict=True)
    ]


async def _read(client: ShopifyClient, calls: Sequence[Call]) -> list[_There]:
    """Return what the shop has now, per call."""
    by_place: dict[str, list[int]] = defaultdict(list)
    for index, call in enumerate(calls):
        by_place[call.effect.body["location"]].append(index)
    found: dict[int, _There] = {}
    slices = [
        (location, indexes[start : start + _READ_AT_ONCE])
        for location, indexes in by_place.items()
        for start in range(0, len(indexes), _READ_AT_ONCE)
    ]
    for location, indexes in slices:
        data = await client.read(
            catalog_queries.LEVELS,
            operation="Levels",
            ids=[calls[index].effect.body["item"] for index in indexes],
            location=location,
        )
        for index, node in zip(indexes, data["nodes"], strict=True):
            found[index] = _there(calls[index].effect.body, node)
    return [found[index] for index in range(len(calls))]


def _there(body: Mapping[str, Any], node: Mapping[str, Any] | None) -> _There:
    sku = body["sku"]
    if not node or node.get("sku") != sku:
        # renamed or deleted since it was looked up
        gone = f"the shop has no variant with SKU {sku!r} any more"
        return _There(problem=MissingReference(gone, kind="sku", value=sku, path="sku"))
    is_bundle = any(variant["requiresComponents"] for variant in node["variants"]["nodes"])
    problem = _no_stock_there(sku, tracked=node["tracked"], is_bundle=is_bundle)
    if problem is not None:
        return _There(problem=problem)
    level = node["inventoryLevel"]
    if level is not None:
        return _There(available=level["quantities"][0]["quantity"])
    if body["activate"]:
        return _There()
    return _There(
        problem=WaitForPerson(
            f"the shop does not stock {sku} at {body['place']!r}; stock it there, or set"
            " destination.settings.activate to Always",
            code="NotStocked",
            path="location",
            value=body["place"],
        )
    )


async def _activate(client: ShopifyClient, call: Call) -> Outcome:
    body = call.effect.body
    data = await client.write(
        catalog_queries.INVENTORY_ACTIVATE,
        operation="InventoryActivate",
        item=body["item"],
        location=body["location"],
        available=body["available"],
        key=_key(call.idempotency_key, body["item"], body["location"], body["available"]),
    )
    _, errors = payload_of(data, "inventoryActivate")
    return Outcome(error=refused(errors)) if errors else _done(call)


async def _set(
    client: ShopifyClient, calls: Sequence[Call], rows: Sequence[tuple[int, int]]
) -> dict[int, Outcome]:
    """Set all rows or none; return outcomes of those that need no further try."""
    quantities = [
        {
            "inventoryItemId": calls[index].effect.body["item"],
            "locationId": calls[index].effect.body["location"],
            "quantity": calls[index].effect.body["available"],
            "changeFromQuantity": before,
        }
        for index, before in rows
    ]
    keys = [calls[index].idempotency_key for index, _ in rows]
    data = await client.write(
        catalog_queries.INVENTORY_SET,
        operation="InventorySet",
        input={"reason": "correction", "name": "available", "quantities": quantities},
        # other quantities are another request; the same ones are answered as before
        key=_key(*keys, *(f"{q['quantity']}<{q['changeFromQuantity']}" for q in quantities)),
    )
    _, errors = payload_of(data, "inventorySetQuantities")
    if not errors:
        return {index: _done(calls[index]) for index, _ in rows}
    outcomes: dict[int, Outcome] = {}
    for error in errors:
        row = row_of(error)
        if row is None:
            return {index: Outcome(error=refused([error])) for index, _ in rows}
        if error.get("code") != _STALE:
            outcomes[rows[row][0]] = Outcome(error=refused([error]))
    return outcomes  # the others were not set either; they are read again


def _done(call: Call) -> Outcome:
    body = call.effect.body
    return Outcome(
        found=Found(destination_id=f"{body['item']}@{body['location']}", number=body["sku"])
    )


def _key(*parts: Any) -> str:
    return blake2b("|".join(map(str, parts)).encode(), digest_size=16).hexdigest()


INVENTORY = Part(
    rights=("write_inventory", "read_products", "read_locations"),
    document=_document,
    references=_references,
    plan=_plan,
    writes={"level": Write(send=_send, find=_find)},
    resolvers={"sku": find_skus, "location": find_locations},
)
