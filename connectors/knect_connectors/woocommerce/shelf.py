"""Changes many products and variations in few requests: one outcome each.

Variations are changed at their parent's route, a hundred objects at a time; errors come one by one
inside an answer that says all is well. Must not: know what is changed.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import ConnectorError
from knect.sdk.parts import not_begun
from knect.sdk.permit import is_time_for_more
from knect_connectors.woocommerce.client import BATCH, Row, WooClient
from knect_connectors.woocommerce.refusals import GONE
from knect_connectors.woocommerce.skus import gone, name_of, rows_by_sku

__all__ = ["Wanted", "find_as_wanted", "send_wanted"]

#: What a call wants of the row that is there: values to set, none if all is so, or an error.
Wanted = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any] | ConnectorError]


async def send_wanted(client: WooClient, calls: Sequence[Call], wanted: Wanted) -> list[Outcome]:
    """Look at what is there, and change what is not as wanted."""
    there = await rows_by_sku(client, [str(call.effect.body["sku"]) for call in calls])
    outcomes: dict[int, Outcome] = {}
    changes: defaultdict[str, list[tuple[int, Row]]] = defaultdict(list)
    for index, call in enumerate(calls):
        sku = str(call.effect.body["sku"])
        row = there.get(sku)
        if row is None:
            outcomes[index] = Outcome(error=gone(sku))
            continue
        values = wanted(call.effect.body, row)
        if isinstance(values, ConnectorError):
            outcomes[index] = Outcome(error=values)
        elif not values:
            outcomes[index] = Outcome(found=_found(row))
        else:
            parent = name_of(row).rpartition("-")[0]
            changes[parent].append((index, {"id": row["id"], **values}))
    batches = [
        (parent, of[start : start + BATCH])
        for parent, of in changes.items()
        for start in range(0, len(of), BATCH)
    ]
    for number, (parent, batch) in enumerate(batches):
        if number and not is_time_for_more():
            outcomes |= {index: not_begun() for index, _ in batch}
            continue
        try:
            answers = await _changed(client, parent, [row for _, row in batch])
        except ConnectorError as error:
            if len(batches) == 1:
                raise
            answers = [error] * len(batch)
        for (index, _), answer in zip(batch, answers, strict=True):
            outcomes[index] = _outcome(str(calls[index].effect.body["sku"]), answer)
    return [outcomes[index] for index in range(len(calls))]


async def find_as_wanted(
    client: WooClient, calls: Sequence[Call], wanted: Wanted
) -> list[Found | None]:
    """Return what is as it is wanted already."""
    there = await rows_by_sku(client, [str(call.effect.body["sku"]) for call in calls])
    found: list[Found | None] = []
    for call in calls:
        row = there.get(str(call.effect.body["sku"]))
        is_so = row is not None and wanted(call.effect.body, row) == {}
        found.append(_found(row) if row is not None and is_so else None)
    return found


async def _changed(
    client: WooClient, parent: str, rows: Sequence[Row]
) -> list[Row | ConnectorError]:
    path, template = "/products/batch", "/products/batch"
    if parent:
        path, template = f"/products/{parent}/variations/batch", "/products/{id}/variations/batch"
    return await client.batch(path, "update", rows, template=template)


def _outcome(sku: str, answer: Row | ConnectorError) -> Outcome:
    if isinstance(answer, ConnectorError):
        is_gone = GONE.fullmatch(answer.code or "")
        return Outcome(error=gone(sku) if is_gone else answer)
    return Outcome(found=_found(answer))


def _found(row: Mapping[str, Any]) -> Found:
    parent = row.get("parent_id")
    name = f"{parent}-{row['id']}" if parent else str(row["id"])
    return Found(destination_id=name, number=str(row.get("sku") or "") or None)
