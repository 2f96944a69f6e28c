"""Reads what belongs to an order: invoices as payments, credit memos as refunds, and shipments.

Each has a mark of change of its own. With it is kept what of its order is needed to understand it
and never changes: the number of the chain, how lines are paired, how it is paid.
Must not: let an order's change make a new version of what did not change.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.lines import own_lines
from knect_connectors.magento1.listing import rows_of
from knect_connectors.magento1.orders import FAULT, infos, root_of
from knect_connectors.magento1.reader import Kind, Raws

__all__ = ["ORDER", "PAYMENTS", "REFUNDS", "SHIPMENTS"]

#: Where the reader puts what it knows of the document's order.
ORDER = "knect_order"

_AT_ONCE = 200


def _loader(path: str) -> Any:
    async def load(client: MagentoClient, numbers: Sequence[str]) -> Raws:
        found = await infos(client, path, numbers)
        ids = {str(raw.get("order_id") or "") for raw in found.values() if raw}
        names = await _numbers(client, sorted(ids - {""}))
        orders = await infos(client, "sales_order.info", list(names.values()))
        for raw in found.values():
            if raw is None:
                continue
            number = names.get(str(raw.get("order_id")))
            order = orders.get(number) if number else None
            if order is None:
                raw[FAULT] = (
                    f"{raw.get('increment_id')} is of order {raw.get('order_id')}, which the shop"
                    " does not have"
                )
            else:
                raw[ORDER] = _kept(order)
        return found

    return load


async def _numbers(client: MagentoClient, ids: Sequence[str]) -> dict[str, str]:
    """Return id -> number of orders: documents tell the id only, and orders are told by number."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), _AT_ONCE):
        condition = {"order_id": {"in": list(ids[start : start + _AT_ONCE])}}
        answer = await client.read("sales_order.list", condition)
        for row in rows_of(client, "sales_order.list", answer):
            found[str(row["order_id"])] = str(row["increment_id"])
    return found


def _kept(order: dict[str, Any]) -> dict[str, Any]:
    items = [one for one in order.get("items") or () if isinstance(one, dict)]
    own = own_lines(items)
    bundles = {str(one["item_id"]) for one in items if one.get("product_type") == "bundle"}
    skus = {str(one["item_id"]): one.get("sku") for one in items}
    return {
        "root": root_of(order),
        "number": str(order["increment_id"]),
        "method": (order.get("payment") or {}).get("method"),
        "own": {one: line for one, line in own.items() if one not in bundles},
        "skus": skus,
    }


def _split(
    client: MagentoClient, key: str, raw: dict[str, Any]
) -> Iterable[tuple[str, dict[str, Any]]]:
    del client
    yield key, raw


def _kind(resource: str) -> Kind:
    return Kind(
        path=f"{resource}.list",
        key="increment_id",
        load=_loader(f"{resource}.info"),
        split=_split,
    )


PAYMENTS = _kind("sales_order_invoice")
REFUNDS = _kind("sales_order_creditmemo")
SHIPMENTS = _kind("sales_order_shipment")
