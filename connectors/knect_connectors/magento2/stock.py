"""Stock of the ERP to the shop: one number per SKU and source, or per SKU without sources.

What is written is a whole number: a fraction is rounded down, less than nothing is nothing. It is
set, not added, and only where it is not so already: each write makes the shop compute its index.
Must not: write what is not tracked, or stock of what is made of other products. Nor a SKU the shop
does not have: it would be kept for a product that is none.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.model import Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import ConnectorError, MissingReference, NotForThere, UnexpectedAnswer
from knect.sdk.parts import Answers, Part, Write
from knect.sdk.stock import is_counted, level_document, level_of, pieces
from knect_connectors.magento2.batches import in_batches, sent_by_halves
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.config import Stock
from knect_connectors.magento2.levels import LOCATION, SOURCE_ITEMS, read_stock_item
from knect_connectors.magento2.reader import walked
from knect_connectors.magento2.refusals import is_gone
from knect_connectors.magento2.search import one_of, segment
from knect_connectors.magento2.skus import find_skus, gone, products_of

__all__ = ["INVENTORY", "find_sources"]

_SOURCES = "inventory/sources"
_COMPOSED = frozenset({"configurable", "grouped", "bundle"})
_MOST_SOURCES = 300

#: (SKU, source) -> the shop's level.
_Levels = Mapping[tuple[str, str], Mapping[str, Any]]


def _references(record: Record) -> Sequence[Reference]:
    level = level_of(record)
    if not is_counted(level):
        return ()
    return (
        Reference(kind="sku", value=level.sku, path="sku"),
        Reference(kind="location", value=level.location, path="location"),
    )


async def find_sources(client: MagentoClient, names: Sequence[str]) -> Answers:
    """Return location -> code of the source; without sources there is one stock for all."""
    if client.config.stock is Stock.STOCK_ITEM:
        return dict.fromkeys(names, LOCATION)
    rows, _ = await client.search(_SOURCES, (), size=_MOST_SOURCES)
    codes = {str(row.get("source_code")) for row in rows}
    known = ", ".join(sorted(map(repr, codes))) or "none"
    found: dict[str, str | ConnectorError] = {}
    for name in names:
        found[name] = (
            name
            if name in codes
            else MissingReference(
                f"{name!r} is no source of the shop, which has {known}; map it in valueMaps"
                " `location`",
                kind="location",
                value=name,
            )
        )
    return found


def _plan(delivery: Delivery) -> Sequence[Effect]:
    level = level_of(delivery.record)
    name = level.sku or level.source_id
    wanted = delivery.settings.get("location")
    if wanted and level.location != wanted:
        raise NotForThere(
            f"stock at {level.location!r} is not told to the shop, only that of {wanted!r} is",
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
    source = delivery.resolved["location", level.location]
    return (
        Effect(
            name="level",
            write="level",
            entity="inventory",
            operation=Operation.UPDATE,
            key=f"{identifier}@{source}",
            external_id=delivery.external_id,
            body={
                "sku": level.sku,
                "product": identifier,
                "source": source,
                "available": pieces(delivery.document["available"]),
                "inStock": delivery.settings.get("inStock", "Auto") == "Auto",
            },
            primary=True,
        ),
    )


# ---------------------------------------------------------------- at the shop


def _place(call: Call) -> tuple[str, str]:
    return str(call.effect.body["sku"]), str(call.effect.body["source"])


async def _read(client: MagentoClient, calls: Sequence[Call]) -> _Levels:
    """Return the shop's levels by exact SKU and source."""
    skus = list(dict.fromkeys(sku for sku, _ in map(_place, calls)))
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    if client.config.stock is Stock.STOCK_ITEM:
        for sku in skus:
            if (item := await read_stock_item(client, sku)) is not None:
                found[sku, LOCATION] = item
        return found
    keys = ("sku", "source_code"), ("sku", "source_code")
    bounds = [one_of("sku", skus)]
    async for rows in walked(client, SOURCE_ITEMS, bounds, keys, client.config.page):
        found |= {(str(row["sku"]), str(row["source_code"])): row for row in rows}
    return found


