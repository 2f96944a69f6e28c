"""Reads what belongs to an order: invoices as payments, credit memos as refunds, and shipments.

Each has a mark of change of its own. With it is kept what of its order is needed to understand it
and never changes: the first of the chain, how lines are paired, how it is paid.
Must not: let an order's change make a new version of what did not change.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect_connectors.magento2.broken import BROKEN, is_broken, told_alone
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.lines import own_lines
from knect_connectors.magento2.orders import chains_of
from knect_connectors.magento2.reader import Kind, Named

__all__ = ["ORDER", "PAYMENTS", "REFUNDS", "SHIPMENTS"]

#: Where the reader puts what it knows of the document's order; nothing: the shop has none.
ORDER = "knect_order"


async def _complete(client: MagentoClient, rows: Sequence[dict[str, Any]]) -> list[Named]:
    ids = {str(row.get("order_id")) for row in rows}
    told = await told_alone(client, "orders", "entity_id", sorted(ids))
    broken = {str(raw["entity_id"]): raw for raw in told if is_broken(raw)}
    orders = [raw for raw in told if not is_broken(raw)]
    chains = await chains_of(client, orders)
    kept = {str(raw["entity_id"]): _kept(raw, chains[str(raw["entity_id"])]) for raw in orders}
    found: list[Named] = []
    for row in rows:
        order = str(row.get("order_id"))
        whole = {**row, ORDER: kept.get(order)}
        if order in broken:
            whole[BROKEN] = f"of its order {order}: {broken[order][BROKEN]}"
        found.append((str(row["entity_id"]), whole))
    return found


def _kept(order: Mapping[str, Any], chain: Mapping[str, Any]) -> dict[str, Any]:
    items = [one for one in order.get("items") or () if isinstance(one, dict)]
    own = own_lines(items)
    skus = {str(one["item_id"]): one.get("sku") for one in items}
    # of a configurable product the SKU is that of what was chosen
    skus |= {line: skus[item] for item, line in own.items() if item != line}
    return {
        "root": chain["root"],
        "number": chain["number"],
        "method": (order.get("payment") or {}).get("method"),
        "own": own,
        "skus": skus,
    }


PAYMENTS = Kind(path="invoices", complete=_complete)
REFUNDS = Kind(path="creditmemos", complete=_complete)
SHIPMENTS = Kind(path="shipments", complete=_complete)
