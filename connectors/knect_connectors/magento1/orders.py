"""Reads orders: each chain of edits is one order, under the number of its first.

Editing an order makes a new one (`100000123-1`) and cancels the old one. The last of a chain is
what was sold; the ones before it are no orders, and say so by `relation_child_real_id`.
Must not: read a cancelled link of a chain as a cancellation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.listing import rows_of
from knect_connectors.magento1.mapping import CHAIN
from knect_connectors.magento1.payload import text_or_none
from knect_connectors.magento1.reader import Kind, Raws
from knect_connectors.magento1.xmlrpc import Fault

__all__ = ["FAULT", "GONE", "ORDERS", "head_of", "infos", "root_of"]

#: Fault of the API: there is no such order, shipment, invoice, credit memo.
GONE = 100
#: Where it is said why a record cannot be read, though the shop lists it.
FAULT = "knect_fault"

_LONGEST_CHAIN = 100


def root_of(raw: Mapping[str, Any]) -> str:
    """Return the number an order's chain began with."""
    return text_or_none(raw.get("original_increment_id")) or str(raw["increment_id"])


def _child_of(raw: Mapping[str, Any]) -> str | None:
    return text_or_none(raw.get("relation_child_real_id"))


async def infos(
    client: MagentoClient, path: str, keys: Sequence[str]
) -> dict[str, dict[str, Any] | None]:
    """Return what `path` tells of each key; None for those that are gone."""
    answers = await client.read_all([(path, [key]) for key in keys])
    found: dict[str, dict[str, Any] | None] = {}
    broken: dict[str, Fault] = {}
    for key, answer in zip(keys, answers, strict=True):
        if isinstance(answer, Fault) and answer.code in (0, 1):
            broken[key] = answer
        elif isinstance(answer, Fault):
            if answer.code != GONE:
                raise client.error(path, answer)
            found[key] = None
        elif isinstance(answer, dict):
            found[key] = answer
        else:
            raise UnexpectedAnswer(f"{path} {key} was answered without a record", value=key)
    for key, fault in broken.items():
        found[key] = await _alone(client, path, key, fault, others=bool(found))
    return found


async def _alone(
    client: MagentoClient, path: str, key: str, fault: Fault, *, others: bool
) -> dict[str, Any]:
    """Read one that the shop stumbled over once more; if only this one fails, it is its own.

    Where others were answered the shop works: then the record is broken there, and it is shown as
    such instead of holding all others up.
    """
    try:
        answer = await client.read(path, key)
    except UnexpectedAnswer as error:
        if not others or error.code not in ("0", "1"):
            raise
        answer = await _listed(client, path, key)
        if answer is None:
            raise
        return {**answer, FAULT: f"the shop itself cannot read order {key}: {fault.message}"}
    if not isinstance(answer, dict):
        raise UnexpectedAnswer(f"{path} {key} was answered without a record", value=key)
    return answer


async def _listed(client: MagentoClient, path: str, key: str) -> dict[str, Any] | None:
    if path != "sales_order.info":
        return None
    rows = rows_of(
        client, "sales_order.list", await client.read("sales_order.list", {"increment_id": key})
    )
    return rows[0] if rows else None


async def head_of(client: MagentoClient, number: str) -> dict[str, Any] | None:
    """Return the last order of the chain `number` is part of, None if there is none."""
    raw = (await infos(client, "sales_order.info", [number]))[number]
    seen = {number}
    while raw is not None and (child := _child_of(raw)) is not None:
        if child in seen or len(seen) > _LONGEST_CHAIN:
            raise UnexpectedAnswer(f"the edits of order {number} lead in a circle", value=child)
        seen.add(child)
        raw = (await infos(client, "sales_order.info", [child]))[child]
    return raw


async def _load(client: MagentoClient, numbers: Sequence[str]) -> Raws:
    """Return orders by number; for the number of a chain its last one."""
    found = await infos(client, "sales_order.info", numbers)
    for number, raw in found.items():
        child = _child_of(raw) if raw else None
        if child is not None:
            found[number] = await head_of(client, child)
    edited = {
        root: raw for raw in found.values() if raw and (root := root_of(raw)) != raw["increment_id"]
    }
    if edited:
        condition = {"increment_id": {"in": sorted(edited)}}
        answer = await client.read("sales_order.list", condition)
        for row in rows_of(client, "sales_order.list", answer):
            raw = edited.get(str(row["increment_id"]))
            if raw is not None:
                raw[CHAIN] = {"root": root_of(raw), "placed_at": row.get("created_at")}
    return found


def _split(
    client: MagentoClient, key: str, raw: dict[str, Any]
) -> Iterable[tuple[str, dict[str, Any]]]:
    del client, key
    if _child_of(raw) is None:
        root = root_of(raw)
        yield root, raw if CHAIN in raw else {**raw, CHAIN: {"root": root}}


ORDERS = Kind(
    path="sales_order.list",
    key="increment_id",
    load=_load,
    split=_split,
    wanted=lambda row: _child_of(row) is None,
    rechecks=True,
)
