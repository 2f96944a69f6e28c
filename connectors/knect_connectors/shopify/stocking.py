"""Setting levels at the shop: from what was read right before, and from nothing else.

Why: the shop sells while it is told its stock. What a row says it changes from is what was read;
where that is not so any more the row is read again, and the others are set without it.
Must not: let one row that moves hold the others, or take what changed in between for a refusal.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import (
    ConnectorError,
    MissingReference,
    NotForThere,
    RetryLater,
    WaitForPerson,
)
from knect_connectors.shopify import catalog_queries
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.refusals import payload_of, refused
from knect_connectors.shopify.rows import send_rows

__all__ = ["find_levels", "no_stock_there", "send_levels"]

_ATTEMPTS = 4
#: Levels read by one query: 6 points each, of 1,000 that one may cost.
_READ_AT_ONCE = 160
#: Somebody sold or changed it since it was read: it is read again, which says what it is now.
_NOT_AS_READ = frozenset(
    (
        "CHANGE_FROM_QUANTITY_STALE",
        "INVALID_INVENTORY_ITEM",
        "ITEM_NOT_STOCKED_AT_LOCATION",
        "NON_MUTABLE_INVENTORY_ITEM",
    )
)
_NO_LOCATION = "INVALID_LOCATION"


def no_stock_there(sku: str, *, tracked: bool, is_bundle: bool) -> NotForThere | None:
    """Return why the shop has no stock of a SKU that could be set."""
    if is_bundle:
        why = f"{sku} is a bundle in the shop, which computes its stock from the parts"
        return NotForThere(why, code="BundleItem", path="sku", value=sku)
    if not tracked:
        why = f"the shop does not track the stock of {sku}"
        return NotForThere(why, code="NotTracked", path="sku", value=sku)
    return None


class _There(Struct, frozen=True):
    """What the shop has: its quantity, or why nothing can be set."""

    available: int | None = None
    problem: ConnectorError | None = None


async def send_levels(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    """Set each level from what is there; what changed in between is read again."""
    outcomes: dict[int, Outcome] = {}
    for _ in range(_ATTEMPTS):
        left = [index for index in range(len(calls)) if index not in outcomes]
        if not left:
            break
        before: dict[int, int] = {}  # call -> what is there
        there = await _read(client, [calls[index] for index in left])
        for index, level in zip(left, there, strict=True):
            body = calls[index].effect.body
            if level.problem is not None:
                outcomes[index] = Outcome(error=level.problem)
            elif level.available is None:
                if (activated := await _activate(client, calls[index])) is not None:
                    outcomes[index] = activated
            elif level.available == body["available"]:
                outcomes[index] = _done(calls[index])
            else:
                before[index] = level.available
        set_rows = partial(_set, client, calls, before)
        outcomes |= await send_rows(calls, list(before), set_rows, _done, _judged)
    moving = RetryLater("the stock changed in the shop each time it was about to be set")
    moving.answered = True
    return [outcomes.get(index) or Outcome(error=moving) for index in range(len(calls))]


async def find_levels(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    """Return the levels that are what they should be."""
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
    problem = no_stock_there(sku, tracked=node["tracked"], is_bundle=is_bundle)
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


async def _activate(client: ShopifyClient, call: Call) -> Outcome | None:
    """Stock it there; None: somebody else did meanwhile, it is to be read again."""
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
    fields = {step for error in errors for step in error.get("field") or ()}
    if "available" in fields:
        return None
    if "locationId" in fields:
        return Outcome(error=_place_gone(call))
    return Outcome(error=refused(errors)) if errors else _done(call)


async def _set(
    client: ShopifyClient, calls: Sequence[Call], before: Mapping[int, int], rows: Sequence[int]
) -> list[Any]:
    """Set all rows or none; return what the shop has against them."""
    quantities = [
        {
            "inventoryItemId": calls[index].effect.body["item"],
            "locationId": calls[index].effect.body["location"],
            "quantity": calls[index].effect.body["available"],
            "changeFromQuantity": before[index],
        }
        for index in rows
    ]
    keys = [calls[index].idempotency_key for index in rows]
    data = await client.write(
        catalog_queries.INVENTORY_SET,
        operation="InventorySet",
        input={"reason": "correction", "name": "available", "quantities": quantities},
        # other quantities are another request; the same ones are answered as before
        key=_key(*keys, *(f"{q['quantity']}<{q['changeFromQuantity']}" for q in quantities)),
    )
    return payload_of(data, "inventorySetQuantities")[1]


def _judged(call: Call, errors: Sequence[Mapping[str, Any]]) -> ConnectorError | None:
    """Return what the shop has against a level; None: it is to be read again."""
    codes = {error.get("code") for error in errors}
    if codes & _NOT_AS_READ:
        return None
    return _place_gone(call) if _NO_LOCATION in codes else refused(errors)


def _place_gone(call: Call) -> MissingReference:
    place = call.effect.body["place"]
    return MissingReference(
        f"{place!r} was deactivated or deleted in the shop just now; activate it there, or map it"
        " in valueMaps `location`",
        kind="location",
        value=place,
        path="location",
    )


def _done(call: Call) -> Outcome:
    body = call.effect.body
    return Outcome(
        found=Found(destination_id=f"{body['item']}@{body['location']}", number=body["sku"])
    )


def _key(*parts: Any) -> str:
    return blake2b("|".join(map(str, parts)).encode(), digest_size=16).hexdigest()
