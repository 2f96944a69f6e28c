"""Reads what belongs to an order: invoices as payments, credit memos as refunds, and shipments.

Each has a mark of change of its own. With it is kept what of its order is needed to understand it
and never changes: the number of the chain, how lines are paired, how it is paid.
Must not: let an order's change make a new version of what did not change.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.lines import own_lines
from knect_connectors.magento1.orders import infos, root_of
from knect_connectors.magento1.reader import Kind, Raws

__all__ = ["ORDER", "PAYMENTS", "REFUNDS", "SHIPMENTS"]

#: Where the reader puts what it knows of the document's order.
ORDER = "knect_order"


def _loader(path: str) -> Any:
    async def load(client: MagentoClient, numbers: Sequence[str]) -> Raws:
        found = await infos(client, path, numbers)
        wanted = {_order_number(path, raw): None for raw in found.values() if raw}
        orders = await infos(client, "sales_order.info", list(wanted))
        for raw in found.values():
            if raw is None:
                continue
            number = _order_number(path, raw)
            order = orders[number]
            raw[ORDER] = {"root": number, "number": number} if order is None else _kept(order)
        return found

    return load


def _order_number(path: str, raw: dict[str, Any]) -> str:
    number = raw.get("order_increment_id")
    if not number:
        raise UnexpectedAnswer(
            f"{path} {raw.get('increment_id')} does not say which order it is of",
            path="order_increment_id",
        )
    return str(number)


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
