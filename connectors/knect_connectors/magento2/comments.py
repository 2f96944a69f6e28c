"""The comments of shipments and invoices, by which our own are known.

Why: a list tells them, but not in every version, and extensions leave them out; a document whose
comments are not seen would be made a second time. Where none are told they are asked for.
Must not: read anything out of a comment.
"""

from collections.abc import Sequence
from typing import Any

from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.reader import walked
from knect_connectors.magento2.search import Filter

__all__ = ["documents_of"]

#: The list of documents -> what is before the id of one of them.
_ONE = {"invoices": "invoices", "shipments": "shipment"}


async def documents_of(client: MagentoClient, path: str, order: str) -> list[dict[str, Any]]:
    """Return the documents of an order, each with its comments."""
    group = [Filter(field="order_id", value=order)]
    keys = ("order_id", "entity_id"), ("order_id", "entity_id")
    return [
        row if row.get("comments") else {**row, "comments": await _comments(client, path, row)}
        async for rows in walked(client, path, [group], keys, client.config.page)
        for row in rows
    ]


async def _comments(client: MagentoClient, path: str, row: dict[str, Any]) -> Sequence[Any]:
    one = _ONE[path]
    answer = await client.get(
        f"{one}/{row['entity_id']}/comments", template=f"{one}/{{id}}/comments"
    )
    items = answer.get("items") if isinstance(answer, dict) else None
    return items if isinstance(items, list) else []