def _quantity(level: Mapping[str, Any]) -> Decimal:
    return Decimal(str(level.get("quantity", level.get("qty")) or 0))


def _is_on(level: Mapping[str, Any]) -> bool:
    return bool(level.get("status", level.get("is_in_stock")))


def _is_wanted(call: Call, there: Mapping[str, Any] | None) -> bool:
    """Return whether it is to be sold: by its pieces, or as it is."""
    body = call.effect.body
    if body["inStock"] or there is None:
        return bool(body["available"] > 0)
    return _is_on(there)


def _has(call: Call, there: Mapping[str, Any]) -> bool:
    same = _quantity(there) == call.effect.body["available"]
    return same and _is_on(there) == _is_wanted(call, there)


async def _send(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    return await in_batches(calls, client.config.batch, lambda part: _send_part(client, part))


async def _send_part(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    there = await _read(client, calls)
    new = [sku for sku, source in map(_place, calls) if (sku, source) not in there]
    known = {str(row.get("sku")) for row in await products_of(client, new)}
    outcomes: dict[int, Outcome] = {}
    rows: list[tuple[int, Mapping[str, Any] | None]] = []
    for index, call in enumerate(calls):
        level = there.get(_place(call))
        if level is None and _place(call)[0] not in known:
            outcomes[index] = Outcome(error=gone(_place(call)[0]))
        elif level is not None and _has(call, level):
            outcomes[index] = _done(call)
        else:
            rows.append((index, level))
    if client.config.stock is Stock.STOCK_ITEM:
        for index, level in rows:
            outcomes[index] = await _set_item(client, calls[index], level)
    else:

        async def post(some: Sequence[tuple[int, Mapping[str, Any] | None]]) -> None:
            items = [_item(calls[index], level) for index, level in some]
            await client.write("POST", SOURCE_ITEMS, {"sourceItems": items})

        for (index, _), error in zip(rows, await sent_by_halves(rows, post), strict=True):
            outcomes[index] = _done(calls[index]) if error is None else Outcome(error=error)
    return [outcomes[index] for index in range(len(calls))]


def _item(call: Call, there: Mapping[str, Any] | None) -> dict[str, Any]:
    sku, source = _place(call)
    return {
        "sku": sku,
        "source_code": source,
        "quantity": call.effect.body["available"],
        "status": int(_is_wanted(call, there)),
    }


async def _set_item(client: MagentoClient, call: Call, there: Mapping[str, Any] | None) -> Outcome:
    sku, item = _place(call)[0], (there or {}).get("item_id")
    if item is None:
        raise UnexpectedAnswer(f"the stock of {sku!r} was told without its id", value=sku)
    values = {"qty": call.effect.body["available"], "is_in_stock": _is_wanted(call, there)}
    try:
        await client.write(
            "PUT",
            f"products/{segment(sku)}/stockItems/{item}",
            {"stockItem": values},
            template="products/{sku}/stockItems/{id}",
        )
    except ConnectorError as error:
        if not error.answered:
            raise
        return Outcome(error=gone(sku) if is_gone(error) else error)
    return _done(call)


async def _find(client: MagentoClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    there = await _read(client, calls)
    return [
        _done(call).found
        if (level := there.get(_place(call))) is not None
        and _quantity(level) == call.effect.body["available"]
        else None
        for call in calls
    ]


def _done(call: Call) -> Outcome:
    body = call.effect.body
    name = f"{body['product']}@{body['source']}"
    return Outcome(found=Found(destination_id=name, number=str(body["sku"])))


INVENTORY = Part(
    document=level_document,
    references=_references,
    plan=_plan,
    writes={"level": Write(send=_send, find=_find)},
    resolvers={"sku": find_skus, "location": find_sources},
)
