"""Stock of the ERP to the shop: one number per SKU, because Magento 1 has one stock.

What is written is a whole number: a fraction is rounded down, less than nothing is nothing. The
shop is told by SKU, which it looks for first, and what is there is looked at before: nothing is set
twice, and a SKU that is a number the shop would take for a product's id if the SKU were gone.
Must not: write what is not tracked, or stock of what is made of other products.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.model import Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import ConnectorError, MissingReference, NotForThere
from knect.sdk.parts import Part, Write, not_begun
from knect.sdk.permit import is_time_for_more
from knect.sdk.stock import is_counted, level_document, level_of, pieces
from knect_connectors.magento1.client import Ask, MagentoClient
from knect_connectors.magento1.listing import rows_of
from knect_connectors.magento1.skus import find_skus

__all__ = ["INVENTORY"]

_LIST, _UPDATE = "cataloginventory_stock_item.list", "cataloginventory_stock_item.update"
_NOT_EXISTS = "101"
_COMPOSED = frozenset({"configurable", "grouped", "bundle"})


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
        why = f"{name} is a {kind} product in the shop, whose stock is that of its parts"
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
                "product": identifier,
                "available": pieces(delivery.document["available"]),
                "inStock": delivery.settings.get("inStock", "Auto") == "Auto",
            },
            primary=True,
        ),
    )


# ---------------------------------------------------------------- at the shop


async def _read(client: MagentoClient, skus: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the shop's levels by exact SKU."""
    rows = rows_of(client, _LIST, await client.read(_LIST, list(skus))) if skus else []
    return {str(row.get("sku")): row for row in rows}


async def _send(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    there = await _read(client, [str(call.effect.body["sku"]) for call in calls])
    outcomes: dict[int, Outcome] = {}
    asks: list[tuple[int, Ask]] = []
    for index, call in enumerate(calls):
        sku = str(call.effect.body["sku"])
        if sku not in there:
            outcomes[index] = Outcome(error=_gone(sku))
        elif _has(there[sku], _data(call.effect.body)):
            outcomes[index] = _done(call)
        else:
            asks.append((index, (_UPDATE, [sku, _data(call.effect.body)])))
    size = client.config.batch
    for start in range(0, len(asks), size):
        part = asks[start : start + size]
        if start and not is_time_for_more():
            outcomes |= {index: not_begun() for index, _ in part}
            continue
        try:
            answers = await client.write_all([ask for _, ask in part])
        except ConnectorError as error:
            if len(asks) <= size:
                raise
            answers = [error] * len(part)
        for (index, _), answer in zip(part, answers, strict=True):
            outcomes[index] = _outcome(calls[index], answer)
    return [outcomes[index] for index in range(len(calls))]


def _data(body: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"qty": str(body["available"])}
    if body["inStock"]:
        data["is_in_stock"] = 1 if body["available"] > 0 else 0
    return data


def _has(row: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Tell whether nothing is to be set: each write makes the shop compute its index anew."""
    return all(Decimal(row.get(name) or 0) == Decimal(value) for name, value in data.items())


def _outcome(call: Call, answer: Any) -> Outcome:
    if isinstance(answer, ConnectorError):
        is_gone = answer.code == _NOT_EXISTS
        return Outcome(error=_gone(str(call.effect.body["sku"])) if is_gone else answer)
    return _done(call)


def _gone(sku: str) -> MissingReference:
    message = f"the shop has no product with SKU {sku!r} any more"
    return MissingReference(message, kind="sku", value=sku, path="sku")


async def _find(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    there = await _read(client, [str(call.effect.body["sku"]) for call in calls])
    found: list[Found | None] = []
    for call in calls:
        row = there.get(str(call.effect.body["sku"]))
        same = row is not None and Decimal(row.get("qty") or 0) == call.effect.body["available"]
        found.append(_done(call).found if same else None)
    return found


def _done(call: Call) -> Outcome:
    body = call.effect.body
    return Outcome(found=Found(destination_id=str(body["product"]), number=str(body["sku"])))


INVENTORY = Part(
    rights=("catalog_product.list", _LIST, _UPDATE),
    document=level_document,
    references=_references,
    plan=_plan,
    writes={"level": Write(send=_send, find=_find)},
    resolvers={"sku": find_skus},
)
